"""Moments as Elasticsearch takes them without a mapping: `strict_date_optional_time||epoch_millis`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

Bytes = NDArray[np.uint8]
Number = Any

NO_DATE = -(1 << 63)
"""What is answered for what is no moment, or lies beyond the years that 64 bits of nanoseconds hold."""
_MILLIS_MAX = 9_223_372_036_854


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64, int64)")
def digits(body: Bytes, at: Number, end: Number, count: Number) -> tuple[Number, Number]:
    """So many digits as a number, and the place behind them; -1 where they are not there."""
    if end - at < count:
        return np.int64(0), np.int64(-1)
    value = np.int64(0)
    for place in range(at, at + count):
        if not 48 <= body[place] <= 57:
            return np.int64(0), np.int64(-1)
        value = value * 10 + np.int64(body[place] - 48)
    return value, np.int64(at + count)


@kernel("int64(int64, int64, int64)")
def days_of(year: Number, month: Number, day: Number) -> Number:
    """Days since 1970 of a day of the Gregorian calendar."""
    year -= np.int64(month <= 2)
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@kernel("UniTuple(int64, 2)(uint8[::1], int64, int64)")
def fraction(body: Bytes, at: Number, end: Number) -> tuple[Number, Number]:
    """Digits behind a point as nanoseconds of one second (what is finer is cut off), and the place behind them."""
    value, count = np.int64(0), 0
    while at < end and 48 <= body[at] <= 57:
        if count < 9:
            value = value * 10 + np.int64(body[at] - 48)
        count += 1
        at += 1
    if count == 0 or count > 30:
        return value, np.int64(-1)
    while count < 9:
        value *= 10
        count += 1
    return value, np.int64(at)


@kernel("int64(uint8[::1], int64, int64)")
def millis_ns(body: Bytes, at: Number, end: Number) -> Number:
    """Milliseconds since 1970, with a fraction or without."""
    first = at
    is_before = at < end and body[at] == 45
    if is_before:
        at += 1
    millis = np.int64(0)
    while at < end and 48 <= body[at] <= 57:
        millis = millis * 10 + np.int64(body[at] - 48)
        if millis > _MILLIS_MAX:
            return np.int64(NO_DATE)
        at += 1
    if at == first + np.int64(is_before):
        return np.int64(NO_DATE)
    rest = np.int64(0)
    if at < end and body[at] == 46:
        rest, at = fraction(body, at + 1, end)
    if at != end:
        return np.int64(NO_DATE)
    value = millis * 1_000_000 + rest // 1000
    return -value if is_before else value


@kernel("int64(uint8[::1], int64, int64)")
def moment_ns(body: Bytes, at: Number, end: Number) -> Number:
    """`2026-05-04T10:11:12.345678Z`, `2026-05-04T10:11+02`, `2026-05-04`, `1777889472345`: nanoseconds of Unix."""
    year, place = digits(body, at, end, 4)
    if place < 0 or place == end or body[place] != 45:
        return millis_ns(body, at, end)
    month, at = digits(body, place + 1, end, 2)
    if at < 0 or not 1 <= month <= 12 or not 1678 <= year <= 2261:
        return np.int64(NO_DATE)
    day = np.int64(1)
    if at < end and body[at] == 45:
        day, at = digits(body, at + 1, end, 2)
        if at < 0:
            return np.int64(NO_DATE)
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = 30 if month in (4, 6, 9, 11) else 31
    if month == 2:
        last = 29 if is_leap else 28
    if not 1 <= day <= last:
        return np.int64(NO_DATE)
    seconds = days_of(year, month, day) * 86_400
    rest = np.int64(0)
    if at < end and (body[at] == 84 or body[at] == 116 or body[at] == 32):
        hour, at = digits(body, at + 1, end, 2)
        if at < 0 or hour > 23:
            return np.int64(NO_DATE)
        seconds += hour * 3600
        for unit in (60, 1):
            if at < end and body[at] == 58:
                count, at = digits(body, at + 1, end, 2)
                if at < 0 or count > 59:
                    return np.int64(NO_DATE)
                seconds += count * unit
            else:
                break
        if at < end and (body[at] == 46 or body[at] == 44):
            rest, at = fraction(body, at + 1, end)
            if at < 0:
                return np.int64(NO_DATE)
        if at < end and (body[at] == 90 or body[at] == 122):
            at += 1
        elif at < end and (body[at] == 43 or body[at] == 45):
            sign = 1 if body[at] == 43 else -1
            hour, at = digits(body, at + 1, end, 2)
            minute = np.int64(0)
            if at >= 0 and at < end:
                minute, at = digits(body, at + np.int64(body[at] == 58), end, 2)
            if at < 0 or hour > 18 or minute > 59:
                return np.int64(NO_DATE)
            seconds -= sign * (hour * 3600 + minute * 60)
    return seconds * 1_000_000_000 + rest if at == end else np.int64(NO_DATE)
