"""Sum and mean of many native histograms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_sum import Added, HistogramSum
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

    As sum by count, and from where the sum would be beyond all numbers on, from mean to mean.
    """
    total, met = HistogramSum(histograms[0]), list[Added]()
    is_stepwise = False
    for count, histogram in enumerate(histograms[1:], start=2):
        if not is_stepwise:
            before = total.copied()
            met.append(total.add(histogram))
            if not total.has_overflow:
                continue
            is_stepwise, total = True, before
            total.scale(1 / (count - 1))
        total.scale((count - 1) / count)
        met.append(total.add(histogram.divided(float(count))))
    mean = total.value() if is_stepwise else total.value().divided(float(len(histograms)))
    return mean.compacted(), _notes(histograms, met)


def _notes(histograms: Iterable[FloatHistogram], met: Iterable[Added]) -> list[Note]:
    notes = []
    hints = {histogram.counter_reset_hint for histogram in histograms}
    if {"reset", "not_reset"} <= hints:
        notes.append(conflicting_resets("aggregation"))
    if any(one.bounds_differ for one in met):
        notes.append(bounds_reconciled("aggregation"))
    return notes
