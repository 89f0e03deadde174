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
from typing import Generic, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import structlog

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Engine, Merge, Parameters
from trimtab.store.metrics.arrays import I64
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS
from trimtab.store.metrics.rolling_rows import gathered
from trimtab.store.spool import Spool
from trimtab.store.spread import SPREAD

CLOSED_AFTER_MS = 60_000
"""A window is rolled when it has been over for so long. What comes later has it rolled again."""
_ROWS_AT_ONCE = 250_000
_LATE = (
    f"SELECT DISTINCT (intDiv(at_ms - 1, {MINUTES_MS}) + 1) * {MINUTES_MS} AS end_ms FROM %s"
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


class OfWindows(Protocol):
    """Rows of windows."""

    @property
    def end_ms(self) -> I64:
        """When the window of each ends."""
        ...


R = TypeVar("R", bound=OfWindows)


class RowsMaker(Protocol[R]):
    """Makes rows of `samples` (a table), and of rows by five minutes rows by the hour; and writes them."""

    def of_samples(self, from_ms: int, to_ms: int) -> Iterator[R]:
        """Windows of five minutes in `(from_ms, to_ms]`."""
        ...

    def of_minutes(self, from_ms: int, to_ms: int) -> Iterator[R]:
        """Hours in `(from_ms, to_ms]`."""
        ...

    def together(self, pieces: Iterator[R], count_max: int) -> Iterator[R]:
        """Pieces made one until there are so many rows: few large inserts cost less than many small ones."""
        ...

    def write(self, resolution_ms: int, rows: R, roll: int) -> None:
        """Insert."""
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """Windows up to these times are told, as far as samples of segments up to that one go."""

    roll: int
    segment: int
    minutes_to_ms: int
    hours_to_ms: int


class MetricRoller(Generic[R]):
    """One pass at a time; `mark` and the counts may be read from any thread."""

    def __init__(
        self, engine: Engine, spool: Spool, rows: RowsMaker[R], stop: threading.Event, *, name: str, table: str
    ) -> None:
        """`name` is that of the mark, `table` has the samples."""
        self._engine, self._spool, self._rows, self._stop = engine, spool, rows, stop
        self._name, self._table = name, table
        self._lock = threading.Lock()
        self.mark: Mark | None = None
        self.windows_count = 0
        """Windows of all series that were rolled for the first time."""
        self.late_windows_count = 0
        """Those that were rolled again, because samples came late."""
        self.error: str | None = None

    def open(self) -> None:
        """Read the mark, so that queries find what was rolled before."""
        found = self._engine.read(_READ_MARK, {"name": self._name}).to_pylist()
        if found:
            row = found[0]
            self.mark = Mark(row["roll"], row["segment"], row["minutes_to_ms"], row["hours_to_ms"])

    def try_roll(self, now_ms: int, raw_from_ms: int) -> None:
        """The same as `roll`, where the engine may be busy or the disk full: then next time."""
        try:
            self.roll(now_ms, raw_from_ms)
        except EngineRefused as error:
            self.error = f"roll-up of metrics ({self._name}): {error.message}"
            log.warning("metrics_not_rolled_up", what=self._name, reason=error.message)

    def roll(self, now_ms: int, raw_from_ms: int) -> None:
        """Bring the roll-ups up to what has closed before `now_ms`. Samples are whole from `raw_from_ms` on: what lies
        before is not rolled again, since the row that is there knows more."""
        with self._lock:
            settled = self._spool.first_id(self._table) - 1
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
        oldest_ms = self._next_ms(None)
        if oldest_ms is None:
            return False
        begin_ms = (oldest_ms - 1) // HOURS_MS * HOURS_MS
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
        merge = Merge(order_by=(("end_ms", "ascending"),), group_by=("end_ms",))
        found = self._asked(_LATE % self._table, window, merge)["end_ms"].to_pylist()
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
        found_ms = self._next_ms(to_ms)
        next_ms = closed_ms if found_ms is None else min(closed_ms, (found_ms - 1) // HOURS_MS * HOURS_MS)
        return max(to_ms, next_ms), max(hours_to_ms, next_ms // HOURS_MS * HOURS_MS)

    def _next_ms(self, after_ms: int | None) -> int | None:
        """The first sample that the engine has (after a time; without one it needs to look at no row)."""
        where = "" if after_ms is None else " WHERE at_ms > {after_ms:Int64}"
        merge = Merge(group_by=(), how={"next_ms": "min"})
        sql = f"SELECT min(at_ms) AS next_ms FROM {self._table}{where} HAVING count() > 0"
        found = self._asked(sql, {} if after_ms is None else {"after_ms": after_ms}, merge).to_pylist()
        return found[0]["next_ms"] if found else None

    def _asked(self, sql: str, parameters: Parameters, merge: Merge) -> pa.Table:
        if self._table in SPREAD:
            return gathered(self._engine, sql, parameters, merge)
        return self._engine.read(sql, parameters)

    def _roll_samples(self, from_ms: int, to_ms: int) -> int:
        """Windows of five minutes in `(from_ms, to_ms]`; answers how many there are with samples."""
        ends: set[int] = set()
        if from_ms < to_ms:
            for rows in self._rows.together(self._rows.of_samples(from_ms, to_ms), _ROWS_AT_ONCE):
                ends.update(np.unique(rows.end_ms).tolist())
                self._insert(MINUTES_MS, rows)
        return len(ends)

    def _roll_minutes(self, from_ms: int, to_ms: int) -> None:
        """Hours in `(from_ms, to_ms]`, from their windows of five minutes."""
        if from_ms < to_ms:
            for rows in self._rows.together(self._rows.of_minutes(from_ms, to_ms), _ROWS_AT_ONCE):
                self._insert(HOURS_MS, rows)

    def _insert(self, resolution_ms: int, rows: R) -> None:
        if not self._stop.is_set():
            self._rows.write(resolution_ms, rows, self._at.roll + 1)

    def _note(self, mark: Mark) -> None:
        roll = mark.roll + 1
        self._engine.write(
            _WRITE_MARK,
            {
                "name": self._name,
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
