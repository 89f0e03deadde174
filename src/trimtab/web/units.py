"""Values of metrics with their units: the same rules as `valueText` in format.js."""

from __future__ import annotations

import math
import time

from trimtab.app.reading.ranges import MOMENT_MS_MAX
from trimtab.model.readable import LARGE, digits_of
from trimtab.web.format import (
    NOT_MEASURED,
    ago_text,
    bytes_text,
    duration_text,
    moment_text,
    number_text,
)

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
    ('12.3 ms', '1.5 KiB/s', '50 %', '1e+21')
    >>> value_text(math.nan, "s"), value_text(-math.inf, ""), value_text(12.5, "/s"), value_text(2.0, "%")
    ('NaN', '-Inf', '12.5 /s', '2 %')
    >>> value_text(1_234_567, "si:B/s"), value_text(1536, "iec:b#2"), value_text(0.1234, "ratio#1")
    ('1.23 MB/s', '1.50 Kib', '12.3 %')
    >>> value_text(1e300, "%#1"), value_text(1e42, "si:B#2"), value_text(1e42, "bytes")
    ('1e+300 %', '1e+24 EB', '8.67e+23 EiB')
    """
    if value is None:
        return NOT_MEASURED
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    if unit.startswith(("si:", "iec:", "bool:")) or "#" in unit:
        return _prefixed(value, unit)
    match unit:
        case "date":
            return moment_text(value) if 0 <= value < MOMENT_MS_MAX else number_text(value)
        case "ago":
            return ago_text(value, time.time() * 1000)
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


_DECIMAL = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))
_SMALL = ((1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def _prefixed(value: float, unit: str) -> str:
    """In a unit with prefixes: `si:` has thousands, `iec:` 1024; `#2` is how many decimals."""
    written, _, places = unit.partition("#")
    decimals = int(places) if places.isdigit() else None
    form, colon, name = written.partition(":")
    size = abs(value)
    if colon and form == "iec":
        power = min(max(math.floor(math.log(size / 0.9995, 1024)), 0), 6) if size else 0
        return f"{_placed(value / 1024**power, decimals)} {_BINARY[power]}{name}"
    if colon and form == "si":
        factor, prefix = next(((one, sign) for one, sign in (*_DECIMAL, *_SMALL) if size >= one * 0.9995), (1.0, ""))
        return f"{_placed(value / factor, decimals)} {prefix}{name}" if size else f"0 {name}"
    if colon and form == "bool":
        yes, _, no = name.partition("/")
        return yes if value else no
    if decimals is None or written in ("s", "ms"):
        return value_text(value, written)
    if written in ("bytes", "bytes/s"):
        return _prefixed(value, f"iec:{written.replace('bytes', 'B')}#{places}")
    if written == "ratio":
        return f"{_placed(value * 100, decimals)} %"
    if size >= 9_999.5:
        return value_text(value, written)
    return f"{_placed(value, decimals)} {written}".rstrip()


def _placed(value: float, decimals: int | None) -> str:
    return digits_of(value) if decimals is None or abs(value) >= LARGE else f"{value:,.{decimals}f}"
