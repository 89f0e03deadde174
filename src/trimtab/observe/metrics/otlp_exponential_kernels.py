"""Exponential histograms of OpenTelemetry, from protobuf to the bytes that the store keeps, many at a time.

Whatever is out of the ordinary is left to `otlp_exponential`, which reads one at a time and says what is wrong.
"""

from __future__ import annotations

import numpy as np

from trimtab.observe.metrics.native_kernels import is_sound, unzigzag_32
from trimtab.observe.metrics.wire_kernels import Bytes, Number, Numbers, skipped, tag, varint
from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64, U8, Mask
from trimtab.store.metrics.natives_kernels import FIXED_BYTES, NUMBER_BYTES, SPAN_BYTES, put_native
from trimtab.store.unaligned import word

_ZERO_THRESHOLD = 1e-128
_FINEST = 8
_COUNTS_MAX = 100_000


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64, int64, int64[:, ::1], int64, float64[::1], int64)")
def side_of(
    body: Bytes, at: Number, end: Number, coarser_by: Number, spans: I64, span: Number, counts: F64, count: Number
) -> tuple[Number, Number, Number]:
    """Buckets of one side, without empty ones, behind the spans and counts that there are: how many there are then;
    -1 for the last where they are out of the ordinary."""
    offset = np.int64(0)
    first = last = np.int64(0)
    places = np.int64(0)
    while at < end:
        key = np.int64(body[at])
        value, at = varint(body, at + 1, end)
        if at < 0:
            return span, count, np.int64(-1)
        if key == 8:
            offset = unzigzag_32(value)
        elif key == 18 and places == 0 and 0 <= value <= end - at:
            first, last = at, at + value
            at = last
            places = np.int64(1)
        else:
            return span, count, np.int64(-1)
    at = first
    index = offset
    behind = np.int64(0)
    is_first = True
    while at < last:
        value, at = varint(body, at, last)
        if at < 0 or value < 0:
            return span, count, np.int64(-1)
        if value:
            place = (index >> coarser_by) + 1
            if is_first or place >= behind:
                if is_first or place > behind:
                    spans[span, 0], spans[span, 1] = place - behind, 0
                    span += 1
                counts[count] = 0.0
                count += 1
                spans[span - 1, 1] += 1
                behind = place + 1
                is_first = False
            counts[count - 1] += value
        index += 1
    return span, count, np.int64(0)


@kernel("Tuple((uint8[::1], int64[::1], boolean[::1]))(uint8[::1], int64[:, ::1])")
def natives_of_points(body: Bytes, places: Numbers) -> tuple[U8, I64, Mask]:
    """Data points that stand at `places` (start, end): bytes, where each begins and the last ends, and which are out of
    the ordinary (they have no bytes)."""
    rows = len(places)
    scratch = np.empty(1)
    totals = np.zeros(4)
    offsets = np.zeros(rows + 1, np.int64)
    is_odd = np.zeros(rows, np.bool_)
    spans = np.empty((256, 2), np.int64)
    counts, bounds = np.empty(256), np.empty(0)
    sides = np.zeros((2, 2), np.int64)
    out = np.empty(rows * 256, np.uint8)
    written = np.int64(0)
    for row in range(rows):
        offsets[row + 1] = written
        at, end = places[row, 0], places[row, 1]
        odd = False
        totals[:] = 0.0
        sides[:] = 0
        scale = np.int64(0)
        while at < end and not odd:
            key, at = tag(body, at, end)
            if at < 0:
                odd = True
            elif key in (66, 74):
                side = 0 if key == 66 else 1
                length, at = varint(body, at, end)
                odd = bool(at < 0 or length < 0 or length > end - at or sides[side, 0] > 0)
                sides[side, 0], sides[side, 1] = at, at + length
                at += length
            elif key in (33, 41, 57, 113):
                if end - at < 8:
                    odd = True
                else:
                    number = np.int64(word(body, at))
                    scratch.view(np.int64)[0] = number
                    at += 8
                    if key == 33:
                        totals[2] = number
                    elif key == 57:
                        totals[1] = number
                    elif key == 41:
                        totals[3] = scratch[0]
                    else:
                        totals[0] = scratch[0]
                    odd = bool(key in (33, 57) and number < 0)
            elif key == 48:
                value, at = varint(body, at, end)
                scale = unzigzag_32(value)
                odd = bool(at < 0)
            elif key >> 3 in (4, 5, 6, 7, 8, 9, 14):
                odd = True
            else:
                at = skipped(body, at, end, key & 7)
                odd = bool(at < 0)
        size = sides[0, 1] - sides[0, 0] + sides[1, 1] - sides[1, 0]
        if not odd and size <= _COUNTS_MAX:
            if size > len(counts):
                spans, counts = np.empty((2 * size, 2), np.int64), np.empty(2 * size)
            if totals[0] == 0.0:
                totals[0] = _ZERO_THRESHOLD
            schema = min(scale, np.int64(_FINEST))
            coarser_by = min(scale - schema, np.int64(63))
            positive_spans, positive_counts, state = side_of(
                body, sides[0, 0], sides[0, 1], coarser_by, spans, np.int64(0), counts, np.int64(0)
            )
            spans_count, counts_count, other_state = side_of(
                body, sides[1, 0], sides[1, 1], coarser_by, spans, positive_spans, counts, positive_counts
            )
            odd = bool(state < 0 or other_state < 0) or not is_sound(
                schema,
                totals,
                spans,
                positive_spans,
                spans_count,
                counts,
                positive_counts,
                counts_count,
                bounds,
                np.int64(0),
            )
            if not odd:
                needed = FIXED_BYTES + SPAN_BYTES * spans_count + NUMBER_BYTES * counts_count
                if written + needed > len(out):
                    larger = np.empty(2 * len(out) + needed, np.uint8)
                    larger[:written] = out[:written]
                    out = larger
                written = put_native(
                    out,
                    written,
                    np.int64(0),
                    schema,
                    totals,
                    spans,
                    positive_spans,
                    spans_count,
                    counts,
                    positive_counts,
                    counts_count,
                    bounds,
                    np.int64(0),
                    scratch,
                )
                offsets[row + 1] = written
        else:
            odd = True
        is_odd[row] = odd
    return out[:written].copy(), offsets, is_odd
