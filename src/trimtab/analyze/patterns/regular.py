"""A series as patterns want it: on a regular grid, gaps filled, or the reason why it says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.patterns.found import Kind, NoPattern, PatternEvidence, Why
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
POINTS_MIN = 48
GAPS_SHARE_MAX = 0.4
DAY_MS, WEEK_MS = 86_400_000, 604_800_000
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Regular:
    """Values at `start_ms + i * step_ms`, shape [n]; gaps are filled by straight lines and named in `was_gap`."""

    name: str
    unit: str
    start_ms: int
    step_ms: int
    values: F64
    was_gap: NDArray[np.bool_]

    @property
    def end_ms(self) -> int:
        """The last point."""
        return self.start_ms + (self.values.size - 1) * self.step_ms

    def part(self, first: int, last: int) -> Regular:
        """Points from `first` up to `last`, which is not included."""
        return Regular(
            self.name,
            self.unit,
            self.start_ms + first * self.step_ms,
            self.step_ms,
            self.values[first:last],
            self.was_gap[first:last],
        )

    def coarser(self, step_ms: int) -> Regular:
        """Means over wider steps, beginning at whole multiples of the new step (Unix time); rests at both ends fall
        away. The same where the new step is not wider."""
        wide = max(1, step_ms // self.step_ms)
        if wide == 1:
            return self
        new_ms = wide * self.step_ms
        skipped = min(-(self.start_ms // self.step_ms) % wide, self.values.size)
        count = (self.values.size - skipped) // wide
        upto = skipped + count * wide
        values = self.values[skipped:upto].reshape(count, wide).mean(axis=1)
        gaps = self.was_gap[skipped:upto].reshape(count, wide).mean(axis=1) > 0.5
        return Regular(self.name, self.unit, self.start_ms + skipped * self.step_ms, new_ms, values, gaps)

    def evidence(self, p_value: float | None = None, explained_share: float | None = None) -> PatternEvidence:
        """PatternEvidence over all of it."""
        points = int(self.values.size - self.was_gap.sum())
        return PatternEvidence(self.start_ms, self.end_ms, self.step_ms, points, p_value, explained_share)


def regular(series: TimeSeries, kind: Kind, points_min: int = POINTS_MIN) -> Regular | NoPattern:
    """The series on its own grid, or why this kind of pattern cannot be looked for in it.

    >>> quiet = TimeSeries("cpu", np.arange(100, dtype=np.int64) * 60_000, np.ones(100))
    >>> regular(quiet, Kind.CYCLE).reason
    'it is 1 all the time'
    """
    is_there = np.isfinite(series.values)
    seen = TimeSeries(series.name, series.at_ms[is_there], series.values[is_there], series.unit)
    if len(seen) < points_min:
        return NoPattern(kind, series.name, Why.TOO_SHORT, f"{len(seen)} points, {points_min} are needed")
    if float(seen.values.min()) == float(seen.values.max()):
        return NoPattern(kind, series.name, Why.CONSTANT, f"it is {seen.values[0]:g} all the time")
    grid = seen.grid()
    gaps = np.isnan(grid.values)
    if float(gaps.mean()) > GAPS_SHARE_MAX:
        reason = f"{gaps.mean():.0%} of its points are missing, the limit is {GAPS_SHARE_MAX:.0%}"
        return NoPattern(kind, series.name, Why.GAPS, reason)
    places = np.arange(grid.values.size)
    values = np.interp(places, places[~gaps], grid.values[~gaps]) if gaps.any() else grid.values
    return Regular(series.name, series.unit, int(grid.at_ms[0]), grid.step_ms, values, gaps)


def robust_scale(values: F64) -> float:
    """The standard deviation, were it normal: from the median of distances to the median, else (where most are the
    same) from their mean. 0 only where all are the same.

    >>> round(robust_scale(np.random.default_rng(1).normal(0, 2, 10_000)), 1)
    2.0
    """
    away = np.abs(values - np.median(values))
    middle = 1.4826 * float(np.median(away))
    return middle if middle > 0 else 1.2533 * float(away.mean())


def duration(ms: float) -> str:
    """A time for a sentence.

    >>> [duration(ms) for ms in (90_000, 7_200_000, 129_600_000, 86_400_000)]
    ['1.5 min', '2 h', '36 h', '24 h']
    """
    for size, name in ((2 * DAY_MS, "days"), (HOUR_MS, "h"), (60_000, "min"), (1000, "s")):
        if ms >= size:
            unit = {"days": DAY_MS}.get(name, size)
            return f"{ms / unit:.3g} {name}"
    return f"{ms:.3g} ms"
