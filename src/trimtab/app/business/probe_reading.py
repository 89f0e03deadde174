"""Reads `probes:`, one entry each; what is wrong is said with its place. The keys: docs/reference/data-quality.md."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from zoneinfo import available_timezones

from trimtab.analyze.slo.document import Part
from trimtab.analyze.slo.own_format import name_in
from trimtab.analyze.slo.quantities import duration_text
from trimtab.app.business.probe_wishes import wanted_in
from trimtab.model.errors import StatementRefused
from trimtab.model.probes import (
    DIMENSIONS,
    FRESH_INTERVAL_MS,
    FRESH_LOOKS,
    INTERVAL_MS,
    INTERVAL_MS_MAX,
    INTERVAL_MS_MIN,
    TIMEOUT_MS,
    TIMEOUT_MS_MAX,
    TIMEOUT_MS_MIN,
    TIMEZONE,
    UNITS,
    Dimension,
    Probe,
    ProbeKind,
    Wanted,
)
from trimtab.observe.probes.statements import check_where, statement_of, table_of

VALUES_MAX = 1_000
COLUMNS_MAX = 16
UNIT_CHARS_MAX = 50
WEIGHT_MAX = 1_000.0
NAME_CHARS_TOLD = 60
_COMMON = ("name", "system", "description", "dimension", "good", "weight", "every", "timeout", "timezone")
_KINDS = tuple(kind.value for kind in ProbeKind)


def probe_in(part: Part, origin: str) -> Probe | None:
    """One entry; None where it is wrong, which is written down in its document with the probe's name."""
    before = len(part.document.problems)
    probe = _entry(part, origin)
    found, name = part.document.problems, part.get("name")
    if isinstance(name, str) and name:
        told = [replace(one, reason=f"the probe {name[:NAME_CHARS_TOLD]!r}: {one.reason}") for one in found[before:]]
        found[before:] = told
    return probe


def _entry(part: Part, origin: str) -> Probe | None:
    before = len(part.document.problems)
    part.known(*_COMMON, *_KINDS, "table", "unit")
    if not isinstance(part.value, dict):
        return None
    kinds = [kind for kind in ProbeKind if part.has(kind.value)]
    name, system = name_in(part), part.text("system", required=True)
    if len(kinds) != 1:
        told = "is missing" if not kinds else f"is given {len(kinds)} times"
        part.wrong(f"what is probed {told}: one of {', '.join(_KINDS)}")
        return None
    kind = kinds[0]
    wanted = wanted_in(part, kind)
    probe = Probe(
        name=name,
        system=system,
        kind=kind,
        dimension=_dimension(part, DIMENSIONS[kind]),
        unit=UNITS.get(kind, ""),
        weight=_weight(part),
        interval_ms=_every(part, kind, wanted),
        timeout_ms=_within(part, "timeout", TIMEOUT_MS, TIMEOUT_MS_MIN, TIMEOUT_MS_MAX),
        timezone=part.read("timezone", _zone) or TIMEZONE,
        description=part.text("description"),
        wanted=wanted,
        origin=origin,
        line=part.line,
    )
    probe = _sql(part, probe) if kind is ProbeKind.SQL else _of_table(part.part(kind.value), probe)
    if probe.timeout_ms > probe.interval_ms:
        part.wrong("timeout is longer than every", "timeout", at_value=True)
    if len(part.document.problems) > before:
        return None
    try:
        statement_of(probe)
    except StatementRefused as error:
        part.wrong(error.message, kind.value, at_value=kind is ProbeKind.SQL)
        return None
    return probe


def _sql(part: Part, probe: Probe) -> Probe:
    unit = part.text("unit")
    if len(unit) > UNIT_CHARS_MAX:
        part.wrong(f"unit has at most {UNIT_CHARS_MAX} characters, found {len(unit)}", "unit", at_value=True)
    return replace(probe, sql=part.text("sql", required=True), unit=unit, table=_table(part, "table", required=False))


def _of_table(part: Part, probe: Probe) -> Probe:
    wants = _WANTS[probe.kind]
    part.known("table", "where", *wants)
    where = part.text("where")
    _checked(part, "where", where, check_where)
    found = replace(probe, table=_table(part, "table"), where=where)
    if "column" in wants or "columns" in wants:
        found = replace(found, columns=_columns(part, "column", "columns" if "columns" in wants else ""))
    if "ignore_future" in wants:
        found = replace(found, ignores_future=part.flag("ignore_future", default=False))
    if "to" in wants:
        to_columns = _columns(part, "to_column", "to_columns")
        if len(to_columns) != len(found.columns) and to_columns:
            part.wrong(f"{len(found.columns)} columns refer to {len(to_columns)}: give as many", "to")
        found = replace(found, to_table=_table(part, "to"), to_columns=to_columns)
    if "values" in wants:
        found = replace(found, values=_values(part))
    return found


_WANTS: dict[ProbeKind, tuple[str, ...]] = {
    ProbeKind.FRESHNESS: ("column", "ignore_future"),
    ProbeKind.VOLUME: (),
    ProbeKind.NULLS: ("column", "columns"),
    ProbeKind.UNIQUE: ("column", "columns"),
    ProbeKind.REFERENCES: ("column", "columns", "to", "to_column", "to_columns"),
    ProbeKind.ACCEPTED: ("column", "values"),
}


def _columns(part: Part, one: str, many: str) -> tuple[str, ...]:
    given = [key for key in (one, many) if key and part.has(key)]
    if len(given) != 1:
        names = " or ".join(key for key in (one, many) if key)
        part.wrong(f"{names} is {'missing' if not given else 'given twice'} in {part.name}")
        return ()
    listed = part.get(many) if given[0] == many else [part.text(one)]
    if not isinstance(listed, list) or not all(isinstance(item, str) and item for item in listed):
        part.wrong(f"{given[0]} must be {'a list of names' if given[0] == many else 'a name'}", given[0])
        return ()
    if not 1 <= len(listed) <= COLUMNS_MAX:
        part.wrong(f"{given[0]} has 1 to {COLUMNS_MAX} names, found {len(listed)}", given[0])
    return tuple(listed)


def _values(part: Part) -> tuple[str, ...]:
    """Texts, and numbers as they are written: `1.50` is not `1.5` where values are compared as texts."""
    found = part.get("values")
    if not isinstance(found, list) or not found:
        part.wrong("values must be a list of texts or numbers", "values")
        return ()
    if len(found) > VALUES_MAX:
        part.wrong(f"values has at most {VALUES_MAX} items, found {len(found)}", "values")
    values = part.part("values")
    return tuple(_value(values, place, item) for place, item in enumerate(found))


def _value(values: Part, place: int, item: object) -> str:
    here = Part(values.document, (*values.path, place))
    if isinstance(item, str):
        return item
    written = values.document.written.get(here.path, "")
    if isinstance(item, int | float) and not isinstance(item, bool) and math.isfinite(item):
        return written
    if isinstance(item, bool | float) or (item is None and written):
        told = f"values[{place}]: {written} without quotes is {_as_yaml(item)} to YAML"
        here.wrong(f"{told}; a text is written as '{written}'")
    elif item is None:
        here.wrong(f'values[{place}] is empty: it must be a text or a number; the empty text is written as ""')
    else:
        here.wrong(f"values[{place}] must be a text or a number")
    return ""


def _as_yaml(item: bool | float | None) -> str:
    """What YAML makes of a word that is no text to it.

    >>> _as_yaml(True), _as_yaml(float("-inf")), _as_yaml(float("nan")), _as_yaml(None)
    ('true', 'the number -infinity', 'the number "not a number"', 'nothing')
    """
    if item is None:
        return "nothing"
    if isinstance(item, bool):
        return str(item).lower()
    return 'the number "not a number"' if math.isnan(item) else f"the number {'-' if item < 0 else ''}infinity"


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(text: str) -> str:
    """A zone's name as PostgreSQL and we know it; ValueError where it is none."""
    zones = _zones()
    if text not in zones:
        close = difflib.get_close_matches(text, zones, 1)
        raise ValueError(
            f"{text[:40]!r} is no time zone; a name is wanted such as Europe/Berlin or UTC"
            f"{f' (did you mean {close[0]}?)' if close else ''}"
        )
    return text


def _table(part: Part, key: str, *, required: bool = True) -> str:
    text = part.text(key, required=required)
    _checked(part, key, text, table_of)
    return text


def _checked(part: Part, key: str, text: str, check: Callable[[str], object]) -> None:
    if not text:
        return
    try:
        check(text)
    except StatementRefused as error:
        part.wrong(f"{key}: {error.message}", key, at_value=True)


def _dimension(part: Part, default: Dimension) -> Dimension:
    text = part.text("dimension")
    if not text:
        return default
    if text not in {one.value for one in Dimension}:
        part.wrong(f"dimension is one of {', '.join(Dimension)}, found {text[:40]!r}", "dimension", at_value=True)
        return default
    return Dimension(text)


def _weight(part: Part) -> float:
    weight = part.number("weight")
    if weight is None:
        return 1.0
    if not 0 <= weight <= WEIGHT_MAX:
        part.wrong(f"weight must be from 0 to {WEIGHT_MAX:g}, found {weight:g}", "weight", at_value=True)
    return weight


def _within(part: Part, key: str, default: int, low: int, high: int) -> int:
    found = part.duration_ms(key)
    if found is None:
        return default
    if not low <= found <= high:
        span = f"{duration_text(low)} to {duration_text(high)}"
        part.wrong(f"{key} must be from {span}, found {duration_text(found)}", key, at_value=True)
        return default
    return found


def _every(part: Part, kind: ProbeKind, wanted: Wanted | None) -> int:
    """How often it is looked; for an age, at least twice in what is allowed: it grows by the clock between looks."""
    if kind is not ProbeKind.FRESHNESS or wanted is None:
        default = FRESH_INTERVAL_MS if kind is ProbeKind.FRESHNESS else INTERVAL_MS
        return _within(part, "every", default, INTERVAL_MS_MIN, INTERVAL_MS_MAX)
    age_ms = round(wanted.threshold * 1000)
    default = min(max(age_ms // FRESH_LOOKS, INTERVAL_MS_MIN), INTERVAL_MS)
    most_ms = max(age_ms // 2, INTERVAL_MS_MIN)
    found = _within(part, "every", default, INTERVAL_MS_MIN, INTERVAL_MS_MAX)
    if found > most_ms:
        told = f"a look every {duration_text(found)} cannot tell whether rows are younger than {duration_text(age_ms)}"
        part.wrong(f"every: {told}; at most {duration_text(most_ms)}, or leave it out", "every", at_value=True)
    return found
