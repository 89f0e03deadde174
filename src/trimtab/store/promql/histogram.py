"""A native histogram with float counts: a value that a sample may have instead of a number.

Buckets are sparse. A span `(offset, length)` says how many bucket indexes are skipped since the end of the span before
(the first offset is the index itself), and how many buckets follow. With a standard schema `n` (-4 to 8), bucket `i` is
`(2 ** (2**-n) * (i-1), 2 ** (2**-n) * i]` as powers; with schema -53 the bounds are `custom_values`, the last bucket is
open, and there is neither a zero bucket nor a negative one. Counts are absolute, never differences of neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
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
