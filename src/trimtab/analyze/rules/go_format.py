"""Values as Go's `fmt` writes them."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping, Sequence

_VERB = re.compile(r"%([-+# 0]*)(\d+)?(?:\.(\d+)?)?([a-zA-Z%])|%")
_LARGE_POWER = 6
"""From here on numbers are written with an exponent."""
_HAS_PRECISION = re.compile(r"\.\d*[a-zA-Z]$")


class Struct(dict[str, object]):
    """A value with fixed fields: another one is an error, and it is never false."""

    type_name = "struct"


class Moment(float):
    """A point in time, in seconds."""


def type_name(value: object) -> str:
    """As error messages name it."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int():
            return "int"
        case float():
            return "float64"
        case Struct():
            return value.type_name
        case Mapping():
            return "map[string]string"
        case list() | tuple():
            return "template.queryResult"
        case _:
            return "<nil>"


def written(value: object) -> str:
    """`%v`.

    >>> written(1000000.0), written(0.5), written(12.0), written({"b": "2", "a": "1"}), written([1.5, 2.0])
    ('1e+06', '0.5', '12', 'map[a:1 b:2]', '[1.5 2]')
    """
    match value:
        case None:
            return "<no value>"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Moment():
            return moment(value)
        case int():
            return str(value)
        case float():
            return general(value)
        case Struct():
            return "{" + " ".join(written(one) for one in value.values()) + "}"
        case Mapping():
            return "map[" + " ".join(f"{key}:{written(value[key])}" for key in sorted(value)) + "]"
        case list() | tuple():
            return "[" + " ".join(written(one) for one in value) + "]"
        case _:
            return str(value)


def general(value: float, digits: int | None = None) -> str:
    """`%g`: the shortest text that means this number, or `digits` of it.

    >>> general(123456789.0), general(0.00001), general(1 / 3, 4), general(float("inf")), general(-0.0)
    ('1.23456789e+08', '1e-05', '0.3333', '+Inf', '-0')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if digits is not None:
        return f"{value:.{digits}g}"
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, part = mantissa.lstrip("-").partition(".")
    part = "" if part == "0" else part
    power = int(exponent or 0) + len(whole) - 1
    figures = (whole + part).lstrip("0")
    if whole.strip("0") == "" and figures:
        power = int(exponent or 0) - (len(part) - len(part.lstrip("0"))) - 1
    figures = figures.rstrip("0") or "0"
    if value == 0:
        return f"{sign}0"
    if power < -4 or power >= _LARGE_POWER:
        return _exponential(sign, figures, power)
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{figures}"
    if len(figures) <= power + 1:
        return sign + figures.ljust(power + 1, "0")
    return f"{sign}{figures[: power + 1]}.{figures[power + 1 :]}"


def _exponential(sign: str, figures: str, power: int) -> str:
    dot = "." if len(figures) > 1 else ""
    return f"{sign}{figures[0]}{dot}{figures[1:]}e{'-' if power < 0 else '+'}{abs(power):02d}"


def moment(seconds: float) -> str:
    """A time as Go prints it, to the millisecond.

    >>> moment(1435065584.128)
    '2015-06-23 13:19:44.128 +0000 UTC'
    """
    whole, part_ms = divmod(int(seconds * 1e9) // 1_000_000, 1000)
    when = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=whole)
    part = f".{part_ms:03d}".rstrip("0").rstrip(".")
    return f"{when:%Y-%m-%d %H:%M:%S}{part} +0000 UTC"


def formatted(text: str, values: Sequence[object]) -> str:
    """`printf`.

    >>> formatted("%.2f%% of %s (%d)", [12.345, "disk", 3]), formatted("%d", [1.5]), formatted("%s", [])
    ('12.35% of disk (3)', '%!d(float64=1.5)', '%!s(MISSING)')
    """
    waiting = list(values)
    out: list[str] = []
    at = 0
    for match in _VERB.finditer(text):
        out.append(text[at : match.start()])
        at = match.end()
        verb = match[4]
        if verb is None:
            out.append("%!(NOVERB)")
        elif verb == "%":
            out.append("%")
        elif not waiting:
            out.append(f"%!{verb}(MISSING)")
        else:
            out.append(_one(match, verb, waiting.pop(0)))
    out.append(text[at:])
    if waiting:
        told = ", ".join(f"{type_name(value)}={written(value)}" for value in waiting)
        out.append(f"%!(EXTRA {told})")
    return "".join(out)


def _one(match: re.Match[str], verb: str, value: object) -> str:
    flags, width = match[1] or "", match[2] or ""
    digits = int(match[3] or 0) if _HAS_PRECISION.search(match[0]) else None
    body = _body(verb, value, digits, flags)
    if body is None:
        return f"%!{verb}({type_name(value)}={written(value)})"
    if not width:
        return body
    if "-" in flags:
        return body.ljust(int(width))
    is_number = isinstance(value, int | float) and verb not in "sqv"
    return body.zfill(int(width)) if "0" in flags and is_number else body.rjust(int(width))


def _body(verb: str, value: object, digits: int | None, flags: str) -> str | None:
    if verb == "v":
        return general(value, digits) if isinstance(value, float) and not isinstance(value, Moment) else written(value)
    if verb == "T":
        return type_name(value)
    if isinstance(value, bool):
        return written(value) if verb == "t" else None
    if isinstance(value, str):
        if verb == "q":
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if verb in "xX":
            return value.encode().hex() if verb == "x" else value.encode().hex().upper()
        return (value if digits is None else value[:digits]) if verb == "s" else None
    plus = "+" if "+" in flags else ""
    if isinstance(value, float):
        if verb not in "eEfFgG":
            return None
        if not math.isfinite(value):
            return general(value) if plus or value != math.inf else "+Inf"
        if verb in "gG":
            body = general(value, digits)
            return f"+{body}" if plus and value >= 0 else body
        return f"{value:{plus}.{6 if digits is None else digits}{verb}}"
    if isinstance(value, int):
        if verb == "c":
            return chr(value)
        if verb == "U":
            return f"U+{value:04X}"
        return f"{value:{plus}{verb}}" if verb in "dxXob" else None
    if isinstance(value, Mapping | list | tuple) and verb == "s":
        return written(value)
    return None
