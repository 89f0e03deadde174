"""Fields of documents as OTLP's attributes on the wire: sizes first, then bytes, so that nothing is written twice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.elasticsearch.json_kernels import (
    DECIMAL,
    FALSE,
    INTEGER,
    LIST,
    NULL,
    TEXT,
    TRUE,
    blank_end,
    put_text,
    scalar_end,
)
from trimtab.observe.scrape.text_kernels import decimal
from trimtab.store.compiled import kernel

Bytes = NDArray[np.uint8]
Doubles = NDArray[np.float64]
Number = Any


@kernel("int64(int64)")
def varint_size(value: Number) -> Number:
    """How many bytes a number takes; a negative one takes ten."""
    if value < 0:
        return np.int64(10)
    size = np.int64(1)
    while value > 127:
        value >>= 7
        size += 1
    return size


@kernel("int64(uint8[::1], int64, int64)")
def put_varint(out: Bytes, to: Number, value: Number) -> Number:
    """Write a number; answers where the writing ended."""
    left = np.uint64(value)
    while left > np.uint64(127):
        out[to] = np.uint8(left & np.uint64(127)) | np.uint8(128)
        left >>= np.uint64(7)
        to += 1
    out[to] = np.uint8(left)
    return np.int64(to + 1)


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64)")
def put_bytes(out: Bytes, to: Number, body: Bytes, start: Number, stop: Number) -> Number:
    """Write bytes as they are."""
    for place in range(start, stop):
        out[to] = body[place]
        to += 1
    return np.int64(to)


@kernel("int64(uint8[::1], int64, int64)")
def integer(body: Bytes, start: Number, stop: Number) -> Number:
    """A whole number of at most 18 digits."""
    is_negative = body[start] == 45
    value = np.int64(0)
    for place in range(start + np.int64(is_negative), stop):
        value = value * 10 + np.int64(body[place] - 48)
    return -value if is_negative else value


@kernel("int64(uint8[::1], int64, int64, int64, int64, float64[::1])")
def scalar_size(body: Bytes, start: Number, stop: Number, kind: Number, text_size: Number, powers: Doubles) -> Number:
    """How many bytes the content of an AnyValue with this scalar has."""
    if kind == TEXT:
        return 1 + varint_size(text_size) + text_size
    if kind == INTEGER:
        return 1 + varint_size(integer(body, start, stop))
    if kind in (TRUE, FALSE):
        return np.int64(2)
    if kind == NULL:
        return np.int64(0)
    if kind == DECIMAL and decimal(body, start, stop, powers)[0]:
        return np.int64(9)
    size = stop - start
    return 1 + varint_size(size) + size


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64, int64, int64, float64[::1])")
def put_scalar(
    out: Bytes, to: Number, body: Bytes, start: Number, stop: Number, kind: Number, text_size: Number, powers: Doubles
) -> Number:
    """Write the content of an AnyValue. Numbers of which one multiplication does not make the exact double, and those
    beyond 64 bits, are kept as the digits that were sent."""
    if kind == TEXT:
        out[to] = 0x0A
        return put_text(body, start, stop, out, put_varint(out, to + 1, text_size))
    if kind == INTEGER:
        out[to] = 0x18
        return put_varint(out, to + 1, integer(body, start, stop))
    if kind in (TRUE, FALSE):
        out[to] = 0x10
        out[to + 1] = 1 if kind == TRUE else 0
        return np.int64(to + 2)
    if kind == NULL:
        return np.int64(to)
    if kind == DECIMAL:
        is_exact, value = decimal(body, start, stop, powers)
        if is_exact:
            out[to] = 0x21
            bits = np.array([value]).view(np.uint64)[0]
            for place in range(8):
                out[to + 1 + place] = np.uint8((bits >> np.uint64(8 * place)) & np.uint64(0xFF))
            return np.int64(to + 9)
    out[to] = 0x0A
    return put_bytes(out, put_varint(out, to + 1, stop - start), body, start, stop)


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64, int64, float64[::1])")
def value_size(
    body: Bytes, start: Number, stop: Number, kind: Number, text_size: Number, powers: Doubles
) -> tuple[Number, Number]:
    """How many bytes the content of an AnyValue has, and what is in it: of a list, the bytes of its ArrayValue."""
    if kind != LIST:
        return scalar_size(body, start, stop, kind, text_size, powers), np.int64(0)
    inner = np.int64(0)
    at = blank_end(body, start + 1, stop)
    while body[at] != 93:
        end, of_kind, size = scalar_end(body, at, stop)
        content = scalar_size(body, at, end, of_kind, size, powers)
        inner += 1 + varint_size(content) + content
        at = blank_end(body, end, stop)
        if body[at] == 44:
            at = blank_end(body, at + 1, stop)
    return 1 + varint_size(inner) + inner, inner


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64, int64, int64, int64, float64[::1])")
def put_value(
    out: Bytes,
    to: Number,
    body: Bytes,
    start: Number,
    stop: Number,
    kind: Number,
    text_size: Number,
    inner: Number,
    powers: Doubles,
) -> Number:
    """Write the content of an AnyValue; a NESTED list is kept as the JSON that was sent."""
    if kind != LIST:
        return put_scalar(out, to, body, start, stop, kind, text_size, powers)
    out[to] = 0x2A
    to = put_varint(out, to + 1, inner)
    at = blank_end(body, start + 1, stop)
    while body[at] != 93:
        end, of_kind, size = scalar_end(body, at, stop)
        out[to] = 0x0A
        to = put_varint(out, to + 1, scalar_size(body, at, end, of_kind, size, powers))
        to = put_scalar(out, to, body, at, end, of_kind, size, powers)
        at = blank_end(body, end, stop)
        if body[at] == 44:
            at = blank_end(body, at + 1, stop)
    return np.int64(to)


@kernel(
    "int64(uint8[::1], int64, int64, uint8[::1], int64, int64, uint8[::1], int64, int64, int64, int64, float64[::1])"
)
def put_attribute(
    out: Bytes,
    to: Number,
    tag: Number,
    names: Bytes,
    name_start: Number,
    name_stop: Number,
    body: Bytes,
    start: Number,
    stop: Number,
    kind: Number,
    text_size: Number,
    powers: Doubles,
) -> Number:
    """Write a KeyValue in the field with this tag."""
    content, inner = value_size(body, start, stop, kind, text_size, powers)
    name_size = name_stop - name_start
    out[to] = tag
    to = put_varint(out, to + 1, 2 + varint_size(name_size) + name_size + varint_size(content) + content)
    out[to] = 0x0A
    to = put_bytes(out, put_varint(out, to + 1, name_size), names, name_start, name_stop)
    out[to] = 0x12
    return put_value(out, put_varint(out, to + 1, content), body, start, stop, kind, text_size, inner, powers)
