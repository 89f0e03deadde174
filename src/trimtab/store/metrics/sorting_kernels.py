"""Which rows of a segment are of one series.

Senders repeat their series in one order, scrape after scrape, and series have numbers in the order in which they are
seen: so the number of a row is mostly the next one, and looked up in a table of hashes where it is not.
"""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import I32, I64, U64


@kernel("int64(uint64, uint64[::1], int32[::1])", is_inlined=True)
def place_of(id_: np.uint64, known: U64, places: I32) -> np.int64:
    """Where the number of an id stands, or is to stand. Ids of a metric share their upper half: all bits count."""
    mixed = (id_ ^ (id_ >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    mask = np.int64(len(places) - 1)
    place = np.int64(mixed >> np.uint64(34)) & mask
    while places[place] >= 0 and known[places[place]] != id_:
        place = (place + 1) & mask
    return place


@kernel("Tuple((uint64[::1], int64[::1]))(uint64[::1], int32[::1])")
def series_of(ids: U64, numbers: I32) -> tuple[U64, I64]:
    """Sets a number for each row by its id; answers the ids by number, and how many rows each has."""
    places = np.full(4096, -1, np.int32)
    known = np.empty(len(places) // 2, np.uint64)
    counts = np.zeros(len(known), np.int64)
    count = 0
    number = np.int64(-1)
    for row in range(len(ids)):
        id_ = ids[row]
        number += 1
        if number >= count or known[number] != id_:
            place = place_of(id_, known, places)
            number = np.int64(places[place])
            if number < 0:
                if count == len(known):
                    known = np.concatenate((known, np.empty(count, np.uint64)))
                    counts = np.concatenate((counts, np.zeros(count, np.int64)))
                    places = np.full(2 * len(places), -1, np.int32)
                    for other in range(count):
                        places[place_of(known[other], known, places)] = other
                    place = place_of(id_, known, places)
                number = np.int64(count)
                places[place] = number
                known[number] = id_
                count += 1
        numbers[row] = number
        counts[number] += 1
    return known[:count].copy(), counts[:count].copy()


@kernel("void(uint64[::1], int64[::1], uint64[::1])")
def repeat(ids: U64, offsets: I64, rows: U64) -> None:
    """Sets the rows `[offsets[i], offsets[i + 1])` to the i-th id."""
    for series in range(len(ids)):
        for row in range(offsets[series], offsets[series + 1]):
            rows[row] = ids[series]
