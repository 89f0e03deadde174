"""Native histograms in windows that are `anchored` or `smoothed`, and between two samples."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_reset import is_reset
from trimtab.store.promql.histogram_sum import MixedSchemas, added, subtracted
from trimtab.store.promql.notes import Note, Operation, bounds_reconciled, mixed_schemas, not_a_counter, not_a_gauge


@dataclass(slots=True)
class Sums:
    """Sums and differences, and what they met."""

    notes: list[Note] = field(default_factory=list)

    def added(self, one: FloatHistogram, other: FloatHistogram) -> FloatHistogram:
        """`one + other`; raises `MixedSchemas`."""
        total, met = added(one, other)
        self._tell(met.bounds_differ, "addition")
        return total

    def subtracted(self, one: FloatHistogram, other: FloatHistogram) -> FloatHistogram:
        """`one - other`; raises `MixedSchemas`."""
        total, met = subtracted(one, other)
        self._tell(met.bounds_differ, "subtraction")
        return total

    def between(
        self,
        before: tuple[int, FloatHistogram],
        after: tuple[int, FloatHistogram],
        at_ms: int,
        *,
        is_counter: bool,
    ) -> FloatHistogram:
        """What lies between two samples; of a counter that began again, on the way from zero."""
        (before_ms, one), (after_ms, other) = before, after
        if at_ms in (before_ms, after_ms):
            return one if at_ms == before_ms else other
        share = (at_ms - before_ms) / (after_ms - before_ms)
        if is_counter and is_reset(other, one):
            return other.scaled(share)
        return self.added(self.subtracted(other, one).scaled(share), one)

    def _tell(self, bounds_differ: bool, operation: Operation) -> None:
        if bounds_differ:
            self.notes.append(bounds_reconciled(operation))


def grown(
    at_ms: list[int],
    histograms: list[FloatHistogram],
    window_ms: tuple[int, int],
    metric: str,
    *,
    is_smoothed: bool,
    is_counter: bool,
    is_rate: bool,
) -> tuple[FloatHistogram | None, list[Note]]:
    """The growth from border to border; the samples may begin before the window and end behind it."""
    start_ms, end_ms = window_ms
    last = len(at_ms) - 1
    first = max(0, next((at for at in range(last) if at_ms[at] > start_ms), last) - 1)
    if is_smoothed:
        last = next((at for at in range(last) if at_ms[at] >= end_ms), last)
    if at_ms[last] <= start_ms or (is_smoothed and at_ms[first] > end_ms):
        return None, []
    inside = histograms[first : last + 1]
    sums = Sums()
    if any(one.has_custom_buckets != inside[0].has_custom_buckets for one in inside):
        return None, [mixed_schemas(metric)]
    if is_counter and any(one.counter_reset_hint == "gauge" for one in inside):
        sums.notes.append(not_a_counter(metric))
    try:
        samples = list(zip(at_ms, histograms, strict=True))
        left, right = histograms[first], histograms[last]
        if is_smoothed and at_ms[first] < start_ms:
            left = sums.between(samples[first], samples[first + 1], start_ms, is_counter=is_counter)
        if is_smoothed and last > 0 and at_ms[last] > end_ms:
            right = sums.between(samples[last - 1], samples[last], end_ms, is_counter=is_counter)
        if not is_counter and (left.counter_reset_hint, right.counter_reset_hint) != ("gauge", "gauge"):
            sums.notes.append(not_a_gauge(metric))
        result = sums.subtracted(right, left)
        if is_counter:
            skips_one = is_smoothed and at_ms[first] < start_ms and is_reset(histograms[first + 1], histograms[first])
            for lost in _lost(histograms, first, last, left, right, skips_one=skips_one):
                result = sums.added(result, lost)
    except MixedSchemas:
        return None, [*sums.notes, mixed_schemas(metric)]
    if is_rate:
        result = result.divided((end_ms - start_ms) / 1000)
    return result.with_hint("gauge").compacted(), sums.notes


def _lost(
    histograms: list[FloatHistogram],
    first: int,
    last: int,
    left: FloatHistogram,
    right: FloatHistogram,
    *,
    skips_one: bool,
) -> list[FloatHistogram]:
    """What counters stood at when they began again. `skips_one`: the left border already knows of the first time."""
    after, before = first + 1, left
    if skips_one:
        before, after = histograms[after], after + 1
    if after > last:
        return []
    lost = []
    for one in histograms[after:last]:
        if is_reset(one, before):
            lost.append(before)
        before = one
    if is_reset(right, before):
        lost.append(before)
    return lost
