"""What a native histogram says about its observations: quantiles, fractions, mean, variance.

Within a bucket, observations are taken to be spread evenly: on a logarithmic scale in exponential buckets, on a linear
one in custom buckets and in the zero bucket.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_buckets import Bucket, all_buckets
from trimtab.store.promql.notes import Note, nan_excluded, nan_result, nan_skew


def quantile_of(quantile: float, histogram: FloatHistogram, metric: str = "") -> tuple[float, Note | None]:
    """The value that the share `quantile` of all observations does not exceed.

    NaN without observations; -Inf and +Inf outside of 0 to 1. Observations that are NaN stand above all buckets.

    >>> quantile_of(0.5, FloatHistogram(count=4.0, sum=1.0, positive_spans=((1, 1),), positive_buckets=(4.0,)))
    (1.4142135623730951, None)
    """
    if quantile < 0:
        return -math.inf, None
    if quantile > 1:
        return math.inf, None
    if histogram.count == 0 or math.isnan(quantile):
        return math.nan, None
    has_nan = math.isnan(histogram.sum)
    upwards = has_nan or quantile < 0.5
    buckets = iter(list(all_buckets(histogram)) if upwards else reversed(list(all_buckets(histogram))))
    rank = (quantile if upwards else 1 - quantile) * histogram.count
    bucket, reached = _bucket_at(buckets, rank)
    if histogram.has_custom_buckets:
        if bucket.lower == -math.inf:
            if bucket.upper <= 0:
                return bucket.upper, None
            bucket = bucket._replace(lower=0.0)
        elif bucket.upper == math.inf:
            return bucket.lower, None
    else:
        bucket = _one_sided(bucket, histogram) if bucket.lower < 0 < bucket.upper else bucket
    reached = min(reached, histogram.count)
    if reached < rank:
        return (math.nan, nan_result(metric)) if has_nan else (bucket.upper, None)
    rank = rank - (reached - bucket.population) if upwards else reached - rank
    note = None
    if has_nan and reached + sum(rest.population for rest in buckets) < histogram.count:
        note = nan_skew(metric)
    share = rank / bucket.population if bucket.population else math.nan
    if histogram.has_custom_buckets or bucket.lower <= 0 <= bucket.upper:
        return bucket.lower + (bucket.upper - bucket.lower) * share, note
    lower, upper = math.log2(abs(bucket.lower)), math.log2(abs(bucket.upper))
    if bucket.lower > 0:
        return 2.0 ** (lower + (upper - lower) * share), note
    return -(2.0 ** (upper + (lower - upper) * (1 - share))), note


def fraction_of(lower: float, upper: float, histogram: FloatHistogram, metric: str = "") -> tuple[float, Note | None]:
    """The share of observations between two values.

    >>> fraction_of(1.0, 2.0, FloatHistogram(count=4.0, positive_spans=((1, 2),), positive_buckets=(1.0, 3.0)))
    (0.25, None)
    """
    if histogram.count == 0 or math.isnan(lower) or math.isnan(upper):
        return math.nan, None
    if lower >= upper:
        return 0.0, None
    rank = 0.0
    ranks: list[float | None] = [None, None]
    buckets = list(all_buckets(histogram))
    for bucket in buckets:
        is_linear = histogram.has_custom_buckets
        if bucket.lower <= 0 <= bucket.upper:
            is_linear = True
            bucket = _one_sided(bucket, histogram)  # noqa: PLW2901
        for place, value in enumerate((lower, upper)):
            if ranks[place] is not None:
                continue
            if bucket.lower >= value:
                ranks[place] = rank
            elif bucket.upper > value:
                if is_linear and bucket.lower == -math.inf:
                    ranks[place] = bucket.population
                else:
                    ranks[place] = rank + bucket.population * share_below(bucket, value, is_linear=is_linear)
        if None not in ranks:
            break
        rank += bucket.population
    note, count = None, histogram.count
    if math.isnan(histogram.sum):
        count = sum(bucket.population for bucket in buckets)
        if count < histogram.count:
            note = nan_excluded(metric)
    low, high = (count if found is None else min(found, count) for found in ranks)
    return (high - low) / histogram.count, note


def variance_of(histogram: FloatHistogram) -> float:
    """The variance, as if each observation stood in the middle of its bucket."""
    mean = _divided(histogram.sum, histogram.count)
    total = lost = 0.0
    for bucket in all_buckets(histogram):
        if bucket.population == 0:
            continue
        if histogram.has_custom_buckets:
            middle = (bucket.upper + bucket.lower) / 2
        elif bucket.lower <= 0 <= bucket.upper:
            middle = 0.0
        else:
            middle = math.copysign(math.sqrt(bucket.upper * bucket.lower), bucket.upper)
        part = bucket.population * (middle - mean) * (middle - mean)
        together = total + part
        if math.isinf(together):
            lost = 0.0
        else:
            lost += (total - together) + part if abs(total) >= abs(part) else (part - together) + total
        total = together
    return _divided(total + lost, histogram.count)


def mean_of(histogram: FloatHistogram) -> float:
    """Sum by count; NaN without observations."""
    return _divided(histogram.sum, histogram.count)


def share_below(bucket: Bucket, value: float, *, is_linear: bool) -> float:
    """The share of a bucket's population below a value in it."""
    if is_linear:
        return (value - bucket.lower) / (bucket.upper - bucket.lower)
    lower, upper = math.log2(abs(bucket.lower)), math.log2(abs(bucket.upper))
    at = math.log2(abs(value))
    if value > 0:
        return (at - lower) / (upper - lower)
    return 1 - (at - upper) / (lower - upper)


def _bucket_at(buckets: Iterator[Bucket], rank: float) -> tuple[Bucket, float]:
    """The bucket in which the sum of populations reaches `rank` (else the last one), and the sum up to there."""
    last, reached = Bucket(0.0, 0.0, 0.0), 0.0
    for bucket in buckets:
        last = bucket
        if bucket.population == 0:
            continue
        reached += bucket.population
        if reached >= rank:
            break
    return last, reached


def _one_sided(bucket: Bucket, histogram: FloatHistogram) -> Bucket:
    """The zero bucket ends at zero on the side where the histogram has no buckets."""
    has_negative, has_positive = bool(histogram.negative_buckets), bool(histogram.positive_buckets)
    if has_positive and not has_negative:
        return bucket._replace(lower=0.0)
    if has_negative and not has_positive:
        return bucket._replace(upper=0.0)
    return bucket


def _divided(value: float, by: float) -> float:
    if by != 0:
        return value / by
    return math.nan if value == 0 or math.isnan(value) else math.copysign(math.inf, value)
