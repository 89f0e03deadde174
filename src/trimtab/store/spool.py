"""The spool: what was acknowledged is on disk, before the engine has seen it.

Each table has segments, files of checksummed messages (see `frames`). One segment at a time is open for appending; it
is sealed when it is full or the loader takes it, and removed when the engine has its rows. Writers that come together
share one fsync. Segment ids grow for ever, also over crashes and lost directories: the engine's rows carry them.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.store.disk import free_bytes, sync_directory, write_all, write_file, write_pieces
from trimtab.store.frames import HEADER_BYTES, MAGIC, frame_head
from trimtab.store.limits import MIB, TelemetryLimits

_SEQUENCE_BITS = 32
_ROW_BYTES = 25
"""What a row of numbers takes in a table that has its own bound of rows, so that this one counts."""
_SEGMENT_NAMES = "[0-9a-f]" * 16 + ".segment"
_TELL_S = 60.0
"""How often the log says that nothing is taken, while it is so."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SealedSegment:
    """A segment that takes no more. `id` orders segments and is never used again."""

    table_name: str
    id: int
    path: Path
    size_bytes: int
    begun_at_ms: int


class _OpenSegment:
    """The segment being written. `append` needs the spool's lock; `sync` must not have it."""

    def __init__(self, table_name: str, segment_id: int, path: Path) -> None:
        self.table_name, self.id, self.path = table_name, segment_id, path
        self.size_bytes, self.rows_count, self.messages_count = len(MAGIC), 0, 0
        self.begun_at_ms = time.time_ns() // 1_000_000
        self.begun_s = time.monotonic()
        self._synced_count = 0
        self._sync_lock = threading.Lock()
        self.failure: OSError | None = None
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(self._descriptor, MAGIC)
            sync_directory(path.parent)
        except OSError:
            os.close(self._descriptor)
            path.unlink()
            raise

    def append(self, pieces: Sequence[bytes | memoryview], size_bytes: int, rows_count: int) -> int:
        """Put a frame (of so many bytes) at the end, or leave the file as it was; returns the number to sync to."""
        try:
            write_pieces(self._descriptor, pieces, size_bytes)
        except OSError:
            os.ftruncate(self._descriptor, self.size_bytes)
            os.lseek(self._descriptor, self.size_bytes, os.SEEK_SET)
            raise
        self.size_bytes += size_bytes
        self.rows_count += rows_count
        self.messages_count += 1
        return self.messages_count

    def sync(self, count: int) -> None:
        """Return when the first `count` messages are on disk: one caller syncs for all who wait meanwhile."""
        with self._sync_lock:
            if self.failure is not None:
                raise self.failure
            if self._synced_count >= count:
                return
            target = self.messages_count
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                self.failure = error
                raise
            self._synced_count = target

    def close(self) -> None:
        """Sync what is left and close the file; a failed sync stays in `failure`, for the writers who wait for it."""
        with contextlib.suppress(OSError):
            self.sync(self.messages_count)
        with self._sync_lock:
            os.close(self._descriptor)


class Spool:
    """All tables' segments under one directory. `on_data` is called when a table gets something to load."""

    def __init__(
        self,
        directory: Path,
        table_names: Iterable[str],
        limits: TelemetryLimits,
        segment_rows_max: Mapping[str, int] | None = None,
        epoch_least: int = 0,
        segment_bytes_max: Mapping[str, int] | None = None,
    ) -> None:
        """`segment_rows_max` and `segment_bytes_max` are for tables whose segments have other bounds than the rest. New
        segments' ids have `epoch_least` or a later one in them: for an engine that others wrote to before."""
        self._directory = directory
        self._rows_max = segment_rows_max or {}
        self._bytes_max = segment_bytes_max or {}
        self._limits = limits
        self._changed = threading.Condition()
        self._open: dict[str, _OpenSegment] = {}
        self._sealed: dict[str, deque[SealedSegment]] = {name: deque() for name in table_names}
        self._closed = False
        self.on_data: Callable[[], None] = lambda: None
        self.accepted_count: dict[str, int] = dict.fromkeys(self._sealed, 0)
        self.refused_full_count = 0
        self._told_full_s: float | None = None
        for name in self._sealed:
            (directory / name).mkdir(parents=True, exist_ok=True)
            for path in sorted((directory / name).glob(_SEGMENT_NAMES)):
                facts = path.stat()
                self._sealed[name].append(
                    SealedSegment(name, int(path.stem, 16), path, facts.st_size, facts.st_mtime_ns // 1_000_000)
                )
        self.leftover = [segment for segments in self._sealed.values() for segment in segments]
        self._size_bytes = sum(segment.size_bytes for segment in self.leftover)
        self._next_id = self._begin_epoch(epoch_least) << _SEQUENCE_BITS

    def _begin_epoch(self, least: int) -> int:
        """A number greater than that of any run before, durable before its first use.

        The clock is its floor, so that a spool that was deleted does not begin again with ids that rows have.
        """
        path = self._directory / "epoch"
        seen = [segment.id >> _SEQUENCE_BITS for segment in self.leftover]
        if path.exists():
            seen.append(_number_in(path))
        epoch = max(int(time.time()), *(number + 1 for number in seen), least, 1)
        write_file(path, b"%d\n" % epoch)
        return epoch

    @property
    def size_bytes(self) -> int:
        """All segments together."""
        return self._size_bytes

    def append(self, table_name: str, payload: bytes | Sequence[bytes | memoryview], rows_count: int) -> int:
        """Put a message (in one piece, or several of bytes) on disk; it is there when this returns: the id of its
        segment.

        Raises SpoolFull, InputError or StoreError.
        """
        limits = self._limits
        pieces = [payload] if isinstance(payload, bytes) else payload
        size_bytes = sum(map(len, pieces))
        if size_bytes > limits.message_bytes_max:
            raise InputError(
                f"a message for {table_name} has {size_bytes} bytes; the limit is {limits.message_bytes_max}",
                limit=limits.message_bytes_max,
                observed=size_bytes,
            )
        pieces = [frame_head(pieces, rows_count), *pieces]
        size_bytes += HEADER_BYTES
        with self._changed:
            if self._closed:
                raise StoreError("the telemetry store is closed")
            self._check_room(size_bytes)
            segment = self._segment_for(table_name, size_bytes)
            try:
                count = segment.append(pieces, size_bytes, rows_count)
            except OSError as error:
                raise self._full(f"cannot write to the spool: {error.strerror}", size_bytes, error.errno) from error
            self._size_bytes += size_bytes
            is_full = segment.rows_count >= self._rows_max_of(table_name)
            is_news = count == 1 or is_full
        try:
            segment.sync(count)
        except OSError as error:
            self._seal(table_name, only=segment)
            raise StoreError(
                f"the spool of {table_name} could not be synced: {error.strerror}", errno=error.errno
            ) from error
        with self._changed:
            self.accepted_count[table_name] += 1
            if self._told_full_s is not None and self.problem() is None:
                self._told_full_s = None
                log.info("spool_takes_again", refused_messages=self.refused_full_count)
        if is_news:
            self.on_data()
        return segment.id

    def _rows_max_of(self, table_name: str) -> int:
        return self._rows_max.get(table_name, self._limits.segment_rows_max)

    def _check_room(self, incoming_bytes: int) -> None:
        limit = self._limits.spool_bytes_max
        if self._size_bytes + incoming_bytes > limit:
            raise self._full(
                f"the spool holds {self._size_bytes} bytes and {incoming_bytes} more would pass the limit of {limit}",
                self._size_bytes + incoming_bytes,
                None,
            )
        free, must_stay = free_bytes(self._directory), self._limits.disk_free_bytes_min
        if free - incoming_bytes < must_stay:
            raise self._refuse(SpoolFull(_no_disk(free, must_stay), limit=must_stay, observed=free - incoming_bytes))

    def _full(self, message: str, observed: int, errno: int | None) -> SpoolFull:
        return self._refuse(SpoolFull(message, limit=self._limits.spool_bytes_max, observed=observed, errno=errno))

    def _refuse(self, error: SpoolFull) -> SpoolFull:
        self.refused_full_count += 1
        now_s = time.monotonic()
        if self._told_full_s is None or now_s - self._told_full_s >= _TELL_S:
            self._told_full_s = now_s
            log.warning("spool_full", reason=error.message, refused_messages=self.refused_full_count)
        return error

    def problem(self) -> str | None:
        """Why nothing is taken at the moment, or None."""
        size, limit = self._size_bytes, self._limits.spool_bytes_max
        if size >= limit:
            return f"the spool is full: {size / MIB:.0f} of {limit / MIB:.0f} MiB wait to be loaded"
        free, must_stay = free_bytes(self._directory), self._limits.disk_free_bytes_min
        return _no_disk(free, must_stay) if free < must_stay else None

    def _segment_for(self, table_name: str, incoming_bytes: int) -> _OpenSegment:
        """The open segment with room for a frame; needs the lock."""
        segment = self._open.get(table_name)
        if segment is not None:
            bytes_max = self._bytes_max.get(table_name, self._limits.segment_bytes_max)
            bytes_max = max(bytes_max, _ROW_BYTES * self._rows_max.get(table_name, 0))
            fits = segment.size_bytes + incoming_bytes <= bytes_max + HEADER_BYTES
            if fits and segment.rows_count < self._rows_max_of(table_name) and segment.failure is None:
                return segment
            self._seal_locked(segment)
        segment_id = self._next_id
        self._next_id += 1
        path = self._directory / table_name / f"{segment_id:016x}.segment"
        try:
            segment = _OpenSegment(table_name, segment_id, path)
        except OSError as error:
            raise self._full(f"cannot begin a segment: {error.strerror}", incoming_bytes, error.errno) from error
        self._size_bytes += segment.size_bytes
        self._open[table_name] = segment
        return segment

    def _seal_locked(self, segment: _OpenSegment) -> None:
        del self._open[segment.table_name]
        self._sealed[segment.table_name].append(
            SealedSegment(segment.table_name, segment.id, segment.path, segment.size_bytes, segment.begun_at_ms)
        )
        segment.close()

    def _seal(self, table_name: str, only: _OpenSegment | None = None) -> None:
        with self._changed:
            segment = self._open.get(table_name)
            if segment is not None and (only is None or segment is only):
                self._seal_locked(segment)

    def due(self, ages_s: Mapping[str, float], leaders: Mapping[str, str] | None = None) -> list[SealedSegment]:
        """Seal what is full or older than its table's age, and list these tables' sealed segments, oldest first.

        `leaders` names for a table the one whose messages must not come later: it is sealed, and listed, with it.
        """
        with self._changed:
            for name, age_s in ages_s.items():
                segment = self._open.get(name)
                if segment is not None and self._due_in_s(segment, age_s) <= 0:
                    self._seal_locked(segment)
            for name, leader in (leaders or {}).items():
                if name in ages_s and self._sealed[name] and leader in self._open:
                    self._seal_locked(self._open[leader])
            return [segment for name in ages_s for segment in self._sealed[name]]

    def sealed(self, table_names: Iterable[str]) -> list[SealedSegment]:
        """Segments of these tables that take no more, oldest first."""
        with self._changed:
            return [segment for name in table_names for segment in self._sealed[name]]

    def next_due_s(self, ages_s: Mapping[str, float], without: Collection[int] = ()) -> float | None:
        """Seconds until `due` finds something (0: now) but these segments; None while there is nothing at all."""
        with self._changed:
            if any(segment.id not in without for name in ages_s for segment in self._sealed[name]):
                return 0.0
            opened = [(self._open[name], age_s) for name, age_s in ages_s.items() if name in self._open]
            return min((max(0.0, self._due_in_s(segment, age_s)) for segment, age_s in opened), default=None)

    def _due_in_s(self, segment: _OpenSegment, age_s: float) -> float:
        if segment.rows_count >= self._rows_max_of(segment.table_name):
            return 0.0
        return age_s - (time.monotonic() - segment.begun_s)

    def remove(self, segment: SealedSegment) -> None:
        """Forget a segment: the engine has it."""
        segment.path.unlink(missing_ok=True)
        with self._changed:
            self._sealed[segment.table_name].remove(segment)
            self._size_bytes -= segment.size_bytes
            self._changed.notify_all()

    def segments_of(self, table_name: str) -> list[Path]:
        """Files of a table that are here now, the open one too, oldest first."""
        with self._changed:
            paths = [segment.path for segment in self._sealed[table_name]]
            if table_name in self._open:
                paths.append(self._open[table_name].path)
            return paths

    def pending(self) -> list[SealedSegment]:
        """Seal everything and list what the engine does not have yet."""
        with self._changed:
            for segment in list(self._open.values()):
                self._seal_locked(segment)
            return [segment for segments in self._sealed.values() for segment in segments]

    def wait_until_removed(self, segments: Iterable[SealedSegment], timeout_s: float) -> bool:
        """Whether all of them were removed within the time."""
        wanted = set(segments)

        def gone() -> bool:
            return not any(wanted.intersection(sealed) for sealed in self._sealed.values())

        with self._changed:
            return self._changed.wait_for(gone, timeout_s)

    def first_id(self, table_name: str) -> int:
        """The first segment of a table that is here, or the one that would come next: all before it are loaded."""
        with self._changed:
            ids = [segment.id for segment in self._sealed[table_name]]
            if table_name in self._open:
                ids.append(self._open[table_name].id)
            return min(ids, default=self._next_id)

    def oldest_begun_at_ms(self) -> int | None:
        """When the oldest segment that is still here was begun."""
        with self._changed:
            begun = [segment.begun_at_ms for segment in self._open.values()]
            begun += [segments[0].begun_at_ms for segments in self._sealed.values() if segments]
            return min(begun, default=None)

    @property
    def segments_count(self) -> int:
        """Open and sealed ones."""
        with self._changed:
            return len(self._open) + sum(len(segments) for segments in self._sealed.values())

    def close(self) -> None:
        """Take nothing more; what is there stays."""
        with self._changed:
            self._closed = True
            for segment in list(self._open.values()):
                self._seal_locked(segment)


def _number_in(path: Path) -> int:
    try:
        return int(path.read_text("ascii"))
    except ValueError as error:
        raise StoreError(
            f"{path} is damaged: it should hold one number. Remove it: the clock takes its place, and nothing is lost",
            path=str(path),
        ) from error


def _no_disk(free: int, must_stay: int) -> str:
    """
    >>> _no_disk(99_000_000, 268_435_456)
    'the disk of the spool has 94.4 MiB free; 256 MiB must stay free'
    """
    return f"the disk of the spool has {free / MIB:.1f} MiB free; {must_stay / MIB:.0f} MiB must stay free"
