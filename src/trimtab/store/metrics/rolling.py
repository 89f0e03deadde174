"""The roller: samples become rows by five minutes, and those become rows by the hour.

What a row says depends on the samples of its window and on nothing else, so a window may be rolled as often as one
likes: the last time counts. What has to be rolled follows from one mark, (segment, minutes_to_ms, hours_to_ms): "all
windows up to these times, as far as samples of segments up to that one go". A pass takes the segments that came since
and cannot change any more, rolls again those windows before the mark that they have samples of (late ones), then the
windows that have closed meanwhile, then writes the next mark. A crash before it means that the next pass does the
same again. (`store.rollup` cannot: its sums are over segments, and these columns cannot be added up over segments.)
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import structlog

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Engine
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.metrics.messages import SAMPLES
from trimtab.store.metrics.rolled import HOURS, HOURS_MS, MINUTES, MINUTES_MS
from trimtab.store.spool import Spool

CLOSED_AFTER_MS = 60_000
"""A window is rolled when it has been over for so long. What comes later has it rolled again."""
_SAMPLES_AT_ONCE = 4_000_000
_MARK = "samples"
_COLUMNS = (
    "id, end_ms, samples_count, value_sum, value_min, value_max, first_at_ms, first_value, last_at_ms, last_value,"
    " increase, ended_at_ms, roll"
)
_STEPS = "arraySum((now, before) -> if(now < before, now, now - before), {now}, {before})"
_OF_SAMPLES = f"""
INSERT INTO {MINUTES} ({_COLUMNS})
SELECT id, the_end, length(there), arraySum(there),
    if(empty(numbers), nan, arrayMin(numbers)), if(empty(numbers), nan, arrayMax(numbers)),
    times[1], there[1], times[-1], there[-1],
    {_STEPS.format(now="arrayPopFront(there)", before="arrayPopBack(there)")},
    if(reinterpretAsUInt64(everything[-1]) = {STALE_BITS}, all_times[-1], 0), {{roll:UInt64}}
FROM (
    SELECT id, the_end, arraySort(groupArray((at_ms, spool_segment, value))) AS sorted,
        sorted.1 AS all_times, sorted.3 AS everything, arrayPushBack(arrayPopFront(all_times), 0) AS next_times,
        arrayFilter((value, at, next_at) -> at != next_at AND reinterpretAsUInt64(value) != {STALE_BITS},
            everything, all_times, next_times) AS there,
        arrayFilter((at, value, next_at) -> at != next_at AND reinterpretAsUInt64(value) != {STALE_BITS},
            all_times, everything, next_times) AS times,
        arrayFilter(value -> NOT isNaN(value), there) AS numbers
    FROM (
        SELECT id, at_ms, spool_segment, value, (intDiv(at_ms - 1, {MINUTES_MS}) + 1) * {MINUTES_MS} AS the_end
        FROM {SAMPLES.name}
        WHERE at_ms > {{from_ms:Int64}} AND at_ms <= {{to_ms:Int64}}
            AND modulo(intHash64(id), {{shares:UInt64}}) = {{share:UInt64}}
    )
    GROUP BY id, the_end
)
WHERE notEmpty(there)
"""
_OF_MINUTES = f"""
INSERT INTO {HOURS} ({_COLUMNS})
SELECT id, the_end, sum(samples_count), sum(value_sum),
    if(countIf(NOT isNaN(value_min)) = 0, nan, minIf(value_min, NOT isNaN(value_min))),
    if(countIf(NOT isNaN(value_max)) = 0, nan, maxIf(value_max, NOT isNaN(value_max))),
    min(first_at_ms), argMin(first_value, end_ms), max(last_at_ms), argMax(last_value, end_ms),
    sum(increase) + {
    _STEPS.format(
        now="arrayPopFront(arraySort(groupArray((end_ms, first_value))).2)",
        before="arrayPopBack(arraySort(groupArray((end_ms, last_value))).2)",
    )
},
    argMax(ended_at_ms, end_ms), {{roll:UInt64}}
FROM (
    SELECT *, (intDiv(end_ms - 1, {HOURS_MS}) + 1) * {HOURS_MS} AS the_end FROM {MINUTES} FINAL
    WHERE end_ms > {{from_ms:Int64}} AND end_ms <= {{to_ms:Int64}}
        AND modulo(intHash64(id), {{shares:UInt64}}) = {{share:UInt64}}
)
GROUP BY id, the_end
"""
_COUNTS = (
    f"SELECT (intDiv(at_ms - 1, {MINUTES_MS}) + 1) * {MINUTES_MS} AS end_ms, count() AS n FROM {SAMPLES.name}"
    " WHERE at_ms > {from_ms:Int64} AND at_ms <= {to_ms:Int64} GROUP BY end_ms ORDER BY end_ms"
)
_ROWS = (
    f"SELECT (intDiv(end_ms - 1, {HOURS_MS}) + 1) * {HOURS_MS} AS hour, count() AS n FROM {MINUTES}"
    " WHERE end_ms > {from_ms:Int64} AND end_ms <= {to_ms:Int64} GROUP BY hour ORDER BY hour"
)
_LATE = (
    f"SELECT DISTINCT (intDiv(at_ms - 1, {MINUTES_MS}) + 1) * {MINUTES_MS} AS end_ms FROM {SAMPLES.name}"
    " WHERE spool_segment > {lo:UInt64} AND spool_segment <= {hi:UInt64} AND at_ms <= {to_ms:Int64}"
    " ORDER BY end_ms"
)
_READ_MARK = (
    "SELECT roll, segment, minutes_to_ms, hours_to_ms FROM metric_rollup_marks WHERE name = {name:String}"
    " ORDER BY roll DESC LIMIT 1"
)
_WRITE_MARK = (
    "INSERT INTO metric_rollup_marks (name, roll, segment, minutes_to_ms, hours_to_ms)"
    " SELECT {name:String}, {roll:UInt64}, {segment:UInt64}, {minutes:Int64}, {hours:Int64}"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mark:
    """Windows up to these times are told, as far as samples of segments up to that one go."""

    roll: int
    segment: int
    minutes_to_ms: int
    hours_to_ms: int


@dataclass(frozen=True, slots=True)
class Share:
    """One statement: windows of `(from_ms, to_ms]`, and which of how many shares of the series."""

    from_ms: int
    to_ms: int
    share: int = 0
    shares: int = 1


def shares_of(ends_ms: Sequence[int], counts: Sequence[int], width_ms: int, count_max: int) -> list[Share]:
    """Windows (ascending) with so many rows each, as statements that read at most `count_max` each.

    >>> shares_of([300, 600, 900], [5, 5, 25], 300, 10)
    [Share(from_ms=0, to_ms=600, share=0, shares=1), Share(from_ms=600, to_ms=900, share=0, shares=3), \
Share(from_ms=600, to_ms=900, share=1, shares=3), Share(from_ms=600, to_ms=900, share=2, shares=3)]
    >>> shares_of([300, 900], [5, 5], 300, 10)
    [Share(from_ms=0, to_ms=300, share=0, shares=1), Share(from_ms=600, to_ms=900, share=0, shares=1)]
    """
    found: list[Share] = []
    held = 0
    for end_ms, count in zip(ends_ms, counts, strict=True):
        last = found[-1] if found else None
        if last is not None and last.shares == 1 and last.to_ms == end_ms - width_ms and held + count <= count_max:
            found[-1] = replace(last, to_ms=end_ms)
            held += count
            continue
        pieces = max(1, -(-count // count_max))
        found += [Share(end_ms - width_ms, end_ms, share, pieces) for share in range(pieces)]
        held = count
    return found


class MetricRoller:
    """One pass at a time; `mark` and the counts may be read from any thread."""

    def __init__(self, engine: Engine, spool: Spool, stop: threading.Event) -> None:
        self._engine, self._spool, self._stop = engine, spool, stop
        self._lock = threading.Lock()
        self.mark: Mark | None = None
        self.windows_count = 0
        """Windows of all series that were rolled for the first time."""
        self.late_windows_count = 0
        """Those that were rolled again, because samples came late."""
        self.error: str | None = None

    def open(self) -> None:
        """Read the mark, so that queries find what was rolled before."""
        found = self._engine.read(_READ_MARK, {"name": _MARK}).to_pylist()
        if found:
            row = found[0]
            self.mark = Mark(row["roll"], row["segment"], row["minutes_to_ms"], row["hours_to_ms"])

    def try_roll(self, now_ms: int, raw_from_ms: int) -> None:
        """The same as `roll`, where the engine may be busy or the disk full: then next time."""
        try:
            self.roll(now_ms, raw_from_ms)
        except EngineRefused as error:
            self.error = f"roll-up of metrics: {error.message}"
            log.warning("metrics_not_rolled_up", reason=error.message)

    def roll(self, now_ms: int, raw_from_ms: int) -> None:
        """Bring the roll-ups up to what has closed before `now_ms`. Samples are whole from `raw_from_ms` on: what lies
        before is not rolled again, since the row that is there knows more."""
        with self._lock:
            settled = self._spool.first_id(SAMPLES.name) - 1
            if self.mark is None:
                self.open()
            if self.mark is None and not self._begin(settled):
                return
            self._roll_late(settled, raw_from_ms)
            closed_ms = (now_ms - CLOSED_AFTER_MS) // MINUTES_MS * MINUTES_MS
            self._roll_closed(closed_ms)
            self.error = None

    def _begin(self, settled: int) -> bool:
        """The first mark: nothing is told, and every window from the oldest sample on will be; False: there is none."""
        sql = f"SELECT count() AS n, min(at_ms) AS oldest_ms FROM {SAMPLES.name}"
        row = self._engine.read(sql).to_pylist()[0]
        if not row["n"]:
            return False
        begin_ms = (row["oldest_ms"] - 1) // HOURS_MS * HOURS_MS
        self._note(Mark(0, max(settled, 0), begin_ms, begin_ms))
        return True

    @property
    def _at(self) -> Mark:
        if self.mark is None:
            raise TypeError("there is a mark once a pass has begun")
        return self.mark

    def _roll_late(self, settled: int, raw_from_ms: int) -> None:
        """Windows before the mark that got samples since."""
        mark = self._at
        if settled <= mark.segment:
            return
        window = {"lo": mark.segment, "hi": settled, "to_ms": mark.minutes_to_ms}
        found = self._engine.read(_LATE, window)["end_ms"].to_pylist()
        ends = [end_ms for end_ms in found if end_ms - MINUTES_MS >= raw_from_ms]
        for run in _runs(ends, MINUTES_MS):
            self._roll_samples(run[0] - MINUTES_MS, run[-1])
        hours = sorted({-(-end_ms // HOURS_MS) * HOURS_MS for end_ms in ends})
        for run in _runs([end_ms for end_ms in hours if end_ms <= mark.hours_to_ms], HOURS_MS):
            self._roll_minutes(run[0] - HOURS_MS, run[-1])
        if self._stop.is_set():
            return
        self.late_windows_count += len(ends)
        self._note(replace(mark, segment=settled))

    def _roll_closed(self, closed_ms: int) -> None:
        """Windows behind the mark, a day at a time, so that a crash costs little."""
        while self._at.minutes_to_ms < closed_ms and not self._stop.is_set():
            mark = self._at
            to_ms = min(closed_ms, mark.minutes_to_ms + 24 * HOURS_MS)
            windows = self._roll_samples(mark.minutes_to_ms, to_ms)
            hours_to_ms = max(mark.hours_to_ms, to_ms // HOURS_MS * HOURS_MS)
            self._roll_minutes(mark.hours_to_ms, hours_to_ms)
            if self._stop.is_set():
                return
            self.windows_count += windows
            if windows == 0:
                to_ms, hours_to_ms = self._without_gap(to_ms, hours_to_ms, closed_ms)
            self._note(replace(mark, minutes_to_ms=to_ms, hours_to_ms=hours_to_ms))

    def _without_gap(self, to_ms: int, hours_to_ms: int, closed_ms: int) -> tuple[int, int]:
        """Where nothing was for a day, go on at the next sample."""
        sql = f"SELECT count() AS n, min(at_ms) AS next_ms FROM {SAMPLES.name} WHERE at_ms > {{to_ms:Int64}}"
        row = self._engine.read(sql, {"to_ms": to_ms}).to_pylist()[0]
        next_ms = closed_ms if not row["n"] else min(closed_ms, (row["next_ms"] - 1) // HOURS_MS * HOURS_MS)
        return max(to_ms, next_ms), max(hours_to_ms, next_ms // HOURS_MS * HOURS_MS)

    def _roll_samples(self, from_ms: int, to_ms: int) -> int:
        """Windows of five minutes in `(from_ms, to_ms]`; answers how many there are with samples."""
        if from_ms >= to_ms:
            return 0
        counts = self._engine.read(_COUNTS, {"from_ms": from_ms, "to_ms": to_ms})
        ends = counts["end_ms"].to_pylist()
        for share in shares_of(ends, counts["n"].to_pylist(), MINUTES_MS, _SAMPLES_AT_ONCE):
            self._insert(_OF_SAMPLES, share)
        return len(ends)

    def _roll_minutes(self, from_ms: int, to_ms: int) -> None:
        """Hours in `(from_ms, to_ms]`, from their windows of five minutes."""
        if from_ms >= to_ms:
            return
        counts = self._engine.read(_ROWS, {"from_ms": from_ms, "to_ms": to_ms})
        rows = counts["n"].to_pylist()
        for share in shares_of(counts["hour"].to_pylist(), rows, HOURS_MS, _SAMPLES_AT_ONCE):
            self._insert(_OF_MINUTES, share)

    def _insert(self, sql: str, share: Share) -> None:
        if self._stop.is_set():
            return
        window = {"from_ms": share.from_ms, "to_ms": share.to_ms, "share": share.share, "shares": share.shares}
        self._engine.write(sql, {**window, "roll": self._at.roll + 1})

    def _note(self, mark: Mark) -> None:
        roll = mark.roll + 1
        self._engine.write(
            _WRITE_MARK,
            {
                "name": _MARK,
                "roll": roll,
                "segment": mark.segment,
                "minutes": mark.minutes_to_ms,
                "hours": mark.hours_to_ms,
            },
        )
        self.mark = replace(mark, roll=roll)


def _runs(ends_ms: Sequence[int], width_ms: int) -> Iterator[Sequence[int]]:
    """Windows (ascending) that follow each other without a gap.

    >>> list(_runs([300, 600, 1200], 300))
    [[300, 600], [1200]]
    """
    start = 0
    for index in range(1, len(ends_ms) + 1):
        if index == len(ends_ms) or ends_ms[index] != ends_ms[index - 1] + width_ms:
            yield ends_ms[start:index]
            start = index
