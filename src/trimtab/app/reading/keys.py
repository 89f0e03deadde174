"""The keys of lines: which line of which system, shape or number of the server is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.model.errors import InputError

KEY_CHARS_MAX = 400


@dataclass(frozen=True, slots=True)
class Measure:
    """What a line shows, and in which unit."""

    name: str
    unit: str


SHAPE_MEASURES: Mapping[str, Measure] = {
    "mean_ms": Measure("mean execution time", "ms"),
    "calls_per_s": Measure("calls", "calls/s"),
    "load_ms_per_s": Measure("load", "ms/s"),
    "rows_per_s": Measure("rows returned", "rows/s"),
    "read_blocks_per_s": Measure("blocks read", "blocks/s"),
    "p50_ms": Measure("p50, as callers saw it", "ms"),
    "p95_ms": Measure("p95, as callers saw it", "ms"),
    "p99_ms": Measure("p99, as callers saw it", "ms"),
}
"""What `shape/SYSTEM/FINGERPRINT/` may end with."""

LEVELS: Mapping[str, float] = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
"""Those of them that come from spans."""

SYSTEM_MEASURES: Mapping[str, Measure] = {
    "load_ms_per_s": Measure("load", "ms/s"),
    "calls_per_s": Measure("calls", "calls/s"),
    "mean_ms": Measure("mean execution time", "ms"),
    "sessions_active": Measure("active sessions", "sessions"),
    "waits": Measure("active sessions by what they wait for", "sessions"),
}
"""What `system/SYSTEM/` may end with."""


OBJECTIVE_MEASURES: Mapping[str, Measure] = {
    "good": Measure("good", "%"),
    "target": Measure("target", "%"),
    "left": Measure("error budget left", "%"),
    "burn": Measure("burn rate", "×"),
    "bad_per_min": Measure("bad events", "/min"),
    "events_per_min": Measure("events", "/min"),
    "coverage": Measure("measured", "%"),
}
"""What `objective/NAME/` may end with."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was read: `family` is shape, system, server, objective or self; what does not apply is ''. Of an
    objective, `fingerprint` is its name."""

    text: str
    family: str
    system: str
    fingerprint: str
    measure: str


def parse_key(text: str) -> Key:
    """Read a key; names of systems may hold slashes. InputError says what there is.

    >>> parse_key("shape/db/shop/ab12/mean_ms")
    Key(text='shape/db/shop/ab12/mean_ms', family='shape', system='db/shop', fingerprint='ab12', measure='mean_ms')
    >>> parse_key("system/shop/weather")
    Traceback (most recent call last):
    trimtab.model.errors.InputError: key: 'system/shop/weather' is none: after the system comes one of load_ms_per_s,
    calls_per_s, mean_ms, sessions_active, waits
    """
    family, _, rest = text.partition("/")
    if len(text) > KEY_CHARS_MAX:
        raise _wrong(text, f"a key has at most {KEY_CHARS_MAX} characters")
    if family == "self" and rest:
        return Key(text, family, "", "", rest)
    if family == "shape":
        system, fingerprint, measure = _split(text, rest, 2)
        _check(text, measure, SHAPE_MEASURES, "fingerprint")
        return Key(text, family, system, fingerprint, measure)
    if family == "system":
        system, measure = _split(text, rest, 1)
        _check(text, measure, SYSTEM_MEASURES, "system")
        return Key(text, family, system, "", measure)
    if family == "server":
        system, measure = _split(text, rest, 1)
        return Key(text, family, system, "", measure)
    if family == "objective":
        name, measure = _split(text, rest, 1)
        _check(text, measure, OBJECTIVE_MEASURES, "objective")
        return Key(text, family, "", name, measure)
    raise _wrong(text, "it begins with shape/, system/, server/, objective/ or self/")


def _split(text: str, rest: str, count: int) -> list[str]:
    parts = rest.rsplit("/", count)
    if len(parts) != count + 1 or not all(parts):
        raise _wrong(text, "write shape/SYSTEM/FINGERPRINT/MEASURE, system/SYSTEM/MEASURE or server/SYSTEM/NAME")
    return parts


def _check(text: str, measure: str, known: Mapping[str, Measure], after: str) -> None:
    if measure not in known:
        raise _wrong(text, f"after the {after} comes one of {', '.join(known)}")


def _wrong(text: str, why: str) -> InputError:
    return InputError(f"key: {text[:100]!r} is none: {why}", field="key", observed=text[:100])
