"""Native histograms as bytes: msgpack, with counts that are whole numbers as integers (most are, of a byte or two).

>>> one = FloatHistogram(count=3.0, sum=2.5, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0))
>>> decoded(encoded(one)) == one
True
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import msgspec
import pyarrow as pa

from trimtab.model.errors import StoreError
from trimtab.store.promql.histogram import CounterResetHint, FloatHistogram, Span

_HINTS: tuple[CounterResetHint, ...] = ("unknown", "reset", "not_reset", "gauge")
_WHOLE_MAX = 2.0**53

_Row = tuple[
    int,
    int,
    float,
    float,
    float,
    float,
    tuple[Span, ...],
    tuple[Span, ...],
    tuple[float, ...],
    tuple[float, ...],
    tuple[float, ...],
]
_decoder = msgspec.msgpack.Decoder(_Row)


def _small(value: float) -> float:
    """A whole number as an integer; -0.0 is none."""
    if value == 0.0 and str(value)[0] == "-":
        return value
    return int(value) if -_WHOLE_MAX < value < _WHOLE_MAX and value == int(value) else value


def _all_small(values: Iterable[float]) -> tuple[float, ...]:
    return tuple([_small(value) for value in values])


def encoded(histogram: FloatHistogram) -> bytes:
    """Bytes that `decoded` reads."""
    return msgspec.msgpack.encode(
        (
            _HINTS.index(histogram.counter_reset_hint),
            histogram.schema,
            histogram.zero_threshold,
            _small(histogram.zero_count),
            _small(histogram.count),
            histogram.sum,
            histogram.positive_spans,
            histogram.negative_spans,
            _all_small(histogram.positive_buckets),
            _all_small(histogram.negative_buckets),
            histogram.custom_values,
        )
    )


def bytes_of(column: pa.ChunkedArray) -> list[bytes]:
    """Encoded histograms as the engine gives them: it calls all bytes text."""
    found: list[bytes] = column.cast(pa.binary()).to_pylist()
    return found


def decoded(data: bytes) -> FloatHistogram:
    """The histogram; StoreError where the bytes are of something else."""
    try:
        row = _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise StoreError(f"a stored histogram cannot be read: {error}") from error
    hint, schema, zero_threshold, zero_count, count, sum_, positive, negative, above, below, custom = row
    return FloatHistogram(
        counter_reset_hint=cast("CounterResetHint", _HINTS[hint]),
        schema=schema,
        zero_threshold=zero_threshold,
        zero_count=zero_count,
        count=count,
        sum=sum_,
        positive_spans=positive,
        negative_spans=negative,
        positive_buckets=above,
        negative_buckets=below,
        custom_values=custom,
    )
