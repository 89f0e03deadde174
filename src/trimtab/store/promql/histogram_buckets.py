"""Where the buckets of a native histogram begin and end, and all of them in order."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from trimtab.store.promql.histogram import CUSTOM_BUCKETS_SCHEMA, FloatHistogram


class Bucket(NamedTuple):
    """A bucket with its bounds (`lower < upper`), and how many observations are in it."""

    lower: float
    upper: float
    population: float


@lru_cache(maxsize=65_536)
def bound_of(index: int, schema: int, custom_values: tuple[float, ...] = ()) -> float:
    """The upper bound of the bucket `index` (of positive ones); that of `index - 1` is its lower bound.

    >>> bound_of(1, 0), bound_of(0, 0), bound_of(1, 1), bound_of(-1, 0)
    (2.0, 1.0, 1.4142135623730951, 0.5)
    >>> bound_of(-1, -53, (5.0, 10.0)), bound_of(1, -53, (5.0, 10.0)), bound_of(2, -53, (5.0, 10.0))
    (-inf, 10.0, inf)
    """
    if schema == CUSTOM_BUCKETS_SCHEMA:
        if index < 0:
            return -math.inf
        return custom_values[index] if index < len(custom_values) else math.inf
    if schema <= 0:
        exponent, part = index << -schema, 0
    else:
        exponent, part = index >> schema, index & ((1 << schema) - 1)
    if exponent == 1024 and part == 0:
        return sys.float_info.max
    if exponent >= 1024:
        return math.inf
    return math.ldexp(2.0 ** (part / (1 << max(schema, 0))), exponent)


def index_at(index: int, schema: int, coarser_schema: int) -> int:
    """The bucket of a coarser schema that has all of the bucket `index` in it.

    >>> [index_at(index, 1, 0) for index in (-1, 0, 1, 2, 3)]
    [0, 0, 1, 1, 2]
    """
    return ((index - 1) >> (schema - coarser_schema)) + 1


def positive_buckets(histogram: FloatHistogram) -> list[Bucket]:
    """From the one beside zero upwards."""
    schema, custom = histogram.schema, histogram.custom_values
    return [
        Bucket(bound_of(index - 1, schema, custom), bound_of(index, schema, custom), count)
        for index, count in histogram.positive.items()
    ]


def negative_buckets(histogram: FloatHistogram) -> list[Bucket]:
    """From the one beside zero downwards."""
    schema = histogram.schema
    return [
        Bucket(-bound_of(index, schema), -bound_of(index - 1, schema), count)
        for index, count in histogram.negative.items()
    ]


def all_buckets(histogram: FloatHistogram) -> Iterator[Bucket]:
    """All buckets upwards; those beside the zero bucket begin where it ends.

    >>> [bucket.lower for bucket in all_buckets(FloatHistogram(
    ...     zero_threshold=0.75, zero_count=2.0, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0)))]
    [-0.75, 0.75, 1.0]
    """
    zero = histogram.zero_threshold
    for bucket in reversed(negative_buckets(histogram)):
        yield _clipped(bucket, zero)
    if histogram.zero_count > 0:
        yield Bucket(-zero, zero, histogram.zero_count)
    for bucket in positive_buckets(histogram):
        yield _clipped(bucket, zero)


def _clipped(bucket: Bucket, zero: float) -> Bucket:
    if -zero < bucket.upper < 0:
        return bucket._replace(upper=-zero)
    if 0 < bucket.lower < zero:
        return bucket._replace(lower=zero)
    return bucket
