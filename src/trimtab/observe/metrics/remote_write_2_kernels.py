"""Reads bodies of remote write 2.0 as `remote_write_kernels` does; labels are references into a table of symbols."""

from __future__ import annotations

import numpy as np

from trimtab.observe.metrics.remote_write_kernels import AT, EXEMPLAR, HISTOGRAM, RARE, SAMPLES, SERIES, sample
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
    mixed,
    skipped,
    stirred,
    tag,
    varint,
)
from trimtab.store.compiled import kernel

GOOD, NO_SUCH_SYMBOL, ODD_REFERENCES = 0, 1, 2
"""What is wrong with the labels of a series."""


@kernel("int64(uint8[::1], uint64[::1], int64[::1], int64[:, ::1], uint64[:, ::1])")
def symbols_2(body: Bytes, seed: Hashes, counts: Numbers, symbols: Numbers, hashes: Hashes) -> int:
    """The symbols of a Request of 2.0: where each stands, and its hash. Their number goes to `counts[0]`."""
    count = 0
    end = np.int64(len(body))
    at = np.int64(0)
    while at < end:
        counts[AT] = at
        key, at = tag(body, at, end)
        if at < 0:
            return BROKEN
        if key != 0x22:
            at = skipped(body, at, end, key & 7)
            if at < 0:
                return BROKEN
            continue
        length, at = varint(body, at, end)
        if at < 0 or length < 0 or length > end - at:
            return BROKEN
        if count == len(symbols):
            return MORE_ROOM
        symbols[count] = at, at + length
        hashes[count] = hashed(seed[0], seed[1], body, at, at + length)
        count += 1
        at += length
    counts[0] = count
    return DONE


@kernel("Tuple((int64, uint64, uint64, int64))(uint8[::1], int64, int64, uint64, uint64, uint64[:, ::1])")
def references(
    body: Bytes, at: Number, end: Number, low: Hash, high: Hash, symbols: Hashes
) -> tuple[Number, Hash, Hash, Number]:
    """A hash with the symbols in it that packed references name: end (-1: broken), the hash, how many (-1: no such)."""
    count = np.int64(0)
    while at < end:
        index, at = varint(body, at, end)
        if at < 0:
            return np.int64(-1), low, high, count
        if index < 0 or index >= len(symbols):
            return end, low, high, np.int64(-1)
        low, high = stirred(low, high, symbols[index, 0], symbols[index, 1])
        count += 1
    return at, low, high, count


@kernel("Tuple((int64, uint64, uint64))(uint8[::1], int64, int64, uint64, uint64, uint64[:, ::1])")
def metadata_2(
    body: Bytes, at: Number, end: Number, low: Hash, high: Hash, symbols: Hashes
) -> tuple[Number, Hash, Hash]:
    """A hash with the type, the help and the unit in it, so that others of these make another key."""
    while at < end:
        key, at = tag(body, at, end)
        if at < 0:
            return np.int64(-1), low, high
        if key & 7 != 0:
            at = skipped(body, at, end, key & 7)
            if at < 0:
                return np.int64(-1), low, high
            continue
        value, at = varint(body, at, end)
        if at < 0:
            return np.int64(-1), low, high
        if key == 0x08 or value < 0 or value >= len(symbols):
            low, high = stirred(low, high, np.uint64(key), np.uint64(value))
        else:
            low, high = stirred(low, high, symbols[value, 0] + np.uint64(key), symbols[value, 1])
    return at, low, high


@kernel(
    "int64(uint8[::1], uint64[::1], uint64[:, ::1], int64[::1],"
    " uint64[:, ::1], int64[:, ::1], uint8[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1])"
)
def decode_2(
    body: Bytes,
    seed: Hashes,
    symbols: Hashes,
    counts: Numbers,
    hashes: Hashes,
    places: Numbers,
    faults: Bytes,
    at_ms: Numbers,
    bits: Numbers,
    start_ms: Numbers,
    rare: Numbers,
) -> int:
    """The series of a Request of 2.0, like `decode_1`; `symbols` are the hashes of `symbols_2`."""
    series_count = 0
    samples_count = 0
    rare_count = 0
    end = np.int64(len(body))
    at = np.int64(0)
    while at < end:
        counts[AT] = at
        key, at = tag(body, at, end)
        if at < 0:
            return BROKEN
        if key != 0x2A:
            at = skipped(body, at, end, key & 7)
            if at < 0:
                return BROKEN
            continue
        length, at = varint(body, at, end)
        if at < 0 or length < 0 or length > end - at:
            return BROKEN
        if series_count == len(places):
            return MORE_ROOM
        stop = at + length
        low, high = seed[0], seed[1]
        begun = at
        first_sample = samples_count
        fault = GOOD
        references_count = np.int64(0)
        created_ms = np.int64(0)
        while at < stop:
            counts[AT] = at
            key, at = tag(body, at, stop)
            if at < 0:
                return BROKEN
            if key == 0x08:  # a reference that is not packed
                index, at = varint(body, at, stop)
                if at < 0:
                    return BROKEN
                if 0 <= index < len(symbols):
                    low, high = stirred(low, high, symbols[index, 0], symbols[index, 1])
                    references_count += 1
                else:
                    fault = NO_SUCH_SYMBOL
                continue
            if key == 0x30:
                created_ms, at = varint(body, at, stop)
                if at < 0:
                    return BROKEN
                continue
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
                at, low, high, found = references(body, at, field_end, low, high, symbols)
                if at < 0:
                    return BROKEN
                if found < 0:
                    fault = NO_SUCH_SYMBOL
                else:
                    references_count += found
            elif key == 0x12:
                if samples_count == len(bits):
                    return MORE_ROOM
                at, value, time_ms, begun_ms = sample(body, at, field_end)
                if at < 0:
                    return BROKEN
                at_ms[samples_count] = time_ms
                bits[samples_count] = value
                start_ms[samples_count] = begun_ms
                samples_count += 1
            elif key in (0x1A, 0x22):
                if rare_count == len(rare):
                    return MORE_ROOM
                rare[rare_count] = HISTOGRAM if key == 0x1A else EXEMPLAR, series_count, at, field_end
                rare_count += 1
            elif key == 0x2A:
                at, low, high = metadata_2(body, at, field_end, low, high, symbols)
                if at < 0:
                    return BROKEN
            at = field_end
        if fault == GOOD and references_count % 2:
            fault = ODD_REFERENCES
        if created_ms:
            for earlier in range(first_sample, samples_count):
                if start_ms[earlier] == 0:
                    start_ms[earlier] = created_ms
        low, high = mixed(low + (high << np.uint64(1))), mixed(high ^ low)
        hashes[series_count] = low + high, high
        places[series_count] = begun, stop, samples_count, -1
        faults[series_count] = fault
        series_count += 1
    counts[SERIES], counts[SAMPLES], counts[RARE] = series_count, samples_count, rare_count
    return DONE
