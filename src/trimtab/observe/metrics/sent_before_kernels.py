"""Labels that were sent before, byte by byte: found by comparing them, not by parsing them.

Entry `e` has the labels `text[starts[e] : starts[e + 1]]` and the slot `known[e]`; `following[e]` is the entry that
came next when it came last. `table` is a hash table of entries, open addressing, -1 where a place is empty; it is never
full. Readers need no lock: what is written is behind their `count`, or is compared before it is believed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.metrics.wire_kernels import Bytes, Hash, Hashes, Number, Numbers, same
from trimtab.store.compiled import kernel

Slots = NDArray[np.int32]


@kernel("int64(uint8[::1], int64, int64, uint64, uint8[::1], int64[::1], int32[::1], int64)")
def entry_of(
    body: Bytes, start: Number, end: Number, low: Hash, text: Bytes, starts: Numbers, table: Slots, count: int
) -> Number:
    """The entry with these labels, whose hash is `low`; -1: none."""
    mask = np.uint64(len(table) - 1)
    place = low & mask
    while table[place] >= 0:
        entry = np.int64(table[place])
        if entry < count:
            first = starts[entry]
            if starts[entry + 1] - first == end - start and same(body, start, text, first, end - start):
                return entry
        place = (place + np.uint64(1)) & mask
    return np.int64(-1)


@kernel("void(int32[::1], uint64, int64)")
def put_entry(table: Slots, low: Hash, entry: int) -> None:
    """An entry into the table, which has room for it."""
    mask = np.uint64(len(table) - 1)
    place = low & mask
    while table[place] >= 0:
        place = (place + np.uint64(1)) & mask
    table[place] = entry


@kernel(
    "UniTuple(int64, 2)(uint8[::1], int64[:, ::1], uint64[::1], int32[::1],"
    " uint8[::1], int64[::1], int32[::1], int32[::1], uint64[::1], int32[::1], int64)"
)
def remember(
    body: Bytes,
    places: Numbers,
    lows: Hashes,
    slots: Slots,
    text: Bytes,
    starts: Numbers,
    known: Slots,
    following: Slots,
    known_lows: Hashes,
    table: Slots,
    count: int,
) -> tuple[int, Number]:
    """Put labels (start and end in the body, hash, slot) behind the first `count` entries, for all of which there is
    room; how many entries and bytes there are then."""
    for index in range(len(places)):
        start, end = places[index, 0], places[index, 1]
        if entry_of(body, start, end, lows[index], text, starts, table, count) >= 0:
            continue
        first = starts[count]
        for number in range(end - start):
            text[first + number] = body[start + number]
        starts[count + 1] = first + end - start
        known[count] = slots[index]
        known_lows[count] = lows[index]
        following[count] = count + 1
        put_entry(table, lows[index], count)
        count += 1
    return count, starts[count]


@kernel("void(int32[::1], uint64[::1], int64)")
def put_all(table: Slots, lows: Hashes, count: int) -> None:
    """Put the first so many entries into an empty table."""
    for entry in range(count):
        put_entry(table, lows[entry], entry)
