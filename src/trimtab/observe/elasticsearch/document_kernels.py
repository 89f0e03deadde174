"""Documents of a bulk as records of an ExportLogsServiceRequest: each is walked over once, and written once.

A document that cannot be kept gets a code that says why, and nothing of it is written.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.elasticsearch.date_kernels import NO_DATE, moment_ns
from trimtab.observe.elasticsearch.field_kernels import (
    put_attribute,
    put_bytes,
    put_value,
    put_varint,
    value_size,
    varint_size,
)
from trimtab.observe.elasticsearch.json_kernels import DECIMAL, INTEGER, LIST, NESTED, TEXT, put_text
from trimtab.observe.elasticsearch.names import BODY, LEVEL, ROLES_COUNT, SPAN, TIME, TRACE
from trimtab.observe.elasticsearch.walk_kernels import (
    FIELD_COLUMNS,
    FIELDS_MAX,
    KIND,
    NAME_START,
    NAME_STOP,
    NAMES_BYTES,
    SIZE,
    START,
    STOP,
    fields_of,
    is_hex,
    is_named,
)
from trimtab.store.compiled import kernel

Bytes = NDArray[np.uint8]
Table = NDArray[np.int64]
Numbers = NDArray[np.int64]
Doubles = NDArray[np.float64]
Number = Any

GOOD, BAD_DATE, TOO_OLD, TOO_NEW, TOO_LONG = 0, 1, 2, 3, 4
"""Codes beside those of `walk_kernels`, which are below zero."""

CODE, RECORD_START, RECORD_STOP, RESOURCE_START, RESOURCE_STOP, AT_NS = range(6)
ROW_COLUMNS = 6

MORE_ROOM = -1
_OVERHEAD_BYTES = 64
"""Of a record, beside its attributes: times, ids, tags and lengths."""
_A_FIELD_BYTES = 28


@kernel(
    "void(uint8[::1], int64[:, ::1], int64, uint8[::1], uint8[::1], int64[::1], int64[::1], int64[::1], int64[::1])"
)
def choose(
    body: Bytes,
    fields: Table,
    count: Number,
    names: Bytes,
    known: Bytes,
    known_starts: Numbers,
    known_roles: Numbers,
    chosen: Numbers,
    ranks: Numbers,
) -> None:
    """Which field has which role: its place in `chosen`, -1 where none has."""
    for role in range(ROLES_COUNT):
        chosen[role] = -1
        ranks[role] = len(known_roles)
    for place in range(count):
        row = fields[place]
        size = row[NAME_STOP] - row[NAME_START]
        for rank in range(len(known_roles)):
            role = known_roles[rank]
            first = known_starts[rank]
            if known_starts[rank + 1] - first != size or rank >= ranks[role] or size == 0:
                continue
            if names[row[NAME_START]] != known[first] or not is_named(
                names, row[NAME_START], row[NAME_STOP], known, first, first + size
            ):
                continue
            kind = row[KIND]
            if role == TIME:
                fits = True
            elif role == BODY:
                fits = kind not in (LIST, NESTED)
            elif role == LEVEL:
                fits = kind == TEXT
            else:
                digits_count = 32 if role == TRACE else 16
                fits = kind == TEXT and row[SIZE] == digits_count and row[STOP] - row[START] == digits_count + 2
                fits = fits and is_hex(body, row[START], row[STOP])
            if fits:
                chosen[role], ranks[role] = place, rank
            break


@kernel("boolean(uint8[::1], int64, int64, uint8[::1], int64[::1])")
def is_of_resource(names: Bytes, start: Number, stop: Number, prefixes: Bytes, starts: Numbers) -> bool:
    """Whether a name begins like those of resources."""
    for which in range(len(starts) - 1):
        size = starts[which + 1] - starts[which]
        if (
            stop - start > size
            and names[start] == prefixes[starts[which]]
            and is_named(names, start, start + size, prefixes, starts[which], starts[which + 1])
        ):
            return True
    return False


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64)")
def put_id(out: Bytes, to: Number, body: Bytes, start: Number, stop: Number) -> Number:
    """Write the bytes of an id that is a text of hexadecimal digits."""
    at = start + 1
    while at < stop - 1:
        value = np.int64(0)
        for place in range(at, at + 2):
            byte = np.int64(body[place])
            value = value * 16 + (byte - 48 if byte <= 57 else (byte | 32) - 87)
        out[to] = value
        to += 1
        at += 2
    return np.int64(to)


@kernel("int64(uint8[::1], int64, int64)")
def put_fixed64(out: Bytes, to: Number, value: Number) -> Number:
    """Write eight bytes."""
    bits = np.uint64(value)
    for place in range(8):
        out[to + place] = np.uint8((bits >> np.uint64(8 * place)) & np.uint64(0xFF))
    return np.int64(to + 8)


@kernel(
    "int64(uint8[::1], int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], int64[::1],"
    " uint8[::1], int64[::1], float64[::1], int64, int64, int64, int64, uint8[::1], uint8[::1], int64[:, ::1])"
)
def records_of(
    body: Bytes,
    starts: Numbers,
    stops: Numbers,
    index_numbers: Numbers,
    indexes: Bytes,
    index_starts: Numbers,
    known: Bytes,
    known_starts: Numbers,
    known_roles: Numbers,
    prefixes: Bytes,
    prefix_starts: Numbers,
    powers: Doubles,
    first_ns: Number,
    last_ns: Number,
    now_ns: Number,
    record_bytes_max: Number,
    out: Bytes,
    resources: Bytes,
    rows: Table,
) -> Number:
    """Write the records of documents into `out` and their resources into `resources` (a resource that is the same as
    the one before is written once), and of each document a row; MORE_ROOM where these are too small.

    `indexes` holds the attribute of each index, ready to be written.
    """
    names = np.empty(NAMES_BYTES, np.uint8)
    fields = np.empty((FIELDS_MAX, FIELD_COLUMNS), np.int64)
    is_shared = np.empty(FIELDS_MAX, np.bool_)
    chosen, ranks = np.empty(ROLES_COUNT, np.int64), np.empty(ROLES_COUNT, np.int64)
    to, resource_start, resource_stop = np.int64(0), np.int64(0), np.int64(0)
    has_resource = False
    for number in range(len(starts)):
        row = rows[number]
        start, stop = starts[number], stops[number]
        row[RECORD_START], row[RECORD_STOP], row[AT_NS] = to, to, 0
        row[RESOURCE_START], row[RESOURCE_STOP] = resource_start, resource_stop
        count = fields_of(body, start, stop, names, fields)
        if count < 0:
            row[CODE] = count
            continue
        choose(body, fields, count, names, known, known_starts, known_roles, chosen, ranks)
        at_ns = np.int64(0)
        if chosen[TIME] >= 0:
            field = fields[chosen[TIME]]
            kind = field[KIND]
            at_ns = np.int64(NO_DATE)
            if kind == TEXT:
                at_ns = moment_ns(body, field[START] + 1, field[STOP] - 1)
            elif kind in (INTEGER, DECIMAL):
                at_ns = moment_ns(body, field[START], field[STOP])
            if at_ns == NO_DATE:
                row[CODE] = BAD_DATE
                continue
            if at_ns < first_ns or at_ns > last_ns:
                row[CODE] = TOO_OLD if at_ns < first_ns else TOO_NEW
                continue
        index_start, index_stop = index_starts[index_numbers[number]], index_starts[index_numbers[number] + 1]
        size_max = 2 * (stop - start) + _OVERHEAD_BYTES + index_stop - index_start
        for place in range(count):
            name_size = fields[place, NAME_STOP] - fields[place, NAME_START]
            size_max += name_size + _A_FIELD_BYTES
            if fields[place, KIND] == LIST:
                size_max += 10 * (fields[place, STOP] - fields[place, START])
            is_shared[place] = is_of_resource(
                names, fields[place, NAME_START], fields[place, NAME_STOP], prefixes, prefix_starts
            )
        if to + size_max > len(out) or resource_stop + size_max > len(resources):
            return np.int64(MORE_ROOM)

        for role in range(ROLES_COUNT):
            if chosen[role] >= 0:
                is_shared[chosen[role]] = False
        made = put_bytes(resources, resource_stop, indexes, index_start, index_stop)
        for place in range(count):
            if is_shared[place]:
                field = fields[place]
                made = put_attribute(
                    resources, made, 0x0A, names, field[NAME_START], field[NAME_STOP],
                    body, field[START], field[STOP], field[KIND], field[SIZE], powers,
                )  # fmt: skip
        if not (has_resource and is_named(resources, resource_start, resource_stop, resources, resource_stop, made)):
            resource_start, resource_stop = resource_stop, made
            has_resource = True

        # the record is written behind room for its tag and its length, and then moved to where these end
        begun = to + 6
        out[begun] = 0x09
        end = put_fixed64(out, begun + 1, at_ns)
        out[end] = 0x59
        end = put_fixed64(out, end + 1, now_ns)
        if chosen[LEVEL] >= 0:
            field = fields[chosen[LEVEL]]
            out[end] = 0x1A
            end = put_text(body, field[START], field[STOP], out, put_varint(out, end + 1, field[SIZE]))
        out[end] = 0x2A
        if chosen[BODY] >= 0:
            field = fields[chosen[BODY]]
            content, inner = value_size(body, field[START], field[STOP], field[KIND], field[SIZE], powers)
            end = put_varint(out, end + 1, content)
            end = put_value(
                out, end, body, field[START], field[STOP], field[KIND], field[SIZE], inner, powers
            )  # fmt: skip
        else:
            size = stop - start
            end = put_varint(out, end + 1, 1 + varint_size(size) + size)
            out[end] = 0x0A
            end = put_bytes(out, put_varint(out, end + 1, size), body, start, stop)
        for place in range(count):
            if is_shared[place]:
                continue
            is_taken = False
            for role in range(ROLES_COUNT):
                is_taken = is_taken or chosen[role] == place
            if not is_taken:
                field = fields[place]
                end = put_attribute(
                    out, end, 0x32, names, field[NAME_START], field[NAME_STOP],
                    body, field[START], field[STOP], field[KIND], field[SIZE], powers,
                )  # fmt: skip
        if chosen[TRACE] >= 0:
            field = fields[chosen[TRACE]]
            out[end], out[end + 1] = 0x4A, 16
            end = put_id(out, end + 2, body, field[START], field[STOP])
        if chosen[SPAN] >= 0:
            field = fields[chosen[SPAN]]
            out[end], out[end + 1] = 0x52, 8
            end = put_id(out, end + 2, body, field[START], field[STOP])
        if end - begun + resource_stop - resource_start > record_bytes_max:
            row[CODE] = TOO_LONG
            continue
        out[to] = 0x12
        moved = put_varint(out, to + 1, end - begun)
        moved = put_bytes(out, moved, out, begun, end) if moved != begun else end
        row[CODE], row[AT_NS] = GOOD, at_ns
        row[RECORD_STOP] = to = moved
        row[RESOURCE_START], row[RESOURCE_STOP] = resource_start, resource_stop
    return to
