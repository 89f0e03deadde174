"""How much native histograms grew in a window (`rate`, `increase`, `delta`), or at its end (`irate`, `idelta`)."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_binary import Value
from trimtab.store.promql.histogram_reset import is_reset
from trimtab.store.promql.histogram_sum import HistogramSum, MixedSchemas, added, reduced, subtracted
from trimtab.store.promql.notes import (
    Note,
    bounds_reconciled,
    mixed_in_range,
    mixed_schemas,
    not_a_counter,
    not_a_gauge,
)

Sample = tuple[int, int, Value]
"""Time and start in ms, and the value."""


def extrapolated(
    histograms: Sequence[FloatHistogram],
    at_ms: Sequence[int],
    start_ms: Sequence[int],
    window_ms: tuple[int, int],
    metric: str,
    *,
    is_counter: bool,
    is_rate: bool,
) -> tuple[FloatHistogram | None, list[Note], int]:
    """The growth from end to end of a window, as if it went on to its borders where samples are near them.

    Also gives how many samples began to count before the sample before them. A single sample grew only where it
    says that it began to count within the window.
    """
    from_ms, until_ms = window_ms
    grown, notes, overlaps_count = None, list[Note](), 0
    if len(histograms) > 1:
        grown, notes, overlaps_count = growth(histograms, at_ms, start_ms, metric, is_counter=is_counter)
        if grown is None:
            return None, notes, overlaps_count
    to_start_s, to_end_s = (at_ms[0] - from_ms) / 1000, (until_ms - at_ms[-1]) / 1000
    sampled_s = (at_ms[-1] - at_ms[0]) / 1000
    between_s = sampled_s / (len(at_ms) - 1) if len(at_ms) > 1 else 0.0
    threshold_s = between_s * 1.1
    if is_counter and from_ms < start_ms[0] < at_ms[0] and start_ms[0] != 0:
        to_start_s, sampled_s = 0.0, (at_ms[-1] - start_ms[0]) / 1000
        try:
            grown = added(grown, histograms[0])[0] if grown is not None else histograms[0]
        except MixedSchemas:
            return None, [*notes, mixed_schemas(metric)], overlaps_count
    elif grown is None:
        return None, notes, overlaps_count
    else:
        if to_start_s >= threshold_s:
            to_start_s = between_s / 2
        if is_counter and grown.count > 0 and histograms[0].count >= 0:
            to_start_s = min(to_start_s, sampled_s * (histograms[0].count / grown.count))
    if to_end_s >= threshold_s:
        to_end_s = between_s / 2
    factor = (sampled_s + to_start_s + to_end_s) / sampled_s if sampled_s != 0 else 1.0
    if is_rate:
        factor /= (until_ms - from_ms) / 1000
    return grown.scaled(factor), notes, overlaps_count


def instant(before: Sample, last: Sample, metric: str, *, is_rate: bool) -> tuple[Value | None, list[Note]]:
    """The growth from a sample to the next one; at least one of them is a histogram."""
    before_ms, before_start_ms, old = before
    last_ms, last_start_ms, new = last
    if not isinstance(old, FloatHistogram) or not isinstance(new, FloatHistogram):
        if isinstance(old, FloatHistogram) or isinstance(new, FloatHistogram):
            return None, [mixed_in_range(metric)]
        is_new = new < old or is_start_reset(before_start_ms, before_ms, last_start_ms, last_ms)
        grown = new if is_rate and is_new else new - old
        return (grown / ((last_ms - before_ms) / 1000) if is_rate else grown), []
    notes = []
    hints = (old.counter_reset_hint, new.counter_reset_hint)
    if is_rate and "gauge" in hints:
        notes.append(not_a_counter(metric))
    if not is_rate and hints != ("gauge", "gauge"):
        notes.append(not_a_gauge(metric))
    result = new
    if not is_rate or not (is_start_reset(before_start_ms, before_ms, last_start_ms, last_ms) or is_reset(new, old)):
        try:
            result, met = subtracted(new, old)
        except MixedSchemas:
            return None, [*notes, mixed_schemas(metric)]
        if met.bounds_differ:
            notes.append(bounds_reconciled("subtraction"))
    result = result.with_hint("gauge").compacted()
    return (result.divided((last_ms - before_ms) / 1000) if is_rate else result), notes


def is_start_reset(before_start_ms: int, before_ms: int, start_ms: int, at_ms: int) -> bool:
    """Whether a sample's start says that the series began anew since the sample before.

    >>> is_start_reset(0, 10, 15, 20), is_start_reset(5, 10, 5, 20), is_start_reset(5, 10, 10, 20)
    (True, False, True)
    """
    if start_ms == 0 or start_ms >= at_ms or start_ms < before_ms:
        return False
    if start_ms > before_ms:
        return True
    return 0 != before_start_ms < before_ms


def growth(
    histograms: Sequence[FloatHistogram],
    at_ms: Sequence[int],
    start_ms: Sequence[int],
    metric: str,
    *,
    is_counter: bool,
) -> tuple[FloatHistogram | None, list[Note], int]:
    first, last = histograms[0], histograms[-1]
    notes: list[Note] = []
    if is_counter and any(one.counter_reset_hint == "gauge" for one in histograms):
        notes.append(not_a_counter(metric))
    elif not is_counter and not first.counter_reset_hint == last.counter_reset_hint == "gauge":
        notes.append(not_a_gauge(metric))
    begun_anew = [
        is_counter
        and (
            is_start_reset(start_ms[at - 1], at_ms[at - 1], start_ms[at], at_ms[at])
            or is_reset(histograms[at], histograms[at - 1])
        )
        for at in range(1, len(histograms))
    ]
    base = first
    if begun_anew[0]:
        second = histograms[1]
        base = FloatHistogram(schema=second.schema, custom_values=second.custom_values)
    inner = histograms[1:-1] if is_counter else ()
    if any(one.has_custom_buckets != base.has_custom_buckets for one in (last, *inner)):
        return None, [*notes, mixed_schemas(metric)], 0
    schema = min(one.schema for one in (base, last, *inner))
    grown = HistogramSum(reduced(last, schema) if not last.has_custom_buckets else last)
    if grown.add(base, -1).bounds_differ:
        notes.append(bounds_reconciled("subtraction"))
    previous = base
    for is_new, one in zip(begun_anew, histograms[1:], strict=True):
        if is_new and grown.add(previous).bounds_differ:
            notes.append(bounds_reconciled("addition"))
        previous = one
    overlaps_count = 0
    if is_counter:
        pairs = zip(start_ms[1:], at_ms, start_ms, strict=False)
        overlaps_count = int(
            any(0 != begun < before and begun != begun_before for begun, before, begun_before in pairs)
        )
    return grown.value().with_hint("gauge"), notes, overlaps_count
