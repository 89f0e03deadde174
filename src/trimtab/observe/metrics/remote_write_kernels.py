"""Reads remote-write bodies as they are on the wire, without making an object for anything in them.

Each kernel goes once over a body and writes down, in arrays that the caller made, for each series a hash of its
labels' bytes and where it stands, and for each sample time and value. Whatever is rare (histograms, exemplars,
metadata) is only pointed at. No length in the body is trusted: each is compared with what is left of the message
around it, and nothing is allocated here. Arrays that are too small end the walk with `MORE_ROOM`.

Keys are `field number << 3 | wire type`; a known field of another wire type is skipped like an unknown one, as
protobuf has it.
"""

from __future__ import annotations

import numpy as np

from trimtab.observe.metrics.sent_before_kernels import Slots, entry_of
from trimtab.observe.metrics.wire_kernels import (
    BROKEN,
    DONE,
    MORE_ROOM,
    Bytes,
    Hash,
    Hashes,
    Number,
    Numbers,
    hashed,
    same,
    skipped,
    tag,
    varint,
)
from trimtab.store.compiled import kernel
from trimtab.store.unaligned import word

SERIES, SAMPLES, RARE, AT, UNKNOWN_COUNT, IS_PLAIN = 0, 1, 2, 3, 4, 5
"""Places in `counts`: how many of each were found, at which byte a broken body breaks; in 1.0 also of how many series
the slots are not known, and (1) whether each series has one sample."""

UNKNOWN = np.iinfo(np.int32).min
"""In place of a slot."""

HISTOGRAM, EXEMPLAR, METADATA = 0, 1, 2
"""Kinds of what is rare; a row of `rare` is (kind, series, start, end)."""


@kernel("UniTuple(int64, 4)(uint8[::1], int64, int64)")
def sample(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number, Number]:
    """A Sample of either version: where it ends (-1: broken), its value's bits, its time, its start."""
    bits = np.int64(0)
    at_ms = np.int64(0)
    start_ms = np.int64(0)
    while at < end:
        key = np.int64(body[at])
        at += 1
        if key == 0x09 and end - at >= 8:
            bits = np.int64(word(body, at))
            at += 8
        elif key == 0x10:
            at_ms, at = varint(body, at, end)
        elif key == 0x18:
            start_ms, at = varint(body, at, end)
        else:
            key, at = tag(body, at - 1, end)
            if at < 0:
                return np.int64(-1), bits, at_ms, start_ms
            at = skipped(body, at, end, key & 7)
        if at < 0:
            return np.int64(-1), bits, at_ms, start_ms
    return at, bits, at_ms, start_ms


@kernel("int64(uint64)")
def six_bytes(word_: Hash) -> Number:
    """The varint of six bytes (times of this century have six) in the upper six of a word; -1: it is something else."""
    if word_ & np.uint64(0x8080_8080_8080_0000) != np.uint64(0x0080_8080_8080_0000):
        return np.int64(-1)
    seven = np.uint64(0x7F)
    return np.int64(
        (word_ >> np.uint64(16)) & seven
        | ((word_ >> np.uint64(24)) & seven) << np.uint64(7)
        | ((word_ >> np.uint64(32)) & seven) << np.uint64(14)
        | ((word_ >> np.uint64(40)) & seven) << np.uint64(21)
        | ((word_ >> np.uint64(48)) & seven) << np.uint64(28)
        | (word_ >> np.uint64(56)) << np.uint64(35)
    )


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64)")
def usual_sample(body: Bytes, at: Number, stop: Number) -> tuple[Number, Number, Number]:
    """A field with a sample as Prometheus writes it: where it ends (-1: it is not like that), its bits, its time."""
    if stop - at >= 18:
        tail = word(body, at + 10)
        if word(body, at) & np.uint64(0xFFFFFF) == np.uint64(0x091012) and tail & np.uint64(0xFF00) == np.uint64(
            0x1000
        ):
            at_ms = six_bytes(tail)
            if at_ms >= 0:
                return at + 18, np.int64(word(body, at + 3)), at_ms
    if stop - at >= 9:  # a value of 0 is left out
        tail = word(body, at + 1)
        if body[at] == 0x12 and tail & np.uint64(0xFFFF) == np.uint64(0x1007):
            at_ms = six_bytes(tail)
            if at_ms >= 0:
                return at + 9, np.int64(0), at_ms
    return np.int64(-1), np.int64(0), np.int64(0)


@kernel(
    "int64(uint8[::1], uint64[::1], int64[::1], uint8[::1], int64[::1], int32[::1], int32[::1], int32[::1], int64,"
    " int32[::1], uint64[:, ::1], int64[:, ::1], int64[::1], int64[::1], int64[:, ::1])"
)
def decode_1(
    body: Bytes,
    seed: Hashes,
    counts: Numbers,
    text: Bytes,
    starts: Numbers,
    known: Slots,
    following: Slots,
    table: Slots,
    known_count: int,
    slots: Slots,
    hashes: Hashes,
    places: Numbers,
    at_ms: Numbers,
    bits: Numbers,
    rare: Numbers,
) -> int:
    """A WriteRequest of 1.0. A row of `places` is (start, end) of a TimeSeries, the number of samples up to it, and
    where its labels end, if all of them stand at its beginning (else -1).

    Series mostly come in the order in which they came before: whether the labels are those of the series that came
    next then (`following`) is asked first, and answered by comparing bytes. Only where they are not they are hashed,
    and looked up; what is not found there either has `UNKNOWN` for a slot, and a hash in `hashes`.
    """
    series_count = 0
    samples_count = 0
    rare_count = 0
    unknown_count = 0
    is_plain = 1
    before = guess = np.int64(-1)
    end = np.int64(len(body))
    at = np.int64(0)
    while at < end:
        counts[AT] = at
        key = np.int64(body[at])
        if key == 0x0A and end - at > 2 and body[at + 1] >= 0x80 and body[at + 2] < 0x80:  # nearly always
            length = np.int64(body[at + 1]) & 0x7F | np.int64(body[at + 2]) << 7
            at += 3
        else:
            key, at = tag(body, at, end)
            if at < 0:
                return BROKEN
            if key not in (0x0A, 0x1A):
                at = skipped(body, at, end, key & 7)
                if at < 0:
                    return BROKEN
                continue
            length, at = varint(body, at, end)
        if at < 0 or length < 0 or length > end - at:
            return BROKEN
        stop = at + length
        if key == 0x1A:
            if rare_count == len(rare):
                return MORE_ROOM
            rare[rare_count] = METADATA, -1, at, stop
            rare_count += 1
            at = stop
            continue
        if series_count == len(places):
            return MORE_ROOM
        begun = at
        first_sample, first_rare = samples_count, rare_count
        is_guessed = False
        if 0 <= guess < known_count:
            size = starts[guess + 1] - starts[guess]
            is_guessed = size <= length and same(body, at, text, starts[guess], size)
            if is_guessed:
                at += size
        run_start = run_end = np.int64(-1)  # labels that stand together are hashed together
        low, high = seed[0], seed[1]
        runs_count = 0
        while at < stop:
            counts[AT] = at
            here = at
            if stop - at > 2 and body[at] == 0x0A and body[at + 1] < 0x80 and not is_guessed:
                key = np.int64(0x0A)
                field_end = at + 2 + np.int64(body[at + 1])
                if field_end > stop:
                    return BROKEN
                at = field_end
                if here == run_end:
                    run_end = field_end
                    continue
            elif body[at] == 0x12:
                if samples_count == len(bits):
                    return MORE_ROOM
                at, value, time_ms = usual_sample(body, here, stop)
                if at >= 0:
                    at_ms[samples_count] = time_ms
                    bits[samples_count] = value
                    samples_count += 1
                    continue
                key = np.int64(0x12)
                length, at = varint(body, here + 1, stop)
                if at < 0 or length < 0 or length > stop - at:
                    return BROKEN
                field_end = at + length
            else:
                key, at = tag(body, at, stop)
                if at < 0:
                    return BROKEN
                if key & 7 != 2:
                    at = skipped(body, at, stop, key & 7)
                    if at < 0:
                        return BROKEN
                    continue
                length, at = varint(body, at, stop)
                if at < 0 or length < 0 or length > stop - at:
                    return BROKEN
                field_end = at + length
            if key == 0x0A:
                if is_guessed:  # more labels than that: from the beginning, without a guess
                    is_guessed = False
                    samples_count, rare_count = first_sample, first_rare
                    at = begun
                    continue
                if here != run_end:
                    if run_end >= 0:
                        low, high = hashed(low, high, body, run_start, run_end)
                    run_start = here
                    runs_count += 1
                run_end = field_end
            elif key == 0x12:
                if samples_count == len(bits):
                    return MORE_ROOM
                at, value, time_ms, _ = sample(body, at, field_end)
                if at < 0:
                    return BROKEN
                at_ms[samples_count] = time_ms
                bits[samples_count] = value
                samples_count += 1
            elif key in (0x1A, 0x22):
                if rare_count == len(rare):
                    return MORE_ROOM
                rare[rare_count] = EXEMPLAR if key == 0x1A else HISTOGRAM, series_count, at, field_end
                rare_count += 1
            at = field_end
        labels_end = np.int64(-1)
        entry = guess
        if not is_guessed:
            entry = np.int64(-1)
            if run_end >= 0:
                low, high = hashed(low, high, body, run_start, run_end)
            if runs_count == 1 and run_start == begun:
                labels_end = run_end
                entry = entry_of(body, begun, labels_end, low, text, starts, table, known_count)
                if entry >= 0 and before >= 0:
                    following[before] = entry
            hashes[series_count] = low, high
        if entry >= 0:
            slots[series_count] = known[entry]
            before = entry
            guess = np.int64(following[entry])
        else:
            slots[series_count] = UNKNOWN
            unknown_count += 1
        places[series_count] = begun, stop, samples_count, labels_end
        series_count += 1
        if samples_count != series_count:
            is_plain = 0
    counts[SERIES], counts[SAMPLES], counts[RARE] = series_count, samples_count, rare_count
    counts[UNKNOWN_COUNT], counts[IS_PLAIN] = unknown_count, is_plain
    return DONE
