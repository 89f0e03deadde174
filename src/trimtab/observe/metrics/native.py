"""A native histogram of remote write as the value that the store keeps: absolute float counts, checked."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import isinf, isnan

from trimtab.model.errors import InputError
from trimtab.observe.metrics.remote_write_messages import Histogram, Span
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.promql.histogram import (
    CUSTOM_BUCKETS_SCHEMA,
    SCHEMA_MAX,
    SCHEMA_MIN,
    CounterResetHint,
    FloatHistogram,
)

_HINTS: tuple[CounterResetHint, ...] = ("unknown", "reset", "not_reset", "gauge")
_BUCKETS_MAX = 100_000


def is_stale(message: Histogram) -> bool:
    """Whether it says that its series ended."""
    return struct.pack("<d", message.sum) == struct.pack("<Q", STALE_BITS)


def histogram_of(message: Histogram) -> FloatHistogram:
    """The value; InputError says what does not fit together."""
    is_float = message.HasField("count_float")
    negative = _buckets("negative", message.negative_spans, message.negative_deltas, message.negative_counts)
    positive = _buckets("positive", message.positive_spans, message.positive_deltas, message.positive_counts)
    value = FloatHistogram(
        counter_reset_hint=_HINTS[message.reset_hint] if 0 <= message.reset_hint < len(_HINTS) else "unknown",
        schema=message.schema,
        zero_threshold=message.zero_threshold,
        zero_count=message.zero_count_float if message.HasField("zero_count_float") else float(message.zero_count_int),
        count=message.count_float if is_float else float(message.count_int),
        sum=message.sum,
        positive_spans=tuple((span.offset, span.length) for span in message.positive_spans),
        negative_spans=tuple((span.offset, span.length) for span in message.negative_spans),
        positive_buckets=positive,
        negative_buckets=negative,
        custom_values=tuple(message.custom_values),
    )
    check(value, is_float=is_float)
    return value


def check(value: FloatHistogram, *, is_float: bool) -> None:
    """InputError where the parts of a histogram contradict each other."""
    if value.schema == CUSTOM_BUCKETS_SCHEMA:
        _check_custom(value)
    elif not SCHEMA_MIN <= value.schema <= SCHEMA_MAX:
        raise InputError(
            f"a native histogram has a schema from {SCHEMA_MIN} to {SCHEMA_MAX}, or {CUSTOM_BUCKETS_SCHEMA}; "
            f"this one has {value.schema}",
            observed=value.schema,
        )
    elif value.custom_values:
        raise InputError(f"a native histogram of schema {value.schema} has no bounds of its own")
    counts = (value.zero_count, value.count, *value.positive_buckets, *value.negative_buckets)
    if not all(count >= 0 and not isinf(count) for count in counts):
        raise InputError("a native histogram has a count that is negative or no number")
    if not value.zero_threshold >= 0:
        raise InputError(f"a native histogram's zero threshold is not negative; this one is {value.zero_threshold:g}")
    in_buckets = value.zero_count + sum(value.positive_buckets) + sum(value.negative_buckets)
    fits = value.count >= in_buckets if isnan(value.sum) else value.count == in_buckets
    if not is_float and not fits:
        raise InputError(f"a native histogram counts {value.count:g}, and its buckets {in_buckets:g}")


def _check_custom(value: FloatHistogram) -> None:
    bounds = value.custom_values
    if any(isnan(bound) for bound in bounds) or not all(left < right for left, right in pairwise(bounds)):
        raise InputError("the bounds of a native histogram with bounds of its own must grow")
    if value.negative_buckets or value.zero_count or value.zero_threshold:
        raise InputError("a native histogram with bounds of its own has neither negative buckets nor a zero bucket")
    last = sum(offset + length for offset, length in value.positive_spans)
    if last > len(bounds) + 1:
        raise InputError(f"a native histogram has {len(bounds)} bounds, and a bucket number {last}")


def _buckets(side: str, spans: Sequence[Span], deltas: Sequence[int], counts: Sequence[float]) -> tuple[float, ...]:
    """Absolute counts of one side."""
    if any(span.offset < 0 for span in spans[1:]):
        raise InputError(f"{side} spans of a native histogram overlap")
    wanted = sum(span.length for span in spans)
    found = len(counts) or len(deltas)
    if wanted != found or wanted > _BUCKETS_MAX:
        raise InputError(f"{side} spans of a native histogram have {wanted} buckets, and there are {found} counts")
    return tuple(counts) if counts else tuple(float(count) for count in accumulate(deltas))
