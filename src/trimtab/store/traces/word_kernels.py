"""Which keys of attributes spans have, and which values nobody has written down yet: two walks over the columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int32]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""

VALUE_BYTES_MAX = 200
"""Longer values are not written down."""


@kernel("void(int32[::1], int32[::1], int32[::1], int64, uint8[::1])")
def keys_present(rows: Numbers, services: Numbers, keys: Numbers, keys_count: Number, present: Bytes) -> None:
    """`present[service * keys_count + key]` becomes 1 where a span of the service has the key. The attributes of row i
    are those from `rows[i]` to `rows[i + 1]`."""
    for row in range(len(services)):
        base = services[row] * keys_count
        for at in range(rows[row], rows[row + 1]):
            present[base + keys[at]] = 1


@kernel(
    "int64(int32[::1], int32[::1], int32[::1], int64, uint64[::1], int32[::1], int32[::1],"
    " Array(uint8, 1, 'C', True), uint64[::1], int64[:, ::1])"
)
def values_fresh(
    rows: Numbers,
    services: Numbers,
    keys: Numbers,
    keys_count: Number,
    seeds: NDArray[np.uint64],
    rooms: Numbers,
    offsets: Numbers,
    data: Bytes,
    slots: NDArray[np.uint64],
    found: NDArray[np.int64],
) -> Number:
    """How many values are new: `found[i]` is the place of each and its (service, key). `rooms` of a (service, key) is
    how many may still be; `slots`, of which at most half may be taken, remembers hashes, which begin with a `seed`."""
    count = 0
    mask = np.uint64(len(slots) - 1)
    for row in range(len(services)):
        base = services[row] * keys_count
        for at in range(rows[row], rows[row + 1]):
            code = base + keys[at]
            if rooms[code] <= 0:
                continue
            start, end = np.int64(offsets[at]), np.int64(offsets[at + 1])
            if end == start or end - start > VALUE_BYTES_MAX:
                continue
            value = seeds[code] + np.uint64(end - start) * np.uint64(0x9E3779B97F4A7C15)
            while end - start >= 8:
                value = (value ^ word(data, start)) * np.uint64(0xE9846AF9B1A615D5)
                value ^= value >> np.uint64(29)
                start += 8
            while start < end:
                value = (value ^ np.uint64(data[start])) * np.uint64(0x9E6F8A1BC4D2F3A7)
                start += 1
            value ^= value >> np.uint64(32)
            value |= np.uint64(1)  # 0 is an empty slot
            place = (value >> np.uint64(1)) & mask
            while slots[np.int64(place)] and slots[np.int64(place)] != value:
                place = (place + np.uint64(1)) & mask
            if slots[np.int64(place)] == value:
                continue
            if count == len(found):
                return count
            slots[np.int64(place)] = value
            rooms[code] -= 1
            found[count, 0], found[count, 1] = at, code
            count += 1
    return count
