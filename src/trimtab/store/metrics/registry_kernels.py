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


@kernel("boolean(int32[::1], int64[::1], int32, int32, boolean[::1])")
def _has_same(flat: I32, starts: I64, left: int, right: int, is_kept: Mask) -> bool:
    """Whether two series have the same pairs among those that are kept; pairs are in the order of their names."""
    here, left_end = starts[left], starts[left + 1]
    there, right_end = starts[right], starts[right + 1]
    while True:
        while here < left_end and not is_kept[flat[here]]:
            here += 1
        while there < right_end and not is_kept[flat[there]]:
            there += 1
        if here == left_end or there == right_end:
            return bool(here == left_end and there == right_end)
        if flat[here] != flat[there]:
            return False
        here += 1
        there += 1


@kernel("UniTuple(int64[::1], 2)(int32[::1], int64[::1], int32[::1], boolean[::1])")
def group(flat: I32, starts: I64, slots: I32, is_kept: Mask) -> tuple[I64, I64]:
    """Series that have the same pairs among those that are kept: the first series of each group, the group of each."""
    size = 16
    while size < 2 * len(slots):
        size *= 2
    table = np.full(size, -1, np.int64)
    firsts = np.empty(len(slots), np.int64)
    hashes = np.empty(len(slots), np.int64)
    numbers = np.empty(len(slots), np.int64)
    count = 0
    for series in range(len(slots)):
        slot = slots[series]
        mixed = 0
        for index in range(starts[slot], starts[slot + 1]):
            pair = flat[index]
            if is_kept[pair]:
                mixed = (mixed ^ (pair + 1)) * 0x9E3779B97F4A7C1
                mixed ^= mixed >> 29
        place = (mixed ^ (mixed >> 17)) & (size - 1)
        while True:
            number = table[place]
            if number < 0:
                table[place] = count
                firsts[count] = series
                hashes[count] = mixed
                number = count
                count += 1
                break
            if hashes[number] == mixed and _has_same(flat, starts, slot, slots[firsts[number]], is_kept):
                break
            place = (place + 1) & (size - 1)
        numbers[series] = number
    return firsts[:count].copy(), numbers
