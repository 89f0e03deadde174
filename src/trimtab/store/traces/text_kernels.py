"""Writes attributes as text: those of spans one by one, those of events, links, resources and scopes as JSON.

JSON that loses nothing (`typed_json` reads it back): integers have no point, doubles have one; `{"$bytes": base64}` is
bytes, `{"$double": 16 hex digits}` the bits of a double that has no short decimal text; a key that begins with `$` has
one more. Arrays of bytes that are too small end with -1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.traces.wire_kernels import field
from trimtab.store.unaligned import set_word, word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Number = Any
"""An integer of the machine: for kernels, Python's and NumPy's are the same."""

_DEPTH_MAX = 64
_ROOM = 64
"""Bytes that are free wherever something short is written."""
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_BASE64 = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", np.uint8)
_BYTES_KEY = np.frombuffer(b'{"$bytes":"', np.uint8)
_DOUBLE_KEY = np.frombuffer(b'{"$double":"', np.uint8)
_TRUE, _FALSE, _NULL = (np.frombuffer(text, np.uint8) for text in (b"true", b"false", b"null"))


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64)")
def put(out: Bytes, at: Number, body: Bytes, start: Number, end: Number) -> Number:
    """Copy bytes; where they end, -1 where there is no room."""
    size = end - start
    if at < 0 or at + size + _ROOM > len(out):
        return np.int64(-1)
    if start + size + 8 <= len(body):
        done = np.int64(0)
        while done < size:  # some bytes too many: there is room for them, and what comes next is put over them
            set_word(out, at + done, word(body, start + done))
            done += 8
    else:
        for place in range(size):
            out[at + place] = body[start + place]
    return at + size


@kernel("int64(uint8[::1], int64, Array(uint8, 1, 'C', True))")
def put_word(out: Bytes, at: Number, text: Bytes) -> Number:
    """Copy a constant; where it ends, -1 where there is no room."""
    if at < 0 or at + len(text) + _ROOM > len(out):
        return np.int64(-1)
    for place in range(len(text)):
        out[at + place] = text[place]
    return at + len(text)


@kernel("int64(uint8[::1], int64, int64)")
def put_integer(out: Bytes, at: Number, value: Number) -> Number:
    """Decimal digits."""
    if at < 0 or at + _ROOM > len(out):
        return np.int64(-1)
    rest = np.uint64(value)
    if value < 0:
        out[at] = 45
        at += 1
        rest = np.uint64(0) - rest
    size = 1
    power = np.uint64(10)
    while size < 20 and rest >= power:
        size += 1
        power = power * np.uint64(10) if size < 20 else power
    for place in range(size):
        digit = rest % np.uint64(10)
        rest //= np.uint64(10)
        out[at + size - 1 - place] = np.uint8(48 + np.int64(digit))
    return at + size


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64)")
def put_base64(out: Bytes, at: Number, body: Bytes, start: Number, end: Number) -> Number:
    """Bytes as base64, padded."""
    if at < 0 or at + (end - start + 2) // 3 * 4 + _ROOM > len(out):
        return np.int64(-1)
    while start < end:
        size = end - start if end - start < 3 else 3
        bits = np.int64(body[start]) << 16
        if size > 1:
            bits |= np.int64(body[start + 1]) << 8
        if size > 2:
            bits |= np.int64(body[start + 2])
        for place in range(4):
            out[at + place] = _BASE64[bits >> (18 - 6 * place) & 63] if place <= size else np.uint8(61)
        at += 4
        start += 3
    return at


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64, boolean)")
def put_quoted(out: Bytes, at: Number, body: Bytes, start: Number, end: Number, is_key: bool) -> Number:
    """A text as JSON."""
    if at < 0 or at + 6 * (end - start) + _ROOM > len(out):
        return np.int64(-1)
    out[at] = 34
    at += 1
    if is_key and start < end and body[start] == 36:
        out[at] = 36
        at += 1
    for place in range(start, end):
        byte = body[place]
        if byte == 34 or byte == 92:  # noqa: PLR1714 - a set is slower here
            out[at] = 92
            at += 1
        elif byte < 32:
            out[at], out[at + 1], out[at + 2], out[at + 3] = 92, 117, 48, 48
            out[at + 4], out[at + 5] = _HEX[byte >> 4], _HEX[byte & 15]
            at += 6
            continue
        out[at] = byte
        at += 1
    out[at] = 34
    return at + 1


@kernel("int64(uint8[::1], int64, uint64)")
def put_double(out: Bytes, at: Number, bits: np.uint64) -> Number:
    """The shortest decimal text where up to 16 digits are enough, else the bits."""
    if at < 0 or at + _ROOM > len(out):
        return np.int64(-1)
    scratch = np.empty(1, np.uint64)
    scratch[0] = bits
    value = scratch.view(np.float64)[0]
    size = abs(value)
    if size < 9e15 and (size >= 1e-5 or bits == 0):
        power = 1.0
        for places in range(17):
            scaled = np.rint(size * power)
            if scaled > 9e15:
                break
            if scaled / power == size:
                if value < 0:
                    out[at] = 45
                    at += 1
                digits = np.int64(scaled)
                whole = digits // np.int64(power)
                rest = digits - whole * np.int64(power)
                at = put_integer(out, at, whole)
                out[at] = 46
                at += 1
                for place in range(places):
                    out[at + places - 1 - place] = np.uint8(48 + rest % 10)
                    rest //= 10
                if places == 0:
                    out[at] = 48
                    at += 1
                return at + places
            power *= 10.0
    at = put_word(out, at, _DOUBLE_KEY)
    for place in range(16):
        out[at + place] = _HEX[np.int64(bits >> np.uint64(60 - 4 * place)) & 15]
    out[at + 16], out[at + 17] = 34, 125
    return at + 18


@kernel("UniTuple(int64, 4)(uint8[::1], int64, int64)")
def value_of(body: Bytes, at: Number, end: Number) -> tuple[Number, Number, Number, Number]:
    """What an AnyValue holds: the tag (0: nothing), start, end, and the number where it is a varint."""
    found, found_start, found_end, found_value = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    while at < end:
        tag, start, stop, value = field(body, at, end)
        if stop < 0:
            break
        if tag == 10 or tag == 24 or tag == 16 or tag == 33 or tag == 42 or tag == 50 or tag == 58:  # noqa: PLR1714 - a set is made each time
            found, found_start, found_end, found_value = tag, start, stop, value
        at = stop
    return found, found_start, found_end, found_value


@kernel("int64(uint8[::1], int64, uint8[::1], int64, int64, int64)")
def put_json(out: Bytes, at: Number, body: Bytes, start: Number, end: Number, pair_tag: Number) -> Number:
    """A message with KeyValues in the fields with `pair_tag` as a JSON object; with 0, an ArrayValue as an array."""
    places = np.empty(_DEPTH_MAX, np.int64)
    ends = np.empty(_DEPTH_MAX, np.int64)
    tags = np.empty(_DEPTH_MAX, np.int64)
    counts = np.empty(_DEPTH_MAX, np.int64)
    depth, count = 0, 0
    if at < 0 or at + _ROOM > len(out):
        return np.int64(-1)
    out[at] = 123 if pair_tag else 91
    at += 1
    while True:
        if at < 0 or at + _ROOM > len(out):
            return np.int64(-1)
        if start >= end:
            out[at] = 125 if pair_tag else 93
            at += 1
            if depth == 0:
                return at
            depth -= 1
            start, end, pair_tag, count = places[depth], ends[depth], tags[depth], counts[depth]
            continue
        tag, inner, inner_end, _ = field(body, start, end)
        if inner_end < 0:
            start = end
            continue
        start = inner_end
        if tag != (pair_tag if pair_tag else 10):
            continue
        if count:
            out[at] = 44
            at += 1
        count += 1
        if pair_tag:
            key, key_end, value, value_end = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
            while inner < inner_end:
                tag, part, part_end, _ = field(body, inner, inner_end)
                if part_end < 0:
                    break
                if tag == 10:
                    key, key_end = part, part_end
                elif tag == 18:
                    value, value_end = part, part_end
                inner = part_end
            at = put_quoted(out, at, body, key, key_end, True)
            if at < 0:
                return at
            out[at] = 58
            at += 1
            inner, inner_end = value, value_end
        tag, inner, inner_end, number = value_of(body, inner, inner_end)
        if tag == 10:
            at = put_quoted(out, at, body, inner, inner_end, False)
        elif tag == 24:
            at = put_integer(out, at, number)
        elif tag == 16:
            at = put_word(out, at, _TRUE) if number else put_word(out, at, _FALSE)
        elif tag == 33:
            at = put_double(out, at, word(body, inner))
        elif tag == 58:
            at = put_word(out, at, _BYTES_KEY)
            at = put_base64(out, at, body, inner, inner_end)
            if at >= 0:
                out[at], out[at + 1] = 34, 125
                at += 2
        elif (tag == 42 or tag == 50) and depth + 1 < _DEPTH_MAX:  # noqa: PLR1714
            places[depth], ends[depth], tags[depth], counts[depth] = start, end, pair_tag, count
            depth += 1
            start, end, count = inner, inner_end, 0
            pair_tag = np.int64(0) if tag == 42 else np.int64(10)
            out[at] = 91 if tag == 42 else 123
            at += 1
        else:
            at = put_word(out, at, _NULL)
