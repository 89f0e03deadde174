"""Functions of ranges over roll-ups of native histograms, series by series, all steps at once.

As `rolled_kernels` do of numbers: increases are added up inside rows, from each row to the next, and to the first row
from the one right before, so that adjacent windows add up to the whole. Where the rows of a series have several
layouts, its windows are added up one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.histogram_windows import grown_by
from trimtab.store.metrics.rolled_histograms import HistogramColumn, RolledHistograms
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_aggregate import total_of
from trimtab.store.promql.histogram_kernels import window_sums
from trimtab.store.promql.histogram_sum import MixedSchemas
from trimtab.store.promql.histogram_table import SUM, table_of
from trimtab.store.promql.vector import Bools, Floats, Ints, Vector

Found = Sequence[FloatHistogram | None]
INCREASES = ("rate", "increase")
COLUMNS: dict[str, tuple[HistogramColumn, ...]] = {
    "rate": ("first", "last", "increase"),
    "increase": ("first", "last", "increase"),
    "sum_over_time": ("total",),
    "avg_over_time": ("total",),
    "count_over_time": (),
    "present_over_time": (),
    "first_over_time": ("first",),
    "last_over_time": ("last",),
}
"""What each function reads; others know only numbers."""


@dataclass(frozen=True, slots=True)
class _Series:
    """Rows of one series, and at every step the rows `[low, high)` of its window."""

    rows: slice
    block: RolledHistograms
    lows: Ints
    highs: Ints
    resolution_ms: int

    def column(self, name: HistogramColumn) -> Found:
        return self.block.columns[name][self.rows]

    @property
    def counts(self) -> Ints:
        return self.block.counts[self.rows]

    @property
    def follows(self) -> Bools:
        """Whether each row's window begins where the one before ends."""
        ends = self.block.end_ms[self.rows]
        found = np.zeros(len(ends), np.bool_)
        found[1:] = ends[1:] - ends[:-1] == self.resolution_ms
        return found


def over_windows(
    name: str, block: RolledHistograms, ends_ms: Ints, range_ms: int, resolution_ms: int, check: Callable[[], None]
) -> Vector:
    """One of `COLUMNS`, at every step over the rows that end in `(end - range, end]`."""
    shape = len(block.labels), len(ends_ms)
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    histograms: NDArray[np.object_] = np.full(shape, None, np.object_)
    for series in range(shape[0]):
        check()
        rows = slice(int(block.offsets[series]), int(block.offsets[series + 1]))
        ends = block.end_ms[rows]
        lows = np.searchsorted(ends, ends_ms - range_ms, side="right")
        highs = np.searchsorted(ends, ends_ms, side="right")
        one = _Series(rows, block, lows, highs, resolution_ms)
        there = highs > lows
        if name == "count_over_time":
            values[series] = _sums(one.counts, lows, highs)
        elif name == "present_over_time":
            values[series] = 1.0
        else:
            found: Found
            if name in INCREASES:
                found = _increases(one)
            elif name in ("first_over_time", "last_over_time"):
                column = one.column("first" if name[0] == "f" else "last")
                places = lows if name[0] == "f" else highs - 1
                found = [column[place] if is_there else None for place, is_there in zip(places, there, strict=True)]
            else:
                found = _totals(one, is_mean=name == "avg_over_time")
            there = there & np.array([value is not None for value in found])
            histograms[series, there] = [value for value in found if value is not None]
        present[series] = there
    return Vector(block.labels, values, present, histograms)


def _sums(counts: Ints, lows: Ints, highs: Ints) -> Floats:
    seen = np.concatenate([[0], np.cumsum(counts)])
    found: Floats = (seen[highs] - seen[lows]).astype(np.float64)
    return found


def _totals(series: _Series, *, is_mean: bool) -> list[FloatHistogram | None]:
    totals, lows, highs = series.column("total"), series.lows, series.highs
    counts = _sums(series.counts, lows, highs)
    known = [total for total in totals if total is not None]
    table = table_of(known) if len(known) == len(totals) else None
    if table is None:
        found = [_added(totals[low:high]) for low, high in zip(lows.tolist(), highs.tolist(), strict=True)]
        return [
            one if one is None or not is_mean else one.divided(count).compacted()
            for one, count in zip(found, counts.tolist(), strict=True)
        ]
    sums = np.zeros((len(lows), table.numbers.shape[1]))
    window_sums(table.numbers, lows, highs, sums)
    if is_mean:
        with np.errstate(all="ignore"):
            sums /= counts[:, np.newaxis]
    hints = [table.hints[min(low, len(totals) - 1)] for low in lows.tolist()]
    made = list(table.histograms(sums, hints))
    return [one if high > low else None for one, low, high in zip(made, lows.tolist(), highs.tolist(), strict=True)]


def _increases(series: _Series) -> list[FloatHistogram | None]:
    lows, highs, follows = series.lows, series.highs, series.follows
    goes_back = np.append(follows, False)[np.minimum(lows, len(follows))] & (highs > lows)
    is_several = _sums(series.counts, lows, highs) + goes_back > 1
    firsts, lasts, inside = (series.column(name) for name in COLUMNS["rate"])
    ends = [value for value in (*firsts, *lasts, *inside) if value is not None]
    is_whole = all(one is not None or count == 1 for one, count in zip(inside, series.counts.tolist(), strict=True))
    table = table_of(ends) if is_whole and len(ends) >= 2 * len(firsts) else None
    if table is None:
        return _increases_one_by_one(series, is_several, goes_back)
    count = len(firsts)
    first, last = table.numbers[:count], table.numbers[count : 2 * count]
    steps = np.zeros_like(first)
    falls = first[1:] < last[:-1]
    falls[:, SUM] = False
    hints = table.hints[1:count]
    begins = falls.any(axis=1) & np.array([hint != "not_reset" for hint in hints], np.bool_)
    begins |= np.array([hint == "reset" for hint in hints], np.bool_)
    steps[1:] = first[1:] - np.where(begins[:, np.newaxis], 0.0, last[:-1])
    grown = steps.copy()
    has_inside = np.flatnonzero([one is not None for one in inside])
    grown[has_inside] += table.numbers[2 * count :]
    sums = np.zeros((len(lows), grown.shape[1]))
    window_sums(grown, lows, highs, sums)
    alone = np.flatnonzero((highs > lows) & ~goes_back)
    sums[alone] -= steps[lows[alone]]
    made = table.histograms(sums[is_several], ["gauge"] * int(is_several.sum()))
    return [next(made) if several else None for several in is_several.tolist()]


def _increases_one_by_one(series: _Series, is_several: Bools, goes_back: Bools) -> list[FloatHistogram | None]:
    firsts, lasts, inside = (series.column(name) for name in COLUMNS["rate"])
    steps: list[FloatHistogram | None] = [None]
    steps += [
        None if now is None or before is None else grown_by(now, before)
        for now, before in zip(firsts[1:], lasts[:-1], strict=True)
    ]
    counts = series.counts.tolist()
    found: list[FloatHistogram | None] = []
    for step, (low, high) in enumerate(zip(series.lows.tolist(), series.highs.tolist(), strict=True)):
        parts = [inside[row] for row in range(low, high) if counts[row] > 1]
        parts += steps[low if goes_back[step] else low + 1 : high]
        found.append(_added(parts) if is_several[step] else None)
    return found


def _added(histograms: Found) -> FloatHistogram | None:
    """All of them; None where one is missing, or they have nothing in common."""
    known = [one for one in histograms if one is not None]
    if not known or len(known) < len(histograms):
        return None
    try:
        return total_of(known)[0]
    except MixedSchemas:
        return None
