"""kill -9 of a real server while remote write and OTLP come in: what was answered with success is
there, each sample once.

A sample's value is its number, and its time is made of its number, so a sequence has no gap and no repetition. A sender
whose request was not answered sends it again, as Prometheus and OpenTelemetry do. A few kills as a test, 50 in
`make soak`; the store's own tests kill it at named steps.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cramjam
import httpx2
import pytest

from tests.cli.conftest import CONFIG, Server, start_server
from tests.observe.metrics import wire
from tests.observe.metrics.test_otlp_metrics import gauge, number, request

pytestmark = [pytest.mark.store, pytest.mark.slow]

KILLS = 50 if os.environ.get("TRIMTAB_SOAK") else 4
SEED = 20262
SERIES, BATCH, STEP_MS = 25, 10, 5
PORTS = '[server]\notlp_grpc_listen = ""\notlp_http_listen = ""\nscrape_config = ""\n'
REMOTE_WRITE = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
OTLP = {"Content-Type": "application/x-protobuf"}


def times_ms(begin_ms: int, numbers: range) -> list[int]:
    return [begin_ms + STEP_MS * one for one in numbers]


def remote_write(client: httpx2.Client, name: str, begin_ms: int, numbers: range) -> httpx2.Response:
    samples = [wire.sample(at, one) for at, one in zip(times_ms(begin_ms, numbers), numbers, strict=True)]
    body = b"".join(
        wire.series_1({"__name__": "seq", "sender": name, "series": str(series)}, samples) for series in range(SERIES)
    )
    packed = bytes(cramjam.snappy.compress_raw(body))
    return client.post("/api/v1/write", content=packed, headers=REMOTE_WRITE)


def otlp(client: httpx2.Client, name: str, begin_ms: int, numbers: range) -> httpx2.Response:
    points = [
        number(float(one), at, sender=name, series=str(series))
        for at, one in zip(times_ms(begin_ms, numbers), numbers, strict=True)
        for series in range(SERIES)
    ]
    body = bytes(request(gauge("seq", *points)))
    return client.post("/v1/metrics", content=body, headers=OTLP)


@dataclass
class Sender:
    """Sends on until its server is killed; what was not answered is sent again."""

    name: str
    send: Callable[[httpx2.Client, str, int, range], httpx2.Response]
    begin_ms: int
    answered_count: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self, base: str, stop: threading.Event) -> None:
        with httpx2.Client(base_url=base, timeout=120) as client:
            while not stop.is_set():
                numbers = range(self.answered_count, self.answered_count + BATCH)
                try:
                    answer = self.send(client, self.name, self.begin_ms, numbers)
                except httpx2.TransportError:
                    return
                if answer.status_code not in {200, 204} or b"partial" in answer.content.lower():
                    self.problems.append(f"{answer.status_code} {answer.text[:300]}")
                    return
                self.answered_count = numbers.stop


def found(server: Server, sender: Sender) -> dict[str, list[tuple[int, float]]]:
    """Samples of each series, as raw as the API gives them."""
    query = f'seq{{sender="{sender.name}"}}[3h]'
    at_s = time.time() + 600
    answer = httpx2.get(f"{server.url}/api/v1/query", params={"query": query, "time": at_s}, timeout=120).json()
    assert answer["status"] == "success", answer
    return {
        row["metric"]["series"]: [(round(float(at) * 1000), float(value)) for at, value in row["values"]]
        for row in answer["data"]["result"]
    }


def check(server: Server, senders: list[Sender]) -> int:
    count = 0
    for sender in senders:
        assert not sender.problems
        rows = found(server, sender)
        assert len(rows) == SERIES, sender.name
        for values in rows.values():
            numbers = range(len(values))
            assert values == list(zip(times_ms(sender.begin_ms, numbers), map(float, numbers), strict=True))
            assert len(values) >= sender.answered_count > 0
            count += len(values)
    return count


def all_answered(senders: list[Sender], before: list[int]) -> bool:
    return all(one.answered_count > count or one.problems for one, count in zip(senders, before, strict=True))


def wait_for(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 300
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_kills_of_a_server_under_load_lose_nothing_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(SEED)
    begin_ms = int(time.time() * 1000) - 3_000_000
    senders = [
        Sender("prometheus-0", remote_write, begin_ms),
        Sender("prometheus-1", remote_write, begin_ms + 2),
        Sender("otel", otlp, begin_ms),
    ]
    for kill in range(KILLS):
        before = [sender.answered_count for sender in senders]
        server = start_server(tmp_path / "data", CONFIG + PORTS)
        stop = threading.Event()
        threads = [threading.Thread(target=sender.run, args=(server.url, stop)) for sender in senders]
        for thread in threads:
            thread.start()
        if kill % 4 != 3:  # every fourth is often killed while it still reads back what the last one left
            wait_for(partial(all_answered, senders, before))
        time.sleep(draw.uniform(0.0, 1.5))  # the moment is what is drawn
        server.process.kill()
        server.process.wait()
        stop.set()
        for thread in threads:
            thread.join()
    server = start_server(tmp_path / "data", CONFIG + PORTS)
    try:
        count = check(server, senders)  # some of it is only in the spool
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0
    server = start_server(tmp_path / "data", CONFIG + PORTS)
    try:
        assert check(server, senders) == count
        told = httpx2.get(f"{server.url}/metrics", timeout=120).text
        assert "\ntrimtab_quarantine_messages 0.0\n" in told
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0
    with capsys.disabled():
        print(f"\nserver under load: {KILLS} kills (seed {SEED}): {count} samples, 0 lost, 0 doubled")
