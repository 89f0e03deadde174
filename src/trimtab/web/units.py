"""Values of metrics with their units: the same rules as `valueText` in format.js."""

from __future__ import annotations

import math

from trimtab.web.format import NOT_MEASURED, bytes_text, digits_of, duration_text, number_text

UNITS = {
    "auto": "auto unit",
    "none": "no unit",
    "s": "seconds",
    "ms": "milliseconds",
    "bytes": "bytes",
    "bytes/s": "bytes/s",
    "ratio": "percent (of 1)",
    "%": "percent (of 100)",
    "/s": "per second",
    "s/s": "seconds/s",
}
"""What a visitor may choose, and how it is called."""


def value_text(value: float | None, unit: str) -> str:
    """A value as people read it.

    >>> value_text(0.0123, "s"), value_text(1536, "bytes/s"), value_text(0.5, "ratio"), value_text(1e21, "")
    ('12.3 ms', '1.5 KiB/s', '50 %', '1,000E')
    >>> value_text(math.nan, "s"), value_text(-math.inf, ""), value_text(12.5, "/s"), value_text(2.0, "%")
    ('NaN', '-Inf', '12.5 /s', '2 %')
    """
    if value is None:
        return NOT_MEASURED
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    match unit:
        case "s":
            return duration_text(value * 1000)
        case "ms":
            return duration_text(value)
        case "bytes":
            return bytes_text(value)
        case "bytes/s":
            return f"{bytes_text(value)}/s"
        case "ratio":
            return f"{digits_of(value * 100)} %"
        case "":
            return number_text(value)
        case _:
            return f"{number_text(value)} {unit}"
