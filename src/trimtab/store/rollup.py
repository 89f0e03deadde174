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
from trimtab.store.buckets import BUCKET
from trimtab.store.engine import Engine
from trimtab.store.spread import SPREAD
from trimtab.store.traces.calls import calls_of

MINUTE_MS = 60_000
ROWS_MAX = 2_000_000
"""Rows of one roll-up, but for a segment that has more by itself."""
LOOKED_BACK_ROWS = 200_000
"""Rows before those of a roll-up in which it looks for what belongs to them."""
_LOOKED_BACK_SEGMENTS = 1000
CALLS_A_MINUTE_MAX = 2000
"""Different calls of one minute (and services) that one roll-up tells: of more, the most frequent ones. Nobody can look
at so many, but names of hosts may be numbers that never come again."""
LOG_PATTERNS_MAX = 2000
"""Patterns of log lines that one roll-up tells by themselves, the most frequent ones."""
OTHER_PATTERNS = (1 << 64) - 1
"""Stands for the others."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """How rows of `source` become rows of `target`: `columns` of it, by an aggregating `select` from `rows`.

    {SEGMENTS} in `rows` stands for the condition on the segments, {SEEN} for that of all segments in which what belongs
    to these rows may be: a little before them, and all that came since. `waits`: what was loaded in the last interval
    is not rolled up yet, so that what belongs to it has come. `mark_name` is needed where a source has several targets.
    """

    source: str
    target: str
    columns: str
    select: str
    rows: str
    group_by: str
    waits: bool = False
    mark_name: str = ""

    @property
    def mark(self) -> str:
        """Under which name it is written down how far it is."""
        return self.mark_name or self.source

    @property
    def insert(self) -> str:
        """One roll-up of the segments ({lo}, {hi}]; with {SEEN} in it, it looks back to those behind {back}."""
        rows = self.rows.format(
            SEGMENTS="spool_segment > {lo:UInt64} AND spool_segment <= {hi:UInt64}",
            SEEN="spool_segment > {back:UInt64}",
        )
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
    Rollup(
        "spans",
        "span_calls",
        "caller, callee, callee_kind, minute_ms, buckets, counts",
        "caller_, callee_, kind_, minute_, groupArray(bucket_), groupArray(toUInt32(round(n_)))",
        f"({calls_of('{SEGMENTS}', '{SEEN}')})",
        "caller_, callee_, kind_, minute_ ORDER BY caller_ = '' DESC, sum(n_) DESC, caller_, callee_"
        f" LIMIT {CALLS_A_MINUTE_MAX} BY minute_",
        waits=True,
        mark_name="span_calls",
    ),
    Rollup(
        "log_records",
        "log_minutes",
        "minute_ms, pattern, level, service_name, records_count, first_ns, last_ns",
        f"intDiv(at_ns, {MINUTE_MS}000000) * {MINUTE_MS} AS the_minute, if(pattern IN (SELECT pattern FROM log_records"
        " WHERE spool_segment > {lo:UInt64} AND spool_segment <= {hi:UInt64} GROUP BY pattern"
        f" ORDER BY count() DESC, pattern LIMIT {LOG_PATTERNS_MAX}), pattern, {OTHER_PATTERNS}) AS the_pattern, level,"
        " service_name, count(), min(at_ns), max(at_ns)",
        "log_records WHERE {SEGMENTS}",
        "the_minute, the_pattern, level, service_name",
    ),
)
"""Every roll-up."""

DERIVED: Mapping[str, str] = {
    "query_minutes": "Sums of `query_executions` by the minute.",
    "slice_minutes": "How long a system was observed in a minute, from `query_slices`.",
    "span_minutes": "Latencies of `spans` by the minute, as counts in buckets that grow by 4 %.",
    "span_calls": "Calls between services by the minute, from `spans`, with latencies in the same buckets.",
    "log_minutes": "How many `log_records` there were in a minute, by pattern, level and service.",
    "span_words": "Keys of attributes that `spans` had, and the first values of each, by the day.",
    "span_operations": "Operations that `spans` were of, by the day.",
    "span_resources": "Resources that `spans` had, as JSON, by the day.",
    "log_resources": "Resources that `log_records` had, as JSON, by the day.",
    "rollup_marks": "How far these sums tell everything.",
}
"""What is made from rows, and says nothing that they did not say."""

_SOURCES = frozenset(rollup.source for rollup in ROLLUPS)
_ROUNDS = 3
"""In the first after rows were loaded their segment is seen; in the second it is settled, and roll-ups that wait take
it; one more, where the first came before the segment was whole."""

_PENDING = (
    "SELECT spool_segment AS id, count() AS n FROM {source}"
    " WHERE spool_segment > {{lo:UInt64}} AND spool_segment < {{below:UInt64}} GROUP BY id ORDER BY id"
)
LOOKED_BACK = (
    "SELECT spool_segment AS id, count() AS n FROM {source}"
    " WHERE spool_segment > {{first:UInt64}} AND spool_segment <= {{mark:UInt64}} GROUP BY id"
)
"""Segments of a source up to a mark; `looked_back` says how many of them are looked at again."""
_MARK = "INSERT INTO rollup_marks (source, roll, rolled_at_ms) SELECT {source:String}, {roll:UInt64}, {at_ms:Int64}"


def looked_back_from(mark: int) -> dict[str, object]:
    """The parameters of `LOOKED_BACK`."""
    return {"first": max(0, mark - _LOOKED_BACK_SEGMENTS), "mark": mark}


def looked_back(mark: int, counts: Mapping[int, int]) -> int:
    """Behind which segment one looks for what belongs to rows behind the mark; `counts` says how many rows each has.

    >>> looked_back(9, {9: 150_000, 7: 40_000, 5: 20_000, 2: 10}), looked_back(9, {})
    (5, 9)
    """
    back, rows_count = mark, 0
    for segment_id in sorted(counts, reverse=True):
        rows_count += counts[segment_id]
        if rows_count > LOOKED_BACK_ROWS:
            return segment_id if back < mark else segment_id - 1
        back = segment_id - 1
    return back


class Roller:
    """Rolls up, on the thread of the loader: nothing is loaded meanwhile.

    `marks` says for each `Rollup.mark` up to which segment its minutes tell everything; it is replaced, never changed,
    and may be read from any thread. The loader says `loaded` of each table; a source that nothing was loaded of is not
    asked for what came.
    """

    def __init__(self, engine: Engine, interval_s: float) -> None:
        self._engine = engine
        self._interval_s = interval_s
        self._next_s = time.monotonic() + interval_s
        self._unsettled = {rollup.target for rollup in ROLLUPS}
        self._seen: Mapping[str, int] = {}
        self._seen_s = float("-inf")
        self._settled: Mapping[str, int] = {}
        """What was whole an interval ago: its rows have company by now."""
        self.marks: Mapping[str, int] = {}
        self._rounds = dict.fromkeys(_SOURCES, _ROUNDS)
        """For sources that may have something new: in how many intervals more they are asked."""
        self.error: str | None = None

    def open(self) -> None:
        """Read the marks. What a crash left beyond them goes before the next roll-up."""
        self.marks = {rollup.mark: self._mark(rollup) for rollup in ROLLUPS}

    @property
    def due_in_s(self) -> float | None:
        """Seconds until `roll` should be called; None while there is nothing to roll up."""
        return max(0.0, self._next_s - time.monotonic()) if self._rounds else None

    def loaded(self, table_name: str) -> None:
        """Rows of a table are new."""
        if table_name in _SOURCES:
            self._rounds[table_name] = _ROUNDS

    def roll(self, whole_below: Mapping[str, int]) -> None:
        """Once an interval, roll up what came since; `whole_below[source]` is the first segment that may still change.

        One portion of each source a call. A refusal (disk full) is kept in `error` and tried again after the interval.
        """
        if self.due_in_s != 0.0:
            return
        now_s = time.monotonic()
        self._next_s = now_s + self._interval_s
        is_new_round = now_s >= self._seen_s + self._interval_s
        if is_new_round:
            self._settled, self._seen, self._seen_s = self._seen, dict(whole_below), now_s
        asked = [rollup for rollup in ROLLUPS if rollup.source in self._rounds]
        try:
            have_more = {rollup.source for rollup in asked if self._roll(rollup, self._below(rollup))}
        except EngineRefused as error:
            self.error = f"roll-up: {error.message}"
            return
        self.error = None
        if have_more:
            self._next_s = 0.0
        elif is_new_round:
            self._rounds = {source: rounds - 1 for source, rounds in self._rounds.items() if rounds > 1}

    def _below(self, rollup: Rollup) -> int:
        """The first segment that is not rolled up now."""
        return self._settled.get(rollup.source, 0) if rollup.waits else self._seen[rollup.source]

    def _roll(self, rollup: Rollup, below: int) -> bool:
        """One portion; whether there is more."""
        self._settle(rollup)
        lo = self.marks[rollup.mark]
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
        parameters = {"lo": lo, "hi": hi}
        if "{back:UInt64}" in rollup.insert:
            parameters["back"] = self._back(rollup, lo)
        for shard in self._shards_of(rollup):
            with self._engine.at(shard):
                self._engine.write(rollup.insert, parameters)
        at_ms = time.time_ns() // 1_000_000
        self._engine.write(_MARK, {"source": rollup.mark, "roll": hi, "at_ms": at_ms})
        self.marks = {**self.marks, rollup.mark: hi}
        self._unsettled.discard(rollup.target)
        return taken < len(pending)

    def _shards_of(self, rollup: Rollup) -> tuple[str, ...]:
        """Where its rows are: each shard rolls up its own."""
        return self._engine.shards if rollup.source in SPREAD else self._engine.shards[:1]

    def _pending(self, rollup: Rollup, lo: int, below: int) -> list[tuple[int, int]]:
        """Segments that were not rolled up yet, in their order, and how many rows each has."""
        return sorted(self._counts(rollup, _PENDING, {"lo": lo, "below": below}).items())

    def _back(self, rollup: Rollup, lo: int) -> int:
        return looked_back(lo, self._counts(rollup, LOOKED_BACK, looked_back_from(lo)))

    def _counts(self, rollup: Rollup, sql: str, parameters: Mapping[str, object]) -> Counter[int]:
        counts: Counter[int] = Counter()
        for shard in self._shards_of(rollup):
            with self._engine.at(shard):
                found = self._engine.write(sql.format(source=rollup.source), parameters)
            counts.update(dict(zip(found["id"].to_pylist(), found["n"].to_pylist(), strict=True)))
        return counts

    def _settle(self, rollup: Rollup) -> None:
        """After a roll-up that did not come to its end: what is beyond the mark was never counted and goes."""
        if rollup.target not in self._unsettled:
            return
        mark = self._mark(rollup)
        self.marks = {**self.marks, rollup.mark: mark}
        beyond = f"FROM {rollup.target} WHERE roll > {{mark:UInt64}}"
        for shard in self._shards_of(rollup):
            with self._engine.at(shard):
                if self._engine.write(f"SELECT count() AS n {beyond}", {"mark": mark})["n"][0].as_py():
                    self._engine.write(f"DELETE {beyond}", {"mark": mark})
        self._unsettled.discard(rollup.target)

    def _mark(self, rollup: Rollup) -> int:
        found = self._engine.write(
            "SELECT max(roll) AS mark FROM rollup_marks WHERE source = {source:String}", {"source": rollup.mark}
        )
        return int(found["mark"][0].as_py())
