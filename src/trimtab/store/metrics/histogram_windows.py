"""From native histograms of one series to rows by windows, and from these to rows of wider windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.store.metrics.arrays import I64
from trimtab.store.promql.histogram import FloatHistogram


@dataclass(frozen=True, slots=True)
class HistogramRow:
    """One window `(end - width, end]`. `total` None: they cannot be added up; `increase` None: nor this, or it has only
    one histogram, which has nothing to grow from."""

    end_ms: int
    count: int
    first_at_ms: int
    last_at_ms: int
    ended_at_ms: int
    first: FloatHistogram
    last: FloatHistogram
    total: FloatHistogram | None
    increase: FloatHistogram | None


def rows_of_histograms(
    at_ms: I64, histograms: Sequence[FloatHistogram], ended_ms: I64, width_ms: int
) -> Iterator[HistogramRow]:
    """Windows of one series; times ascend, no two are the same. `ended_ms` are the times of its stale markers."""
    from trimtab.store.promql import histogram_rows
    from trimtab.store.promql.histogram_table import table_of

    windows = (at_ms - 1) // width_ms
    lows = np.flatnonzero(np.concatenate([[True], windows[1:] != windows[:-1]]))
    highs = np.append(lows[1:], len(at_ms))
    ends = (windows[lows] + 1) * width_ms
    table = table_of(histograms)
    totals: Sequence[FloatHistogram | None]
    increases: Sequence[FloatHistogram | None]
    summed = None
    if table is not None:
        rows = histogram_rows.Rows(table, at_ms, np.zeros_like(at_ms), lows, highs, ends, width_ms)
        summed = histogram_rows.over_rows("sum_over_time", rows, "")
        grown = histogram_rows.growth(rows, is_counter=True)
        increases = list(table.histograms(grown, ["gauge"] * len(lows)))
    if table is None or summed is None:
        pieces = [histograms[low:high] for low, high in zip(lows.tolist(), highs.tolist(), strict=True)]
        totals, increases = [_total(piece) for piece in pieces], [_increase(piece) for piece in pieces]
    else:
        totals = summed.histograms
    for place, (low, high) in enumerate(zip(lows.tolist(), highs.tolist(), strict=True)):
        last_at_ms, end_ms = int(at_ms[high - 1]), int(ends[place])
        ended = ended_ms[(ended_ms > last_at_ms) & (ended_ms <= end_ms)]
        yield HistogramRow(
            end_ms,
            high - low,
            int(at_ms[low]),
            last_at_ms,
            int(ended[0]) if len(ended) else 0,
            histograms[low],
            histograms[high - 1],
            totals[place],
            increases[place] if high - low > 1 else None,
        )


def row_of_rows(rows: Sequence[HistogramRow], end_ms: int) -> HistogramRow:
    """One wider window; what one grew by from window to window counts, too."""
    first, last = rows[0], rows[-1]
    count = sum(row.count for row in rows)
    totals = [row.total for row in rows if row.total is not None]
    grown: list[FloatHistogram] = []
    is_whole = True
    for place, row in enumerate(rows):
        is_whole &= row.increase is not None or row.count == 1
        if row.increase is not None:
            grown.append(row.increase)
        if place:
            step = grown_by(row.first, rows[place - 1].last)
            is_whole &= step is not None
            if step is not None:
                grown.append(step)
    return HistogramRow(
        end_ms,
        count,
        first.first_at_ms,
        last.last_at_ms,
        last.ended_at_ms,
        first.first,
        last.last,
        _total(totals) if len(totals) == len(rows) else None,
        _total(grown) if is_whole and count > 1 else None,
    )


def grown_by(now: FloatHistogram, before: FloatHistogram) -> FloatHistogram | None:
    """What a histogram grew by: all of it where it began anew; None where the two have nothing in common."""
    from trimtab.store.promql.histogram_reset import is_reset
    from trimtab.store.promql.histogram_sum import MixedSchemas, subtracted

    if is_reset(now, before):
        return now.with_hint("gauge")
    try:
        return subtracted(now, before)[0].with_hint("gauge")
    except MixedSchemas:
        return None


def _total(histograms: Sequence[FloatHistogram]) -> FloatHistogram | None:
    from trimtab.store.promql.histogram_aggregate import total_of
    from trimtab.store.promql.histogram_sum import MixedSchemas

    try:
        return total_of(histograms)[0]
    except MixedSchemas:
        return None


def _increase(histograms: Sequence[FloatHistogram]) -> FloatHistogram | None:
    from trimtab.store.promql.histogram_rate import growth

    if len(histograms) == 1:
        return None
    nothing = [0] * len(histograms)
    return growth(histograms, nothing, nothing, "", is_counter=True)[0]
