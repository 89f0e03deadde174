"""Exemplars of remote write, from protobuf to columns (`store.metrics.exemplar_columns`), many at a time.

Whatever is out of the ordinary (broken, not ASCII, labels that are too long) is left to who reads one at a time.
"""

from __future__ import annotations

import numpy as np

from trimtab.observe.metrics.wire_kernels import Bytes, Number, Numbers, varint
from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64, U8, Mask
from trimtab.store.unaligned import word

_PAIRS_MAX = 64
_LABEL_BYTES_MAX = 1024


@kernel("boolean(uint8[::1], int64[::1], int64[::1])")
def is_less(body: Bytes, one: I64, other: I64) -> bool:
    """Whether a pair (starts and ends of name and value) comes before another."""
    for side in range(0, 4, 2):
        one_size, other_size = one[side + 1] - one[side], other[side + 1] - other[side]
        for step in range(min(one_size, other_size)):
            left, right = body[one[side] + step], body[other[side] + step]
            if left != right:
                return bool(left < right)
        if one_size != other_size:
            return bool(one_size < other_size)
    return False


@kernel("boolean(uint8[::1], int64, int64, int64[::1])")
def pair_of(body: Bytes, at: Number, end: Number, pair: I64) -> bool:
    """Starts and ends of the name and the value of a Label; False where it is out of the ordinary."""
    pair[:] = at
    while at < end:
        key = body[at]
        length, at = varint(body, at + 1, end)
        if at < 0 or length < 0 or length > end - at or key not in (0x0A, 0x12):
            return False
        side = 0 if key == 0x0A else 2
        pair[side], pair[side + 1] = at, at + length
        at += length
    return True


@kernel(
    "Tuple((int64[::1], float64[::1], int64[::1], int64[::1], uint8[::1], boolean[::1]))"
    "(uint8[::1], int64[:, ::1], int64[:, ::1], boolean)"
)
def exemplars_of_messages(
    body: Bytes, places: Numbers, symbols: Numbers, has_symbols: bool
) -> tuple[I64, F64, I64, I64, U8, Mask]:
    """Exemplars that stand at `places` (start, end): times, values, the columns of their labels; and which are out of
    the ordinary. In 2.0 labels are numbers of `symbols` (start, end)."""
    rows = len(places)
    at_ms, values, is_odd = np.zeros(rows, np.int64), np.zeros(rows), np.zeros(rows, np.bool_)
    bits = values.view(np.int64)
    pairs = np.zeros(rows + 1, np.int64)
    ends = np.zeros(4 * rows + 2 * _PAIRS_MAX + 1, np.int64)
    text = np.empty(128 * rows + _LABEL_BYTES_MAX, np.uint8)
    found = np.empty((_PAIRS_MAX, 4), np.int64)
    held = np.empty(4, np.int64)
    texts_count = written = np.int64(0)
    for row in range(rows):
        at, end = places[row, 0], places[row, 1]
        count = 0
        odd = False
        size = np.int64(0)
        while at < end and not odd:
            key = body[at]
            at += 1
            if key == 0x0A:
                length, at = varint(body, at, end)
                odd = bool(at < 0 or length < 0 or length > end - at)
                stop = at + length
                if odd:
                    continue
                if has_symbols:
                    while at < stop and not odd:
                        name, at = varint(body, at, stop)
                        value = np.int64(-1)
                        if at >= 0:
                            value, at = varint(body, at, stop)
                        odd = bool(
                            at < 0
                            or count == _PAIRS_MAX
                            or not 0 <= name < len(symbols)
                            or not 0 <= value < len(symbols)
                        )
                        if not odd:
                            found[count, 0], found[count, 1] = symbols[name, 0], symbols[name, 1]
                            found[count, 2], found[count, 3] = symbols[value, 0], symbols[value, 1]
                            count += 1
                else:
                    odd = count == _PAIRS_MAX or not pair_of(body, at, stop, found[count])
                    count += 1
                at = stop
            elif key == 0x11 and end - at >= 8:
                bits[row] = np.int64(word(body, at))
                at += 8
            elif key == 0x18:
                at_ms[row], at = varint(body, at, end)
                odd = bool(at < 0)
            else:
                odd = True
        if not odd:
            for place in range(1, count):
                held[:] = found[place]
                where = place
                while where > 0 and is_less(body, held, found[where - 1]):
                    found[where] = found[where - 1]
                    where -= 1
                found[where] = held
            for place in range(count):
                for side in range(0, 4, 2):
                    size += found[place, side + 1] - found[place, side]
            odd = bool(size > _LABEL_BYTES_MAX)
        if not odd:
            if written + size > len(text):
                larger = np.empty(2 * len(text), np.uint8)
                larger[:written] = text[:written]
                text = larger
            if texts_count + 2 * count >= len(ends):
                more = np.zeros(2 * len(ends), np.int64)
                more[: texts_count + 1] = ends[: texts_count + 1]
                ends = more
            begun, texts_begun = written, texts_count
            high = np.uint8(0)
            for place in range(count):
                for side in range(0, 4, 2):
                    for step in range(found[place, side], found[place, side + 1]):
                        text[written] = body[step]
                        high |= body[step]
                        written += 1
                    texts_count += 1
                    ends[texts_count] = written
            if high >= 0x80:
                odd, written, texts_count = True, begun, texts_begun
        is_odd[row] = odd
        pairs[row + 1] = texts_count // 2
    return at_ms, values, pairs, ends[: texts_count + 1].copy(), text[:written].copy(), is_odd
