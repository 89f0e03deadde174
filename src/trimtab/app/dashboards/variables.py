"""What the variables of a dashboard may be now, and what they are: asked of the metrics, one after the other.

A variable may speak of others in its query; those are settled first. What cannot be settled has a trouble of its own,
and the rest of the dashboard goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from trimtab.app.dashboards.interpolate import ALL, Chosen, Scope, names_in, query_text
from trimtab.app.dashboards.patterns import pattern_of
from trimtab.app.dashboards.steps import Step, duration_ms, duration_text
from trimtab.app.reading.ranges import Range
from trimtab.model.dashboards import Dashboard, Option, Variable
from trimtab.model.errors import TrimtabError

OPTIONS_MAX = 1_000
VALUES_MAX = 300
"""Values of one variable at once."""
VALUE_CHARS_MAX = 1_000
AUTO = "$__auto_interval_"
DATA_SOURCE = "trimtab"
_LABEL_NAMES = re.compile(r"\s*label_names\(\s*(.*?)\s*\)\s*$", re.DOTALL)
_LABEL_VALUES = re.compile(r"\s*label_values\((?:(.+),\s*)?([a-zA-Z_$\"][\w.$\"{}\[\]:]*)\)\s*$", re.DOTALL)
_METRICS = re.compile(r"\s*metrics\((.+)\)\s*$", re.DOTALL)
_QUERY_RESULT = re.compile(r"\s*query_result\((.+)\)\s*$", re.DOTALL)


class Vocabulary(Protocol):
    """What is asked of the metrics for the values of variables."""

    def label_names(self, selector: str, within: Range, /) -> Sequence[str]: ...
    def label_values(self, label: str, selector: str, within: Range, /) -> Sequence[str]: ...
    def result_texts(self, query: str, within: Range, /) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Settled:
    """One variable with what it may be, what it is, and what went wrong."""

    variable: Variable
    options: tuple[Option, ...]
    chosen: Chosen
    selected: tuple[str, ...] = ()
    """As the address has it: `$__all` for all."""
    trouble: str = ""


def settle(
    dashboard: Dashboard, wanted: Mapping[str, Sequence[str]], within: Range, vocabulary: Vocabulary, step: Step
) -> list[Settled]:
    """All variables, in the order of the dashboard. `wanted` is what the address asks for, by name."""
    done: dict[str, Settled] = {}
    left = list(dashboard.variables)
    while left:
        names = {one.name for one in left}
        ready = [one for one in left if not (names_in(one.query) & names - {one.name})]
        for one in ready or left[:1]:  # of a circle, any
            scope = Scope({name: found.chosen for name, found in done.items()}, step, dashboard.title)
            done[one.name] = _settled(one, wanted.get(one.name, ()), scope, within, vocabulary)
        left = [one for one in left if one.name not in done]
    return [done[one.name] for one in dashboard.variables if one.name in done]


def scope_of(settled: Sequence[Settled], dashboard: Dashboard) -> Scope:
    """What the variables stand for."""
    return Scope({one.variable.name: one.chosen for one in settled}, dashboard=dashboard.title)


def _settled(variable: Variable, wanted: Sequence[str], scope: Scope, within: Range, vocabulary: Vocabulary) -> Settled:
    trouble = variable.reason
    options: tuple[Option, ...] = ()
    if not trouble:
        try:
            options = tuple(_options(variable, scope, within, vocabulary))[:OPTIONS_MAX]
        except TrimtabError as error:
            trouble = error.message
    asked = tuple(value[:VALUE_CHARS_MAX] for value in wanted if value)[:VALUES_MAX] or variable.current
    if variable.kind == "textbox":
        value = (tuple(wanted) or variable.current or (variable.query,))[0][:VALUE_CHARS_MAX]
        return Settled(variable, (), Chosen((value,)), (value,), trouble)
    if variable.kind == "interval":
        return _interval(variable, options, asked, scope, trouble)
    if variable.has_all and (ALL in asked or (not asked and not options)):
        return _all(variable, options, trouble)
    known = {one.value: one.text for one in options}
    values = tuple(value for value in asked if value in known or (not options and value != ALL))
    if not values and options:
        if variable.has_all and not wanted and not variable.current and variable.is_multi:
            return _all(variable, options, trouble)
        values = (options[0].value,)
    if not variable.is_multi:
        values = values[:1]
    is_many = variable.is_multi or variable.has_all
    chosen = Chosen(values, tuple(known.get(value, value) for value in values), is_many)
    return Settled(variable, options, chosen, values, trouble)


def _all(variable: Variable, options: tuple[Option, ...], trouble: str) -> Settled:
    values = tuple(one.value for one in options)
    chosen = Chosen(
        values[:VALUES_MAX], ("All",), is_many=True, all_value=variable.all_value or ("" if values else ".*")
    )
    return Settled(variable, options, chosen, (ALL,), trouble)


def _interval(
    variable: Variable, options: tuple[Option, ...], asked: Sequence[str], scope: Scope, trouble: str
) -> Settled:
    values = [one.value for one in options]
    value = next((one for one in asked if one in values), values[0] if values else "1m")
    meant = value
    if value.startswith(AUTO) and scope.step is not None:
        meant = duration_text(scope.step.interval_ms)
    return Settled(variable, options, Chosen((meant,), (meant,)), (value,), trouble)


def _options(variable: Variable, scope: Scope, within: Range, vocabulary: Vocabulary) -> list[Option]:
    match variable.kind:
        case "query":
            found = _asked(query_text(variable.query, scope), within, vocabulary)
            return _ordered(_through_regex(variable, found, scope), variable.sort)
        case "custom":
            return [_pair(each) for each in _split(query_text(variable.query, scope))] or list(variable.options)
        case "constant":
            return [Option(variable.query, variable.query)]
        case "interval":
            texts = [each for each in _split(variable.query) if each == "auto" or duration_ms(each)]
            auto = [one for one in variable.options if one.value.startswith(AUTO)]
            return [*auto, *(Option(each, each) for each in texts if each != "auto")]
        case "datasource":
            is_metrics = variable.query in ("", "prometheus")
            return [Option(DATA_SOURCE, DATA_SOURCE)] if is_metrics else []
    return []


def _asked(query: str, within: Range, vocabulary: Vocabulary) -> list[Option]:
    """The values that a query gives: label_values, label_names, metrics, query_result, or a selector."""
    texts: Sequence[str]
    if found := _LABEL_NAMES.match(query):
        texts = vocabulary.label_names(found[1], within)
    elif found := _LABEL_VALUES.match(query):
        texts = vocabulary.label_values(found[2].strip('"'), found[1] or "", within)
    elif found := _METRICS.match(query):
        pattern = pattern_of(f"/{found[1]}/")
        texts = [name for name in vocabulary.label_values("__name__", "", within) if pattern.search(name)]
    elif found := _QUERY_RESULT.match(query):
        texts = vocabulary.result_texts(found[1], within)
    elif query.strip():
        texts = [each.partition(" ")[0] for each in vocabulary.result_texts(query, within)]
    else:
        texts = []
    return [Option(each, each) for each in dict.fromkeys(texts)]


def _through_regex(variable: Variable, options: Sequence[Option], scope: Scope) -> list[Option]:
    """Those that fit, and of them the part that is meant: groups `text` and `value`, or the first group."""
    if not variable.regex.strip():
        return list(options)
    pattern = pattern_of(query_text(variable.regex, scope))
    found: dict[str, Option] = {}
    for one in options:
        match = pattern.search(one.text)
        if match is None:
            continue
        named, groups = match.groupdict(), match.groups()
        value = named.get("value") or named.get("text") or next((each for each in groups if each), None) or one.text
        if groups and not any(groups):
            continue
        text = named.get("text") or value
        found.setdefault(value, Option(value, text))
    return list(found.values())


Key = Callable[[Option], tuple[object, ...]]


def _number(option: Option) -> tuple[object, ...]:
    digits = re.search(r"[0-9]+", option.text)
    return (digits is None, int(digits[0][:15]) if digits else 0, option.text)


def _ordered(options: list[Option], sort: int) -> list[Option]:
    """As Grafana sorts: 1, 2 by alphabet, 3, 4 by number, 5, 6 without case, 7, 8 naturally; odd ones upwards.

    >>> [one.text for one in _ordered([Option(each, each) for each in ("b10", "b9", "A")], 3)]
    ['b9', 'b10', 'A']
    """
    if not sort:
        return options
    keys: tuple[Key, ...] = (lambda one: (one.text,), _number, lambda one: (one.text.lower(),), _natural)
    return sorted(options, key=keys[(sort - 1) // 2], reverse=sort % 2 == 0)


def _natural(option: Option) -> tuple[object, ...]:
    pieces = re.split(r"([0-9]+)", option.text.lower())
    return tuple((1, int(each[:15]), "") if each.isdigit() and each.isascii() else (0, 0, each) for each in pieces)


def _split(text: str) -> list[str]:
    """Parts between commas; a comma behind a backslash is none.

    >>> _split("a, b : c,d\\\\,e")
    ['a', 'b : c', 'd,e']
    """
    return [each.strip().replace("\\,", ",") for each in re.split(r"(?<!\\),", text) if each.strip()][:OPTIONS_MAX]


def _pair(text: str) -> Option:
    """`text : value`, or a value that is its own text.

    >>> _pair("five : 5"), _pair("a:b")
    (Option(value='5', text='five'), Option(value='a:b', text='a:b'))
    """
    name, between, value = text.partition(" : ")
    return Option(value.strip(), name.strip()) if between else Option(text, text)


def only(settled: Sequence[Settled], name: str) -> Settled | None:
    """The variable of a name."""
    return next((one for one in settled if one.variable.name == name), None)


def with_value(one: Settled, value: str) -> Chosen:
    """The variable while it has one of its values: what repeats is drawn so."""
    text = next((option.text for option in one.options if option.value == value), value)
    return replace(one.chosen, values=(value,), texts=(text,), all_value="")
