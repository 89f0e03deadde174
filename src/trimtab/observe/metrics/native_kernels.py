"""Native histograms of remote write, from protobuf to the bytes that the store keeps, many at a time.

Whatever is out of the ordinary (`ODD`: broken, contradicting itself, written in a way that nobody writes) is left to
`native`, which reads one at a time and says what is wrong.
"""

from __future__ import annotations

import numpy as np

from trimtab.observe.metrics.wire_kernels import Bytes, Number, Numbers, skipped, tag, varint
from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64, U8
from trimtab.store.metrics.natives_kernels import FIXED_BYTES, NUMBER_BYTES, SPAN_BYTES, put_native
from trimtab.store.unaligned import word

ODD, PLAIN, ENDED = 0, 1, 2
"""What a message is: for somebody else to read; read; the end of its series."""

_STALE_BITS = 0x7FF0000000000002
_BUCKETS_MAX = 100_000
_HIGH = 1 << 62
_EXACT = 2.0**53
_CUSTOM = -53
_FIELDS = 17


@kernel("int64(int64)", is_inlined=True)
def unzigzag(number: Number) -> Number:
    """A sint64."""
    return np.int64((np.uint64(number) >> np.uint64(1)) ^ np.uint64(-(number & 1)))


@kernel("int64(int64)", is_inlined=True)
def unzigzag_32(number: Number) -> Number:
    """A sint32."""
    low = number & 0xFFFFFFFF
    return (low >> 1) ^ -(low & 1)


@kernel("void(uint8[::1], int64, int64, int64[::1])")
def measure(body: Bytes, at: Number, end: Number, sizes: I64) -> None:
    """How much there is in a message: spans, deltas and counts of each side (positive, negative), bounds. The last of
    `sizes` says whether it is as everybody writes it."""
    sizes[:] = 0
    while at < end:
        key, at = tag(body, at, end)
        if at < 0:
            return
        length = np.int64(0)
        if key & 7 == 2:
            length, at = varint(body, at, end)
            if at < 0 or length < 0 or length > end - at:
                return
        if key in (66, 90):  # spans
            sizes[0 if key == 90 else 1] += 1
            at += length
        elif key in (74, 98):  # deltas: varints
            which = 2 if key == 98 else 3
            for place in range(at, at + length):
                sizes[which] += body[place] < 0x80
            at += length
            if length > 0 and body[at - 1] >= 0x80:
                return
        elif key in (82, 106, 130):  # counts and bounds: doubles
            if length & 7:
                return
            sizes[4 if key == 106 else 5 if key == 82 else 6] += length >> 3
            at += length
        elif key in (8, 32, 48, 112, 120, 136):
            at = varint(body, at, end)[1]
        elif key in (17, 25, 41, 57):
            at = at + 8 if end - at >= 8 else np.int64(-1)
        elif key >> 3 <= _FIELDS:
            return
        elif key & 7 == 2:
            at += length
        else:
            at = skipped(body, at, end, key & 7)
        if at < 0:
            return
    sizes[7] = 1


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64)")
def span_of(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number]:
    """Offset and length of a span; -1 for the last where it is out of the ordinary."""
    offset = length = np.int64(0)
    while at < end:
        key = np.int64(body[at])
        value, at = varint(body, at + 1, end)
        if at < 0:
            return offset, length, np.int64(-1)
        if key == 8:
            offset = unzigzag_32(value)
        elif key == 16:
            length = value & 0xFFFFFFFF
        else:
            return offset, length, np.int64(-1)
    return offset, length, np.int64(0)


@kernel("boolean(int64, float64[::1], int64[:, ::1], int64, int64, float64[::1], int64, int64, float64[::1], int64)")
def is_sound(
    schema: Number,
    totals: F64,
    spans: I64,
    positive_spans: Number,
    spans_count: Number,
    counts: F64,
    positive_counts: Number,
    counts_count: Number,
    bounds: F64,
    bounds_count: Number,
) -> bool:
    """What `native.check` asks, but for the sum of the buckets. `totals` as for `put_native`."""
    first, end = np.int64(0), positive_spans
    for side in range(2):
        wanted = np.int64(0)
        for row in range(first, end):
            if row > first and spans[row, 0] < 0:
                return False
            wanted += spans[row, 1]
        found = positive_counts if side == 0 else counts_count - positive_counts
        if wanted != found or wanted > _BUCKETS_MAX:
            return False
        first, end = positive_spans, spans_count
    if schema == _CUSTOM:
        last = np.int64(0)
        for row in range(positive_spans):
            last += spans[row, 0] + spans[row, 1]
        if counts_count > positive_counts or totals[0] != 0 or totals[1] != 0 or last > bounds_count + 1:
            return False
        for place in range(bounds_count):
            if np.isnan(bounds[place]) or (place and not bounds[place - 1] < bounds[place]):
                return False
    elif schema < -4 or schema > 8 or bounds_count:
        return False
    for place in range(counts_count):
        if not 0.0 <= counts[place] < np.inf:
            return False
    return bool(totals[0] >= 0 and 0.0 <= totals[1] < np.inf and 0.0 <= totals[2] < np.inf)


@kernel("Tuple((uint8[::1], int64[::1], uint8[::1], int64[::1], int64[::1]))(uint8[::1], int64[:, ::1])")
def natives_of_messages(body: Bytes, places: Numbers) -> tuple[U8, I64, U8, I64, I64]:
    """Histograms that stand at `places` (start, end): bytes, where each begins and the last ends, what each is (`ODD`
    and `ENDED` ones have no bytes), its time, its start."""
    rows = len(places)
    sizes = np.zeros(8, np.int64)
    scratch = np.empty(1)
    totals = np.zeros(4)
    states = np.zeros(rows, np.uint8)
    at_ms, start_ms = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    offsets = np.zeros(rows + 1, np.int64)
    spans = np.empty((16, 2), np.int64)
    counts, bounds = np.empty(256), np.empty(64)
    out = np.empty(rows * 256, np.uint8)
    written = np.int64(0)
    for row in range(rows):
        offsets[row + 1] = written
        at, end = places[row, 0], places[row, 1]
        measure(body, at, end, sizes)
        positive_spans, spans_count = sizes[0], sizes[0] + sizes[1]
        is_odd = sizes[7] == 0 or (sizes[2] > 0 and sizes[4] > 0) or (sizes[3] > 0 and sizes[5] > 0)
        if is_odd:
            continue
        positive_counts = sizes[2] + sizes[4]
        counts_count = positive_counts + sizes[3] + sizes[5]
        bounds_count = sizes[6]
        if spans_count > len(spans):
            spans = np.empty((2 * spans_count, 2), np.int64)
        if counts_count > len(counts):
            counts = np.empty(2 * counts_count)
        if bounds_count > len(bounds):
            bounds = np.empty(2 * bounds_count)
        needed = FIXED_BYTES + SPAN_BYTES * spans_count + NUMBER_BYTES * (counts_count + bounds_count)
        if written + needed > len(out):
            larger = np.empty(2 * len(out) + needed, np.uint8)
            larger[:written] = out[:written]
            out = larger
        hint = schema = np.int64(0)
        totals[:] = 0.0
        has_float = has_zero_float = False
        zero_float = count_float = 0.0
        span_at, count_at = np.zeros(2, np.int64), np.zeros(2, np.int64)
        span_at[1], count_at[1] = positive_spans, positive_counts
        running = np.zeros(2, np.int64)
        bound_at = np.int64(0)
        while at < end:
            key, at = tag(body, at, end)
            if key & 7 == 2:
                length, at = varint(body, at, end)
                stop = at + length
                if key in (66, 90):
                    side = 0 if key == 90 else 1
                    offset, size, broken = span_of(body, at, stop)
                    is_odd |= broken < 0
                    spans[span_at[side], 0], spans[span_at[side], 1] = offset, size
                    span_at[side] += 1
                elif key in (74, 98):
                    side = 0 if key == 98 else 1
                    while at < stop and not is_odd:
                        value, at = varint(body, at, stop)
                        delta = unzigzag(value)
                        running[side] += delta
                        is_odd |= at < 0 or not -_HIGH < delta < _HIGH or not -_HIGH < running[side] < _HIGH
                        if not is_odd:
                            counts[count_at[side]] = running[side]
                            count_at[side] += 1
                elif key in (82, 106, 130):
                    side = 0 if key == 106 else 1
                    while at < stop:
                        number = np.int64(word(body, at))
                        scratch.view(np.int64)[0] = number
                        if key == 130:
                            bounds[bound_at] = scratch[0]
                            bound_at += 1
                        else:
                            counts[count_at[side]] = scratch[0]
                            count_at[side] += 1
                        at += 8
                at = stop
            elif key & 7 == 1:
                scratch.view(np.int64)[0] = np.int64(word(body, at))
                at += 8
                if key == 17:
                    has_float, count_float = True, scratch[0]
                elif key == 25:
                    totals[3] = scratch[0]
                elif key == 41:
                    totals[0] = scratch[0]
                elif key == 57:
                    has_zero_float, zero_float = True, scratch[0]
            elif key & 7 == 0:
                value, at = varint(body, at, end)
                if key == 8:
                    totals[2] = value
                    is_odd |= value < 0
                elif key == 32:
                    schema = unzigzag_32(value)
                elif key == 48:
                    totals[1] = value
                    is_odd |= value < 0
                elif key == 112:
                    hint = value if 0 <= value <= 3 else np.int64(0)
                    is_odd |= not 0 <= value < 1 << 31
                elif key == 120:
                    at_ms[row] = value
                elif key == 136:
                    start_ms[row] = value
            else:
                at = skipped(body, at, end, key & 7)
            if is_odd:
                break
        if is_odd:
            continue
        if has_float:
            totals[2] = count_float
        if has_zero_float:
            totals[1] = zero_float
        if totals.view(np.int64)[3] == _STALE_BITS:
            states[row] = ENDED
            continue
        if not is_sound(
            schema,
            totals,
            spans,
            positive_spans,
            spans_count,
            counts,
            positive_counts,
            counts_count,
            bounds,
            bounds_count,
        ):
            continue
        if not has_float:
            in_buckets = totals[1]
            for place in range(counts_count):
                in_buckets += counts[place]
            fits = totals[2] >= in_buckets if np.isnan(totals[3]) else totals[2] == in_buckets
            if not fits or not in_buckets < _EXACT or not totals[2] < _EXACT:
                continue
        written = put_native(
            out,
            written,
            hint,
            schema,
            totals,
            spans,
            positive_spans,
            spans_count,
            counts,
            positive_counts,
            counts_count,
            bounds,
            bounds_count,
            scratch,
        )
        states[row] = PLAIN
        offsets[row + 1] = written
    return out[:written].copy(), offsets, states, at_ms, start_ms
