"""Whether the counters of a native histogram began again since the sample before."""

from __future__ import annotations

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_buckets import bound_of
from trimtab.store.promql.histogram_sum import coarser, common_bounds, to_bounds, widened_zero


def is_reset(current: FloatHistogram, previous: FloatHistogram) -> bool:
    """Whether any count of `previous` is greater in it than in `current`, or could not have become what is there.

    A hint `reset` or `not_reset` of `current` is believed. A finer schema, a narrower zero bucket, or other kinds of
    buckets mean a reset, since histograms only ever become coarser without one.

    >>> before = FloatHistogram(count=3.0, positive_spans=((1, 1),), positive_buckets=(3.0,))
    >>> after = FloatHistogram(count=4.0, positive_spans=((2, 1),), positive_buckets=(4.0,))
    >>> is_reset(after, before), is_reset(after.with_hint("not_reset"), before)
    (True, False)
    """
    if current.counter_reset_hint in ("reset", "not_reset"):
        return current.counter_reset_hint == "reset"
    if current.count < previous.count:
        return True
    if current.has_custom_buckets:
        return not previous.has_custom_buckets or _is_custom_reset(current, previous)
    if current.schema > previous.schema or current.zero_threshold < previous.zero_threshold:
        return True
    if previous.has_custom_buckets:
        return True
    threshold, zero_count = widened_zero(previous, current.zero_threshold)
    if threshold != current.zero_threshold or current.zero_count < zero_count:
        return True
    for now, before in ((current.positive, previous.positive), (current.negative, previous.negative)):
        for index, count in coarser(before, previous.schema, current.schema).items():
            if bound_of(index, current.schema) > threshold and count > now.get(index, 0.0):
                return True
    return False


def _is_custom_reset(current: FloatHistogram, previous: FloatHistogram) -> bool:
    now, before = current.positive, previous.positive
    if current.custom_values != previous.custom_values:
        bounds = common_bounds(current.custom_values, previous.custom_values)
        now = to_bounds(now, current.custom_values, bounds)
        before = to_bounds(before, previous.custom_values, bounds)
    return any(count > now.get(index, 0.0) for index, count in before.items())
