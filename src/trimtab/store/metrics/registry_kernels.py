"""Loops over the labels of all series.

A series is a slot; its labels are numbers of label pairs, `flat[starts[slot] : starts[slot + 1]]`.
"""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import I32, I64, Mask


@kernel("UniTuple(int32[::1], 2)(int32[::1], int64[::1], int64, int64, int64)")
def postings(flat: I32, starts: I64, first_slot: int, end_slot: int, pairs_count: int) -> tuple[I32, I32]:
    """Slots by pair: those of pair `p` are `slots[heads[p] : heads[p + 1]]`, ascending."""
    heads = np.zeros(pairs_count + 1, np.int32)
    first, end = starts[first_slot], starts[end_slot]
    for index in range(first, end):
        heads[flat[index] + 1] += 1
    for pair in range(pairs_count):
        heads[pair + 1] += heads[pair]
    filled = heads[:-1].copy()
    slots = np.empty(end - first, np.int32)
    for slot in range(first_slot, end_slot):
        for index in range(starts[slot], starts[slot + 1]):
            pair = flat[index]
            slots[filled[pair]] = slot
            filled[pair] += 1
    return heads, slots


@kernel("int32[::1](int32[::1], int32[::1], int32[::1])")
def union(heads: I32, slots: I32, pairs: I32) -> I32:
    """Slots that have one of these pairs; pairs of one label, so that no slot has two of them."""
    total = 0
    for pair in pairs:
        total += heads[pair + 1] - heads[pair]
    found = np.empty(total, np.int32)
    at = 0
    for pair in pairs:
        for index in range(heads[pair], heads[pair + 1]):
            found[at] = slots[index]
            at += 1
    return found


@kernel("int32[::1](int32[::1], int64[::1], int32[::1], boolean[::1], boolean)")
def keep(flat: I32, starts: I64, candidates: I32, is_wanted: Mask, is_complement: bool) -> I32:
    """Candidates that have one of the wanted pairs; with `is_complement`, those that have none."""
    found = np.empty(len(candidates), np.int32)
    count = 0
    pairs_count = len(is_wanted)
    for slot in candidates:
        has = False
        for index in range(starts[slot], starts[slot + 1]):
            pair = flat[index]
            if pair < pairs_count and is_wanted[pair]:
                has = True
                break
        if has != is_complement:
            found[count] = slot
            count += 1
    return found[:count].copy()
