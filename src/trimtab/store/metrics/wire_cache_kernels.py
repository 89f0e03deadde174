"""A hash table in arrays: 128 bits to a number, open addressing, a whole body's keys at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

ABSENT = np.iinfo(np.int32).min
"""What an empty place holds, and what is answered for a key that is not there."""


@kernel("int64(uint64[:, ::1], int32[::1], uint64, uint64)")
def place_of(keys: NDArray[np.uint64], values: NDArray[np.int32], low: np.uint64, high: np.uint64) -> np.int64:
    """Where a key is, or the empty place where it would be. The table must never be full."""
    mask = np.uint64(len(values) - 1)
    place = (low ^ (high >> np.uint64(32))) & mask
    while values[np.int64(place)] != ABSENT:
        if keys[np.int64(place), 0] == low and keys[np.int64(place), 1] == high:
            break
        place = (place + np.uint64(1)) & mask
    return np.int64(place)


@kernel("int64(uint64[:, ::1], int32[::1], uint64[:, ::1], int32[::1])")
def look_up(
    keys: NDArray[np.uint64], values: NDArray[np.int32], wanted: NDArray[np.uint64], found: NDArray[np.int32]
) -> int:
    """Fill `found`, where it has nothing yet, with the values of the keys; how many are still absent."""
    absent_count = 0
    for index in range(len(wanted)):
        if found[index] == ABSENT:
            value = values[place_of(keys, values, wanted[index, 0], wanted[index, 1])]
            found[index] = value
            absent_count += value == ABSENT
    return absent_count


@kernel("int64(uint64[:, ::1], int32[::1], uint64[:, ::1], int32[::1])")
def put(
    keys: NDArray[np.uint64], values: NDArray[np.int32], new_keys: NDArray[np.uint64], new_values: NDArray[np.int32]
) -> int:
    """Put keys in, or give them other values; how many are new. There must be room for all."""
    added_count = 0
    for index in range(len(new_keys)):
        if new_values[index] == ABSENT:
            continue
        place = place_of(keys, values, new_keys[index, 0], new_keys[index, 1])
        added_count += values[place] == ABSENT
        keys[place, 0] = new_keys[index, 0]
        keys[place, 1] = new_keys[index, 1]
        values[place] = new_values[index]
    return added_count
