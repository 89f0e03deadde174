"""A native histogram with float counts: a value that a sample may have instead of a number.

Buckets are sparse. A span `(offset, length)` says how many bucket indexes are skipped since the end of the span before
(the first offset is the index itself), and how many buckets follow. With a standard schema `n` (-4 to 8), bucket `i`
ends at `2 ** (i * 2**-n)` and begins where bucket `i - 1` ends; with schema -53 the bounds are `custom_values`, the
last bucket is open, and there is neither a zero bucket nor a negative one. Counts are absolute, never differences of
neighbours.

What is done with histograms stands beside this file: `histogram_buckets` (bounds, iteration), `histogram_sum` (addition
and subtraction), `histogram_reset`, `histogram_quantile`, `histogram_notation` (the text of test scripts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

CUSTOM_BUCKETS_SCHEMA = -53
SCHEMA_MIN = -4
SCHEMA_MAX = 8

CounterResetHint = Literal["unknown", "reset", "not_reset", "gauge"]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FloatHistogram:
    """One native histogram; `count` and `sum` are of all observations, `zero_count` of those in `±zero_threshold`."""

    counter_reset_hint: CounterResetHint = "unknown"
    schema: int = 0
    zero_threshold: float = 0.0
    zero_count: float = 0.0
    count: float = 0.0
    sum: float = 0.0
    positive_spans: tuple[Span, ...] = ()
    negative_spans: tuple[Span, ...] = ()
    positive_buckets: tuple[float, ...] = ()
    negative_buckets: tuple[float, ...] = ()
    custom_values: tuple[float, ...] = ()
    """Upper bounds of all buckets but the last, which is open; only with schema -53."""

    @property
    def has_custom_buckets(self) -> bool:
        """Whether the bounds are given one by one."""
        return self.schema == CUSTOM_BUCKETS_SCHEMA

    @property
    def positive(self) -> dict[int, float]:
        """Counts of the positive buckets by index, in ascending order of the index."""
        return _counts_of(self.positive_spans, self.positive_buckets)

    @property
    def negative(self) -> dict[int, float]:
        """Counts of the negative buckets by index; a greater index is further from zero."""
        return _counts_of(self.negative_spans, self.negative_buckets)

    def with_hint(self, hint: CounterResetHint) -> FloatHistogram:
        """The same histogram with another hint."""
        return self if hint == self.counter_reset_hint else replace(self, counter_reset_hint=hint)

    def scaled(self, factor: float) -> FloatHistogram:
        """All counts and the sum times `factor`; a negative factor makes a gauge of it.

        >>> FloatHistogram(count=3.0, sum=4.5, positive_spans=((1, 2),), positive_buckets=(1.0, 2.0)).scaled(2).sum
        9.0
        """
        return replace(
            self,
            counter_reset_hint="gauge" if factor < 0 else self.counter_reset_hint,
            zero_count=self.zero_count * factor,
            count=self.count * factor,
            sum=self.sum * factor,
            positive_buckets=tuple(count * factor for count in self.positive_buckets),
            negative_buckets=tuple(count * factor for count in self.negative_buckets),
        )

    def divided(self, divisor: float) -> FloatHistogram:
        """All counts and the sum divided; by zero, no buckets are left and the totals are infinite or NaN."""
        if divisor == 0:
            return replace(
                self,
                zero_count=_by_zero(self.zero_count, divisor),
                count=_by_zero(self.count, divisor),
                sum=_by_zero(self.sum, divisor),
                positive_spans=(),
                negative_spans=(),
                positive_buckets=(),
                negative_buckets=(),
            )
        return replace(
            self,
            counter_reset_hint="gauge" if divisor < 0 else self.counter_reset_hint,
            zero_count=self.zero_count / divisor,
            count=self.count / divisor,
            sum=self.sum / divisor,
            positive_buckets=tuple(count / divisor for count in self.positive_buckets),
            negative_buckets=tuple(count / divisor for count in self.negative_buckets),
        )

    def compacted(self) -> FloatHistogram:
        """The same histogram without empty buckets, in as few spans as there can be."""
        if _is_compact(self.positive_spans, self.positive_buckets) and _is_compact(
            self.negative_spans, self.negative_buckets
        ):
            return self
        positive_spans, positive_buckets = spans_of(self.positive)
        negative_spans, negative_buckets = spans_of(self.negative)
        return replace(
            self,
            positive_spans=positive_spans,
            positive_buckets=positive_buckets,
            negative_spans=negative_spans,
            negative_buckets=negative_buckets,
        )


def spans_of(counts: Mapping[int, float]) -> tuple[tuple[Span, ...], tuple[float, ...]]:
    """Spans and buckets of counts by index; empty buckets are left out.

    >>> spans_of({1: 2.0, 2: 0.0, 3: 1.0, 4: 5.0})
    (((1, 1), (1, 2)), (2.0, 1.0, 5.0))
    """
    indexes = sorted(index for index, count in counts.items() if count != 0)
    spans: list[list[int]] = []
    end = 0
    for index in indexes:
        if spans and index == end:
            spans[-1][1] += 1
        else:
            spans.append([index - end, 1])
        end = index + 1
    return tuple((offset, length) for offset, length in spans), tuple(counts[index] for index in indexes)


def _counts_of(spans: tuple[Span, ...], buckets: tuple[float, ...]) -> dict[int, float]:
    counts: dict[int, float] = {}
    index = at = 0
    for offset, length in spans:
        index += offset
        for count in buckets[at : at + length]:
            counts[index] = count
            index += 1
        at += length
    return counts


def _is_compact(spans: tuple[Span, ...], buckets: tuple[float, ...]) -> bool:
    return 0 not in buckets and all(length > 0 for _, length in spans) and all(b[0] > 0 for _, b in pairwise(spans))


def _by_zero(value: float, zero: float) -> float:
    if value == 0 or value != value:  # noqa: PLR0124
        return float("nan")
    is_negative = (value < 0) != (str(zero).startswith("-"))
    return float("-inf") if is_negative else float("inf")
