"""Reads an ExportTraceServiceRequest as it is on the wire, without making an object for anything in it.

One walk writes down where things stand: a row of numbers for each span, for each attribute, event and link of it.
Texts that come again and again (keys, names, resources, scopes) get numbers at once. Arrays that are too small end the
walk with `MORE_ROOM`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.traces.otlp_schema import (
    EVENT,
    LINK,
    PAIR,
    REQUEST,
    RESOURCE_SPANS,
    SCOPE_SPANS,
    SPAN,
    STATUS,
)
from trimtab.store.traces.wire_kernels import BROKEN, DONE, MORE_ROOM, field, fixed32, is_same, number_of
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Table = NDArray[np.int64]
Slots = NDArray[np.int32]
Hashes = NDArray[np.uint64]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""

SPANS, ATTRIBUTES, EVENTS, LINKS, AT, LEFT_OUT, OUTDATED = range(7)
"""Places in `counts`: how many of each were found, where a broken body breaks, spans without proper ids, and out of
time."""

RESOURCE, SCOPE, TRACE_ID, SPAN_ID, PARENT_ID, NAME, KIND, START_NS, END_NS, STATUS_CODE = range(10)
MESSAGE, STATE, FLAGS, DROPPED, ATTRIBUTES_END, EVENTS_END, LINKS_END = 10, 12, 14, 15, 18, 19, 20
SPAN_COLUMNS = 21
"""Of a span. MESSAGE and STATE are two each (start, end), DROPPED is three; PARENT_ID is -1 where there is none."""

KEY, VALUE_START, VALUE_END = range(3)
ATTRIBUTE_COLUMNS = 3

EVENT_AT_NS, EVENT_NAME, EVENT_START, EVENT_END, EVENT_DROPPED = 0, 1, 3, 4, 5
EVENT_COLUMNS = 6
"""Of an event. EVENT_NAME is two (start, end); start and end of the message itself have its attributes in them."""

LINK_TRACE_ID, LINK_SPAN_ID, LINK_STATE, LINK_START, LINK_END, LINK_DROPPED, LINK_FLAGS = 0, 1, 2, 4, 5, 6, 7
LINK_COLUMNS = 8

KEYS, NAMES, RESOURCES, SCOPES = range(4)
"""Dictionaries: places in `sizes`."""
_KEYS_FOLLOWED = 4096
"""Of so many different ones it is remembered what came after them."""


@kernel(
    "int64(uint8[::1], int64, int64, int64[::1], int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[:, ::1],"
    " int64[::1], int32[:, ::1], int64[:, :, ::1], uint64[:, ::1])"
)
def walk(
    body: Bytes,
    first_ns: Number,
    last_ns: Number,
    counts: Numbers,
    spans: Table,
    attributes: Table,
    events: Table,
    links: Table,
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
    row, attribute, event, link = 0, 0, 0, 0
    trace_id, span_id = np.int64(-1), np.int64(-1)
    key = np.int64(0)
    after = np.zeros(_KEYS_FOLLOWED, np.int64)  # the key that came after a key the last time
    at, end = np.int64(0), np.int64(len(body))
    while True:
        while at >= end:
            if kind == SPAN:
                began_ns = spans[row, START_NS]
                if trace_id < 0 or span_id < 0:
                    counts[LEFT_OUT] += 1
                elif began_ns < first_ns or began_ns > last_ns:
                    counts[OUTDATED] += 1
                else:
                    spans[row, ATTRIBUTES_END] = attribute
                    spans[row, EVENTS_END] = event
                    spans[row, LINKS_END] = link
                    counts[ATTRIBUTES], counts[EVENTS], counts[LINKS] = attribute, event, link
                    row += 1
                attribute, event, link = counts[ATTRIBUTES], counts[EVENTS], counts[LINKS]
            elif kind == PAIR:
                attribute += 1
            elif kind == EVENT:
                event += 1
            elif kind == LINK:
                link += 1
            elif kind == SCOPE_SPANS:
                for number in range(scope_first, row):
                    spans[number, SCOPE] = scope
            elif kind == RESOURCE_SPANS:
                for number in range(resource_first, row):
                    spans[number, RESOURCE] = resource
            if depth == 0:
                counts[SPANS] = row
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
                key = after[key] if key < _KEYS_FOLLOWED else np.int64(0)
                first = texts[KEYS, key, 0]
                size = stop - start
                if texts[KEYS, key, 1] - first != size or not is_same(body, first, start, size):
                    if sizes[KEYS] >= room:
                        return np.int64(MORE_ROOM)
                    before = attributes[attribute - 1, KEY] if attribute else np.int64(0)
                    key = number_of(body, start, stop, slots[KEYS], texts[KEYS], hashes[KEYS], sizes, KEYS)
                    if before < _KEYS_FOLLOWED:
                        after[before] = key
                attributes[attribute, KEY] = key
            elif tag == 18:
                attributes[attribute, VALUE_START], attributes[attribute, VALUE_END] = start, stop
        elif kind == SPAN:
            if tag == 74:
                if attribute >= len(attributes):
                    return np.int64(MORE_ROOM)
                inner = np.int64(PAIR)
                attributes[attribute, KEY] = 0  # the empty one
                attributes[attribute, VALUE_START], attributes[attribute, VALUE_END] = start, start
            elif tag == 10:
                trace_id = start if stop - start == 16 else np.int64(-1)
                spans[row, TRACE_ID] = start
            elif tag == 18:
                span_id = start if stop - start == 8 else np.int64(-1)
                spans[row, SPAN_ID] = start
            elif tag == 34:
                spans[row, PARENT_ID] = start if stop - start == 8 else -1
            elif tag == 42:
                if sizes[NAMES] >= room:
                    return np.int64(MORE_ROOM)
                spans[row, NAME] = number_of(body, start, stop, slots[NAMES], texts[NAMES], hashes[NAMES], sizes, NAMES)
            elif tag == 48:
                spans[row, KIND] = value
            elif tag == 57:
                spans[row, START_NS] = np.int64(word(body, start))
            elif tag == 65:
                spans[row, END_NS] = np.int64(word(body, start))
            elif tag == 26:
                spans[row, STATE], spans[row, STATE + 1] = start, stop
            elif tag == 90:
                if event >= len(events):
                    return np.int64(MORE_ROOM)
                inner = np.int64(EVENT)
                events[event, :] = 0
                events[event, EVENT_START], events[event, EVENT_END] = start, stop
            elif tag == 106:
                if link >= len(links):
                    return np.int64(MORE_ROOM)
                inner = np.int64(LINK)
                links[link, :] = 0
                links[link, LINK_TRACE_ID], links[link, LINK_SPAN_ID] = -1, -1
                links[link, LINK_START], links[link, LINK_END] = start, stop
            elif tag == 122:
                inner = np.int64(STATUS)
            elif tag == 133:
                spans[row, FLAGS] = fixed32(body, start)
            elif tag == 80:
                spans[row, DROPPED] = value
            elif tag == 96:
                spans[row, DROPPED + 1] = value
            elif tag == 112:
                spans[row, DROPPED + 2] = value
        elif kind == EVENT:
            if tag == 9:
                events[event, EVENT_AT_NS] = np.int64(word(body, start))
            elif tag == 18:
                events[event, EVENT_NAME], events[event, EVENT_NAME + 1] = start, stop
            elif tag == 32:
                events[event, EVENT_DROPPED] = value
        elif kind == STATUS:
            if tag == 24:
                spans[row, STATUS_CODE] = value
            elif tag == 18:
                spans[row, MESSAGE], spans[row, MESSAGE + 1] = start, stop
        elif kind == LINK:
            if tag == 10 and stop - start == 16:
                links[link, LINK_TRACE_ID] = start
            elif tag == 18 and stop - start == 8:
                links[link, LINK_SPAN_ID] = start
            elif tag == 26:
                links[link, LINK_STATE], links[link, LINK_STATE + 1] = start, stop
            elif tag == 40:
                links[link, LINK_DROPPED] = value
            elif tag == 53:
                links[link, LINK_FLAGS] = fixed32(body, start)
        elif kind == SCOPE_SPANS:
            if tag == 18:
                if row >= len(spans):
                    return np.int64(MORE_ROOM)
                inner = np.int64(SPAN)
                spans[row, :] = 0
                spans[row, PARENT_ID] = -1
                trace_id, span_id = np.int64(-1), np.int64(-1)
            elif tag == 10:
                if sizes[SCOPES] >= room:
                    return np.int64(MORE_ROOM)
                scope = number_of(body, start, stop, slots[SCOPES], texts[SCOPES], hashes[SCOPES], sizes, SCOPES)
        elif kind == RESOURCE_SPANS:
            if tag == 18:
                inner = np.int64(SCOPE_SPANS)
                scope_first = row
                scope = np.int64(0)
            elif tag == 10:
                if sizes[RESOURCES] >= room:
                    return np.int64(MORE_ROOM)
                resource = number_of(
                    body, start, stop, slots[RESOURCES], texts[RESOURCES], hashes[RESOURCES], sizes, RESOURCES
                )
        elif tag == 10:
            inner = np.int64(RESOURCE_SPANS)
            resource_first = row
            resource = np.int64(0)
        if inner >= 0:
            ends[depth], kinds[depth] = end, kind
            depth += 1
            at, end, kind = start, stop, inner
        else:
            at = stop
