"""Reads an exposition (Prometheus' text format, or OpenMetrics) line by line: where each series ends, and its value.

What names the series, up to the value, is hashed and not looked into. Values that are plain decimals are read here,
exactly; all others (`NaN`, very long ones) are only pointed at, as are times, exemplars and comments.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.unaligned import word

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]
Number = np.int64
Hash = np.uint64

DONE, MORE_ROOM = 0, 1
SAMPLES, COMMENTS = 0, 1
"""Places in `counts`."""

START, END, VALUE, VALUE_END, TIME, TIME_END, EXEMPLAR, LINE_END, STATE = 0, 1, 2, 3, 4, 5, 6, 7, 8
ROW_COLUMNS = 9
"""Of a sample: where its series, value and time stand (TIME 0: none), its exemplar (0: none), and what became of it."""

READ, TO_READ, BROKEN = 0, 1, 2
"""States: the value is read; it is for somebody else to read; the line makes no sense."""

_NEWLINE, _SPACE, _TAB, _QUOTE, _BACKSLASH, _OPEN, _CLOSE, _MARK = 10, 32, 9, 34, 92, 123, 125, 35

_POWERS: Doubles = np.array([float(f"1e{exponent}") for exponent in range(23)])


@kernel("UniTuple(uint64, 2)(uint64, uint64, uint8[::1], int64, int64)")
def hashed(low: Hash, high: Hash, body: Bytes, start: Number, end: Number) -> tuple[Hash, Hash]:
    """A hash with the bytes from `start` to `end`, and their number, in it (as for remote write)."""
    size = end - start
    low ^= np.uint64(size) * np.uint64(0x9E3779B97F4A7C15)
    at = start
    while at < end:
        first = np.uint64(0)
        second = np.uint64(0)
        if end - at >= 16 or size >= 16:
            place = at if end - at >= 16 else end - 16
            first, second = word(body, place), word(body, place + 8)
        else:
            for step in range(end - at):
                if step < 8:
                    first |= np.uint64(body[at + step]) << np.uint64(8 * step)
                else:
                    second |= np.uint64(body[at + step]) << np.uint64(8 * (step - 8))
        low = (low ^ (first * np.uint64(0x87C37B91114253D5))) * np.uint64(0x9DDFEA08EB382D69)
        high = (high ^ (second * np.uint64(0x4CF5AD432745937F))) * np.uint64(0xC6A4A7935BD1E995)
        low = (low << np.uint64(27) | low >> np.uint64(37)) + high
        high = (high << np.uint64(31) | high >> np.uint64(33)) + low
        at += 16
    low ^= low >> np.uint64(29)
    low *= np.uint64(0xE9846AF9B1A615D5)
    high ^= high >> np.uint64(32)
    high *= np.uint64(0x9E6F8A1BC4D2F3A7)
    low ^= high >> np.uint64(31)
    return low, high + low


@kernel("Tuple((boolean, float64))(uint8[::1], int64, int64, float64[::1])")
def decimal(body: Bytes, at: Number, end: Number, powers: Doubles) -> tuple[bool, float]:
    """A decimal whose double is exact by one multiplication or division; False where it is not such a one."""
    sign = 1.0
    if at < end and (body[at] == 45 or body[at] == 43):
        sign = -1.0 if body[at] == 45 else 1.0
        at += 1
    digits = np.int64(0)
    digits_count = np.int64(0)
    places = np.int64(0)
    seen_point = False
    has_digit = False
    while at < end:
        byte = np.int64(body[at])
        if 48 <= byte <= 57:
            digits = digits * 10 + (byte - 48)
            has_digit = True
            digits_count += np.int64(digits > 0)
            if digits_count > 15:
                return False, 0.0
            places += np.int64(seen_point)
        elif byte == 46 and not seen_point:
            seen_point = True
        else:
            break
        at += 1
    if not has_digit:
        return False, 0.0
    exponent = np.int64(0)
    if at < end and (body[at] == 101 or body[at] == 69):
        at += 1
        down = False
        if at < end and (body[at] == 45 or body[at] == 43):
            down = body[at] == 45
            at += 1
        if at >= end:
            return False, 0.0
        while at < end and 48 <= body[at] <= 57 and exponent < 1000:
            exponent = exponent * 10 + np.int64(body[at] - 48)
            at += 1
        if down:
            exponent = -exponent
    exponent -= places
    if at != end or exponent > 22 or exponent < -22:
        return False, 0.0
    value = np.float64(digits)
    return True, sign * (value * powers[exponent] if exponent >= 0 else value / powers[-exponent])


@kernel("int64(uint8[::1], int64, int64)")
def series_end(body: Bytes, at: Number, end: Number) -> Number:
    """Where the name and the labels of a line end; -1 where they do not."""
    while at < end and body[at] != _OPEN and body[at] != _SPACE and body[at] != _TAB:
        at += 1
    after = at
    while after < end and (body[after] == _SPACE or body[after] == _TAB):
        after += 1
    if after >= end or body[after] != _OPEN:
        return np.int64(at)
    at = after + 1
    is_quoted = False
    while at < end:
        byte = body[at]
        if is_quoted:
            if byte == _BACKSLASH:
                at += 1
            elif byte == _QUOTE:
                is_quoted = False
        elif byte == _QUOTE:
            is_quoted = True
        elif byte == _CLOSE:
            return np.int64(at + 1)
        at += 1
    return np.int64(-1)


@kernel("int64(uint8[::1], int64, int64)")
def blank_end(body: Bytes, at: Number, end: Number) -> Number:
    """Behind the blanks."""
    while at < end and (body[at] == _SPACE or body[at] == _TAB):
        at += 1
    return np.int64(at)


@kernel("int64(uint8[::1], int64, int64)")
def token_end(body: Bytes, at: Number, end: Number) -> Number:
    """Behind what has no blanks."""
    while at < end and body[at] != _SPACE and body[at] != _TAB:
        at += 1
    return np.int64(at)


@kernel(
    "int64(uint8[::1], uint64[::1], float64[::1], int64[::1],"
    " uint64[:, ::1], int64[:, ::1], float64[::1], uint64[:, ::1], int64[:, ::1])"
)
def scan(
    body: Bytes,
    seed: Hashes,
    powers: Doubles,
    counts: Numbers,
    hashes: Hashes,
    rows: Numbers,
    values: Doubles,
    comment_hashes: Hashes,
    comments: Numbers,
) -> int:
    """All lines. A row of `comments` is (start, end) of one that begins with `#`."""
    samples_count = 0
    comments_count = 0
    size = np.int64(len(body))
    start = np.int64(0)
    while start < size:
        line_end = start
        while line_end < size and body[line_end] != _NEWLINE:
            line_end += 1
        end = line_end
        if end > start and body[end - 1] == 13:
            end -= 1
        at = blank_end(body, start, end)
        if at < end and body[at] == _MARK:
            if comments_count == len(comments):
                return MORE_ROOM
            comment_hashes[comments_count] = hashed(seed[0], seed[1], body, at, end)
            comments[comments_count] = at, end
            comments_count += 1
        elif at < end:
            if samples_count == len(rows):
                return MORE_ROOM
            row = rows[samples_count]
            row[:] = 0
            row[START] = at
            row[LINE_END] = end
            row[STATE] = BROKEN
            values[samples_count] = 0.0
            stop = series_end(body, at, end)
            row[END] = stop
            if stop > at:
                hashes[samples_count] = hashed(seed[0], seed[1], body, at, stop)
                value_at = blank_end(body, stop, end)
                value_end = token_end(body, value_at, end)
                if value_end > value_at:
                    row[VALUE], row[VALUE_END] = value_at, value_end
                    is_read, value = decimal(body, value_at, value_end, powers)
                    values[samples_count] = value
                    row[STATE] = READ if is_read else TO_READ
                    rest = blank_end(body, value_end, end)
                    if rest < end and body[rest] != _MARK:
                        row[TIME] = rest
                        row[TIME_END] = token_end(body, rest, end)
                        rest = blank_end(body, row[TIME_END], end)
                    if rest < end:
                        row[EXEMPLAR] = rest
                        if body[rest] != _MARK:
                            row[STATE] = BROKEN
            samples_count += 1
        start = line_end + 1
    counts[SAMPLES], counts[COMMENTS] = samples_count, comments_count
    return DONE


@kernel("boolean(uint8[::1], int64, int64, float64[::1], boolean, int64[::1])")
def time_of(body: Bytes, at: Number, end: Number, powers: Doubles, is_seconds: bool, found: Numbers) -> bool:
    """The time of a line in ms, in `found[0]`: whole milliseconds, or a decimal number of seconds. False where it has
    to be looked at by somebody else."""
    if is_seconds:
        is_read, seconds = decimal(body, at, end, powers)
        if not is_read or not -1e15 < seconds < 1e15:
            return False
        found[0] = np.int64(np.rint(seconds * 1000.0))
        return True
    sign = np.int64(1)
    if at < end and (body[at] == 45 or body[at] == 43):
        sign = np.int64(-1) if body[at] == 45 else np.int64(1)
        at += 1
    if at >= end or end - at > 18:
        return False
    value = np.int64(0)
    while at < end:
        if not 48 <= body[at] <= 57:
            return False
        value = value * 10 + np.int64(body[at] - 48)
        at += 1
    found[0] = sign * value
    return True


@kernel("boolean[::1](uint8[::1], int64[:, ::1], int64[::1], float64[::1], boolean, int64[::1])")
def times_of(body: Bytes, rows: Numbers, wanted: Numbers, powers: Doubles, is_seconds: bool, at_ms: Numbers) -> Flags:
    """Times of some rows, into `at_ms`; which of them are for somebody else to read."""
    is_odd = np.zeros(len(wanted), np.bool_)
    found = np.zeros(1, np.int64)
    for place in range(len(wanted)):
        row = rows[wanted[place]]
        if time_of(body, row[TIME], row[TIME_END], powers, is_seconds, found):
            at_ms[wanted[place]] = found[0]
        else:
            is_odd[place] = True
    return is_odd


@kernel("Tuple((uint8[::1], int32[::1], boolean[::1]))(uint8[::1], int64[:, ::1], int64[::1])")
def long_decimals(body: Bytes, rows: Numbers, wanted: Numbers) -> tuple[Bytes, NDArray[np.int32], Flags]:
    """The values of some rows one after the other, where each begins and the last ends, and which are plain decimals:
    `-12.5e-3`, and no other way to write a number (those that are not have no bytes)."""
    size = np.int64(0)
    for index in wanted:
        size += rows[index, VALUE_END] - rows[index, VALUE]
    out = np.empty(size, np.uint8)
    offsets = np.zeros(len(wanted) + 1, np.int32)
    is_plain = np.zeros(len(wanted), np.bool_)
    written = np.int64(0)
    for place in range(len(wanted)):
        at, end = rows[wanted[place], VALUE], rows[wanted[place], VALUE_END]
        state = rows[wanted[place], STATE]
        begun = written
        part = 0  # 0: a sign may come, 1: digits, 2: digits behind the point, 3: the exponent's sign, 4: its digits
        digits_count = exponent_digits = 0
        is_fine = state == TO_READ
        while at < end and is_fine:
            byte = body[at]
            if 48 <= byte <= 57:
                if part == 0:
                    part = 1
                elif part == 3:
                    part = 4
                if part < 3:
                    digits_count += 1
                else:
                    exponent_digits += 1
            elif byte == 45 and part in (0, 3):
                part = 1 if part == 0 else 4
            elif byte == 43 and part == 3:
                part = 4
            elif byte == 46 and part == 1:
                part = 2
            elif byte in (101, 69) and 0 < part < 3:
                part = 3
            else:
                is_fine = False
            out[written] = byte
            written += 1
            at += 1
        is_fine = is_fine and digits_count > 0 and (part < 3 or 0 < exponent_digits < 3)
        if not is_fine:
            written = begun
        is_plain[place] = is_fine
        offsets[place + 1] = written
    return out[:written].copy(), offsets, is_plain


def powers_of_ten() -> Doubles:
    """For `scan`."""
    return _POWERS.copy()
