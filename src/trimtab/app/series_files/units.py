"""Units of series and of limits: from a column's name, and from what a person writes behind a number.

Units are written as OpenTelemetry writes them (UCUM): `s`, `ms`, `By`, `MiBy`, `%`, `1`.
"""

from __future__ import annotations

import re

from trimtab.model.errors import InputError

_FACTORS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("ns", "nanoseconds"), ("s", 1e-09)),
    **dict.fromkeys(("us", "µs", "microseconds"), ("s", 1e-06)),
    **dict.fromkeys(("ms", "msec", "milliseconds"), ("s", 0.001)),
    **dict.fromkeys(("s", "sec", "seconds"), ("s", 1.0)),
    **dict.fromkeys(("min", "minutes"), ("s", 60.0)),
    **dict.fromkeys(("h", "hours"), ("s", 3600.0)),
    **dict.fromkeys(("by", "b", "bytes"), ("By", 1.0)),
    **{
        prefix + end: ("By", float(base**power))
        for power, letter in enumerate("kmgtp", 1)
        for prefix, base in ((letter, 1000), (letter + "i", 1024))
        for end in ("b", "by")
    },
    **dict.fromkeys(("%", "percent", "pct"), ("1", 0.01)),
    **dict.fromkeys(("1", "ratio", "share"), ("1", 1.0)),
}
_SHORT_ONLY_IN_BRACKETS = {"b", "h", "min", "by", "share", "sec", "1"}
"""As the end of a name these mean something else too often: `plan_b`, `latency_min`."""
_BRACKETS = re.compile(r"^(?P<name>.*\S)\s*[\[(](?P<unit>[^\])]+)[\])]$")
_LIMIT = re.compile(r"^\s*(?P<number>[-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*(?P<unit>\S*)\s*$")


def unit_in_name(name: str) -> str:
    """The unit that a column's name tells, as it stands there; "" where it tells none.

    >>> [unit_in_name(name) for name in ("latency_ms", "disk [GiB]", "size (bytes)", "value", "plan_b", "cpu_percent")]
    ['ms', 'GiB', 'bytes', '', '', 'percent']
    """
    if (found := _BRACKETS.match(name)) and found["unit"].lower() in _FACTORS:
        return found["unit"]
    last = re.split(r"[_\s.]", name)[-1]
    known = last.lower()
    return last if last != name and known in _FACTORS and known not in _SHORT_ONLY_IN_BRACKETS else ""


def check_unit(unit: str) -> str:
    """A unit that the user named; anything may be one, as long as it is short."""
    if len(unit) > 40:
        raise InputError(f"--unit has {len(unit)} characters, the limit is 40", limit=40)
    return unit


def limit_in(text: str, unit: str, name: str = "value") -> float:
    """A limit as a person writes it, in the unit of a series of that name. InputError where the units do not fit.

    >>> limit_in("100", "ms"), limit_in("2s", "ms"), limit_in("1.5 GiB", "By"), limit_in("80%", "ratio")
    (100.0, 2000.0, 1610612736.0, 0.8)
    """
    found = _LIMIT.match(text)
    if found is None:
        raise InputError(f"--limit: {text!r} is no number, with or without a unit: 100, 500GB, 95%")
    number, wanted = float(found["number"]), found["unit"]
    if not wanted or wanted == unit:
        return number
    if wanted.lower() not in _FACTORS:
        raise InputError(f"--limit: {wanted!r} is no unit that is known here")
    if unit.lower() not in _FACTORS:
        said = f"{name!r} is in {unit!r}" if unit else f"nobody says what {name!r} is in: name it by --unit"
        raise InputError(f"--limit {text} has a unit, and {said}", series=name)
    kind, factor = _FACTORS[wanted.lower()]
    other, divisor = _FACTORS[unit.lower()]
    if kind != other:
        raise InputError(
            f"--limit {text} does not fit to {name!r}, which is in {unit}: name the columns that it is for "
            "(--value-column)",
            series=name,
        )
    return number * factor / divisor
