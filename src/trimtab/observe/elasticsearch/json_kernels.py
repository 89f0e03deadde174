"""JSON as it is sent: where values end, what they are, and texts without their escapes. Nothing is made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""

BROKEN, TEXT, INTEGER, DECIMAL, TRUE, FALSE, NULL, LIST, NESTED = range(9)
"""What a value is. LIST holds nothing but scalars; NESTED is a list that holds lists or objects."""

DEPTH_MAX = 64
_QUOTE, _BACKSLASH = 34, 92


@kernel("int64(uint8[::1], int64, int64)", is_inlined=True)
def blank_end(body: Bytes, at: Number, end: Number) -> Number:
    """Behind the blanks."""
    while at < end and (body[at] == 32 or body[at] == 9 or body[at] == 10 or body[at] == 13):
        at += 1
    return np.int64(at)


@kernel("int64(uint8[::1], int64)")
def four_digits(body: Bytes, at: Number) -> Number:
    """Four hexadecimal digits as a number; -1 where they are none."""
    value = np.int64(0)
    for place in range(4):
        byte = np.int64(body[at + place])
        if 48 <= byte <= 57:
            digit = byte - 48
        elif 97 <= byte | 32 <= 102:
            digit = (byte | 32) - 87
        else:
            return np.int64(-1)
        value = value * 16 + digit
    return value


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64)")
def escaped(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number]:
    """The character that an escape at `at` (its backslash) stands for, where it ends (-1: it is broken), and how many
    bytes it has. Half of a pair of surrogates becomes U+FFFD."""
    if end - at < 2:
        return np.int64(0), np.int64(-1), np.int64(0)
    kind = body[at + 1]
    if kind == 117:  # u
        if end - at < 6:
            return np.int64(0), np.int64(-1), np.int64(0)
        code = four_digits(body, at + 2)
        if code < 0:
            return np.int64(0), np.int64(-1), np.int64(0)
        at += 6
        if 0xD800 <= code < 0xE000:
            low = np.int64(-1)
            if code < 0xDC00 and end - at >= 6 and body[at] == _BACKSLASH and body[at + 1] == 117:
                low = four_digits(body, at + 2)
            if 0xDC00 <= low < 0xE000:
                return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), np.int64(at + 6), np.int64(4)
            return np.int64(0xFFFD), np.int64(at), np.int64(3)
        return code, np.int64(at), np.int64(1 if code < 0x80 else (2 if code < 0x800 else 3))
    code = np.int64(-1)
    if kind in (_QUOTE, _BACKSLASH, 47):
        code = np.int64(kind)
    elif kind == 98:
        code = np.int64(8)
    elif kind == 102:
        code = np.int64(12)
    elif kind == 110:
        code = np.int64(10)
    elif kind == 114:
        code = np.int64(13)
    elif kind == 116:
        code = np.int64(9)
    return code, np.int64(at + 2 if code >= 0 else -1), np.int64(1)


@kernel("boolean(uint64)", is_inlined=True)
def is_plain(bytes_: np.uint64) -> bool:
    """Whether none of eight bytes is a quote, a backslash or a control character (it may say no where none is)."""
    ones, highs = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
    quotes = bytes_ ^ np.uint64(0x2222222222222222)
    backslashes = bytes_ ^ np.uint64(0x5C5C5C5C5C5C5C5C)
    found = (quotes - ones) & ~quotes
    found |= (backslashes - ones) & ~backslashes
    found |= (bytes_ - np.uint64(0x2020202020202020)) & ~bytes_
    return bool(found & highs == np.uint64(0))


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)")
def text_end(body: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """Of a text whose first quote is at `at`: the place behind its last quote (-1: broken), and how many bytes it has
    without escapes."""
    at += 1
    size = np.int64(0)
    while at < end:
        while end - at >= 8 and is_plain(word(body, at)):
            at += 8
            size += 8
        if at >= end:
            break
        byte = body[at]
        if byte == _QUOTE:
            return np.int64(at + 1), size
        if byte == _BACKSLASH:
            _, after, bytes_count = escaped(body, at, end)
            if after < 0:
                return np.int64(-1), size
            at = after
            size += bytes_count
        elif byte < 32:
            return np.int64(-1), size
        else:
            at += 1
            size += 1
    return np.int64(-1), size


@kernel("int64(uint8[::1], int64, int64, uint8[::1], int64)")
def put_text(body: Bytes, start: Number, stop: Number, out: Bytes, to: Number) -> Number:
    """Write a text (from its first quote to behind its last one) without escapes; answers where the writing ended."""
    at = start + 1
    end = stop - 1
    while at < end:
        byte = body[at]
        if byte != _BACKSLASH:
            out[to] = byte
            at += 1
            to += 1
            continue
        code, at, size = escaped(body, at, end)
        if size == 1:
            out[to] = code
        elif size == 2:
            out[to] = 0xC0 | code >> 6
        elif size == 3:
            out[to] = 0xE0 | code >> 12
            out[to + 1] = 0x80 | (code >> 6) & 0x3F
        else:
            out[to] = 0xF0 | code >> 18
            out[to + 1] = 0x80 | (code >> 12) & 0x3F
            out[to + 2] = 0x80 | (code >> 6) & 0x3F
        if size > 1:
            out[to + size - 1] = 0x80 | code & 0x3F
        to += size
    return np.int64(to)


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)")
def number_end(body: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """Behind a number (-1: broken), and whether it is INTEGER (of 64 bits) or DECIMAL."""
    kind = np.int64(INTEGER)
    if at < end and body[at] == 45:
        at += 1
    first = at
    while at < end and 48 <= body[at] <= 57:
        at += 1
    digits_count = at - first
    if digits_count == 0 or (digits_count > 1 and body[first] == 48):
        return np.int64(-1), kind
    if digits_count > 18:
        kind = np.int64(DECIMAL)
    if at < end and body[at] == 46:
        kind = np.int64(DECIMAL)
        at += 1
        first = at
        while at < end and 48 <= body[at] <= 57:
            at += 1
        if at == first:
            return np.int64(-1), kind
    if at < end and body[at] | 32 == 101:
        kind = np.int64(DECIMAL)
        at += 1
        if at < end and (body[at] == 43 or body[at] == 45):
            at += 1
        first = at
        while at < end and 48 <= body[at] <= 57:
            at += 1
        if at == first:
            return np.int64(-1), kind
    return np.int64(at), kind


@kernel("boolean(uint8[::1], int64, int64, int64, int64, int64, int64)")
def is_word(body: Bytes, at: Number, end: Number, one: Number, two: Number, three: Number, four: Number) -> bool:
    """Whether these four letters stand there."""
    is_there = end - at >= 4 and body[at] == one and body[at + 1] == two
    return bool(is_there and body[at + 2] == three and body[at + 3] == four)


@kernel("UniTuple(int64, 3)(uint8[::1], int64, int64)")
def scalar_end(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number]:
    """Behind a scalar (-1: broken), what it is, and of a text how many bytes it has."""
    if at >= end:
        return np.int64(-1), np.int64(BROKEN), np.int64(0)
    byte = body[at]
    if byte == _QUOTE:
        after, size = text_end(body, at, end)
        return after, np.int64(TEXT), size
    if byte == 116:
        good = is_word(body, at, end, 116, 114, 117, 101)
        return np.int64(at + 4 if good else -1), np.int64(TRUE), np.int64(0)
    if byte == 102:
        good = end - at >= 5 and is_word(body, at + 1, end, 97, 108, 115, 101)
        return np.int64(at + 5 if good else -1), np.int64(FALSE), np.int64(0)
    if byte == 110:
        good = is_word(body, at, end, 110, 117, 108, 108)
        return np.int64(at + 4 if good else -1), np.int64(NULL), np.int64(0)
    after, kind = number_end(body, at, end)
    return after, kind, np.int64(0)


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)")
def list_end(body: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """Behind a list whose bracket is at `at` (-1: broken, or deeper than `DEPTH_MAX`), and whether it is LIST or
    NESTED. Everything in it is checked."""
    closers = np.empty(DEPTH_MAX, np.uint8)
    depth = 0
    kind = np.int64(LIST)
    wants_value, wants_key, is_first = True, False, True
    closers[0] = 93
    at += 1
    while True:
        at = blank_end(body, at, end)
        if at >= end:
            return np.int64(-1), kind
        byte = body[at]
        if byte == closers[depth] and (is_first or not (wants_value or wants_key)):
            at += 1
            if depth == 0:
                return np.int64(at), kind
            depth -= 1
        elif wants_key:
            if byte != _QUOTE:
                return np.int64(-1), kind
            at, _ = text_end(body, at, end)
            if at < 0:
                return np.int64(-1), kind
            at = blank_end(body, at, end)
            if at >= end or body[at] != 58:
                return np.int64(-1), kind
            at += 1
            wants_key, wants_value, is_first = False, True, False
            continue
        elif wants_value:
            if byte in (91, 123):
                kind = np.int64(NESTED)
                depth += 1
                if depth >= DEPTH_MAX:
                    return np.int64(-1), kind
                closers[depth] = 93 if byte == 91 else 125
                at += 1
                wants_key, wants_value, is_first = byte == 123, byte == 91, True
                continue
            at, _, _ = scalar_end(body, at, end)
            if at < 0:
                return np.int64(-1), kind
        elif byte == 44:
            at += 1
            wants_key, wants_value, is_first = closers[depth] == 125, closers[depth] == 93, False
            continue
        else:
            return np.int64(-1), kind
        wants_key, wants_value, is_first = False, False, False
