"""Makes columns out of the tables of a walk: ids as hex, texts one behind the other, attributes, events and links."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.traces.text_kernels import (
    put,
    put_base64,
    put_integer,
    put_json,
    put_quoted,
    put_word,
    value_of,
)
from trimtab.store.traces.walk_kernels import (
    ATTRIBUTES_END,
    EVENT_AT_NS,
    EVENT_DROPPED,
    EVENT_END,
    EVENT_NAME,
    EVENT_START,
    EVENTS_END,
    KEY,
    LINK_DROPPED,
    LINK_END,
    LINK_FLAGS,
    LINK_SPAN_ID,
    LINK_START,
    LINK_STATE,
    LINK_TRACE_ID,
    LINKS_END,
    VALUE_END,
    VALUE_START,
)
from trimtab.store.traces.wire_kernels import number_of

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Table = NDArray[np.int64]
Offsets = NDArray[np.int32]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""

KEPT, DROPPED, STATEMENT, OLD_STATEMENT = 0, 1, 2, 3
"""What is done with the attributes of a key; a statement is private, and stored elsewhere and otherwise."""

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_PAIRS = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)
"""Two digits for each byte."""
_AT, _NAME, _LEFT_OUT, _ATTRIBUTES = (
    np.frombuffer(text, np.uint8)
    for text in (b'{"at_ns":', b',"name":', b',"dropped_attributes_count":', b',"attributes":')
)
_TRACE, _SPAN, _STATE, _FLAGS = (
    np.frombuffer(text, np.uint8) for text in (b'{"trace_id":"', b'","span_id":"', b'","trace_state":', b',"flags":')
)
_LETTERS = np.zeros(64, np.uint8)
for _tag, _letter in ((0, "n"), (10, "s"), (16, "b"), (24, "i"), (33, "d"), (42, "a"), (50, "k"), (58, "x")):
    _LETTERS[_tag] = ord(_letter)
_TRUE, _FALSE = np.frombuffer(b"true", np.uint8), np.frombuffer(b"false", np.uint8)


@kernel("int64(uint8[::1], int64[::1], int64[::1], int32[::1], int64[:, ::1], uint64[::1], int32[::1])")
def numbers_of(
    body: Bytes,
    starts: Numbers,
    ends: Numbers,
    slots: Offsets,
    texts: Table,
    hashes: NDArray[np.uint64],
    numbers: Offsets,
) -> Number:
    """Numbers for texts, 0 for the empty one; how many different ones there are. See `wire_kernels.number_of`."""
    sizes = np.zeros(1, np.int64)
    number_of(body, np.int64(0), np.int64(0), slots, texts, hashes, sizes, np.int64(0))
    for row in range(len(starts)):
        numbers[row] = (
            number_of(body, starts[row], ends[row], slots, texts, hashes, sizes, np.int64(0))
            if ends[row] > starts[row]
            else 0
        )
    return sizes[0]


@kernel("void(uint8[::1], int64[::1], int64, int32[::1], uint8[::1])")
def hex_ids(body: Bytes, starts: Numbers, size: Number, offsets: Offsets, out: Bytes) -> None:
    """Ids of `size` bytes as hex; an empty text where the start is -1."""
    at = np.uint64(0)
    pairs = out.view(np.uint16)
    offsets[0] = 0
    for row in range(len(starts)):
        start = starts[row]
        if start >= 0:
            for place in range(size):
                pairs[at] = _PAIRS[body[start + place]]
                at += np.uint64(1)
        offsets[row + 1] = np.int32(2 * at)


@kernel("void(uint8[::1], int64[:, ::1], int64[:, ::1], uint8[::1], int64[:, ::1])")
def statements_of(body: Bytes, spans: Table, attributes: Table, flags: Bytes, out: Table) -> None:
    """Where the statement of each span stands: the attribute with the newer name, else the one with the older."""
    first = np.int64(0)
    for row in range(len(spans)):
        end = spans[row, ATTRIBUTES_END]
        start, stop = np.int64(0), np.int64(0)
        for place in range(first, end):
            flag = flags[attributes[place, KEY]]
            if flag >= STATEMENT:
                tag, text, text_end, _ = value_of(body, attributes[place, VALUE_START], attributes[place, VALUE_END])
                if tag == 10 and text_end > text and (flag == STATEMENT or stop == 0):
                    start, stop = text, text_end
        out[row, 0], out[row, 1] = start, stop
        first = end


@kernel("int64(uint8[::1], int64[:, ::1], uint8[::1], uint8[::1], float64[::1])")
def kinds_of(body: Bytes, attributes: Table, flags: Bytes, letters: Bytes, doubles: NDArray[np.float64]) -> Number:
    """The letter for the type of each attribute (0 where it is not kept), and the doubles among those that are kept.

    Afterwards `attributes` have the place of the value itself, in place of the message around it; for numbers and
    truth values the number is where its start was.
    """
    count = 0
    bits = doubles.view(np.int64)
    for place in range(len(attributes)):
        letters[place] = 0
        if flags[attributes[place, KEY]] != KEPT:
            continue
        tag, start, end, value = value_of(body, attributes[place, VALUE_START], attributes[place, VALUE_END])
        letters[place] = _LETTERS[tag]
        if tag == 16 or tag == 24:  # noqa: PLR1714 - a set is made each time
            start = value
        elif tag == 33:
            number = np.int64(0)
            for byte in range(8):
                number |= np.int64(body[start + byte]) << (8 * byte)
            bits[count] = number
            start = count
            count += 1
        attributes[place, VALUE_START], attributes[place, VALUE_END] = start, end
    return np.int64(count)


@kernel(
    "int64(uint8[::1], int64[:, ::1], int64[:, ::1], uint8[::1], int32[::1], uint8[::1],"
    " int32[::1], int32[::1], int32[::1], uint8[::1], uint8[::1], int64[:, ::1])"
)
def attributes_of(
    body: Bytes,
    spans: Table,
    attributes: Table,
    letters: Bytes,
    double_offsets: Offsets,
    double_texts: Bytes,
    rows: Offsets,
    keys: Offsets,
    offsets: Offsets,
    out: Bytes,
    kinds: Bytes,
    kind_places: Table,
) -> Number:
    """Attributes that are kept, as a map: `rows` are where each span's end, `keys` the numbers of keys, texts.

    `kinds` are the letters of all, `kind_places` where those of each span stand; an empty place where all are strings.
    The number of bytes, -1 where there is no room.
    """
    at = np.int64(0)
    count = 0
    first = np.int64(0)
    rows[0], offsets[0] = 0, 0
    for row in range(len(spans)):
        end = spans[row, ATTRIBUTES_END]
        begun = count
        has_others = False
        for place in range(first, end):
            letter = letters[place]
            if letter == 0:
                continue
            start, stop = attributes[place, VALUE_START], attributes[place, VALUE_END]
            if letter == 115:
                at = put(out, at, body, start, stop)
            else:
                has_others = True
                if letter == 105:
                    at = put_integer(out, at, start)
                elif letter == 98:
                    at = put_word(out, at, _TRUE) if start else put_word(out, at, _FALSE)
                elif letter == 100:
                    at = put(out, at, double_texts, double_offsets[start], double_offsets[start + 1])
                elif letter == 120:
                    at = put_base64(out, at, body, start, stop)
                elif letter == 97:
                    at = put_json(out, at, body, start, stop, np.int64(0))
                elif letter == 107:
                    at = put_json(out, at, body, start, stop, np.int64(10))
            if at < 0:
                return at
            keys[count] = attributes[place, KEY]
            kinds[count] = letter
            count += 1
            offsets[count] = at
        rows[row + 1] = count
        kind_places[row, 0], kind_places[row, 1] = (begun, count) if has_others else (0, 0)
        first = end
    return at


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64)")
def put_id(out: Bytes, at: Number, body: Bytes, start: Number, size: Number) -> Number:
    """An id as hex; nothing where the start is -1."""
    if at < 0 or at + 64 > len(out):
        return np.int64(-1)
    if start >= 0:
        for place in range(size):
            byte = body[start + place]
            out[at], out[at + 1] = _HEX[byte >> 4], _HEX[byte & 15]
            at += 2
    return at


@kernel("int64(uint8[::1], int64[:, ::1], int64[:, ::1], int32[::1], uint8[::1])")
def events_of(body: Bytes, spans: Table, events: Table, offsets: Offsets, out: Bytes) -> Number:
    """The events of each span as a JSON array, an empty text where it has none."""
    at, event = np.int64(0), 0
    offsets[0] = 0
    for row in range(len(spans)):
        end = spans[row, EVENTS_END]
        if event < end:
            if at + 64 > len(out):
                return np.int64(-1)
            out[at] = 91
            at += 1
            while event < end:
                at = put_word(out, at, _AT)
                at = put_integer(out, at, events[event, EVENT_AT_NS])
                at = put_word(out, at, _NAME)
                at = put_quoted(out, at, body, events[event, EVENT_NAME], events[event, EVENT_NAME + 1], False)
                if events[event, EVENT_DROPPED]:
                    at = put_word(out, at, _LEFT_OUT)
                    at = put_integer(out, at, events[event, EVENT_DROPPED])
                at = put_word(out, at, _ATTRIBUTES)
                at = put_json(out, at, body, events[event, EVENT_START], events[event, EVENT_END], np.int64(26))
                if at < 0:
                    return at
                event += 1
                out[at], out[at + 1] = 125, 44
                at += 2
            out[at - 1] = 93
        offsets[row + 1] = at
    return at


@kernel("int64(uint8[::1], int64[:, ::1], int64[:, ::1], int32[::1], uint8[::1])")
def links_of(body: Bytes, spans: Table, links: Table, offsets: Offsets, out: Bytes) -> Number:
    """The links of each span as a JSON array, an empty text where it has none."""
    at, link = np.int64(0), 0
    offsets[0] = 0
    for row in range(len(spans)):
        end = spans[row, LINKS_END]
        if link < end:
            if at + 64 > len(out):
                return np.int64(-1)
            out[at] = 91
            at += 1
            while link < end:
                at = put_word(out, at, _TRACE)
                at = put_id(out, at, body, links[link, LINK_TRACE_ID], np.int64(16))
                at = put_word(out, at, _SPAN)
                at = put_id(out, at, body, links[link, LINK_SPAN_ID], np.int64(8))
                at = put_word(out, at, _STATE)
                at = put_quoted(out, at, body, links[link, LINK_STATE], links[link, LINK_STATE + 1], False)
                at = put_word(out, at, _FLAGS)
                at = put_integer(out, at, links[link, LINK_FLAGS])
                if links[link, LINK_DROPPED]:
                    at = put_word(out, at, _LEFT_OUT)
                    at = put_integer(out, at, links[link, LINK_DROPPED])
                at = put_word(out, at, _ATTRIBUTES)
                at = put_json(out, at, body, links[link, LINK_START], links[link, LINK_END], np.int64(34))
                if at < 0:
                    return at
                link += 1
                out[at], out[at + 1] = 125, 44
                at += 2
            out[at - 1] = 93
        offsets[row + 1] = at
    return at


@kernel("int64(uint8[::1], int64[:, ::1], int64, int32[::1], uint8[::1])")
def objects_of(body: Bytes, places: Table, pair_tag: Number, offsets: Offsets, out: Bytes) -> Number:
    """The attributes of each message (resource, scope) as a JSON object."""
    at = np.int64(0)
    offsets[0] = 0
    for row in range(len(places)):
        at = put_json(out, at, body, places[row, 0], places[row, 1], pair_tag)
        if at < 0:
            return at
        offsets[row + 1] = at
    return at
