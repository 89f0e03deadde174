"""A native histogram as remote read and remote write have it: prometheus.Histogram, with float counts.

Field numbers are those of Prometheus' `types.proto`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from trimtab.api.prometheus.wire import field, varint
from trimtab.store.promql.histogram import CounterResetHint, FloatHistogram, Span

_HINTS: dict[CounterResetHint, int] = {"unknown": 0, "reset": 1, "not_reset": 2, "gauge": 3}


def encode_histogram(at_ms: int, histogram: FloatHistogram) -> bytes:
    """One message.

    >>> len(encode_histogram(0, FloatHistogram()))
    42
    """
    parts = [
        _double(2, histogram.count),
        _double(3, histogram.sum),
        b"\x20" + varint(_zigzag(histogram.schema)),
        _double(5, histogram.zero_threshold),
        _double(7, histogram.zero_count),
        *(field(8, _span(span)) for span in histogram.negative_spans),
        _doubles(10, histogram.negative_buckets),
        *(field(11, _span(span)) for span in histogram.positive_spans),
        _doubles(13, histogram.positive_buckets),
        b"\x70" + varint(_HINTS[histogram.counter_reset_hint]),
        b"\x78" + varint(at_ms),
        _doubles(16, histogram.custom_values),
    ]
    return b"".join(parts)


def _double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def _doubles(number: int, values: Iterable[float]) -> bytes:
    """Packed; nothing where there are none."""
    packed = b"".join(struct.pack("<d", value) for value in values)
    return field(number, packed) if packed else b""


def _span(span: Span) -> bytes:
    offset, length = span
    return b"\x08" + varint(_zigzag(offset)) + b"\x10" + varint(length)


def _zigzag(number: int) -> int:
    """Signed numbers with small amounts as small numbers.

    >>> [_zigzag(number) for number in (0, -1, 1, -53)]
    [0, 1, 2, 105]
    """
    return (number << 1) ^ (number >> 63)
