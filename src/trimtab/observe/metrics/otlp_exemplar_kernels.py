"""Exemplars of OTLP, from protobuf to columns (`store.metrics.exemplar_columns`), many at a time.

Whatever is out of the ordinary (broken, or with attributes that a view left over) is left to who reads one at a time.
"""

from __future__ import annotations

import numpy as np

from trimtab.observe.metrics.wire_kernels import Bytes, Number, Numbers, skipped, tag, varint
from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64, U8, Mask
from trimtab.store.unaligned import word

_ID_BYTES_MAX = 32
_SPAN, _TRACE = 0, 1
"""In the order of their names."""
_NAMES = np.frombuffer(b"span_idtrace_id", np.uint8).copy()
_NAME_ENDS = np.array([0, 7, 15])


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64)")
def bounds_at(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number]:
    """Where the bounds of a histogram's point stand, and end; none where it has no counts. -1 for the last: it is out
    of the ordinary."""
    first = last = np.int64(0)
    has_counts = False
    while at < end:
        key, at = tag(body, at, end)
        if at < 0:
            return first, last, np.int64(-1)
        if key == 0x3A and first == 0:
            length, at = varint(body, at, end)
            if at < 0 or length < 0 or length > end - at or length & 7:
                return first, last, np.int64(-1)
            first, last = at, at + length
            at = last
        elif key >> 3 == 7:
            return first, last, np.int64(-1)
        else:
            has_counts |= key >> 3 == 6
            at = skipped(body, at, end, key & 7)
            if at < 0:
                return first, last, np.int64(-1)
    return first, last if has_counts else first, np.int64(0)


@kernel("int64(uint8[::1], int64, int64, float64, float64[::1])")
def bucket_of(body: Bytes, at: Number, end: Number, value: float, scratch: F64) -> Number:
    """How many bounds are less than a value (of NaN: all). `scratch` has room for one number."""
    bits = scratch.view(np.int64)
    found = np.int64(0)
    while at < end:
        bits[0] = np.int64(word(body, at))
        if not (scratch[0] < value or np.isnan(value)):
            break
        found += 1
        at += 8
    return found


@kernel(
    "Tuple((int64[::1], float64[::1], int64[::1], int64[::1], int64[::1], uint8[::1], boolean[::1]))"
    "(uint8[::1], int64[:, ::1], int64[:, ::1], uint8[::1], int64[::1])"
)
def exemplars_of_messages(
    body: Bytes, places: Numbers, points: Numbers, names: Bytes, name_ends: Numbers
) -> tuple[I64, F64, I64, I64, I64, U8, Mask]:
    """Exemplars that stand at `places` (start, end), each of a point that stands at `points` (start, end; 0, 0: it is
    none of a histogram): times, values, buckets, the columns of labels; and which are out of the ordinary."""
    rows = len(places)
    at_ms, values, buckets = np.zeros(rows, np.int64), np.zeros(rows), np.zeros(rows, np.int64)
    is_odd = np.zeros(rows, np.bool_)
    bits = values.view(np.int64)
    scratch = np.empty(1)
    pairs = np.zeros(rows + 1, np.int64)
    ends = np.zeros(4 * rows + 1, np.int64)
    text = np.empty(rows * (len(names) + 4 * _ID_BYTES_MAX), np.uint8)
    ids = np.zeros((2, 2), np.int64)
    point = bounds_first = bounds_last = np.int64(0)
    texts_count = written = np.int64(0)
    for row in range(rows):
        at, end = places[row, 0], places[row, 1]
        ids[:] = 0
        odd = False
        while at < end and not odd:
            key = body[at]
            at += 1
            if key in (0x11, 0x19, 0x31):
                odd = bool(end - at < 8)
                if not odd:
                    number = np.int64(word(body, at))
                    at += 8
                    if key == 0x11:
                        odd = bool(number < 0)
                        at_ms[row] = number // 1_000_000
                    elif key == 0x19:
                        bits[row] = number
                    else:
                        values[row] = np.float64(number)
            elif key in (0x22, 0x2A):
                length, at = varint(body, at, end)
                odd = bool(at < 0 or not 0 <= length <= min(end - at, _ID_BYTES_MAX))
                which = _SPAN if key == 0x22 else _TRACE
                ids[which, 0], ids[which, 1] = at, at + length
                at += length
            else:
                odd = True
        if points[row, 1] > 0 and not odd:
            if points[row, 0] != point:
                point = points[row, 0]
                bounds_first, bounds_last, state = bounds_at(body, point, points[row, 1])
                if state < 0:
                    odd, point = True, np.int64(0)
            if not odd:
                buckets[row] = bucket_of(body, bounds_first, bounds_last, values[row], scratch)
        is_odd[row] = odd
        if not odd:
            for which in range(2):
                if ids[which, 1] > ids[which, 0]:
                    for step in range(name_ends[which], name_ends[which + 1]):
                        text[written] = names[step]
                        written += 1
                    ends[texts_count + 1] = written
                    for step in range(ids[which, 0], ids[which, 1]):
                        byte = np.int64(body[step])
                        high, low = byte >> 4, byte & 15
                        text[written] = high + (48 if high < 10 else 87)
                        text[written + 1] = low + (48 if low < 10 else 87)
                        written += 2
                    ends[texts_count + 2] = written
                    texts_count += 2
        pairs[row + 1] = texts_count // 2
    return at_ms, values, buckets, pairs, ends[: texts_count + 1].copy(), text[:written].copy(), is_odd


def names_of_ids() -> tuple[U8, I64]:
    """For `exemplars_of_messages`."""
    return _NAMES, _NAME_ENDS
