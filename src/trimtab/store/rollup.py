"""Roll-ups by the minute: long ranges are answered from sums that are made once.

Exactly once, by the same means as the rows themselves: every row carries the number of its spool segment, and segments
are rolled up in their order. A roll-up of the segments (lo, hi] writes rows that carry `roll = hi`, then a mark that
says "all up to hi". A reader adds up the minutes with `roll <= mark` and the rows with `spool_segment > mark`: each
fact is in exactly one of the two, at any moment, also when it comes late. A crash between rows and mark leaves rows
beyond the mark: nobody counts them, and the next start removes them. A segment that may be loaded again (its file is
still in the spool) lies beyond the mark, because only what is whole and settled is rolled up.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Engine
from trimtab.store.spread import SPREAD

MINUTE_MS = 60_000
GROWTH = 1.04
"""Each bucket of latencies ends this much further than the one before."""
ROWS_MAX = 2_000_000
"""Rows of one roll-up, but for a segment that has more by itself."""

BUCKET = f"toInt16(ceil(log(greatest(duration_ms, 0.0001)) / log({GROWTH})))"
"""SQL for the bucket of a duration."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """How rows of `source` become rows of `target`: `columns` of it, by an aggregating `select` from `rows`.

    {SEGMENTS} in `rows` stands for the condition on the segments.
    """

    source: str
    target: str
    columns: str
    select: str
    rows: str
    group_by: str

    @property
    def insert(self) -> str:
        """One roll-up of the segments ({lo}, {hi}]."""
        rows = self.rows.format(SEGMENTS="spool_segment > {lo:UInt64} AND spool_segment <= {hi:UInt64}")
        return (
            f"INSERT INTO {self.target} ({self.columns}, roll) SELECT {self.select}, {{hi:UInt64}} FROM {rows}"
            f" GROUP BY {self.group_by}"
        )


ROLLUPS: tuple[Rollup, ...] = (
    Rollup(
        "query_executions",
        "query_minutes",
        "system, fingerprint, minute_ms, calls, total_exec_time_ms, rows, shared_blks_hit, shared_blks_read",
        f"system, fingerprint, intDiv(started_at_ms, {MINUTE_MS}) * {MINUTE_MS} AS the_minute, sum(calls),"
        " sum(total_exec_time_ms), sum(rows), sum(shared_blks_hit), sum(shared_blks_read)",
        "query_executions WHERE {SEGMENTS}",
        "system, fingerprint, the_minute",
    ),
    Rollup(
        "query_slices",
        "slice_minutes",
        "system, minute_ms, slices_count, observed_ms",
        f"system, intDiv(started_at_ms, {MINUTE_MS}) * {MINUTE_MS} AS the_minute, count(),"
        " sum(ended_at_ms - started_at_ms)",
        "query_slices WHERE {SEGMENTS}",
        "system, the_minute",
    ),
    Rollup(
        "spans",
        "span_minutes",
        "fingerprint, minute_ms, buckets, counts",
        "db_query_fingerprint, the_minute, groupArray(the_bucket), groupArray(the_count)",
        f"(SELECT db_query_fingerprint, intDiv(started_at_ns, {MINUTE_MS}000000) * {MINUTE_MS} AS the_minute,"
        f" {BUCKET} AS the_bucket, toUInt32(round(sum(sample_weight))) AS the_count FROM spans"
        " WHERE {SEGMENTS} AND db_query_fingerprint <> '' GROUP BY db_query_fingerprint, the_minute, the_bucket)",
        "db_query_fingerprint, the_minute",
    ),
)
"""Every roll-up. A source has one target."""

DERIVED: Mapping[str, str] = {
    "query_minutes": "Sums of `query_executions` by the minute.",
    "slice_minutes": "How long a system was observed in a minute, from `query_slices`.",
    "span_minutes": "Latencies of `spans` by the minute, as counts in buckets that grow by 4 %.",
    "span_operations": "Operations that `spans` were of, by the day.",
    "span_resources": "Resources that `spans` had, as JSON, by the day.",
    "log_resources": "Resources that `log_records` had, as JSON, by the day.",
    "rollup_marks": "How far these sums tell everything.",
}
"""What is made from rows, and says nothing that they did not say."""

_PENDING = (
    "SELECT spool_segment AS id, count() AS n FROM {source}"
    " WHERE spool_segment > {{lo:UInt64}} AND spool_segment < {{below:UInt64}} GROUP BY id ORDER BY id"
)
_MARK = "INSERT INTO rollup_marks (source, roll, rolled_at_ms) SELECT {source:String}, {roll:UInt64}, {at_ms:Int64}"


class Roller:
    """Rolls up, on the thread of the loader: nothing is loaded meanwhile.

    `marks` says for each source up to which segment its minutes tell everything; it is replaced, never changed, and
    may be read from any thread. `is_behind` is set by the loader when it has loaded something.
    """

    def __init__(self, engine: Engine, interval_s: float) -> None:
        self._engine = engine
        self._interval_s = interval_s
        self._next_s = time.monotonic() + interval_s
        self._unsettled = {rollup.target for rollup in ROLLUPS}
        self.marks: Mapping[str, int] = {}
        self.is_behind = True
        self.error: str | None = None

    def open(self) -> None:
        """Read the marks. What a crash left beyond them goes before the next roll-up."""
        self.marks = {rollup.source: self._mark(rollup) for rollup in ROLLUPS}

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `roll` should be called; None while there is nothing to roll up."""
        return max(0.0, self._next_s - time.monotonic()) if self.is_behind else None

    def roll(self, whole_below: Mapping[str, int]) -> None:
        """Once an interval, roll up what came since; `whole_below[source]` is the first segment that may still change.

        One portion of each source a call. A refusal (disk full) is kept in `error` and tried again after the interval.
        """
        if self.due_in_s != 0.0:
            return
        self._next_s = time.monotonic() + self._interval_s
        try:
            has_more = [self._roll(rollup, whole_below[rollup.source]) for rollup in ROLLUPS]
        except EngineRefused as error:
            self.error = f"roll-up: {error.message}"
            return
        self.error = None
        self.is_behind = any(has_more)
        if self.is_behind:
            self._next_s = 0.0

    def _roll(self, rollup: Rollup, below: int) -> bool:
        """One portion; whether there is more."""
        self._settle(rollup)
        lo = self.marks[rollup.source]
        pending = self._pending(rollup, lo, below)
        if not pending:
            return False
        hi, rows_count, taken = lo, 0, 0
        for segment_id, count in pending:
            rows_count += count
            if taken and rows_count > ROWS_MAX:
                break
            hi, taken = segment_id, taken + 1
        self._unsettled.add(rollup.target)
        for shard in self._shards_of(rollup):
            with self._engine.at(shard):
                self._engine.write(rollup.insert, {"lo": lo, "hi": hi})
        at_ms = time.time_ns() // 1_000_000
        self._engine.write(_MARK, {"source": rollup.source, "roll": hi, "at_ms": at_ms})
        self.marks = {**self.marks, rollup.source: hi}
        self._unsettled.discard(rollup.target)
        return taken < len(pending)

    def _shards_of(self, rollup: Rollup) -> tuple[str, ...]:
        """Where its rows are: each shard rolls up its own."""
        return self._engine.shards if rollup.source in SPREAD else self._engine.shards[:1]

    def _pending(self, rollup: Rollup, lo: int, below: int) -> list[tuple[int, int]]:
        """Segments that were not rolled up yet, in their order, and how many rows each has."""
        counts: Counter[int] = Counter()
        for shard in self._shards_of(rollup):
            with self._engine.at(shard):
                found = self._engine.write(_PENDING.format(source=rollup.source), {"lo": lo, "below": below})
            counts.update(dict(zip(found["id"].to_pylist(), found["n"].to_pylist(), strict=True)))
        return sorted(counts.items())

    def _settle(self, rollup: Rollup) -> None:
        """After a roll-up that did not come to its end: what is beyond the mark was never counted and goes."""
        if rollup.target not in self._unsettled:
            return
        mark = self._mark(rollup)
        self.marks = {**self.marks, rollup.source: mark}
        beyond = f"FROM {rollup.target} WHERE roll > {{mark:UInt64}}"
        for shard in self._shards_of(rollup):
            with self._engine.at(shard):
                if self._engine.write(f"SELECT count() AS n {beyond}", {"mark": mark})["n"][0].as_py():
                    self._engine.write(f"DELETE {beyond}", {"mark": mark})
        self._unsettled.discard(rollup.target)

    def _mark(self, rollup: Rollup) -> int:
        found = self._engine.write(
            "SELECT max(roll) AS mark FROM rollup_marks WHERE source = {source:String}", {"source": rollup.source}
        )
        return int(found["mark"][0].as_py())
