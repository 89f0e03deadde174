"""A disk that is really full: a file system of 64 MB in memory. What was acknowledged stays, reads go on, and when
there is room again all goes on by itself.

Mounting takes root; without it this is skipped. `make soak` fills the disk twenty times. That receivers answer 503 to
SpoolFull is in `tests/api`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from tests.store.metrics.scrapes import now_ms, read, samples
from tests.store.metrics.test_store import LIMITS, QUICK, SERIES
from trimtab.model.errors import SpoolFull, StoreError
from trimtab.model.retention import RetentionPolicy
from trimtab.store.disk import free_bytes
from trimtab.store.limits import MIB
from trimtab.store.metrics.block import METRIC_NAME, Matcher
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]
ROUNDS = 20 if os.environ.get("TRIMTAB_SOAK") else 1
SMALL = replace(LIMITS, disk_free_bytes_min=4 * MIB)
METRICS = replace(QUICK, hot_bytes_max=16 * MIB, out_of_order_window_s=1e6)
PAUSE_S_MAX = 60.0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("a disk of 64 MB has to be mounted, and only root may")
    made = subprocess.run([mount, "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"a disk of 64 MB could not be mounted: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


class Ballast:
    """A file that takes all but so much, and what becomes free meanwhile, too: the engine removes what it merged."""

    def __init__(self, place: Path) -> None:
        self.path, self.left_bytes = place / "ballast", 1 << 60
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep)

    def fill(self, left_bytes: int) -> None:
        """From now on, no more than that is free."""
        self.left_bytes = left_bytes
        while free_bytes(self.path.parent) > left_bytes + MIB:
            time.sleep(0.005)

    def _keep(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            while not self._stop.wait(0.005):
                too_much = free_bytes(self.path.parent) - self.left_bytes
                with contextlib.suppress(OSError):
                    file.write(bytes(max(0, too_much)))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.path.unlink()


class Sender:
    """Sends random values, which hardly compress; knows what was acknowledged."""

    def __init__(self, telemetry: EmbeddedTelemetry) -> None:
        self.metrics = telemetry.metrics
        self.slots = self.metrics.register(SERIES).slots
        self.draw = np.random.default_rng(3)
        self.begin_ms = now_ms() - 80_000_000
        self.sent: list[tuple[int, np.ndarray]] = []

    def send(self) -> None:
        """A hundred scrapes; raises SpoolFull."""
        at_ms = self.begin_ms + len(self.sent) * 100_000 + np.arange(100) * 1000
        values = self.draw.random((100, 100))
        times = np.tile(at_ms, 100)
        appended = self.metrics.append(samples(np.repeat(self.slots, 100), times.tolist(), values.ravel().tolist()))
        assert appended.accepted_count == 10_000
        self.sent.append((int(at_ms[0]), values))

    def send_until_refused(self) -> None:
        while True:
            try:
                self.send()
            except SpoolFull:
                return

    def check(self, telemetry: EmbeddedTelemetry) -> None:
        """All that was acknowledged is there, each sample once; what was refused may not be."""
        block = telemetry.metrics.select([[Matcher(METRIC_NAME, "=", "m")]], 0, 1 << 60)
        order = {int(dict(labels)["name"]): place for place, labels in enumerate(block.labels)}
        assert len(order) == 100
        wanted = np.concatenate([values for _, values in self.sent], axis=1)
        for number in range(100):
            first, end = block.offsets[order[number]], block.offsets[order[number] + 1]
            assert (np.diff(block.at_ms[first:end]) > 0).all()
            assert end - first >= wanted.shape[1]
            np.testing.assert_array_equal(block.values[first : first + wanted.shape[1]], wanted[number])


def test_a_disk_that_is_full_loses_nothing_and_all_goes_on_when_there_is_room(disk: Path) -> None:
    with EmbeddedTelemetry.open(disk / "data", SMALL, RetentionPolicy(), METRICS) as telemetry:
        assert telemetry.metrics.wait_until_read_back(60)
        sender = Sender(telemetry)
        sender.send()
        for number in range(ROUNDS):
            with Ballast(disk) as ballast:
                ballast.fill(6 * MIB if number else 10 * MIB)
                sender.send_until_refused()
                assert telemetry.status().refused_full_count > 0
                if ROUNDS == 1:  # the long form takes the rest while the engine writes
                    with contextlib.suppress(StoreError):
                        telemetry.flush(10)
                ballast.fill(0)
                for _ in range(3):
                    with pytest.raises(SpoolFull, match="must stay free"):
                        sender.send()
                time.sleep(1.0)  # the loader tries and fails
                assert "must stay free" in (telemetry.status().full or "")
                sender.check(telemetry)
                telemetry.metrics.rollups.keep()  # does not raise
                assert len(read(telemetry.metrics, 0, sender.begin_ms + 1000)) == 100
            sender.send()
            telemetry.flush(PAUSE_S_MAX)
            sender.check(telemetry)
            telemetry.metrics.rollups.keep()
            assert telemetry.metrics.status().rollup_error is None
            status = telemetry.status()
            assert (status.quarantined_count, status.last_load_error, status.full) == (0, None, None)
        count = telemetry.query("SELECT count() AS n, uniqExact(id, at_ms) AS u FROM metric_samples").to_pylist()[0]
        assert count["n"] == count["u"]
    with EmbeddedTelemetry.open(disk / "data", SMALL, RetentionPolicy(), METRICS) as telemetry:
        assert telemetry.metrics.wait_until_read_back(60)
        sender.check(telemetry)


def test_what_a_full_disk_has_torn_does_not_keep_the_store_from_opening(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path, SMALL, RetentionPolicy(), METRICS) as telemetry:
        sender = Sender(telemetry)
        sender.send()
        telemetry.flush(20)
        telemetry._engine.write("DELETE FROM metric_samples WHERE spool_segment = 77777777")
    notes = list((tmp_path / "telemetry" / "engine").glob("store/*/*/mutation_*.txt"))
    assert notes
    for note in notes:
        note.write_bytes(b"")
    with EmbeddedTelemetry.open(tmp_path, SMALL, RetentionPolicy(), METRICS) as telemetry:
        sender.check(telemetry)
