"""What reading spans on the wire needs: numbers, fields, texts that must be UTF-8, and texts that get numbers.

No length is trusted: each is compared with what is left of the message around it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Slots = NDArray[np.int32]
Hashes = NDArray[np.uint64]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""

DONE, MORE_ROOM, BROKEN = 0, 1, 2
"""How a walk over a body ends."""
_TAG_MAX = 0xFFFFFFFF
_TAG_BYTES_MAX = 5


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)", is_inlined=True)
def varint(body: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """The number at `at` and where it ends; -1 for the end where it is broken."""
    if at < end and body[at] < 0x80:
        return np.int64(body[at]), at + 1
    value = np.int64(0)
    shift = 0
    while at < end and shift < 70:
        byte = np.int64(body[at])
        at += 1
        value |= (byte & 0x7F) << shift if shift < 63 else (byte & 1) << 63
        if byte < 0x80:
            return (value, at) if shift < 63 or byte < 2 else (value, np.int64(-1))
        shift += 7
    return value, np.int64(-1)


@kernel("UniTuple(int64, 4)(uint8[::1], int64, int64)", is_inlined=True)
def field(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number, Number]:
    """The field at `at`: its tag, where its content begins and ends, and its number where it is a varint.

    A broken one has -1 for the end, as has one whose tag has more than 32 bits or five bytes: protobuf does not read
    those either.
    """
    begun = at
    tag, at = varint(body, at, end)
    wire = tag & 7
    value = np.int64(0)
    start = at
    if at < 0 or tag < 8 or tag > _TAG_MAX or at - begun > _TAG_BYTES_MAX:
        return tag, start, np.int64(-1), value
    if wire == 2:
        length, start = varint(body, at, end)
        if start < 0 or length < 0 or length > end - start:
            return tag, start, np.int64(-1), value
        return tag, start, start + length, value
    if wire == 0:
        value, at = varint(body, at, end)
        return tag, start, at, value
    if wire == 1:
        return tag, start, start + 8 if end - start >= 8 else np.int64(-1), value
    if wire == 5:
        return tag, start, start + 4 if end - start >= 4 else np.int64(-1), value
    return tag, start, np.int64(-1), value


@kernel("int64(uint8[::1], int64)")
def fixed32(body: Bytes, at: Number) -> Number:
    """Four bytes as a number."""
    return (
        np.int64(body[at]) | np.int64(body[at + 1]) << 8 | np.int64(body[at + 2]) << 16 | np.int64(body[at + 3]) << 24
    )


@kernel("boolean(uint8[::1], int64, int64)")
def is_utf8(body: Bytes, at: Number, end: Number) -> bool:
    """Whether these bytes are text."""
    high = np.uint64(0x8080808080808080)
    if end - at < 8 and len(body) - at >= 8:
        kept = np.uint64(1) << np.uint64(8 * (end - at))
        if not word(body, at) & high & (kept - np.uint64(1)):
            return True
    while at < end:
        if end - at >= 8 and not word(body, at) & high:
            at = at + 8 if end - at >= 16 or end - at == 8 else end - 8
            continue
        first = body[at]
        if first < 0x80:
            at += 1
            continue
        if first < 0xC2 or first > 0xF4:
            return False
        size = 2 if first < 0xE0 else (3 if first < 0xF0 else 4)
        if end - at < size:
            return False
        second = body[at + 1]
        low, top = 0x80, 0xBF
        if first == 0xE0:
            low = 0xA0
        elif first == 0xED:
            top = 0x9F
        elif first == 0xF0:
            low = 0x90
        elif first == 0xF4:
            top = 0x8F
        if second < low or second > top:
            return False
        for place in range(2, size):
            if body[at + place] & 0xC0 != 0x80:
                return False
        at += size
    return True


@kernel("boolean(uint8[::1], int64, int64)")
def is_zero(body: Bytes, at: Number, end: Number) -> bool:
    """Whether there is nothing but zeros."""
    while at < end:
        if body[at]:
            return False
        at += 1
    return True


@kernel("uint64(uint8[::1], int64, int64)")
def hash_of(body: Bytes, at: Number, end: Number) -> np.uint64:
    """Of bytes; those that are the same have the same."""
    value = np.uint64(end - at) * np.uint64(0x9E3779B97F4A7C15)
    while end - at >= 8:
        value = (value ^ word(body, at)) * np.uint64(0xE9846AF9B1A615D5)
        value ^= value >> np.uint64(29)
        at += 8
    rest = np.uint64(0)
    shift = np.uint64(0)
    while at < end:
        rest |= np.uint64(body[at]) << shift
        shift += np.uint64(8)
        at += 1
    value = (value ^ rest) * np.uint64(0x9E6F8A1BC4D2F3A7)
    return value ^ (value >> np.uint64(32))


@kernel("boolean(uint8[::1], int64, int64, int64)")
def is_same(body: Bytes, one: Number, other: Number, size: Number) -> bool:
    """Whether the same bytes stand at both places."""
    place = np.int64(0)
    while size - place >= 8:
        if word(body, one + place) != word(body, other + place):
            return False
        place += 8
    while place < size:
        if body[one + place] != body[other + place]:
            return False
        place += 1
    return True


@kernel("int64(uint8[::1], int64, int64, int32[::1], int64[:, ::1], uint64[::1], int64[::1], int64)")
def number_of(
    body: Bytes,
    start: Number,
    end: Number,
    slots: Slots,
    texts: Numbers,
    hashes: Hashes,
    counts: Numbers,
    which: Number,
) -> Number:
    """The number of a text: the one it has, or the next one. `slots` holds numbers + 1 and never becomes full.

    `texts[number]` is where it stood first; `counts[which]` how many there are.
    """
    mask = np.uint64(len(slots) - 1)
    hash_ = hash_of(body, start, end)
    place = hash_ & mask
    while slots[np.int64(place)]:
        number = np.int64(slots[np.int64(place)]) - 1
        first = texts[number, 0]
        if (
            hashes[number] == hash_
            and texts[number, 1] - first == end - start
            and is_same(body, first, start, end - start)
        ):
            return number
        place = (place + np.uint64(1)) & mask
    number = np.int64(counts[which])
    counts[which] = number + 1
    texts[number, 0], texts[number, 1] = start, end
    hashes[number] = hash_
    slots[np.int64(place)] = np.int32(number + 1)
    return number
