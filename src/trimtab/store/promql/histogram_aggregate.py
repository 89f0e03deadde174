"""Sum and mean of many native histograms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_sum import Added, HistogramSum, added
from trimtab.store.promql.notes import Note, bounds_reconciled, conflicting_resets


def total_of(histograms: Sequence[FloatHistogram]) -> tuple[FloatHistogram, list[Note]]:
    """The sum of at least one histogram; raises `MixedSchemas`.

    >>> total_of([FloatHistogram(count=1.0), FloatHistogram(count=2.0)])[0].count
    3.0
    """
    total = HistogramSum(histograms[0])
    met = [total.add(histogram) for histogram in histograms[1:]]
    return total.value(), _notes(histograms, met)


def mean_of_several(histograms: Sequence[FloatHistogram]) -> tuple[FloatHistogram, list[Note]]:
    """The mean of at least one histogram; raises `MixedSchemas`.

    As sum by count, and where the sum is beyond all numbers, from one to the next.
    """
    total, notes = total_of(histograms)
    if not _has_overflow(total):
        return total.divided(float(len(histograms))).compacted(), notes
    mean = histograms[0]
    for count, histogram in enumerate(histograms[1:], start=2):
        mean, _ = added(mean.scaled((count - 1) / count), histogram.divided(float(count)))
    return mean.compacted(), notes


def _notes(histograms: Iterable[FloatHistogram], met: Iterable[Added]) -> list[Note]:
    notes = []
    hints = {histogram.counter_reset_hint for histogram in histograms}
    if {"reset", "not_reset"} <= hints:
        notes.append(conflicting_resets("aggregation"))
    if any(one.bounds_differ for one in met):
        notes.append(bounds_reconciled("aggregation"))
    return notes


def _has_overflow(histogram: FloatHistogram) -> bool:
    numbers = (histogram.zero_count, histogram.count, histogram.sum)
    return any(map(math.isinf, (*numbers, *histogram.positive_buckets, *histogram.negative_buckets)))
