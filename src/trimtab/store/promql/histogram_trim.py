"""Histograms without what lies above (`</`) or below (`>/`) a value.

The bucket that the value lies in is divided as if its observations were spread evenly (see `histogram_quantile`); the
sum becomes what the middles of the rest give. Nothing to cut: nothing changes, the sum stays exact.
"""

from __future__ import annotations

import math
from dataclasses import replace

from trimtab.store.promql.histogram import FloatHistogram, spans_of
from trimtab.store.promql.histogram_buckets import Bucket, bound_of
from trimtab.store.promql.histogram_quantile import share_below


def trimmed(histogram: FloatHistogram, at: float, *, is_upper: bool) -> FloatHistogram:
    """What is below `at` (`is_upper`: the upper part goes), or above it.

    >>> one = FloatHistogram(count=4.0, sum=9.0, positive_spans=((1, 2),), positive_buckets=(1.0, 3.0))
    >>> trimmed(one, 2.0, is_upper=True).positive
    {1: 1.0}
    """
    kept: dict[bool, dict[int, float]] = {True: {}, False: {}}
    total = count = 0.0
    is_cut = False
    filled = {True: False, False: False}
    for is_positive, counts in ((True, histogram.positive), (False, histogram.negative)):
        for index, population in counts.items():
            if population == 0:
                continue
            filled[is_positive] = True
            bucket = _bucket(histogram, index, population, is_positive=is_positive)
            rest, middle = _rest(bucket, at, is_upper=is_upper, is_linear=histogram.has_custom_buckets)
            kept[is_positive][index] = rest
            is_cut = is_cut or rest != population
            count += rest
            total += middle * rest
    zero_count = histogram.zero_count
    if zero_count > 0:
        zero_count, middle = _zero_rest(histogram, at, filled, is_upper=is_upper)
        is_cut = is_cut or zero_count != histogram.zero_count
        count += zero_count
        total += middle * zero_count
    if not is_cut:
        return histogram
    positive_spans, positive_buckets = spans_of(kept[True])
    negative_spans, negative_buckets = spans_of(kept[False])
    return replace(
        histogram,
        zero_count=zero_count,
        count=count,
        sum=total,
        positive_spans=positive_spans,
        negative_spans=negative_spans,
        positive_buckets=positive_buckets,
        negative_buckets=negative_buckets,
    )


def _bucket(histogram: FloatHistogram, index: int, population: float, *, is_positive: bool) -> Bucket:
    near = bound_of(index - 1, histogram.schema, histogram.custom_values)
    far = bound_of(index, histogram.schema, histogram.custom_values)
    return Bucket(near, far, population) if is_positive else Bucket(-far, -near, population)


def _rest(bucket: Bucket, at: float, *, is_upper: bool, is_linear: bool) -> tuple[float, float]:
    """How much of a bucket is left, and the middle of it."""
    is_whole = bucket.upper <= at if is_upper else bucket.lower >= at
    if is_whole:
        return bucket.population, _middle(bucket.lower, bucket.upper, is_linear=is_linear)
    if bucket.lower >= at if is_upper else bucket.upper <= at:
        return 0.0, 0.0
    if bucket.lower == -math.inf or bucket.upper == math.inf:
        return _open_rest(bucket, at, is_upper=is_upper)
    if at <= bucket.lower:
        below = 0.0
    elif at >= bucket.upper:
        below = bucket.population
    else:
        below = bucket.population * share_below(bucket, at, is_linear=is_linear)
    if is_upper:
        return below, _middle(bucket.lower, at, is_linear=is_linear)
    return bucket.population - below, _middle(at, bucket.upper, is_linear=is_linear)


def _open_rest(bucket: Bucket, at: float, *, is_upper: bool) -> tuple[float, float]:
    """Of a bucket that is open at one end. What is in it is somewhere: it stays or goes as a whole."""
    if bucket.lower == -math.inf:
        is_from_zero = bucket.upper > 0 and bucket.upper != math.inf
        if is_upper:
            if at > 0 and is_from_zero:
                return bucket.population * at / bucket.upper, at / 2
            return (bucket.population, at) if bucket.upper <= 0 else (0.0, 0.0)
        if at >= 0 and is_from_zero:
            return bucket.population * (1 - at / bucket.upper), (at + bucket.upper) / 2
        return 0.0, 0.0
    return (0.0, 0.0) if is_upper else (bucket.population, at)


def _zero_rest(
    histogram: FloatHistogram, at: float, filled: dict[bool, bool], *, is_upper: bool
) -> tuple[float, float]:
    lower = 0.0 if filled[True] and not filled[False] else -histogram.zero_threshold
    upper = 0.0 if filled[False] and not filled[True] else histogram.zero_threshold
    whole, nothing = (histogram.zero_count, (lower + upper) / 2), (0.0, 0.0)
    if at <= lower:
        return nothing if is_upper else whole
    if at >= upper:
        return whole if is_upper else nothing
    if is_upper:
        return histogram.zero_count * ((at - lower) / (upper - lower)), (lower + at) / 2
    return histogram.zero_count * ((upper - at) / (upper - lower)), (at + upper) / 2


def _middle(lower: float, upper: float, *, is_linear: bool) -> float:
    if math.isinf(lower):
        if math.isinf(upper):
            return 0.0
        return upper / 2 if upper > 0 else upper
    if math.isinf(upper):
        return lower
    if is_linear:
        return (lower + upper) / 2
    return math.copysign(math.sqrt(abs(lower * upper)), lower if lower != 0 else upper)
