"""Reads an ExportLogsServiceRequest as it is on the wire, without making an object for anything in it.

One walk writes down where things stand: a row of numbers for each record and for each of its attributes. Resources,
scopes, keys and severities, which come again and again, get numbers at once. Arrays that are too small end the walk
with `MORE_ROOM`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.logs.schema import PAIR, RECORD, REQUEST, RESOURCE_LOGS, SCOPE_LOGS
from trimtab.store.traces.walk_kernels import ATTRIBUTES_END, KEY, VALUE_END, VALUE_START
from trimtab.store.traces.wire_kernels import BROKEN, DONE, MORE_ROOM, field, fixed32, is_same, is_zero, number_of
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Table = NDArray[np.int64]
Slots = NDArray[np.int32]
Hashes = NDArray[np.uint64]
Number = np.int64

RECORDS, ATTRIBUTES, OUTDATED, AT = range(4)
"""Places in `counts`: how many of each were found, records out of time, and where a broken body breaks."""
COUNTS = 4

RESOURCE, SCOPE, TRACE_ID, SPAN_ID, SEVERITY_TEXT, EVENT_NAME, AT_NS, OBSERVED_NS, SEVERITY, FLAGS, DROPPED = range(11)
BODY, NUMBER = 11, 13
RECORD_COLUMNS = ATTRIBUTES_END + 1
"""Of a record. BODY is two (start and end of the value), NUMBER its place among all, also those that are left out;
TRACE_ID and SPAN_ID are -1 where there is none. The end of its attributes stands where those of spans do."""

KEYS, RESOURCES, SCOPES, SEVERITIES, EVENTS = range(5)
"""Dictionaries: places in `sizes`."""
DICTIONARIES_COUNT = 5


@kernel(
    "int64(uint8[::1], int64, int64, int64, int64[::1], int64[:, ::1], int64[:, ::1],"
    " int64[::1], int32[:, ::1], int64[:, :, ::1], uint64[:, ::1])"
)
def walk(
    body: Bytes,
    first_ns: Number,
    last_ns: Number,
    now_ns: Number,
    counts: Numbers,
    records: Table,
    attributes: Table,
    sizes: Numbers,
    slots: Slots,
    texts: NDArray[np.int64],
    hashes: Hashes,
) -> Number:
    """Fill the tables. `slots`, `texts` and `hashes` are those of the dictionaries, see `number_of`."""
    counts[:] = 0
    sizes[:] = 0
    room = texts.shape[1] - 1
    for which in range(len(slots)):  # what is not said is empty: number 0 of each dictionary
        number_of(body, 0, 0, slots[which], texts[which], hashes[which], sizes, which)
    ends = np.empty(8, np.int64)
    kinds = np.empty(8, np.int64)
    depth, kind = 0, np.int64(REQUEST)
    resource_first, scope_first = 0, 0
    resource, scope = np.int64(0), np.int64(0)
    row, attribute, number = 0, 0, 0
    before = np.int64(0)  # the first attribute of the record before
    at, end = np.int64(0), np.int64(len(body))
    while True:
        while at >= end:
            if kind == PAIR:
                attribute += 1
            elif kind == RECORD:
                if records[row, OBSERVED_NS] == 0:
                    records[row, OBSERVED_NS] = now_ns
                if records[row, AT_NS] == 0:
                    records[row, AT_NS] = records[row, OBSERVED_NS]
                records[row, NUMBER] = number
                number += 1
                if records[row, AT_NS] < first_ns or records[row, AT_NS] > last_ns:
                    counts[OUTDATED] += 1
                    attribute = counts[ATTRIBUTES]
                else:
                    records[row, ATTRIBUTES_END] = attribute
                    before = counts[ATTRIBUTES]
                    counts[ATTRIBUTES] = attribute
                    row += 1
            elif kind == SCOPE_LOGS:
                for place in range(scope_first, row):
                    records[place, SCOPE] = scope
            elif kind == RESOURCE_LOGS:
                for place in range(resource_first, row):
                    records[place, RESOURCE] = resource
            if depth == 0:
                counts[RECORDS] = row
                return np.int64(DONE)
            depth -= 1
            end, kind = ends[depth], kinds[depth]
        tag, start, stop, value = field(body, at, end)
        if stop < 0:
            counts[AT] = at
            return np.int64(BROKEN)
        inner = np.int64(-1)
        if kind == PAIR:
            if tag == 10:
                if sizes[KEYS] >= room:
                    return np.int64(MORE_ROOM)
                # Records of a request have the same keys in the same order, mostly.
                guess = before + attribute - counts[ATTRIBUTES]
                key = attributes[guess, KEY] if guess < counts[ATTRIBUTES] else np.int64(0)
                first = texts[KEYS, key, 0]
                if texts[KEYS, key, 1] - first == stop - start and is_same(body, first, start, stop - start):
                    attributes[attribute, KEY] = key
                else:
                    attributes[attribute, KEY] = number_of(
                        body, start, stop, slots[KEYS], texts[KEYS], hashes[KEYS], sizes, KEYS
                    )
            elif tag == 18:
                attributes[attribute, VALUE_START], attributes[attribute, VALUE_END] = start, stop
        elif kind == RECORD:
            if tag == 50:
                if attribute >= len(attributes):
                    return np.int64(MORE_ROOM)
                inner = np.int64(PAIR)
                attributes[attribute, KEY] = 0  # the empty one
                attributes[attribute, VALUE_START], attributes[attribute, VALUE_END] = start, start
            elif tag == 42:
                records[row, BODY], records[row, BODY + 1] = start, stop
            elif tag == 9:
                records[row, AT_NS] = np.int64(word(body, start))
            elif tag == 89:
                records[row, OBSERVED_NS] = np.int64(word(body, start))
            elif tag == 16:
                records[row, SEVERITY] = value
            elif tag == 26:
                if sizes[SEVERITIES] >= room:
                    return np.int64(MORE_ROOM)
                records[row, SEVERITY_TEXT] = number_of(
                    body,
                    start,
                    stop,
                    slots[SEVERITIES],
                    texts[SEVERITIES],
                    hashes[SEVERITIES],
                    sizes,
                    SEVERITIES,
                )
            elif tag == 74:
                is_id = stop - start == 16 and not is_zero(body, start, stop)
                records[row, TRACE_ID] = start if is_id else -1
            elif tag == 82:
                is_id = stop - start == 8 and not is_zero(body, start, stop)
                records[row, SPAN_ID] = start if is_id else -1
            elif tag == 69:
                records[row, FLAGS] = fixed32(body, start)
            elif tag == 56:
                records[row, DROPPED] = value
            elif tag == 98:
                if sizes[EVENTS] >= room:
                    return np.int64(MORE_ROOM)
                records[row, EVENT_NAME] = number_of(
                    body, start, stop, slots[EVENTS], texts[EVENTS], hashes[EVENTS], sizes, EVENTS
                )
        elif kind == SCOPE_LOGS:
            if tag == 18:
                if row >= len(records):
                    return np.int64(MORE_ROOM)
                inner = np.int64(RECORD)
                records[row, :] = 0
                records[row, TRACE_ID], records[row, SPAN_ID] = -1, -1
            elif tag == 10:
                if sizes[SCOPES] >= room:
                    return np.int64(MORE_ROOM)
                scope = number_of(body, start, stop, slots[SCOPES], texts[SCOPES], hashes[SCOPES], sizes, SCOPES)
        elif kind == RESOURCE_LOGS:
            if tag == 18:
                inner = np.int64(SCOPE_LOGS)
                scope_first = row
                scope = np.int64(0)
            elif tag == 10:
                if sizes[RESOURCES] >= room:
                    return np.int64(MORE_ROOM)
                resource = number_of(
                    body, start, stop, slots[RESOURCES], texts[RESOURCES], hashes[RESOURCES], sizes, RESOURCES
                )
        elif tag == 10:
            inner = np.int64(RESOURCE_LOGS)
            resource_first = row
            resource = np.int64(0)
        if inner >= 0:
            ends[depth], kinds[depth] = end, kind
            depth += 1
            at, end, kind = start, stop, inner
        else:
            at = stop
