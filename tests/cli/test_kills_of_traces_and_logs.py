"""kill -9 of a real server while spans and log records come in at every receiver: what was answered with success is
there, each record once.

Each record has a number of its own (attribute `seq`). A body whose answer never came is not sent again, so that it may
be there or not, but never twice and never in part. A few kills as a test, 50 in `make soak`; the store's own tests kill
it at named steps.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import CONFIG, start_server
from tests.cli.receivers import RECEIVERS, Gone, Receiver, Wire
from tests.cli.test_kills_under_load import KILLS, wait_for
from tests.prometheus import free_port
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]

SEED = 20265
BATCH = 40


@dataclass
class Sender:
    """Sends on until its server is killed."""

    receiver: Receiver
    next_number: int = 0
    answered: set[int] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def run(self, wire: Wire, stop: threading.Event) -> None:
        while not stop.is_set():
            numbers = range(self.next_number, self.next_number + BATCH)
            self.next_number = numbers.stop
            try:
                told = wire.send(self.receiver, self.receiver.make(self.receiver.name, numbers))
            except Gone:
                return
            if not told.is_whole:
                self.problems.append(f"{told.code} {told.text[:300]}")
                return
            self.answered.update(numbers)


def all_answered(senders: list[Sender], before: list[int]) -> bool:
    return all(len(one.answered) > count or one.problems for one, count in zip(senders, before, strict=True))


def check(telemetry: EmbeddedTelemetry, sender: Sender) -> int:
    """How many records there are."""
    rows = telemetry.query(
        f"SELECT toInt64(attributes['seq']) AS seq FROM {sender.receiver.signal} WHERE service_name = {{name:String}}",
        {"name": sender.receiver.name},
    )
    found = Counter(rows["seq"].to_pylist())
    assert not sender.problems, sender.receiver.name
    assert set(found.values()) == {1}, f"{sender.receiver.name}: something is there twice"
    assert not sender.answered - set(found), f"{sender.receiver.name}: something is lost"
    in_part = {number // BATCH for number in found} & {
        number // BATCH for number in range(sender.next_number) if number not in found
    }
    assert not in_part, f"{sender.receiver.name}: a body is there in part"
    return len(found)


def test_kills_of_a_server_under_load_lose_nothing_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(SEED)
    grpc_port = free_port()
    config = CONFIG + f'[server]\notlp_grpc_listen = "127.0.0.1:{grpc_port}"\notlp_http_listen = ""\n'
    senders = [Sender(receiver) for receiver in RECEIVERS]
    for kill in range(KILLS):
        before = [len(sender.answered) for sender in senders]
        server = start_server(tmp_path / "data", config)
        wire, stop = Wire(server, grpc_port), threading.Event()
        threads = [threading.Thread(target=sender.run, args=(wire, stop)) for sender in senders]
        for thread in threads:
            thread.start()
        if kill % 4 != 3:  # every fourth is often killed while it still loads what the last one left
            wait_for(partial(all_answered, senders, before))
        time.sleep(draw.uniform(0.0, 2.5))  # the moment is what is drawn
        server.process.kill()
        server.process.wait()
        stop.set()
        for thread in threads:
            thread.join()
        wire.close()
    server = start_server(tmp_path / "data", config)
    told = httpx2.get(f"{server.url}/metrics", timeout=120).text
    server.process.terminate()
    assert server.process.wait(timeout=180) == 0
    assert "\ntrimtab_quarantine_messages 0.0\n" in told
    with EmbeddedTelemetry.open(tmp_path / "data") as telemetry:
        telemetry.flush(60)
        counts = [check(telemetry, sender) for sender in senders]
        assert telemetry.status().quarantined_count == 0
    answered = sum(len(sender.answered) for sender in senders)
    with capsys.disabled():
        print(
            f"\nserver under load: {KILLS} kills (seed {SEED}): {answered} spans and log records answered, 0 lost,"
            f" 0 doubled; {sum(counts) - answered} more were on disk before their word"
        )
