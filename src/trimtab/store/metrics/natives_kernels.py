"""Native histograms as bytes, written as `histogram_codec.encoded` writes them, bit for bit: msgpack, with integers for
whole numbers."""

from __future__ import annotations

import math

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64, U8

_WHOLE_MAX = 2.0**53
FIXED_BYTES = 80
SPAN_BYTES = 11
NUMBER_BYTES = 9
"""At most: of a histogram without anything in it, of each span, of each count and each bound."""


@kernel("int64(uint8[::1], int64, int64, int64, int64)")
def put_big_endian(out: U8, at: np.int64, first: np.int64, value: np.int64, size: np.int64) -> np.int64:
    """A byte that says what follows, and the lower bytes of a number."""
    out[at] = first
    for place in range(size):
        out[at + 1 + place] = (value >> (8 * (size - 1 - place))) & 0xFF
    return at + 1 + size


@kernel("int64(uint8[::1], int64, int64)")
def put_whole(out: U8, at: np.int64, value: np.int64) -> np.int64:
    """An integer, in as few bytes as there can be."""
    if -32 <= value < 128:
        out[at] = value & 0xFF
        return at + np.int64(1)
    if value >= 0:
        if value < 1 << 8:
            return put_big_endian(out, at, np.int64(0xCC), value, np.int64(1))
        if value < 1 << 16:
            return put_big_endian(out, at, np.int64(0xCD), value, np.int64(2))
        if value < 1 << 32:
            return put_big_endian(out, at, np.int64(0xCE), value, np.int64(4))
        return put_big_endian(out, at, np.int64(0xCF), value, np.int64(8))
    if value >= -(1 << 7):
        return put_big_endian(out, at, np.int64(0xD0), value, np.int64(1))
    if value >= -(1 << 15):
        return put_big_endian(out, at, np.int64(0xD1), value, np.int64(2))
    if value >= -(1 << 31):
        return put_big_endian(out, at, np.int64(0xD2), value, np.int64(4))
    return put_big_endian(out, at, np.int64(0xD3), value, np.int64(8))


@kernel("int64(uint8[::1], int64, float64, float64[::1])")
def put_double(out: U8, at: np.int64, value: np.float64, scratch: F64) -> np.int64:
    """Eight bytes. `scratch` has room for one number."""
    scratch[0] = value
    return put_big_endian(out, at, np.int64(0xCB), scratch.view(np.int64)[0], np.int64(8))


@kernel("int64(uint8[::1], int64, float64, float64[::1])")
def put_number(out: U8, at: np.int64, value: np.float64, scratch: F64) -> np.int64:
    """A count: an integer where it is a whole number (-0.0 is none)."""
    if (
        -_WHOLE_MAX < value < _WHOLE_MAX
        and value == math.floor(value)
        and (value != 0.0 or math.copysign(1, value) > 0)
    ):
        return put_whole(out, at, np.int64(value))
    return put_double(out, at, value, scratch)


@kernel("int64(uint8[::1], int64, int64)")
def put_length(out: U8, at: np.int64, length: np.int64) -> np.int64:
    """The beginning of an array."""
    if length < 16:
        out[at] = 0x90 | length
        return at + np.int64(1)
    if length < 1 << 16:
        return put_big_endian(out, at, np.int64(0xDC), length, np.int64(2))
    return put_big_endian(out, at, np.int64(0xDD), length, np.int64(4))


@kernel("int64(uint8[::1], int64, int64[:, ::1], int64, int64)")
def put_spans(out: U8, at: np.int64, spans: I64, first: np.int64, end: np.int64) -> np.int64:
    """Offsets and lengths."""
    at = put_length(out, at, end - first)
    for row in range(first, end):
        out[at] = 0x92
        at = put_whole(out, put_whole(out, at + 1, spans[row, 0]), spans[row, 1])
    return at


@kernel(
    "int64(uint8[::1], int64, int64, int64, float64[::1], int64[:, ::1], int64, int64, float64[::1], int64, int64,"
    " float64[::1], int64, float64[::1])"
)
def put_native(
    out: U8,
    at: np.int64,
    hint: np.int64,
    schema: np.int64,
    totals: F64,
    spans: I64,
    positive_spans: np.int64,
    spans_count: np.int64,
    counts: F64,
    positive_counts: np.int64,
    counts_count: np.int64,
    bounds: F64,
    bounds_count: np.int64,
    scratch: F64,
) -> np.int64:
    """One histogram; answers where it ends. `totals` are zero threshold, zero count, count and sum; of `spans` and
    `counts` the positive ones come first."""
    out[at] = 0x9B
    at = put_whole(out, put_whole(out, at + 1, hint), schema)
    at = put_double(out, at, totals[0], scratch)
    at = put_number(out, at, totals[1], scratch)
    at = put_number(out, at, totals[2], scratch)
    at = put_double(out, at, totals[3], scratch)
    at = put_spans(out, at, spans, np.int64(0), positive_spans)
    at = put_spans(out, at, spans, positive_spans, spans_count)
    at = put_length(out, at, positive_counts)
    for place in range(positive_counts):
        at = put_number(out, at, counts[place], scratch)
    at = put_length(out, at, counts_count - positive_counts)
    for place in range(positive_counts, counts_count):
        at = put_number(out, at, counts[place], scratch)
    at = put_length(out, at, bounds_count)
    for place in range(bounds_count):
        at = put_double(out, at, bounds[place], scratch)
    return at


@kernel("Tuple((uint8[::1], int64[::1]))(uint8[::1], int64[::1], int64[::1])")
def pick(data: U8, offsets: I64, rows: I64) -> tuple[U8, I64]:
    """Some of the pieces `[offsets[i], offsets[i + 1])`, in that order."""
    found = np.empty(len(rows) + 1, np.int64)
    found[0] = 0
    for place in range(len(rows)):
        row = rows[place]
        found[place + 1] = found[place] + offsets[row + 1] - offsets[row]
    out = np.empty(found[-1], np.uint8)
    for place in range(len(rows)):
        first = offsets[rows[place]]
        for step in range(found[place + 1] - found[place]):
            out[found[place] + step] = data[first + step]
    return out, found
