"""One document as a list of its fields: objects inside objects become names with dots, as Elasticsearch sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.elasticsearch.json_kernels import (
    DEPTH_MAX,
    NULL,
    blank_end,
    list_end,
    put_text,
    scalar_end,
    text_end,
)
from trimtab.store.compiled import kernel
from trimtab.store.traces.wire_kernels import is_utf8

Bytes = NDArray[np.uint8]
Table = NDArray[np.int64]
Number = Any

NAME_START, NAME_STOP, START, STOP, KIND, SIZE = range(6)
FIELD_COLUMNS = 6
"""Of a field: where its name stands in `names`, its value in the body, what it is, and how many bytes its text has."""

FIELDS_MAX = 2000
NAME_BYTES_MAX = 512
NAMES_BYTES = FIELDS_MAX * 128
"""For all names of a document; beyond that it has too many fields."""

BAD_JSON, NO_OBJECT, TOO_DEEP, TOO_MANY_FIELDS, NAME_TOO_LONG, NO_UTF8 = -1, -2, -3, -4, -5, -6


@kernel("int64(uint8[::1], int64, int64, uint8[::1], int64[:, ::1])")
def fields_of(body: Bytes, at: Number, end: Number, names: Bytes, fields: Table) -> Number:
    """Fill in the fields of a document; answers how many there are, or (below zero) what is wrong with it. Fields that
    are null, and objects without anything in them, are none."""
    prefix = np.empty(NAME_BYTES_MAX, np.uint8)
    bases = np.zeros(DEPTH_MAX + 1, np.int64)
    depth, count = 0, np.int64(0)
    names_used = np.int64(0)
    if not is_utf8(body, at, end):
        return np.int64(NO_UTF8)
    at = blank_end(body, at, end)
    if at >= end or body[at] != 123:
        return np.int64(NO_OBJECT)
    at += 1
    is_first = True
    while True:
        at = blank_end(body, at, end)
        if at >= end:
            return np.int64(BAD_JSON)
        if body[at] == 125 and is_first:
            is_closing = True
        else:
            if body[at] != 34:
                return np.int64(BAD_JSON)
            after, size = text_end(body, at, end)
            if after < 0:
                return np.int64(BAD_JSON)
            base = bases[depth]
            if base + size + 1 > NAME_BYTES_MAX:
                return np.int64(NAME_TOO_LONG)
            base = put_text(body, at, after, prefix, base)
            at = blank_end(body, after, end)
            if at >= end or body[at] != 58:
                return np.int64(BAD_JSON)
            at = blank_end(body, at + 1, end)
            if at < end and body[at] == 123:
                depth += 1
                if depth >= DEPTH_MAX:
                    return np.int64(TOO_DEEP)
                prefix[base] = 46
                bases[depth] = base + 1
                at += 1
                is_first = True
                continue
            text_size = np.int64(0)
            if at < end and body[at] == 91:
                after, kind = list_end(body, at, end)
                text_size = after - at
            else:
                after, kind, text_size = scalar_end(body, at, end)
            if after < 0:
                return np.int64(BAD_JSON)
            if kind != NULL:
                if count >= FIELDS_MAX or names_used + base > NAMES_BYTES:
                    return np.int64(TOO_MANY_FIELDS)
                row = fields[count]
                row[NAME_START] = names_used
                for place in range(base):
                    names[names_used + place] = prefix[place]
                names_used += base
                row[NAME_STOP] = names_used
                row[START], row[STOP], row[KIND], row[SIZE] = at, after, kind, text_size
                count += 1
            at = blank_end(body, after, end)
            if at >= end:
                return np.int64(BAD_JSON)
            is_closing = body[at] == 125
        is_first = False
        while is_closing:
            at = blank_end(body, at + 1, end)
            depth -= 1
            if depth < 0:
                return count if at == end else np.int64(BAD_JSON)
            if at >= end:
                return np.int64(BAD_JSON)
            is_closing = body[at] == 125
        if body[at] != 44:
            return np.int64(BAD_JSON)
        at = blank_end(body, at + 1, end)
        if at < end and body[at] == 125:
            return np.int64(BAD_JSON)


@kernel("boolean(uint8[::1], int64, int64, uint8[::1], int64, int64)")
def is_named(names: Bytes, start: Number, stop: Number, other: Bytes, first: Number, last: Number) -> bool:
    """Whether a name is this one."""
    if stop - start != last - first:
        return False
    place = 0
    while place < stop - start and names[start + place] == other[first + place]:
        place += 1
    return bool(place == stop - start)


@kernel("boolean(uint8[::1], int64, int64)")
def is_hex(body: Bytes, start: Number, stop: Number) -> bool:
    """Whether a text (from quote to quote) holds nothing but hexadecimal digits, not all of them 0."""
    has_any = False
    for place in range(start + 1, stop - 1):
        byte = body[place]
        if not (48 <= byte <= 57 or 97 <= byte | 32 <= 102):
            return False
        has_any = has_any or byte != 48
    return has_any
