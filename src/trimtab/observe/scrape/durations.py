"""Durations and sizes as Prometheus' configuration has them."""

from __future__ import annotations

import re

from trimtab.model.errors import InputError

_UNITS_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_DURATION = re.compile(r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?")
_SIZE = re.compile(r"(\d+)\s*([KMGTPE]?)i?B?", re.IGNORECASE)


def duration_s(text: str) -> float:
    """Seconds.

    >>> duration_s("1m30s"), duration_s("500ms"), duration_s("0")
    (90.0, 0.5, 0.0)
    """
    match = _DURATION.fullmatch(text)
    if text == "0":
        return 0.0
    if not text or match is None:
        raise InputError(f"{text!r} is no duration such as '15s' or '1m30s'", observed=text)
    numbers = zip(match.groups(), _UNITS_MS.values(), strict=True)
    return sum(int(number) * unit_ms for number, unit_ms in numbers if number) / 1000


def size_bytes(text: str) -> int:
    """Bytes; K, M, … are powers of 1024.

    >>> size_bytes("10MB"), size_bytes("0")
    (10485760, 0)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text!r} is no size such as '10MB'", observed=text)
    power: int = " KMGTPE".index(match[2].upper() or " ")
    return int(match[1]) << (10 * power)
