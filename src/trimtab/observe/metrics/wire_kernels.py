"""What every reader of protobuf on the wire needs: numbers, fields that nobody wants, hashes of bytes.

No length is trusted: each is compared with what is left of the message around it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Number = np.int64
Hash = np.uint64

DONE, MORE_ROOM, BROKEN = 0, 1, 2
"""How a walk over a body ends."""

_TAG_MAX = 0xFFFFFFFF
_TAG_BYTES_MAX = 5


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)")
def varint(body: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """The number at `at` and where it ends; -1 for the end where it is broken."""
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


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)")
def tag(body: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """The tag of a field at `at` and where it ends; -1 for the end where it is broken, names no field, or has more than
    five bytes or 32 bits: protobuf does not read those either."""
    value, behind = varint(body, at, end)
    if value < 8 or value > _TAG_MAX or behind - at > _TAG_BYTES_MAX:
        return value, np.int64(-1)
    return value, behind


@kernel("int64(uint8[::1], int64, int64, int64)")
def skipped(body: Bytes, at: Number, end: Number, wire: Number) -> Number:
    """Where a field that nobody wants ends; -1 where it is broken."""
    if wire == 0:
        return varint(body, at, end)[1]
    if wire == 1:
        return at + 8 if end - at >= 8 else np.int64(-1)
    if wire == 5:
        return at + 4 if end - at >= 4 else np.int64(-1)
    if wire == 2:
        length, at = varint(body, at, end)
        return at + length if at >= 0 and 0 <= length <= end - at else np.int64(-1)
    return np.int64(-1)


@kernel("uint64(uint64)")
def mixed(value: Hash) -> Hash:
    """All bits of a word depend on all bits of another."""
    value ^= value >> np.uint64(32)
    value *= np.uint64(0xE9846AF9B1A615D5)
    value ^= value >> np.uint64(29)
    value *= np.uint64(0x9E6F8A1BC4D2F3A7)
    return value ^ (value >> np.uint64(31))


@kernel("UniTuple(uint64, 2)(uint64, uint64, uint64, uint64)")
def stirred(low: Hash, high: Hash, first: Hash, second: Hash) -> tuple[Hash, Hash]:
    """A hash with two words more in it."""
    low = (low ^ (first * np.uint64(0x87C37B91114253D5))) * np.uint64(0x9DDFEA08EB382D69)
    high = (high ^ (second * np.uint64(0x4CF5AD432745937F))) * np.uint64(0xC6A4A7935BD1E995)
    low = (low << np.uint64(27) | low >> np.uint64(37)) + high
    high = (high << np.uint64(31) | high >> np.uint64(33)) + low
    return low, high


@kernel("UniTuple(uint64, 2)(uint64, uint64, uint8[::1], int64, int64)")
def hashed(low: Hash, high: Hash, body: Bytes, start: Number, end: Number) -> tuple[Hash, Hash]:
    """A hash with the bytes from `start` to `end`, and their number, in it."""
    size = end - start
    low ^= np.uint64(size) * np.uint64(0x9E3779B97F4A7C15)
    at = start
    while end - at >= 16:
        low, high = stirred(low, high, word(body, at), word(body, at + 8))
        at += 16
    if at < end:
        if size >= 16:  # the last sixteen, some of them once more
            low, high = stirred(low, high, word(body, end - 16), word(body, end - 8))
        else:
            first = np.uint64(0)
            second = np.uint64(0)
            while at < end:
                byte = np.uint64(body[at])
                place = at - start
                if place < 8:
                    first |= byte << np.uint64(8 * place)
                else:
                    second |= byte << np.uint64(8 * (place - 8))
                at += 1
            low, high = stirred(low, high, first, second)
    low, high = mixed(low + (high << np.uint64(1))), mixed(high ^ low)
    return low + high, high


@kernel("boolean(uint8[::1], int64, uint8[::1], int64, int64)")
def same(left: Bytes, left_at: Number, right: Bytes, right_at: Number, size: Number) -> bool:
    """Whether so many bytes of two arrays, which have them, are the same."""
    if size < 8:
        is_same = True
        for number in range(size):
            is_same &= left[left_at + number] == right[right_at + number]
        return is_same
    different = word(left, left_at + size - 8) ^ word(right, right_at + size - 8)
    for number in range(size >> 3):
        different |= word(left, left_at + 8 * number) ^ word(right, right_at + 8 * number)
    return bool(different == 0)
