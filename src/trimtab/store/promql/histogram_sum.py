"""Sums and differences of native histograms, whatever their resolution.

Both sides are brought to what they have in common: the coarser schema, the wider zero bucket (widened further where
its end lies within a bucket that has something in it), the custom bounds that both have. Sums are compensated (Kahan,
Neumaier), so that a sum over many histograms is as exact as one over numbers; of two, it is the plain sum.
"""

from __future__ import annotations

import math
from copy import copy
from dataclasses import dataclass, replace
from typing import Literal

from trimtab.store.promql.histogram import CUSTOM_BUCKETS_SCHEMA, CounterResetHint, FloatHistogram, spans_of
from trimtab.store.promql.histogram_buckets import bound_of, index_at

_Term = tuple[float, float]  # the sum so far, and what its rounding lost


class MixedSchemas(Exception):
    """A histogram with custom buckets and one with exponential buckets: they have nothing in common."""


@dataclass(frozen=True, slots=True)
class Added:
    """What a sum of two met on its way."""

    hints_conflict: bool
    """One says that there was a reset, the other that there was none."""
    bounds_differ: bool
    """The custom bounds were not the same: only those that both have are left."""


class HistogramSum:
    """A sum of histograms that grows."""

    def __init__(self, first: FloatHistogram) -> None:
        self._hint: CounterResetHint = first.counter_reset_hint
        self._schema = first.schema
        self._custom_values = first.custom_values
        self._zero_threshold = first.zero_threshold
        self._zero: _Term = (first.zero_count, 0.0)
        self._count: _Term = (first.count, 0.0)
        self._sum: _Term = (first.sum, 0.0)
        self._positive: dict[int, _Term] = {index: (count, 0.0) for index, count in first.positive.items()}
        self._negative: dict[int, _Term] = {index: (count, 0.0) for index, count in first.negative.items()}

    def add(self, other: FloatHistogram, sign: Literal[1, -1] = 1) -> Added:
        """Add `other`, or with `sign=-1` take it away; raises `MixedSchemas` and is then as before."""
        if (self._schema == CUSTOM_BUCKETS_SCHEMA) != other.has_custom_buckets:
            raise MixedSchemas
        hints_conflict = self._meet_hint(other.counter_reset_hint)
        bounds_differ = False
        positive, negative = other.positive, other.negative
        if other.has_custom_buckets:
            if self._custom_values != other.custom_values:
                bounds_differ = True
                positive = self._meet_bounds(other, positive)
        else:
            zero_count = self._meet_zero(other)
            self._zero = _plus(self._zero, sign * zero_count)
            if other.schema < self._schema:
                self._positive = _coarser_terms(self._positive, self._schema, other.schema)
                self._negative = _coarser_terms(self._negative, self._schema, other.schema)
                self._schema = other.schema
            elif other.schema > self._schema:
                positive = coarser(positive, other.schema, self._schema)
                negative = coarser(negative, other.schema, self._schema)
            positive = self._beyond_zero(positive)
            negative = self._beyond_zero(negative)
        self._count = _plus(self._count, sign * other.count)
        self._sum = _plus(self._sum, sign * other.sum)
        for terms, counts in ((self._positive, positive), (self._negative, negative)):
            for index, count in counts.items():
                terms[index] = _plus(terms.get(index, (0.0, 0.0)), sign * count)
        return Added(hints_conflict, bounds_differ)

    def scale(self, factor: float) -> None:
        """Multiply all that is in it, and what rounding lost of it."""
        self._zero, self._count, self._sum = (_times(term, factor) for term in (self._zero, self._count, self._sum))
        self._positive = {index: _times(term, factor) for index, term in self._positive.items()}
        self._negative = {index: _times(term, factor) for index, term in self._negative.items()}

    @property
    def has_overflow(self) -> bool:
        """Whether anything in it is beyond all numbers."""
        terms = (self._zero, self._count, self._sum, *self._positive.values(), *self._negative.values())
        return any(math.isinf(total) for total, _ in terms)

    def copied(self) -> HistogramSum:
        """Another sum of the same."""
        other = copy(self)
        other._positive, other._negative = dict(self._positive), dict(self._negative)
        return other

    def value(self) -> FloatHistogram:
        """The sum, without empty buckets."""
        positive_spans, positive_buckets = spans_of({index: _total(term) for index, term in self._positive.items()})
        negative_spans, negative_buckets = spans_of({index: _total(term) for index, term in self._negative.items()})
        return FloatHistogram(
            counter_reset_hint=self._hint,
            schema=self._schema,
            zero_threshold=self._zero_threshold,
            zero_count=_total(self._zero),
            count=_total(self._count),
            sum=_total(self._sum),
            positive_spans=positive_spans,
            negative_spans=negative_spans,
            positive_buckets=positive_buckets,
            negative_buckets=negative_buckets,
            custom_values=self._custom_values,
        )

    def _meet_hint(self, other: CounterResetHint) -> bool:
        hints = {self._hint, other}
        if len(hints) == 1:
            return False
        if "gauge" in hints:
            self._hint = "gauge"
            return False
        self._hint = "unknown"
        return "unknown" not in hints

    def _meet_bounds(self, other: FloatHistogram, positive: dict[int, float]) -> dict[int, float]:
        bounds = common_bounds(self._custom_values, other.custom_values)
        terms: dict[int, _Term] = {}
        for index, term in self._positive.items():
            target = _index_in(bounds, self._custom_values, index)
            terms[target] = _plus(_plus(terms.get(target, (0.0, 0.0)), term[0]), term[1])
        self._positive = terms
        mapped = to_bounds(positive, other.custom_values, bounds)
        self._custom_values = bounds
        return mapped

    def _meet_zero(self, other: FloatHistogram) -> float:
        """Widen the zero bucket until both sides have the same; what is then in the one of `other`."""
        threshold, zero_count = other.zero_threshold, other.zero_count
        while threshold != self._zero_threshold:
            if self._zero_threshold > threshold:
                threshold, zero_count = widened_zero(other, self._zero_threshold)
            if threshold > self._zero_threshold:
                mine = self.value()
                self._zero_threshold, count = widened_zero(mine, threshold)
                self._zero = (count, 0.0)
                self._positive = self._terms_beyond_zero(self._positive)
                self._negative = self._terms_beyond_zero(self._negative)
        return zero_count

    def _beyond_zero(self, counts: dict[int, float]) -> dict[int, float]:
        if not self._zero_threshold:
            return counts
        return {i: count for i, count in counts.items() if bound_of(i, self._schema) > self._zero_threshold}

    def _terms_beyond_zero(self, terms: dict[int, _Term]) -> dict[int, _Term]:
        return {i: term for i, term in terms.items() if bound_of(i - 1, self._schema) >= self._zero_threshold}


def added(left: FloatHistogram, right: FloatHistogram) -> tuple[FloatHistogram, Added]:
    """`left + right`; raises `MixedSchemas`.

    >>> one = FloatHistogram(schema=0, count=3.0, sum=2.0, positive_spans=((1, 2),), positive_buckets=(1.0, 2.0))
    >>> two = FloatHistogram(schema=1, count=1.0, sum=1.5, positive_spans=((2, 1),), positive_buckets=(1.0,))
    >>> added(one, two)[0].positive
    {1: 2.0, 2: 2.0}
    """
    total = HistogramSum(left)
    met = total.add(right)
    return total.value(), met


def subtracted(left: FloatHistogram, right: FloatHistogram) -> tuple[FloatHistogram, Added]:
    """`left - right`; raises `MixedSchemas`. The hint is what addition would give: callers that mean a gauge say so."""
    total = HistogramSum(left)
    met = total.add(right, -1)
    return total.value(), met


def coarser(counts: dict[int, float], schema: int, to_schema: int) -> dict[int, float]:
    """The counts in a coarser schema."""
    if schema == to_schema:
        return counts
    result: dict[int, float] = {}
    for index, count in counts.items():
        target = index_at(index, schema, to_schema)
        result[target] = result.get(target, 0.0) + count
    return result


def reduced(histogram: FloatHistogram, schema: int) -> FloatHistogram:
    """The histogram in a coarser schema."""
    if schema == histogram.schema:
        return histogram
    positive_spans, positive_buckets = spans_of(coarser(histogram.positive, histogram.schema, schema))
    negative_spans, negative_buckets = spans_of(coarser(histogram.negative, histogram.schema, schema))
    return replace(
        histogram,
        counter_reset_hint="unknown",
        schema=schema,
        positive_spans=positive_spans,
        negative_spans=negative_spans,
        positive_buckets=positive_buckets,
        negative_buckets=negative_buckets,
    )


def common_bounds(left: tuple[float, ...], right: tuple[float, ...]) -> tuple[float, ...]:
    """The bounds that both have."""
    others = set(right)
    return tuple(bound for bound in left if bound in others)


def to_bounds(counts: dict[int, float], bounds: tuple[float, ...], fewer: tuple[float, ...]) -> dict[int, float]:
    """Counts by custom bounds, by fewer of them."""
    result: dict[int, float] = {}
    for index, count in counts.items():
        target = _index_in(fewer, bounds, index)
        result[target] = result.get(target, 0.0) + count
    return result


def widened_zero(histogram: FloatHistogram, threshold: float) -> tuple[float, float]:
    """The zero bucket up to `threshold`, or to the end of the bucket with something in it that `threshold` lies in.

    Gives the threshold and the count.
    """
    if threshold == histogram.zero_threshold:
        return threshold, histogram.zero_count
    schema = histogram.schema
    sides = (histogram.positive, histogram.negative)
    while True:
        zero: _Term = (histogram.zero_count, 0.0)
        is_wide_enough = True
        for side in sides:
            for index, count in side.items():
                if bound_of(index - 1, schema) >= threshold:
                    break
                zero = _plus(zero, count)
                upper = bound_of(index, schema)
                if upper > threshold and count != 0:
                    threshold = upper
                    is_wide_enough = side is sides[0]
                    break
            if not is_wide_enough:
                break
        if is_wide_enough:
            return threshold, _total(zero)


def _index_in(fewer: tuple[float, ...], bounds: tuple[float, ...], index: int) -> int:
    if index >= len(bounds):
        return len(fewer)
    bound = bounds[index]
    return next((at for at, upper in enumerate(fewer) if upper >= bound), len(fewer))


def _coarser_terms(terms: dict[int, _Term], schema: int, to_schema: int) -> dict[int, _Term]:
    result: dict[int, _Term] = {}
    for index, (value, lost) in terms.items():
        target = index_at(index, schema, to_schema)
        result[target] = _plus(_plus(result.get(target, (0.0, 0.0)), value), lost)
    return result


def _plus(term: _Term, value: float) -> _Term:
    total, lost = term
    together = total + value
    if math.isinf(together):
        return together, 0.0
    if abs(total) >= abs(value):
        return together, lost + ((total - together) + value)
    return together, lost + ((value - together) + total)


def _times(term: _Term, factor: float) -> _Term:
    return term[0] * factor, term[1] * factor


def _total(term: _Term) -> float:
    return term[0] + term[1]
