"""Numbers as text, in the two ways that Prometheus writes them."""

from __future__ import annotations

import math
from decimal import Decimal


def written(value: float) -> str:
    """Shortest text that reads back the same, with an exponent where that is shorter (Go's `%g`).

    >>> [written(x) for x in (0.5, 123456789.0, 1e-5, 100000.0, 5.0, float("inf"), float("nan"))]
    ['0.5', '1.23456789e+08', '1e-05', '100000', '5', '+Inf', 'NaN']
    """
    special = _special(value)
    if special:
        return special
    digits, exponent = _digits(value)
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if exponent < -4 or exponent >= 6:
        point = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{point}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return plain(value)


def plain(value: float) -> str:
    """Shortest text that reads back the same, never with an exponent.

    >>> [plain(x) for x in (0.5, 1e21, 1e-7, -0.0, 8.0)]
    ['0.5', '1000000000000000000000', '0.0000001', '-0', '8']
    """
    special = _special(value)
    if special:
        return special
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def open_metrics(value: float) -> str:
    """As OpenMetrics wants a number in a label: always with a point or an exponent.

    >>> [open_metrics(x) for x in (1.0, 0.5, 1e21)]
    ['1.0', '0.5', '1e+21']
    """
    text = written(value)
    return text if any(char in text for char in ".eIN") else text + ".0"


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return ""


def _digits(value: float) -> tuple[str, int]:
    if value == 0:
        return "0", 0
    _, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits))
    stripped = text.rstrip("0") or "0"
    return stripped, len(text) - 1 + int(exponent)
