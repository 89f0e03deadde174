"""Loops over samples in memory.

The head takes samples in the order in which they come: `slots`, `at`, `bits`, and `before`, the sample of the same
series that came before (-1: none), so that a series is a chain from `last[slot]`. A slab has samples series by series:
those of slot `s` are `[offsets[s], offsets[s + 1])`, ascending. Values are compared by their bits, since NaNs matter.
"""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import I32, I64, U8

ACCEPTED, REPEATED, UNKNOWN, OUT_OF_ORDER, DUPLICATE, TOO_OLD, TOO_FAR, STRAGGLER = range(8)


LAST_MS = (1 << 63) - 1
_STALE_BITS = 0x7FF0000000000002


@kernel("boolean(int64, int64)")
def counts_over(bits: int, other: int) -> bool:
    """Whether a value counts, of two that a series has at one time: the greater one, before NaN, before a marker that
    the series ended. That does not depend on which came first, so memory, engine and roll-ups agree."""
    both = np.empty(2, np.int64)
    both[0], both[1] = bits, other
    values = both.view(np.float64)
    rank, other_rank = 2, 2
    if np.isnan(values[0]):
        rank = 0 if bits == _STALE_BITS else 1
    if np.isnan(values[1]):
        other_rank = 0 if other == _STALE_BITS else 1
    if rank != other_rank:
        return rank > other_rank
    if rank < 2 or values[0] == values[1]:
        return bits > other
    return bool(values[0] > values[1])


@kernel(
    "UniTuple(int64, 3)(int32[::1], int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int32[::1], int32,"
    " int64, int64, int64, uint8[::1])"
)
def judge(
    slots: I32,
    at: I64,
    bits: I64,
    newest_at: I64,
    newest_bits: I64,
    batch_last: I32,
    stamps: I32,
    stamp: int,
    oldest_ms: int,
    latest_ms: int,
    window_ms: int,
    verdicts: U8,
) -> tuple[int, int, int]:
    """What becomes of each sample; answers how many are not plainly accepted, how many are stragglers, and the oldest
    time of those that may be taken.

    A straggler is older than the newest of its series: whether there is one at its time has to be looked up. Answers
    -1 where samples of one series do not ascend within the batch. `batch_last` and `stamps` are scratch by slot.
    """
    others = 0
    stragglers = 0
    oldest = LAST_MS
    for index in range(len(slots)):
        slot = slots[index]
        time = at[index]
        verdict = ACCEPTED
        if slot < 0 or slot >= len(newest_at):
            verdict = UNKNOWN
        elif time < oldest_ms:
            verdict = TOO_OLD
        elif time > latest_ms:
            verdict = TOO_FAR
        else:
            is_settled = False
            newest = newest_at[slot]
            if stamps[slot] == stamp:
                other = batch_last[slot]
                if time < at[other]:
                    return -1, -1, -1
                if time == at[other] and time > newest:
                    verdict = REPEATED if bits[index] == bits[other] else DUPLICATE
                    is_settled = True
            if not is_settled:
                if time == newest:
                    verdict = REPEATED if bits[index] == newest_bits[slot] else DUPLICATE
                elif time < newest:
                    if newest - time > window_ms:
                        verdict = OUT_OF_ORDER
                    else:
                        verdict = STRAGGLER
                        stragglers += 1
                stamps[slot] = stamp
                batch_last[slot] = index
        verdicts[index] = verdict
        if verdict != ACCEPTED:
            others += 1
        if time < oldest and verdict in (ACCEPTED, STRAGGLER):
            oldest = time
    return others, stragglers, oldest


@kernel(
    "UniTuple(int64, 3)(int32[::1], int64[::1], int64[::1], int64, int32[::1], int64[::1], int64[::1], int32[::1],"
    " int64, int32[::1], int64[::1], int64[::1])"
)
def insert(
    slots: I32,
    at: I64,
    bits: I64,
    hot_from_ms: int,
    head_slots: I32,
    head_at: I64,
    head_bits: I64,
    before: I32,
    head_count: int,
    last: I32,
    newest_at: I64,
    newest_bits: I64,
) -> tuple[int, int, int]:
    """Put samples into the head, which has room for them; answers how many the head has then, how many were older than
    the hot window (they only count for what is newest), and the newest time.
    """
    late = 0
    newest = -LAST_MS
    for index in range(len(slots)):
        slot = slots[index]
        time = at[index]
        newest = max(newest, time)
        if time < hot_from_ms:
            late += 1
        else:
            head_slots[head_count] = slot
            head_at[head_count] = time
            head_bits[head_count] = bits[index]
            before[head_count] = last[slot]
            last[slot] = head_count
            head_count += 1
        if time > newest_at[slot] or (time == newest_at[slot] and counts_over(bits[index], newest_bits[slot])):
            newest_at[slot] = time
            newest_bits[slot] = bits[index]
    return head_count, late, newest


@kernel("void(int32[::1], int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], int32[::1], uint8[::1])")
def find_in_head(
    slots: I32, at: I64, bits: I64, last: I32, head_at: I64, head_bits: I64, before: I32, verdicts: U8
) -> None:
    """Turn the verdict of stragglers that the head has already."""
    for index in range(len(slots)):
        where = last[slots[index]]
        while where >= 0:
            if head_at[where] == at[index]:
                if head_bits[where] == bits[index]:
                    verdicts[index] = REPEATED
                    break
                if verdicts[index] != REPEATED:
                    verdicts[index] = DUPLICATE
            where = before[where]


@kernel("void(int32[::1], int64[::1], int64[::1], int32[::1], int64[::1], int64[::1], uint8[::1])")
def find_in_slab(slots: I32, at: I64, bits: I64, offsets: I32, slab_at: I64, slab_bits: I64, verdicts: U8) -> None:
    """Turn the verdict of stragglers that a slab has already."""
    for index in range(len(slots)):
        slot = slots[index]
        if slot + 1 < len(offsets):
            low, high = offsets[slot], offsets[slot + 1]
            end = high
            while low < high:
                middle = (low + high) // 2
                if slab_at[middle] < at[index]:
                    low = middle + 1
                else:
                    high = middle
            while low < end and slab_at[low] == at[index]:
                if slab_bits[low] == bits[index]:
                    verdicts[index] = REPEATED
                    break
                if verdicts[index] != REPEATED:
                    verdicts[index] = DUPLICATE
                low += 1


@kernel("UniTuple(int64[::1], 3)(int32[::1], int64, int64, int32[::1], int64[::1], int64[::1], int32[::1])")
def gather_head(
    slots: I32, from_ms: int, to_ms: int, last: I32, head_at: I64, head_bits: I64, before: I32
) -> tuple[I64, I64, I64]:
    """Samples of these series in the head, in the order in which they came: offsets, times, values."""
    offsets = np.zeros(len(slots) + 1, np.int64)
    total = 0
    for index in range(len(slots)):
        slot = slots[index]
        where = last[slot] if slot < len(last) else -1
        while where >= 0:
            if from_ms <= head_at[where] <= to_ms:
                total += 1
            where = before[where]
        offsets[index + 1] = total
    at = np.empty(total, np.int64)
    bits = np.empty(total, np.int64)
    for index in range(len(slots)):
        slot = slots[index]
        where = last[slot] if slot < len(last) else -1
        end = offsets[index + 1]
        while where >= 0:
            if from_ms <= head_at[where] <= to_ms:
                end -= 1
                at[end] = head_at[where]
                bits[end] = head_bits[where]
            where = before[where]
    return offsets, at, bits


@kernel("Tuple((int32[::1], int64[::1], int64[::1]))(int32[::1], int64[::1], int64[::1], int64)")
def by_slot(slots: I32, at: I64, bits: I64, slots_count: int) -> tuple[I32, I64, I64]:
    """Samples series by series, each in the order in which they were."""
    offsets = np.zeros(slots_count + 1, np.int32)
    for slot in slots:
        offsets[slot + 1] += 1
    for slot in range(slots_count):
        offsets[slot + 1] += offsets[slot]
    cursor = offsets[:-1].copy()
    sorted_at = np.empty(len(slots), np.int64)
    sorted_bits = np.empty(len(slots), np.int64)
    for index in range(len(slots)):
        slot = slots[index]
        where = cursor[slot]
        cursor[slot] = where + 1
        sorted_at[where] = at[index]
        sorted_bits[where] = bits[index]
    return offsets, sorted_at, sorted_bits


@kernel(["int64(int32[::1], int64[::1], int64[::1])", "int64(int64[::1], int64[::1], int64[::1])"])
def settle(offsets: I32 | I64, at: I64, bits: I64) -> int:
    """Sort, in place, those series that do not ascend; answers how many samples have a time that one before has."""
    repeated = 0
    for series in range(len(offsets) - 1):
        first, end = offsets[series], offsets[series + 1]
        for index in range(first + 1, end):
            if at[index] < at[index - 1]:
                order = np.argsort(at[first:end], kind="mergesort")
                at[first:end] = at[first:end][order]
                bits[first:end] = bits[first:end][order]
                break
        for index in range(first + 1, end):
            repeated += at[index] == at[index - 1]
    return repeated


@kernel("int64(int64[::1], int64[::1], int64[::1])")
def drop_repeated(offsets: I64, at: I64, bits: I64) -> int:
    """Keep, in place, of samples of a series at one time the one that counts (`counts_over`); answers how many samples
    there are then."""
    before = np.int64(0)
    where = 0
    first = 0
    for series in range(len(offsets) - 1):
        end = offsets[series + 1]
        for index in range(first, end):
            time = at[index]
            if index == first or time != before:
                before = time
                at[where] = at[index]
                bits[where] = bits[index]
                where += 1
            elif counts_over(bits[index], bits[where - 1]):
                bits[where - 1] = bits[index]
        first = end
        offsets[series + 1] = where
    return where


@kernel(
    "boolean(UniTuple(int32[::1], 8), UniTuple(int64[::1], 8), UniTuple(int64[::1], 8),"
    " int32[::1], int64[::1], int64[::1])"
)
def pour(
    offsets: tuple[I32, ...],
    at: tuple[I64, ...],
    bits: tuple[I64, ...],
    out_offsets: I32,
    out_at: I64,
    out_bits: I64,
) -> bool:
    """Eight slabs into one, series by series, so that it is written from its beginning to its end; answers whether all
    series ascend."""
    where = 0
    is_ascending = True
    for slot in range(len(out_offsets) - 1):
        newest = -LAST_MS
        for slab in range(8):
            starts = offsets[slab]
            if slot + 1 < len(starts):
                times, values = at[slab], bits[slab]
                for index in range(starts[slot], starts[slot + 1]):
                    time = times[index]
                    is_ascending &= time >= newest
                    newest = time
                    out_at[where] = time
                    out_bits[where] = values[index]
                    where += 1
        out_offsets[slot + 1] = where
    return is_ascending


@kernel("int64(int32[::1], int32[::1], int64[::1], int64, int64, int64[::1], int64[::1])")
def bounds(slots: I32, offsets: I32, at: I64, from_ms: int, to_ms: int, first: I64, end: I64) -> int:
    """Where samples with `from_ms <= at <= to_ms` of these series lie in a slab; answers how many there are."""
    total = 0
    for index in range(len(slots)):
        slot = slots[index]
        if slot + 1 >= len(offsets):
            first[index] = 0
            end[index] = 0
            continue
        low, high = offsets[slot], offsets[slot + 1]
        stop = high
        if low < high and at[low] < from_ms:
            while low < high:
                middle = (low + high) // 2
                if at[middle] < from_ms:
                    low = middle + 1
                else:
                    high = middle
        first[index] = low
        high = stop
        if low < high and at[high - 1] > to_ms:
            while low < high:
                middle = (low + high) // 2
                if at[middle] <= to_ms:
                    low = middle + 1
                else:
                    high = middle
        else:
            low = high
        end[index] = low
        total += low - first[index]
    return total


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def copy(first: I64, end: I64, at: I64, bits: I64, cursor: I64, out_at: I64, out_bits: I64) -> None:
    """Copy of each series the samples `[first, end)` to its cursor, which moves on."""
    for series in range(len(first)):
        where = cursor[series]
        for index in range(first[series], end[series]):
            out_at[where] = at[index]
            out_bits[where] = bits[index]
            where += 1
        cursor[series] = where


@kernel("void(int32[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def note_newest(offsets: I32, at: I64, bits: I64, newest_at: I64, newest_bits: I64) -> None:
    """A slab's last sample of each series is the newest, unless there is a newer one."""
    for slot in range(len(offsets) - 1):
        end = offsets[slot + 1]
        index = end - 1
        while index >= offsets[slot] and at[index] == at[end - 1] and at[index] >= newest_at[slot]:
            if at[index] > newest_at[slot] or counts_over(bits[index], newest_bits[slot]):
                newest_at[slot] = at[index]
                newest_bits[slot] = bits[index]
            index -= 1
