"""Durations, moments and ids as Jaeger's clients write them."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta

from trimtab.model.errors import InputError

NUMBER_MAX = 2**63 - 1
_UNITS_NS = {"ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_HEX = re.compile(r"[0-9a-fA-F]{1,32}")
_LOOKBACK = re.compile(r"([0-9]{1,6})(m|h|d|w)", re.ASCII)
_LOOKBACK_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_NEAR_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Malformed(InputError):
    """A parameter that cannot be read; the message names it as the client does."""


def duration_ms(text: str, name: str) -> float:
    """A duration as Go writes it, in milliseconds.

    >>> duration_ms("1.2ms", "minDuration"), duration_ms("1h2m", "x"), duration_ms("300µs", "x"), duration_ms("0", "x")
    (1.2, 3720000.0, 0.3, 0.0)
    >>> duration_ms("soon", "minDuration")
    Traceback (most recent call last):
    ...
    trimtab.api.jaeger.words.Malformed: malformed parameter minDuration: "soon" is no duration such as 1m30s
    """
    if text == "0":
        return 0.0
    parts = _PART.findall(text)
    if not parts or sum(len(number) + len(unit) for number, unit in parts) != len(text):
        raise Malformed(f'malformed parameter {name}: "{text[:50]}" is no duration such as 1m30s', field=name)
    total_ns = sum(float(number) * _UNITS_NS[unit] for number, unit in parts)
    if total_ns > NUMBER_MAX:
        raise Malformed(f'malformed parameter {name}: duration "{text[:50]}" is too long', field=name)
    return total_ns / 1e6


def lookback_ms(text: str) -> int | None:
    """How far back, as Jaeger's page writes it; None for words such as `custom`.

    >>> lookback_ms("2d"), lookback_ms("custom")
    (172800000, None)
    """
    found = _LOOKBACK.fullmatch(text)
    return int(found[1]) * _LOOKBACK_MS[found[2]] if found else None


def whole(text: str, name: str, low: int = 0, high: int = NUMBER_MAX) -> int:
    """A whole number in a range.

    >>> whole("20", "limit")
    20
    """
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else None
    if number is None:
        raise Malformed(f'malformed parameter {name}: "{text[:50]}" is not a whole number', field=name)
    if not low <= number <= high:
        raise Malformed(
            f"malformed parameter {name}: it must be from {low} to {high}, found {number}",
            field=name,
            limit=low if number < low else high,
            observed=number,
        )
    return number


def moment_us(text: str, name: str) -> int:
    """RFC 3339 as Unix microseconds. A plus that nobody escaped has become a blank: it is read as what it was.

    >>> moment_us("2017-01-26T16:46:31.639875Z", "x"), moment_us("1970-01-01T01:00:00.000001999 01:00", "x")
    (1485449191639875, 1)
    >>> moment_us("noon", "query.startTimeMin")
    Traceback (most recent call last):
    ...
    trimtab.api.jaeger.words.Malformed: malformed parameter query.startTimeMin: "noon" is no time in RFC 3339
    """
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Malformed(f'malformed parameter {name}: "{text[:50]}" is no time in RFC 3339', field=name)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def around_ms(start_us: int, end_us: int) -> int | None:
    """About when a trace was, where a client says between which moments; None where that is too long to be a help.

    >>> around_ms(1_000_000, 3_000_000), around_ms(0, 0), around_ms(1, 10**18)
    (2000, None, None)
    """
    is_near = start_us and 0 <= end_us - start_us <= _NEAR_US
    return (start_us + end_us) // 2000 if is_near else None


def trace_id(text: str, name: str = "traceID") -> str:
    """A trace's id as it is stored: hexadecimal digits (fewer than 32 are filled up), or base64.

    >>> trace_id("1F"), trace_id("AAAAAAAAAAAAAAAAAAAAAQ==")
    ('0000000000000000000000000000001f', '00000000000000000000000000000001')
    """
    if _HEX.fullmatch(text):
        return text.lower().zfill(32)
    if len(text) <= 24:
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if len(data) in (8, 16):
            return data.hex().zfill(32)
    raise Malformed(
        f'malformed parameter {name}: "{text[:50]}" is not a trace id: up to 32 hexadecimal digits, or base64',
        field=name,
    )


def shown_id(stored: str) -> str:
    """A trace's id as the older API shows it: 64-bit ids have 16 digits.

    >>> shown_id("0000000000000000000000000000001f")
    '000000000000001f'
    """
    return stored[16:] if len(stored) == 32 and stored.startswith("0" * 16) else stored
