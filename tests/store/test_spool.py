"""Acknowledged is on disk; there is always a bound, and it is named."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import structlog

from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.store.frames import parse
from trimtab.store.limits import TelemetryLimits
from trimtab.store.spool import Spool

NAMES = ("events", "spans")


def payloads(spool: Spool) -> list[bytes]:
    return [
        bytes(message.payload) for segment in spool.pending() for message in parse(segment.path.read_bytes()).messages
    ]


def test_what_was_appended_is_there_after_reopening(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NAMES, TelemetryLimits())
    for number in range(5):
        spool.append("events", b"%d" % number, 1)
    # No close: the process might have died here.
    again = Spool(tmp_path, NAMES, TelemetryLimits())
    assert payloads(again) == [b"%d" % number for number in range(5)]
    assert again.size_bytes == spool.size_bytes


def test_segment_ids_only_grow_also_after_the_directory_was_lost(tmp_path: Path) -> None:
    ids: list[int] = []
    for round_number in range(4):
        spool = Spool(tmp_path / str(round_number // 2), NAMES, TelemetryLimits(segment_rows_max=1))
        for _ in range(3):
            spool.append("events", b"x", 1)
        ids += [segment.id for segment in spool.pending()]
        for segment in spool.pending():
            spool.remove(segment)
    within_a_directory = [ids[:6], ids[6:]]
    for series in within_a_directory:
        assert series == sorted(set(series))


def test_the_spool_refuses_at_its_limit_and_takes_again_after_loading(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NAMES, TelemetryLimits(spool_bytes_max=1000))
    for _ in range(8):
        spool.append("events", bytes(100), 1)
    with pytest.raises(SpoolFull, match="the limit of 1000") as caught:
        spool.append("events", bytes(100), 1)
    assert caught.value.facts["limit"] == 1000
    observed = caught.value.facts["observed"]
    assert isinstance(observed, int)
    assert observed > 1000
    assert spool.refused_full_count == 1
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.segment")) <= 1000
    for segment in spool.pending():
        spool.remove(segment)
    spool.append("events", bytes(100), 1)


def test_the_spool_leaves_room_on_the_disk(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NAMES, TelemetryLimits(disk_free_bytes_min=1 << 60))
    with pytest.raises(SpoolFull, match="must stay free"):
        spool.append("events", b"x", 1)
    assert "must stay free" in (spool.problem() or "")


def test_the_log_says_once_that_nothing_is_taken_and_once_that_it_is_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 0
    monkeypatch.setattr("trimtab.store.spool.free_bytes", lambda _: free)
    with structlog.testing.capture_logs() as logs:
        spool = Spool(tmp_path, NAMES, TelemetryLimits())
        for _ in range(3):
            with pytest.raises(SpoolFull):
                spool.append("events", b"x", 1)
        assert spool.problem() == "the disk of the spool has 0.0 MiB free; 256 MiB must stay free"
        free = 1 << 40
        assert spool.problem() is None
        for _ in range(2):
            spool.append("events", b"x", 1)
    assert [(line["event"], line["refused_messages"]) for line in logs] == [("spool_full", 1), ("spool_takes_again", 3)]


def test_a_long_message_is_the_senders_fault(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NAMES, TelemetryLimits(message_bytes_max=10))
    spool.append("events", bytes(10), 1)
    with pytest.raises(InputError, match="has 11 bytes; the limit is 10"):
        spool.append("events", bytes(11), 1)


def test_a_write_that_the_system_cuts_short_leaves_no_trace(tmp_path: Path) -> None:
    """The kernel refuses at a file size limit in the middle of a frame, as a full disk does."""
    program = """
import resource, signal, sys
from pathlib import Path
from trimtab.model.errors import SpoolFull
from trimtab.store.limits import TelemetryLimits
from trimtab.store.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]), ["events"], TelemetryLimits())
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
taken = 0
try:
    while True:
        spool.append("events", bytes([taken]) * 300, 1)
        taken += 1
except SpoolFull as error:
    print("told", taken, error.facts["errno"], error.message)
spool.append("events", b"short", 1)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=30, check=True
    )
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("told ")]
    _, taken, errno_text, message = told.split(maxsplit=3)
    assert (int(taken), int(errno_text)) == (3, 27)  # 16 + 3 x (16 + 300) bytes fit into 1000
    assert "cannot write to the spool" in message
    spool = Spool(tmp_path, ["events"], TelemetryLimits())
    assert payloads(spool) == [bytes([0]) * 300, bytes([1]) * 300, bytes([2]) * 300, b"short"]


def test_writers_that_come_together_share_an_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, NAMES, TelemetryLimits())
    syncs: list[int] = []
    barrier = threading.Barrier(8)
    real_sync = os.fdatasync

    def slow_sync(descriptor: int) -> None:
        syncs.append(descriptor)
        real_sync(descriptor)
        threading.Event().wait(0.05)  # a slow disk

    monkeypatch.setattr(os, "fdatasync", slow_sync)

    def write() -> None:
        barrier.wait(10)
        spool.append("events", b"x", 1)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(payloads(spool)) == 8
    assert len(syncs) < 8


def test_a_failed_fsync_is_told_and_the_next_segment_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, NAMES, TelemetryLimits())
    spool.append("events", b"before", 1)
    with monkeypatch.context() as patched:

        def broken(_descriptor: int) -> None:
            raise OSError(5, "Input/output error")

        patched.setattr(os, "fdatasync", broken)
        with pytest.raises(StoreError, match="could not be synced"):
            spool.append("events", b"lost", 1)
    spool.append("events", b"after", 1)
    assert spool.accepted_count["events"] == 2
    assert len(spool.pending()) == 2


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path, NAMES, TelemetryLimits())
    spool.close()
    with pytest.raises(StoreError, match="closed"):
        spool.append("events", b"x", 1)


@pytest.mark.parametrize("taken", [0, 5, 16, 17, 18, 30, 40])
def test_pieces_that_the_kernel_takes_in_part_are_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    def partly(descriptor: int, pieces: Sequence[bytes | memoryview]) -> int:
        return os.write(descriptor, b"".join(pieces)[:taken])

    monkeypatch.setattr(os, "writev", partly)
    spool = Spool(tmp_path, NAMES, TelemetryLimits())
    spool.append("events", [b"x", b"", memoryview(b"yy" * 10), b"z"], 3)
    spool.append("events", b"whole", 1)
    assert payloads(spool) == [b"x" + b"yy" * 10 + b"z", b"whole"]
    assert spool.size_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*.segment"))
