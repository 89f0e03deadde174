"""Reads an OTLP ExportMetricsServiceRequest as it is on the wire, without making an object for anything in it.

One walk writes down for each data point a hash of all that makes its series (resource, scope, metric, attributes,
bounds), its time, and its numbers in the order in which its series are stored: one for a gauge or a sum; for a
histogram the buckets added up, then count and sum; for a summary its quantiles, then count and sum. Exponential
histograms have none: they are parsed by themselves, as exemplars are.

As in `remote_write_kernels`: no length is trusted, nothing is allocated, arrays that are too small end the walk with
`MORE_ROOM`. `bits` is `numbers` once more, by their bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    skipped,
    stirred,
    tag,
    varint,
)
from trimtab.store.compiled import kernel
from trimtab.store.unaligned import word

Doubles = NDArray[np.float64]

POINTS, NUMBERS, RARE, METRICS, AT = 0, 1, 2, 3, 4
"""Places in `counts`: how many of each were found, and at which byte a broken body breaks."""

METRIC, START, END, AT_MS, START_MS, FLAGS, NUMBERS_END, FAULT = 0, 1, 2, 3, 4, 5, 6, 7
POINT_COLUMNS = 8
"""Of a data point: which metric, where it stands, its times, its flags, where its numbers end, what is wrong."""

RESOURCE, SCOPE, SCHEMA, NAME, DESCRIPTION, UNIT, KIND, TEMPORALITY, IS_MONOTONIC = 0, 2, 4, 6, 8, 10, 12, 13, 14
METRIC_COLUMNS = 15
"""Of a metric: where things stand (start, end), its kind, and how it counts."""

GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY = 5, 7, 9, 10, 11
"""Kinds, by the number of their field in a Metric."""

DELTA, CUMULATIVE = 1, 2

GOOD, NO_VALUE, BOUNDS_MISFIT = 0, 1, 2
"""Faults of a point."""

NANOSECONDS_A_MS = 1_000_000


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64)")
def head(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number]:
    """A field's key, where its content begins, and where it ends; -1 for the key where it is broken, or does not fit 32
    bits: protobuf does not read those either."""
    key, at = tag(body, at, end)
    if at < 0:
        return np.int64(-1), at, at
    wire = key & 7
    if wire == 2:
        length, at = varint(body, at, end)
        if at < 0 or length < 0 or length > end - at:
            return np.int64(-1), at, at
        return key, at, at + length
    stop = skipped(body, at, end, wire)
    if stop < 0:
        return np.int64(-1), at, at
    return key, at, stop


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64, int64)")
def only(body: Bytes, at: Number, end: Number, wanted: Number) -> tuple[Number, Number, Number]:
    """Where the last field with a key stands in a message (0, 0: nowhere); -1 first where the message is broken."""
    start = np.int64(0)
    stop = np.int64(0)
    while at < end:
        key, content, after = head(body, at, end)
        if key < 0:
            return np.int64(-1), at, at
        if key == wanted:
            start, stop = content, after
        at = after
    return np.int64(0), start, stop


@kernel(
    "int64(uint8[::1], int64, int64, int64, uint64, uint64, int64[::1],"
    " uint64[:, ::1], int64[:, ::1], float64[::1], int64[::1], int64[:, ::1])"
)
def data_point(
    body: Bytes,
    at: Number,
    end: Number,
    kind: Number,
    low: Hash,
    high: Hash,
    counts: Numbers,
    hashes: Hashes,
    points: Numbers,
    numbers: Doubles,
    bits: Numbers,
    rare: Numbers,
) -> int:
    """One data point of any kind; it becomes the next row of `points`."""
    row = counts[POINTS]
    if row == len(points):
        return MORE_ROOM
    attribute_key = 0x0A if kind == EXPONENTIAL else 0x4A if kind == HISTOGRAM else 0x3A
    exemplar_key = 0x5A if kind == EXPONENTIAL else 0x42 if kind == HISTOGRAM else 0x2A if kind != SUMMARY else 0
    flags_key = 0x50 if kind in (EXPONENTIAL, HISTOGRAM) else 0x40
    is_number = kind in (GAUGE, SUM)
    first = counts[NUMBERS]
    filled = first
    begun = at
    run_start = run_end = np.int64(-1)
    at_ns = start_ns = flags = np.int64(0)
    value = total = np.int64(0)  # bits of doubles
    count = 0.0
    has_value = False
    has_sum = False
    bounds_count = np.int64(0)
    summed = 0.0
    while at < end:
        counts[AT] = at
        key, content, after = head(body, at, end)
        if key < 0:
            return BROKEN
        if key == attribute_key:
            if at != run_end:
                if run_end >= 0:
                    low, high = hashed(low, high, body, run_start, run_end)
                run_start = at
            run_end = after
        elif key == 0x11:
            start_ns = np.int64(word(body, content))
        elif key == 0x19:
            at_ns = np.int64(word(body, content))
        elif key == flags_key:
            flags = varint(body, content, after)[0]
        elif exemplar_key > 0 and key == exemplar_key:
            if counts[RARE] == len(rare):
                return MORE_ROOM
            rare[counts[RARE]] = row, content, after
            counts[RARE] += 1
        elif key == 0x21:
            if is_number:
                value = np.int64(word(body, content))
                has_value = True
            else:
                count = np.float64(word(body, content))
        elif key == 0x31 and is_number:
            if filled == len(numbers):
                return MORE_ROOM
            numbers[filled] = np.float64(np.int64(word(body, content)))
            value = bits[filled]
            has_value = True
        elif key == 0x29 and not is_number:
            total = np.int64(word(body, content))
            has_sum = True
        elif kind == HISTOGRAM and key in (0x31, 0x32):
            if (after - content) % 8:
                return BROKEN
            while content < after:
                if filled == len(numbers):
                    return MORE_ROOM
                summed += np.float64(word(body, content))
                numbers[filled] = summed
                filled += 1
                content += 8
        elif kind == HISTOGRAM and key in (0x39, 0x3A):
            if (after - content) % 8:
                return BROKEN
            bounds_count += (after - content) // 8
            low, high = hashed(low, high, body, content, after)
        elif kind == SUMMARY and key == 0x32:
            if filled == len(numbers):
                return MORE_ROOM
            quantile = np.uint64(0)
            numbers[filled] = 0.0
            while content < after:
                inner, inside, beyond = head(body, content, after)
                if inner < 0:
                    return BROKEN
                if inner == 0x09:
                    quantile = word(body, inside)
                elif inner == 0x11:
                    bits[filled] = np.int64(word(body, inside))
                content = beyond
            low, high = stirred(low, high, quantile, np.uint64(0x53))
            filled += 1
        at = after
    if run_end >= 0:
        low, high = hashed(low, high, body, run_start, run_end)
    fault = GOOD
    if len(numbers) - filled < 3:
        return MORE_ROOM
    if is_number:
        bits[filled] = value
        filled += 1
        if not has_value and flags & 1 == 0:
            fault = NO_VALUE
    elif kind != EXPONENTIAL:
        found = filled - first
        if kind == HISTOGRAM:
            if found != bounds_count + 1 and (found or bounds_count):
                fault = BOUNDS_MISFIT
            if found == 0:
                filled += 1
            numbers[filled - 1] = count
        numbers[filled] = count
        filled += 1
        if has_sum or kind == SUMMARY:
            bits[filled] = total
            filled += 1
        low, high = stirred(low, high, np.uint64(filled - first), np.uint64(has_sum))
    counts[NUMBERS] = filled
    hashes[row] = low, high
    points[row, METRIC] = counts[METRICS]
    points[row, START], points[row, END] = begun, end
    points[row, AT_MS] = at_ns // NANOSECONDS_A_MS
    points[row, START_MS] = start_ns // NANOSECONDS_A_MS
    points[row, FLAGS], points[row, NUMBERS_END], points[row, FAULT] = flags, filled, fault
    counts[POINTS] += 1
    return DONE


@kernel(
    "int64(uint8[::1], int64, int64, uint64, uint64, int64[::1],"
    " uint64[:, ::1], int64[:, ::1], float64[::1], int64[::1], int64[:, ::1], int64[:, ::1])"
)
def metric(
    body: Bytes,
    at: Number,
    end: Number,
    low: Hash,
    high: Hash,
    counts: Numbers,
    hashes: Hashes,
    points: Numbers,
    numbers: Doubles,
    bits: Numbers,
    rare: Numbers,
    metrics: Numbers,
) -> int:
    """One metric with its data points; it becomes the next row of `metrics` (resource and scope stand in it)."""
    row = metrics[counts[METRICS]]
    row[NAME:] = 0
    data_start = data_end = np.int64(0)
    while at < end:
        counts[AT] = at
        key, content, after = head(body, at, end)
        if key < 0:
            return BROKEN
        if key == 0x0A:
            row[NAME], row[NAME + 1] = content, after
        elif key == 0x12:
            row[DESCRIPTION], row[DESCRIPTION + 1] = content, after
        elif key == 0x1A:
            row[UNIT], row[UNIT + 1] = content, after
        elif key & 7 == 2 and key >> 3 in (GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY):
            row[KIND] = key >> 3
            data_start, data_end = content, after
        at = after
    kind = row[KIND]
    at = data_start
    while at < data_end:  # how it counts stands behind its points
        counts[AT] = at
        key, content, after = head(body, at, data_end)
        if key < 0:
            return BROKEN
        if key == 0x10:
            row[TEMPORALITY] = varint(body, content, after)[0]
        elif key == 0x18:
            row[IS_MONOTONIC] = varint(body, content, after)[0] != 0
        at = after
    low, high = hashed(low, high, body, row[NAME], row[NAME + 1])
    low, high = hashed(low, high, body, row[UNIT], row[UNIT + 1])
    how = kind | row[TEMPORALITY] << 8 | row[IS_MONOTONIC] << 40
    low, high = stirred(low, high, np.uint64(how), np.uint64(1))
    at = data_start
    while at < data_end:
        key, content, after = head(body, at, data_end)
        if key == 0x0A:
            code = data_point(body, content, after, kind, low, high, counts, hashes, points, numbers, bits, rare)
            if code != DONE:
                return code
        at = after
    counts[METRICS] += 1
    return DONE


@kernel(
    "int64(uint8[::1], uint64[::1], int64[::1],"
    " uint64[:, ::1], int64[:, ::1], float64[::1], int64[::1], int64[:, ::1], int64[:, ::1])"
)
def decode(
    body: Bytes,
    seed: Hashes,
    counts: Numbers,
    hashes: Hashes,
    points: Numbers,
    numbers: Doubles,
    bits: Numbers,
    rare: Numbers,
    metrics: Numbers,
) -> int:
    """A whole request. Rows of `rare` are exemplars: (point, start, end)."""
    counts[:] = 0
    end = np.int64(len(body))
    at = np.int64(0)
    while at < end:
        counts[AT] = at
        key, content, after = head(body, at, end)
        if key < 0:
            return BROKEN
        if key == 0x0A:
            broken, resource_start, resource_end = only(body, content, after, np.int64(0x0A))
            if broken < 0:
                return BROKEN
            low, high = hashed(seed[0], seed[1], body, resource_start, resource_end)
            inside = content
            while inside < after:
                key, scopes, scopes_end = head(body, inside, after)
                if key == 0x12:
                    counts[AT] = scopes
                    broken, scope_start, scope_end = only(body, scopes, scopes_end, np.int64(0x0A))
                    if broken < 0:
                        return BROKEN
                    _, schema_start, schema_end = only(body, scopes, scopes_end, np.int64(0x1A))
                    scope_low, scope_high = hashed(low, high, body, scope_start, scope_end)
                    scope_low, scope_high = hashed(scope_low, scope_high, body, schema_start, schema_end)
                    place = scopes
                    while place < scopes_end:
                        key, start, stop = head(body, place, scopes_end)
                        if key == 0x12:
                            if counts[METRICS] == len(metrics):
                                return MORE_ROOM
                            row = metrics[counts[METRICS]]
                            row[RESOURCE], row[RESOURCE + 1] = resource_start, resource_end
                            row[SCOPE], row[SCOPE + 1] = scope_start, scope_end
                            row[SCHEMA], row[SCHEMA + 1] = schema_start, schema_end
                            code = metric(
                                body,
                                start,
                                stop,
                                scope_low,
                                scope_high,
                                counts,
                                hashes,
                                points,
                                numbers,
                                bits,
                                rare,
                                metrics,
                            )
                            if code != DONE:
                                return code
                        place = stop
                inside = scopes_end
        at = after
    return DONE


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[::1], int64[::1],"
    " int64[::1], int64, int64[::1], float64[::1])"
)
def add_up(
    bases: Numbers,
    starts: Numbers,
    ends: Numbers,
    at_ms: Numbers,
    start_ms: Numbers,
    numbers: Doubles,
    sums: Doubles,
    last_ms: Numbers,
    begun_ms: Numbers,
    idle_ms: int,
    undo_places: Numbers,
    undo_sums: Doubles,
) -> int:
    """Differences become totals: each point's numbers are added to those at its base, and replaced by the sums.

    A point that is not later than the one before it has -1 for its base afterwards. What the sums were before goes to
    `undo_*`, in the order of the points' numbers. How many points were not later is answered.
    """
    late_count = 0
    for point in range(len(bases)):
        base = bases[point]
        start = starts[point]
        size = ends[point] - start
        for step in range(size):
            undo_places[start + step] = base + step
            undo_sums[start + step] = sums[base + step]
        is_new = last_ms[base] == 0 or at_ms[point] - last_ms[base] > idle_ms
        if not is_new and at_ms[point] <= last_ms[base]:
            bases[point] = -1
            late_count += 1
            continue
        if is_new:
            begun_ms[base] = start_ms[point] if start_ms[point] > 0 else at_ms[point]
        last_ms[base] = at_ms[point]
        start_ms[point] = begun_ms[base]
        for step in range(size):
            total = numbers[start + step] if is_new else sums[base + step] + numbers[start + step]
            sums[base + step] = total
            numbers[start + step] = total
    return late_count
