"""A server whose disk becomes full while spans and log records come in at every receiver: they are refused in a way
that senders come back, reads go on, and when there is room again all goes on by itself.

Mounting takes root; without it this is skipped. `make soak` fills the disk twenty times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.cli.conftest import CONFIG, Server, start_server
from tests.cli.receivers import RECEIVERS, Receiver, Wire
from tests.prometheus import free_port
from tests.store.metrics.test_disk_full import Ballast
from trimtab.store.limits import MIB, TelemetryLimits
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]
ROUNDS = 20 if os.environ.get("TRIMTAB_SOAK") else 2
BATCH = 50
MUST_STAY_BYTES = TelemetryLimits().disk_free_bytes_min
SOON_S = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with 160 MB more than have to stay free."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("a small disk has to be mounted, and only root may")
    size = f"size={MUST_STAY_BYTES + 160 * MIB}"
    made = subprocess.run([mount, "-t", "tmpfs", "-o", size, "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a small disk could not be mounted: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


class Sent:
    """What each receiver has taken."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._next = dict.fromkeys(RECEIVERS, 0)
        self.taken: dict[Receiver, set[int]] = {receiver: set() for receiver in RECEIVERS}

    def send(self, receiver: Receiver) -> int:
        """The code of the answer. Numbers that were refused do not come again."""
        numbers = range(self._next[receiver], self._next[receiver] + BATCH)
        self._next[receiver] = numbers.stop
        told = self._wire.send(receiver, receiver.make(receiver.name, numbers))
        if told.is_whole:
            self.taken[receiver].update(numbers)
        else:
            assert told.code == 503, told
            assert "free" in told.text, told
        return told.code

    def wait_until_taken(self, receiver: Receiver) -> None:
        give_up_at = time.monotonic() + SOON_S
        while self.send(receiver) != 200:
            assert time.monotonic() < give_up_at, f"{receiver.name} does not go on by itself"
            time.sleep(0.2)

    def check(self, telemetry: EmbeddedTelemetry) -> None:
        for receiver, taken in self.taken.items():
            rows = telemetry.query(
                f"SELECT toInt64(attributes['seq']) AS seq FROM {receiver.signal} WHERE service_name = {{name:String}}",
                {"name": receiver.name},
            )
            found = Counter(rows["seq"].to_pylist())
            assert set(found) == taken, receiver.name
            assert set(found.values()) == {1}, receiver.name


def found_count(server: Server, receiver: Receiver) -> int:
    """What is read of it over HTTP."""
    if receiver.signal == "spans":
        answer = httpx2.get(
            f"{server.url}/jaeger/api/traces", params={"service": receiver.name, "limit": "5"}, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return len(answer.json()["data"])
    answer = httpx2.get(f"{server.url}/api/trimtab/logs", params={"service": receiver.name, "limit": "5"}, timeout=60)
    assert answer.status_code == 200, answer.text
    return len(answer.json()["records"])


def wait_until_found(server: Server) -> None:
    give_up_at = time.monotonic() + SOON_S
    while not all(found_count(server, receiver) for receiver in RECEIVERS):
        assert time.monotonic() < give_up_at, "what was taken is not found"
        time.sleep(0.2)


def test_receivers_of_a_server_whose_disk_is_full(disk: Path) -> None:
    grpc_port = free_port()
    server = start_server(
        disk / "data", CONFIG + f'[server]\notlp_grpc_listen = "127.0.0.1:{grpc_port}"\notlp_http_listen = ""\n'
    )
    wire = Wire(server, grpc_port)
    sent = Sent(wire)
    try:
        for receiver in RECEIVERS:
            assert sent.send(receiver) == 200
        wait_until_found(server)
        for number in range(ROUNDS):
            with Ballast(disk) as ballast:
                ballast.fill(MUST_STAY_BYTES - 8 * MIB if number % 2 == 0 else 0)
                for receiver in RECEIVERS:
                    assert sent.send(receiver) == 503
                    assert found_count(server, receiver) == 5
                assert httpx2.get(f"{server.url}/healthz", timeout=60).status_code == 200
            for receiver in RECEIVERS:
                sent.wait_until_taken(receiver)
        told = httpx2.get(f"{server.url}/metrics", timeout=60).text
        assert "\ntrimtab_quarantine_messages 0.0\n" in told
    finally:
        wire.close()
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0
    with EmbeddedTelemetry.open(disk / "data") as telemetry:
        telemetry.flush(60)
        sent.check(telemetry)
