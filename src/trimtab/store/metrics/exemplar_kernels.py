"""Loops over exemplars; for their columns see `exemplar_columns`."""

from __future__ import annotations

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import I32, I64, U8, Mask


@kernel("boolean[::1](int32[::1], int64[::1], int64[::1])")
def news(slots: I32, at_ms: I64, newest_ms: I64) -> Mask:
    """Which are newer than the newest of their series (by slot), and than those before them; `newest_ms` is as before
    in the end."""
    is_new = np.zeros(len(slots), np.bool_)
    before = np.empty(len(slots), np.int64)
    for place in range(len(slots)):
        slot = slots[place]
        before[place] = newest_ms[slot]
        if at_ms[place] > newest_ms[slot]:
            is_new[place] = True
            newest_ms[slot] = at_ms[place]
    for step in range(len(slots)):
        place = len(slots) - 1 - step
        newest_ms[slots[place]] = before[place]
    return is_new


@kernel("UniTuple(int64[::1], 2)(int64[::1], int64[::1], int64[::1])")
def lengths_of(pairs: I64, ends: I64, places: I64) -> tuple[I64, I64]:
    """Of some exemplars: where their pairs and where their texts begin, and the last end."""
    pairs_begin, texts_begin = np.zeros(len(places) + 1, np.int64), np.zeros(len(places) + 1, np.int64)
    for row in range(len(places)):
        first, last = pairs[places[row]], pairs[places[row] + 1]
        pairs_begin[row + 1] = pairs_begin[row] + last - first
        texts_begin[row + 1] = texts_begin[row] + ends[2 * last] - ends[2 * first]
    return pairs_begin, texts_begin


@kernel("Tuple((int64[::1], int64[::1], uint8[::1]))(int64[::1], int64[::1], uint8[::1], int64[::1])")
def picked(pairs: I64, ends: I64, text: U8, places: I64) -> tuple[I64, I64, U8]:
    """The columns of labels of some exemplars."""
    pairs_begin, texts_begin = lengths_of(pairs, ends, places)
    new_ends = np.zeros(2 * pairs_begin[-1] + 1, np.int64)
    new_text = np.empty(texts_begin[-1], np.uint8)
    for row in range(len(places)):
        first = 2 * pairs[places[row]]
        moved = texts_begin[row] - ends[first]
        for step in range(2 * (pairs_begin[row + 1] - pairs_begin[row])):
            new_ends[2 * pairs_begin[row] + step + 1] = ends[first + step + 1] + moved
        for step in range(texts_begin[row + 1] - texts_begin[row]):
            new_text[texts_begin[row] + step] = text[ends[first] + step]
    return pairs_begin, new_ends, new_text


@kernel("Tuple((uint8[::1], int32[::1], uint8[::1], int32[::1]))(int64[::1], uint8[::1])")
def split(ends: I64, text: U8) -> tuple[U8, I32, U8, I32]:
    """Names and values of pairs: texts, and where each begins and the last ends."""
    count = (len(ends) - 1) // 2
    name_ends, value_ends = np.zeros(count + 1, np.int32), np.zeros(count + 1, np.int32)
    for pair in range(count):
        name_ends[pair + 1] = name_ends[pair] + ends[2 * pair + 1] - ends[2 * pair]
        value_ends[pair + 1] = value_ends[pair] + ends[2 * pair + 2] - ends[2 * pair + 1]
    names, values = np.empty(name_ends[-1], np.uint8), np.empty(value_ends[-1], np.uint8)
    for pair in range(count):
        for step in range(name_ends[pair + 1] - name_ends[pair]):
            names[name_ends[pair] + step] = text[ends[2 * pair] + step]
        for step in range(value_ends[pair + 1] - value_ends[pair]):
            values[value_ends[pair] + step] = text[ends[2 * pair + 1] + step]
    return names, name_ends, values, value_ends
