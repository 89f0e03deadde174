"""Logs in the store: what comes in is looked at, spooled, and found by search."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from trimtab.model.errors import InputError, SpoolFull
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.answers import LogCounts, LogRow, LogsWritten
from trimtab.store.logs.encode import encode_rows
from trimtab.store.logs.level_series import LevelSeries
from trimtab.store.spool import Spool

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.logs.sink import LogsSink
    from trimtab.store.metrics.contract import MetricStore

TABLE = "log_records"
_SHARED_BYTES_FREE = 256 * 1024
_SHARED_FACTOR_MAX = 64
"""What resources and scopes take, as often as a record has them, may be so many times what the request has."""
_ROWS_A_MESSAGE = 10_000


class EmbeddedLogs:
    """See `contract.LogStore`. `check_open` raises where nothing is taken."""

    def __init__(
        self,
        spool: Spool,
        limits: TelemetryLimits,
        sink: LogsSink,
        metrics: Callable[[], MetricStore],
        check_open: Callable[[], None],
    ) -> None:
        self._spool, self._limits, self._sink = spool, limits, sink
        self.levels = LevelSeries(metrics)
        self._stored_to = self._coming_to = spool.first_id(TABLE) - 1
        self._heard: tuple[Callable[[], None], ...] = ()
        sink.on_stored = self._stored
        self._check_open = check_open
        self._lock = threading.Lock()
        self.stored_count = 0
        self.refused: dict[str, int] = dict.fromkeys(("too_old", "too_new"), 0)
        self.refused_bodies: dict[str, int] = dict.fromkeys(("body_broken", "body_too_long", "full"), 0)

    def append_otlp(self, body: bytes | bytearray) -> LogsWritten:
        """See `LogStore.append_otlp`. What is out of time is left out when it is loaded."""
        self._check_open()
        limit = self._limits.message_bytes_max
        if len(body) > limit:
            raise InputError(
                f"a request may have {limit} bytes; this one has {len(body)}", limit=limit, observed=len(body)
            )
        good_count, refused = self._surveyed(bytearray(body))
        if good_count:
            self._spool.append(TABLE, bytes(body), good_count)
        self._count(good_count, refused)
        return LogsWritten(good_count, refused)

    def _surveyed(self, body: bytearray) -> tuple[int, dict[str, int]]:
        """How many records it holds that can be kept, and what is wrong with the others. InputError: all of it."""
        import numpy as np

        from trimtab.store.logs import door_kernels as door
        from trimtab.store.logs.schema import TABLE as SCHEMA

        counts = np.zeros(door.COUNTS, np.int64)
        first_ns, last_ns = self._sink.window_ns
        at = door.survey(np.frombuffer(body, np.uint8), SCHEMA, np.int64(first_ns), np.int64(last_ns), counts)
        if at >= 0:
            raise InputError(
                f"the body is not an ExportLogsServiceRequest: the field at byte {at} is broken, or its text is not"
                " UTF-8, or it is nested too deeply",
                at=int(at),
            )
        good_count, too_old, too_new = (int(counts[place]) for place in (door.GOOD, door.TOO_OLD, door.TOO_NEW))
        count, limit = good_count + too_old + too_new, self._limits.message_spans_max
        if count > limit:
            raise InputError(
                f"a request may hold {limit} log records; this one holds {count}", limit=limit, observed=count
            )
        shared_bytes = int(counts[door.SHARED_BYTES])
        limit = _SHARED_BYTES_FREE + _SHARED_FACTOR_MAX * len(body)
        if shared_bytes > limit:
            raise InputError(
                f"the attributes of resources and scopes would take {shared_bytes} bytes for {count} records; the "
                f"limit is {limit}",
                limit=limit,
                observed=shared_bytes,
            )
        return good_count, {reason: n for reason, n in (("too_old", too_old), ("too_new", too_new)) if n}

    def append_rows(self, rows: Sequence[LogRow]) -> LogsWritten:
        """See `LogStore.append_rows`."""
        self._check_open()
        first_ns, last_ns = self._sink.window_ns
        now_ns = time.time_ns()
        refused: dict[int, str] = {}
        good: list[LogRow] = []
        places: list[int] = []
        for place, row in enumerate(rows):
            at_ns = row.at_ns or row.observed_at_ns or now_ns
            if at_ns < first_ns or at_ns > last_ns:
                refused[place] = "too_old" if at_ns < first_ns else "too_new"
            else:
                good.append(row)
                places.append(place)
        stored_count = 0
        for start in range(0, len(good), _ROWS_A_MESSAGE):
            part = good[start : start + _ROWS_A_MESSAGE]
            try:
                for piece in self._pieces(part):
                    self._spool.append(TABLE, encode_rows(piece), len(piece))
                    stored_count += len(piece)
            except SpoolFull:
                if not stored_count:
                    raise
                refused |= dict.fromkeys(places[stored_count:], "full")
                break
        counts: dict[str, int] = {}
        for reason in refused.values():
            counts[reason] = counts.get(reason, 0) + 1
        self._count(stored_count, counts)
        return LogsWritten(stored_count, counts, refused)

    def _pieces(self, rows: list[LogRow]) -> list[list[LogRow]]:
        """Rows in parts that fit into a message; InputError for one that does not."""
        size_bytes = len(encode_rows(rows))
        limit = self._limits.message_bytes_max
        if size_bytes <= limit:
            return [rows]
        if len(rows) == 1:
            raise InputError(
                f"a log record may have {limit} bytes; this one has {size_bytes}", limit=limit, observed=size_bytes
            )
        middle = len(rows) // 2
        return [*self._pieces(rows[:middle]), *self._pieces(rows[middle:])]

    def _count(self, stored_count: int, refused: Mapping[str, int]) -> None:
        with self._lock:
            self.stored_count += stored_count
            for reason, count in refused.items():
                self.refused[reason] = self.refused.get(reason, 0) + count

    def refuse_body(self, reason: str) -> None:
        """See `LogStore.refuse_body`."""
        with self._lock:
            self.refused_bodies[reason] = self.refused_bodies.get(reason, 0) + 1

    def refuse_records(self, refused: Mapping[str, int]) -> None:
        """See `LogStore.refuse_records`."""
        self._count(0, refused)

    @property
    def window_ns(self) -> tuple[int, int]:
        """See `LogStore.window_ns`."""
        return self._sink.window_ns

    def counts(self) -> LogCounts:
        """See `LogStore.counts`."""
        with self._lock:
            return LogCounts(self.stored_count, dict(self.refused), dict(self.refused_bodies))

    @property
    def stored_to(self) -> int:
        """See `LogStore.stored_to`."""
        return self._stored_to

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """See `LogStore.listen`."""
        with self._lock:
            self._heard = (*self._heard, heard)

        def leave() -> None:
            with self._lock:
                self._heard = tuple(one for one in self._heard if one is not heard)

        return leave

    def _stored(self, segment_id: int, tables: Sequence[pa.Table]) -> None:
        """On the loader's thread: a segment's records are in the engine, or on one of its shards."""
        for table in tables:
            self.levels.count(table)
        self._coming_to = max(self._coming_to, segment_id)

    def loaded(self) -> None:
        """On the loader's thread: what was stored is on all shards, and can be found."""
        self._stored_to = self._coming_to
        for heard in self._heard:
            heard()

    def close(self) -> None:
        """Write down what was counted."""
        self.levels.close()
