"""Bodies that are broken at random, at every receiver of spans and log records of a real server: taken or refused with
a reason, never an error of ours; what was taken can be loaded; memory stays flat.

A few hundred each as a test, 100,000 each in `make soak`.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import CONFIG, Server, start_server
from tests.cli.many_bodies import AT_ONCE, ManyBodies
from tests.cli.receivers import RECEIVERS, Receiver, Wire
from tests.observe.metrics.wire import mutated
from tests.prometheus import free_port

pytestmark = [pytest.mark.store, pytest.mark.slow]
COUNT = 100_000 if os.environ.get("TRIMTAB_SOAK") else 400
REFUSED_SHARE_MIN = 0.1
GROWTH_BYTES_MAX = 150 * 1024 * 1024
"""What the second half may leave behind: the engine's caches of what was taken, and series of its operations."""
_MESSAGES = re.compile(r'^trimtab_messages_(accepted|loaded)_total\{table="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Running:
    """A server, and how to reach it."""

    server: Server
    wire: Wire


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    grpc_port = free_port()
    config = CONFIG + f'[server]\notlp_grpc_listen = "127.0.0.1:{grpc_port}"\notlp_http_listen = ""\n'
    server = start_server(tmp_path_factory.mktemp("broken") / "data", config)
    wire = Wire(server, grpc_port)
    yield Running(server, wire)
    wire.close()
    server.process.terminate()
    assert server.process.wait(timeout=180) == 0
    assert "Traceback" not in (server.data_dir.parent / f"{server.data_dir.name}.log").read_text()


def memory_bytes(server: Server) -> int:
    """What is resident now."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def loaded(server: Server) -> str:
    """What the server tells of itself once the engine has all that was taken; a loader that has ended never gets
    there."""
    give_up_s = time.monotonic() + 120
    while True:
        own = httpx2.get(f"{server.url}/metrics", timeout=60).text
        counts = {(what, table): count for what, table, count in _MESSAGES.findall(own)}
        if all(counts["accepted", table] == counts["loaded", table] for table in ("spans", "log_records")):
            return own
        assert time.monotonic() < give_up_s, own
        time.sleep(0.5)


def goods(receiver: Receiver) -> list[bytes]:
    return [receiver.make(f"fuzz-{number}", range(number * 10, number * 10 + number + 1)) for number in range(4)]


@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda receiver: receiver.name)
def test_broken_bodies(running: Running, receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(f"20265 {receiver.name}")
    good = goods(receiver)
    for body in good:
        assert running.wire.send(receiver, body).is_whole
    codes: Counter[int] = Counter()
    memory: list[int] = []
    many = ManyBodies(running.server, running.wire)
    for _ in range(2):
        for start in range(0, COUNT // 2, AT_ONCE):
            bodies = [mutated(good, dice) for _ in range(min(AT_ONCE, COUNT // 2 - start))]
            for body, told in zip(bodies, many.send(receiver, bodies), strict=True):
                codes[told.code] += 1
                assert told.code == 200 or 400 <= told.code < 500, (told, body)
                assert told.is_whole or len(told.text) > 20, (told, body)
        memory.append(memory_bytes(running.server))
    assert codes[200] < COUNT * (1 - REFUSED_SHARE_MIN)
    assert memory[1] - memory[0] < GROWTH_BYTES_MAX
    own = loaded(running.server)
    assert "\ntrimtab_quarantine_messages 0.0\n" in own
    with capsys.disabled():
        grown_mib = (memory[1] - memory[0]) / 1024 / 1024
        print(f"\n{receiver.name}: {COUNT} broken bodies: {dict(codes)}; the second half left {grown_mib:+.1f} MiB")
