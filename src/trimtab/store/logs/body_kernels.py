"""Bodies of records as text, and a number for each that is the same for lines that differ in numbers and ids alone.

The normal form of a line, whose hash is that number: a run of letters and digits that has a digit in it is a variable,
as are runs of hexadecimal letters that a `-` joins to one; variables that a single one of `-.:/,+@_` joins are one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.traces.text_kernels import (
    put,
    put_base64,
    put_integer,
    put_json,
    put_word,
    value_of,
)
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Table = NDArray[np.int64]
Offsets = NDArray[np.int32]
Hashes = NDArray[np.uint64]
Number = np.int64

PATTERN_BYTES_MAX = 2048
"""So much of a line says what its pattern is."""

_TRUE, _FALSE = np.frombuffer(b"true", np.uint8), np.frombuffer(b"false", np.uint8)
_OTHER, _JOINT, _LETTER, _HEX_LETTER, _DIGIT = 0, 1, 2, 3, 4
_CLASSES = np.zeros(256, np.uint8)
_CLASSES[ord("a") : ord("z") + 1] = _CLASSES[ord("A") : ord("Z") + 1] = _LETTER
_CLASSES[ord("a") : ord("f") + 1] = _CLASSES[ord("A") : ord("F") + 1] = _HEX_LETTER
_CLASSES[ord("0") : ord("9") + 1] = _DIGIT
_CLASSES[128:] = _LETTER
for _joint in b"-.:/,+@_":
    _CLASSES[_joint] = _JOINT
_HEX_RUN_MIN = 4


@kernel("int64(uint8[::1], int64[:, ::1], int64, uint8[::1], float64[::1])")
def letters_of(body: Bytes, places: Table, column: Number, letters: Bytes, doubles: NDArray[np.float64]) -> Number:
    """The letter for the type of the value at `places[:, column]` (start, end), and the doubles among them."""
    count = 0
    bits = doubles.view(np.uint64)
    for row in range(len(places)):
        tag, start, _, _ = value_of(body, places[row, column], places[row, column + 1])
        letters[row] = 110  # n s b i d a k x
        if tag == 10:
            letters[row] = 115
        elif tag == 16:
            letters[row] = 98
        elif tag == 24:
            letters[row] = 105
        elif tag == 33:
            letters[row] = 100
            bits[count] = word(body, start)
            count += 1
        elif tag == 42:
            letters[row] = 97
        elif tag == 50:
            letters[row] = 107
        elif tag == 58:
            letters[row] = 120
    return np.int64(count)


@kernel("int64(uint8[::1], int64[:, ::1], int64, int32[::1], uint8[::1], int32[::1], uint8[::1])")
def bodies_of(
    body: Bytes,
    places: Table,
    column: Number,
    double_offsets: Offsets,
    double_texts: Bytes,
    offsets: Offsets,
    out: Bytes,
) -> Number:
    """The values at `places[:, column]` as text; how many bytes, -1 where there is no room."""
    at = np.int64(0)
    count = 0
    offsets[0] = 0
    for row in range(len(places)):
        tag, start, stop, value = value_of(body, places[row, column], places[row, column + 1])
        if tag == 10:
            at = put(out, at, body, start, stop)
        elif tag == 24:
            at = put_integer(out, at, value)
        elif tag == 16:
            at = put_word(out, at, _TRUE) if value else put_word(out, at, _FALSE)
        elif tag == 33:
            at = put(out, at, double_texts, double_offsets[count], double_offsets[count + 1])
            count += 1
        elif tag == 58:
            at = put_base64(out, at, body, start, stop)
        elif tag == 42:
            at = put_json(out, at, body, start, stop, np.int64(0))
        elif tag == 50:
            at = put_json(out, at, body, start, stop, np.int64(10))
        if at < 0:
            return at
        offsets[row + 1] = at
    return at


@kernel("void(uint8[::1], int32[::1], uint64[::1])")
def patterns_of(texts: Bytes, offsets: Offsets, patterns: Hashes) -> None:
    """The hash of each text's normal form; 0 for an empty one. It is odd where a text is longer than what is hashed."""
    mix = np.uint64(0x9E3779B97F4A7C15)
    for row in range(len(patterns)):
        at, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        end = min(end, at + PATTERN_BYTES_MAX)
        hash_ = np.uint64(0)
        is_after_variable = False  # the last thing that was taken in
        joint = np.uint64(0)  # a byte between a variable and what comes next
        while at < end:
            class_ = _CLASSES[texts[at]]
            if class_ < _LETTER:
                if is_after_variable and class_ == _JOINT and joint == 0:
                    joint = np.uint64(texts[at])
                else:
                    if joint != 0:
                        hash_ = (hash_ ^ joint) * mix
                        hash_ ^= hash_ >> np.uint64(32)
                        joint = np.uint64(0)
                    hash_ = (hash_ ^ np.uint64(texts[at])) * mix
                    hash_ ^= hash_ >> np.uint64(32)
                    is_after_variable = False
                at += 1
                continue
            begun = at
            has_digit, is_hex = False, True
            run = np.uint64(0)
            while at < end:
                class_ = _CLASSES[texts[at]]
                if class_ < _LETTER:
                    break
                has_digit |= class_ == _DIGIT
                is_hex &= class_ >= _HEX_LETTER
                run = (run ^ np.uint64(texts[at])) * mix
                at += 1
            is_variable = bool(has_digit or (is_hex and joint == 45 and at - begun >= _HEX_RUN_MIN))
            if is_variable and is_after_variable:
                joint = np.uint64(0)
                continue
            if joint != 0:
                hash_ = (hash_ ^ joint) * mix
                hash_ ^= hash_ >> np.uint64(32)
                joint = np.uint64(0)
            hash_ = (hash_ ^ (np.uint64(0x2A2A) if is_variable else run ^ np.uint64(at - begun))) * mix
            hash_ ^= hash_ >> np.uint64(32)
            is_after_variable = is_variable
        if joint != 0:
            hash_ = (hash_ ^ joint) * mix
            hash_ ^= hash_ >> np.uint64(32)
        hash_ &= ~np.uint64(1)
        if end < offsets[row + 1]:
            hash_ |= np.uint64(1)
        elif hash_ == 0 and offsets[row + 1] > offsets[row]:
            hash_ = np.uint64(2)
        patterns[row] = hash_
