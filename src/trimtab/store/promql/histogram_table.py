"""Histograms of one layout as rows of numbers, so that NumPy can do with all of them at once what they have in common.

Columns are count, sum, zero count, then every bucket that any of them has. One layout is one schema, one zero
threshold, the same custom bounds: what the samples of one series nearly always have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.store.promql.histogram import CounterResetHint, FloatHistogram, Span, spans_of

COUNT, SUM, ZERO, BUCKETS = range(4)


@dataclass(frozen=True, slots=True)
class HistogramTable:
    """`numbers` has a row for each histogram."""

    like: FloatHistogram
    """One of them: its schema, zero threshold and custom bounds are those of all."""
    positive: list[int]
    negative: list[int]
    """Indexes of the buckets that the columns from `BUCKETS` on stand for."""
    numbers: NDArray[np.float64]
    hints: list[CounterResetHint]

    def histograms(self, numbers: NDArray[np.float64], hints: Sequence[CounterResetHint]) -> Iterator[FloatHistogram]:
        """Histograms of this layout, one for each row of `numbers`."""
        split = BUCKETS + len(self.positive)
        spans: dict[bytes, tuple[tuple[Span, ...], tuple[Span, ...]]] = {}
        is_filled = numbers[:, BUCKETS:] != 0
        like = self.like
        for row, hint in enumerate(hints):
            filled = is_filled[row]
            key = filled.tobytes()
            if key not in spans:
                flags = filled.tolist()
                spans[key] = self._spans(self.positive, flags), self._spans(self.negative, flags[split - BUCKETS :])
            cells = numbers[row]
            count, total, zero_count = cells[:BUCKETS].tolist()
            yield FloatHistogram(
                hint,
                like.schema,
                like.zero_threshold,
                zero_count,
                count,
                total,
                *spans[key],
                tuple(cells[BUCKETS:split][filled[: split - BUCKETS]].tolist()),
                tuple(cells[split:][filled[split - BUCKETS :]].tolist()),
                like.custom_values,
            )

    @staticmethod
    def _spans(indexes: list[int], flags: list[bool]) -> tuple[Span, ...]:
        return spans_of({index: 1.0 for index, flag in zip(indexes, flags, strict=False) if flag})[0]


def table_of(histograms: Sequence[FloatHistogram]) -> HistogramTable | None:
    """The table of at least one histogram; None where they are not of one layout.

    >>> one = FloatHistogram(count=3.0, sum=4.0, positive_spans=((1, 2),), positive_buckets=(1.0, 2.0))
    >>> table = table_of([one, FloatHistogram(count=1.0)])
    >>> table.numbers
    array([[3., 4., 0., 1., 2.],
           [1., 0., 0., 0., 0.]])
    >>> next(table.histograms(table.numbers, ["unknown"])) == one
    True
    """
    like = histograms[0]
    layout = (like.schema, like.zero_threshold, like.custom_values)
    if any((one.schema, one.zero_threshold, one.custom_values) != layout for one in histograms):
        return None
    positive = _indexes({one.positive_spans for one in histograms})
    negative = _indexes({one.negative_spans for one in histograms})
    numbers = np.zeros((len(histograms), BUCKETS + len(positive) + len(negative)))
    numbers[:, COUNT] = [one.count for one in histograms]
    numbers[:, SUM] = [one.sum for one in histograms]
    numbers[:, ZERO] = [one.zero_count for one in histograms]
    columns: dict[tuple[Span, ...], NDArray[np.int64]] = {}
    for sides, first in ((positive, BUCKETS), (negative, BUCKETS + len(positive))):
        place = {index: first + at for at, index in enumerate(sides)}
        columns.clear()
        for row, one in enumerate(histograms):
            spans, counts = (
                (one.positive_spans, one.positive_buckets)
                if sides is positive
                else (one.negative_spans, one.negative_buckets)
            )
            if spans not in columns:
                columns[spans] = np.array([place[index] for index in _indexes({spans})], np.int64)
            numbers[row, columns[spans]] = counts
    return HistogramTable(like, positive, negative, numbers, [one.counter_reset_hint for one in histograms])


def _indexes(layouts: set[tuple[Span, ...]]) -> list[int]:
    """All bucket indexes of some spans, in order."""
    found: set[int] = set()
    for spans in layouts:
        index = 0
        for offset, length in spans:
            index += offset
            found.update(range(index, index + length))
            index += length
    return sorted(found)
