"""A `TraceQuery` as conditions on rows of `spans`.

An attribute may stand in several places. What can be found by the index of attributes' values is kept apart from what
cannot, so that each alternative is a SELECT of its own, and the index helps where it can.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from trimtab.model.errors import InputError
from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES, TraceQuery, Value
from trimtab.store.traces.typed_json import text_of, values_of

ALTERNATIVES_MAX = 8
_BEFORE_NS, _AFTER_NS = 300_000_000_000, 60_000_000_000
"""A caller's span begins so long before what it calls, or, as clocks differ, so long after it."""
_CALLED = (
    "parent_span_id <> '' AND cityHash64(trace_id, parent_span_id) IN"
    " (SELECT cityHash64(trace_id, span_id) FROM spans WHERE service_name = {caller:String}"
    f" AND started_at_ns >= {{from_ns:Int64}} - {_BEFORE_NS} AND started_at_ns < {{to_ns:Int64}} + {_AFTER_NS})"
)
"""Spans of a trace are on one shard, so each shard finds its own callers."""
_SPECIAL = set(".*+?()[]{}|^$\\")

DistinctTexts = Callable[[str], Sequence[str]]
"""The different texts of a column (`resource`, `scope`) in the range."""


@dataclass(frozen=True)
class Conditions:
    """`alternatives` are conditions (SQL) of which one must hold, each as a list of those that must hold together."""

    alternatives: tuple[tuple[str, ...], ...]
    parameters: dict[str, object] = field(default_factory=dict)

    def where(self, more: str) -> list[str]:
        """WHERE clauses, one for each alternative."""
        return [" AND ".join((more, *conditions)) for conditions in self.alternatives]


def conditions_of(query: TraceQuery, distinct: DistinctTexts) -> Conditions:
    """InputError where the query asks for a kind or a status that does not exist."""
    parameters: dict[str, object] = {}
    plain: list[str] = []
    for name, column, value in (
        ("service", "service_name", query.service),
        ("operation", "name", query.operation),
        ("kind", "kind", _one_of("kind", query.kind, SPAN_KINDS)),
        ("status", "status", _one_of("status", query.status, SPAN_STATUSES)),
        ("fingerprint", "db_query_fingerprint", query.fingerprint),
    ):
        if value:
            plain.append(f"{column} = {{{name}:String}}")
            parameters[name] = value
    if query.caller:
        plain.append(_CALLED)
        parameters["caller"] = query.caller
    if query.duration_min_ms is not None:
        plain.append("duration_ms >= {duration_min:Float64}")
        parameters["duration_min"] = float(query.duration_min_ms)
    if query.duration_max_ms is not None:
        plain.append("duration_ms <= {duration_max:Float64}")
        parameters["duration_max"] = float(query.duration_max_ms)
    choices = [
        _places(number, key, value, query.attributes_anywhere, distinct, parameters)
        for number, (key, value) in enumerate(query.attributes.items())
    ]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > ALTERNATIVES_MAX:
        choices = [[f"({' OR '.join(choice)})"] for choice in choices]
    found = [(*plain, *chosen) for chosen in itertools.product(*choices)]
    return Conditions(tuple(found), parameters)


def _one_of(what: str, value: str, known: Sequence[str]) -> str:
    if value and value not in known:
        raise InputError(f"no {what} {value!r}; there are {', '.join(known)}", field=what, observed=value)
    return value


def _places(
    number: int, key: str, text: str, is_anywhere: bool, distinct: DistinctTexts, parameters: dict[str, object]
) -> list[str]:
    """Where an attribute may be: in the span (an index helps), else somewhere else (none does)."""
    name, value = f"key_{number}", f"value_{number}"
    parameters[name], parameters[value] = key, text
    pattern = _pattern(text) if is_anywhere else ""
    compare = f"attributes[{{{name}:String}}]"
    if pattern:
        parameters[f"pattern_{number}"] = pattern
        compare = f"match({compare}, {{pattern_{number}:String}})"
    else:
        compare = f"{compare} = {{{value}:String}}"
    has = f"mapContains(attributes, {{{name}:String}}) AND " if pattern or not text else ""
    found = [f"({has}{compare})"]
    others = []
    for column, inner in (("resource", ""), ("scope", "attributes")):
        if column == "scope" and not is_anywhere:
            continue
        fitting = [one for one in distinct(column) if _fits(values_of(one), inner, key, text, pattern)]
        if fitting:
            parameters[f"{column}_{number}"] = fitting
            others.append(f"{column} IN {{{column}_{number}:Array(String)}}")
    if not is_anywhere:
        return [*found, *others]
    parameters[f"json_key_{number}"] = f"${key}" if key.startswith("$") else key
    json_key = f"'attributes', {{json_key_{number}:String}}"
    for column in ("events", "links"):
        wanted = f"{{pattern_{number}:String}}" if pattern else f"{{{value}:String}}"
        as_text, as_json = f"JSONExtractString(one, {json_key})", f"JSONExtractRaw(one, {json_key})"
        told = (
            f"match({as_text}, {wanted}) OR match({as_json}, {wanted})"
            if pattern
            else f"{as_text} = {wanted} OR {as_json} = {wanted}"
        )
        others.append(
            f"{column} <> '' AND"
            f" arrayExists(one -> JSONHas(one, {json_key}) AND ({told}), JSONExtractArrayRaw({column}))"
        )
    return [*found, f"({' OR '.join(f'({other})' for other in others)})"]


def _pattern(text: str) -> str:
    """The text as a regular expression for whole values, '' where it is nothing but itself."""
    import re2

    if not _SPECIAL.intersection(text):
        return ""
    try:
        re2.compile(text)
    except re2.error:
        return ""
    return f"^(?:{text})$|^{re2.escape(text)}$"


def _fits(values: Mapping[str, Value], inner: str, key: str, text: str, pattern: str) -> bool:
    """Whether attributes have this one."""
    import re2

    if inner:
        held = values.get(inner)
        values = held if isinstance(held, dict) else {}
    if key not in values:
        return False
    found = text_of(values[key])
    return found == text or bool(pattern and re2.compile(pattern).search(found))
