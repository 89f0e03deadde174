"""Queries of the own store, as the Explorer page wants them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from trimtab.app.exploring.answers import SAMPLES_SHOWN, Histogram, Instant, Line, Ranged, Row
from trimtab.app.exploring.choosing import highest
from trimtab.app.querying import Querying, Wish
from trimtab.store.grid import Grid
from trimtab.store.metrics.block import METRIC_NAME, STALE_BITS, SeriesBlock
from trimtab.store.promql.answer import Answer
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_buckets import all_buckets
from trimtab.store.promql.numbers import plain

Cancelled = Callable[[], bool]


class OwnMetrics:
    """Asks `Querying`; runs on the caller's thread."""

    def __init__(self, querying: Querying) -> None:
        self._querying = querying

    def instant(self, query: str, at_ms: int, timeout_s: float, cancelled: Cancelled) -> Instant:
        """One moment."""
        return instant_of(self._querying.instant(query, at_ms, Wish(timeout_s=timeout_s), cancelled))

    def ranged(self, query: str, grid: Grid, timeout_s: float, cancelled: Cancelled) -> Ranged:
        """Every step of a grid."""
        end_ms = grid.end_ms - grid.step_ms
        wish = Wish(timeout_s=timeout_s)
        return ranged_of(self._querying.range(query, grid.start_ms, end_ms, grid.step_ms, wish, cancelled))

    def metric_names(self, limit: int) -> Sequence[str]:
        """Names of metrics, sorted."""
        return self._querying.store.label_values(METRIC_NAME, (), 0, self._querying.now_ms())[:limit]

    def unit_of(self, metric: str) -> str:
        """The unit of a metric as its sender tells it, or ''."""
        return next((one.unit for one in self._querying.store.metadata(metric)), "")


def ranged_of(answer: Answer) -> Ranged:
    """The lines of an answer."""
    labels = ((),) if answer.kind == "scalar" else answer.labels
    there = answer.present
    is_float = there
    histograms = 0
    if answer.histograms is not None:
        is_float = there & (answer.histograms == None)  # noqa: E711 - cell by cell
        histograms = int((there & ~is_float).any(axis=1).sum())
    values = np.where(is_float & np.isfinite(answer.values), answer.values, np.nan)
    filled = np.flatnonzero(is_float.any(axis=1))
    drawn = [Line(labels[number], values[number]) for number in filled[highest(values[filled])]]
    return Ranged(drawn, len(filled), histograms, answer.warnings, answer.infos)


def instant_of(answer: Answer) -> Instant:
    """The rows of an answer."""
    told = (answer.warnings, answer.infos)
    if answer.kind == "string":
        return Instant("string", [Row((), text=answer.text)], False, *told)
    if answer.block is not None:
        return Instant("matrix", _rows_of_block(answer.block), False, *told)
    labels = ((),) if answer.kind == "scalar" else answer.labels
    rows = []
    for number in np.flatnonzero(answer.present[:, 0]).tolist():
        cell = None if answer.histograms is None else answer.histograms[number, 0]
        if cell is not None:
            rows.append(Row(labels[number], histogram=histogram_of(cell)))
        else:
            value = float(answer.values[number, 0])
            rows.append(Row(labels[number], value, plain(value)))
    return Instant(answer.kind, rows, answer.is_ordered, *told)


def _rows_of_block(block: SeriesBlock) -> list[Row]:
    rows = []
    for number, labels in enumerate(block.labels):
        places = range(int(block.offsets[number]), int(block.offsets[number + 1]))
        alive = [at for at in places if _is_alive(block, at)]
        shown = [(int(block.at_ms[at]), _sample_text(block, at)) for at in alive[: -SAMPLES_SHOWN - 1 : -1]]
        if alive:
            rows.append(Row(labels, samples=shown, samples_count=len(alive)))
    return rows


def _histogram_at(block: SeriesBlock, at: int) -> FloatHistogram | None:
    return None if block.histograms is None else block.histograms[at]


def _is_alive(block: SeriesBlock, at: int) -> bool:
    if _histogram_at(block, at) is not None:
        return True
    return bool(block.values[at : at + 1].view(np.uint64)[0] != np.uint64(STALE_BITS))


def _sample_text(block: SeriesBlock, at: int) -> str:
    one = _histogram_at(block, at)
    return plain(float(block.values[at])) if one is None else f"count {plain(one.count)}, sum {plain(one.sum)}"


def histogram_of(histogram: FloatHistogram) -> Histogram:
    """A native histogram in words; buckets without observations are left out.

    >>> one = FloatHistogram(count=3.0, sum=4.5, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0))
    >>> histogram_of(one)
    Histogram(count='3', sum='4.5', buckets=['(0.5, 1]: 1', '(1, 2]: 2'])
    """
    buckets = []
    for bucket in all_buckets(histogram):
        if bucket.population == 0:
            continue
        is_low, is_high = bucket.upper <= 0, bucket.lower < 0 < bucket.upper
        if histogram.has_custom_buckets:
            is_low = is_high = False
        left, right = "[" if is_low or is_high else "(", ")" if is_low else "]"
        buckets.append(f"{left}{plain(bucket.lower)}, {plain(bucket.upper)}{right}: {plain(bucket.population)}")
    return Histogram(plain(histogram.count), plain(histogram.sum), buckets)
