"""Every setting there is, read off the declarations of its section: one table for all who show, check or explain them.

>>> setting_of("watch.slice_s").kind, setting_of("watch.slice_s").default
(<Kind.NUMBER: 'number'>, 5.0)
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

from trimtab.app.packs.settings import PacksPolicy
from trimtab.app.server_settings import ServerSettings
from trimtab.model.anomaly_settings import AnomaliesPolicy
from trimtab.model.business_settings import BusinessPolicy
from trimtab.model.capacity_settings import CapacityPolicy
from trimtab.model.change_point_settings import ChangePointsPolicy
from trimtab.model.clouds import CloudsPolicy
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.model.grafana_settings import GrafanaPolicy
from trimtab.model.infrastructure_settings import ContainersPolicy, HostPolicy
from trimtab.model.integrations import IntegrationsPolicy
from trimtab.model.metrics import MetricsPolicy
from trimtab.model.notify import NotifyPolicy
from trimtab.model.objective_settings import ObjectivesPolicy
from trimtab.model.pattern_settings import PatternsPolicy
from trimtab.model.policy import AdvisePolicy, DetectPolicy, GuardPolicy, PlansPolicy, WatchPolicy
from trimtab.model.privacy import PrivacyPolicy
from trimtab.model.retention import RetentionPolicy
from trimtab.model.rule_settings import RulesPolicy
from trimtab.model.setting import METADATA_KEY, About
from trimtab.model.traces import TracesPolicy

SHOWN_CHARS_MAX = 60
TEXT_CHARS_MAX = 1000
KNOWN_MAX = 30

Plain = str | int | float | bool | list[str]
"""A value as TOML and JSON have it."""


class Kind(StrEnum):
    """What a value is, as a person would say it."""

    NUMBER = "number"
    WHOLE = "whole number"
    FLAG = "true or false"
    CHOICE = "one of"
    TEXT = "text"
    TEXTS = "list of texts"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the file. One that is `per_target` may be said again for one target, and overridden at run time."""

    name: str
    kind: type[Any]
    doc: str
    per_target: bool = True


SECTIONS: Mapping[str, Section] = {
    section.name: section
    for section in (
        Section("detect", DetectPolicy, "When a query becomes a finding."),
        Section("advise", AdvisePolicy, "When advice is asked for."),
        Section("watch", WatchPolicy, "How an applied change is judged."),
        Section("create_index", GuardPolicy, "What may be done by itself about indexes, and its limits."),
        Section("plans", PlansPolicy, "How plans are taken for people to look at."),
        Section("retention", RetentionPolicy, "How long telemetry is kept.", per_target=False),
        Section("traces", TracesPolicy, "Which traces that are sent here are stored.", per_target=False),
        Section("privacy", PrivacyPolicy, "What of traces and logs is not stored.", per_target=False),
        Section("metrics", MetricsPolicy, "Metrics that are sent here: how much is taken and kept.", per_target=False),
        Section("integrations", IntegrationsPolicy, "Stores of logs and traces beside the own one.", per_target=False),
        Section("notify", NotifyPolicy, "Who is told of alerts.", per_target=False),
        Section("objectives", ObjectivesPolicy, "What was promised, and is counted.", per_target=False),
        Section("rules", RulesPolicy, "Recording and alerting rules.", per_target=False),
        Section("packs", PacksPolicy, "Rules and objectives that come with trimtab.", per_target=False),
        Section("business", BusinessPolicy, "Data quality, pipelines, cost and satisfaction.", per_target=False),
        Section("forecast", ForecastPolicy, "What is forecast, and what is told of it.", per_target=False),
        Section("capacity", CapacityPolicy, "When resources are full.", per_target=False),
        Section("patterns", PatternsPolicy, "Where patterns are looked for, and how often.", per_target=False),
        Section("anomalies", AnomaliesPolicy, "What is looked at for anomalies, and who is told.", per_target=False),
        Section("change_points", ChangePointsPolicy, "What is looked at for changes of level.", per_target=False),
        Section("host", HostPolicy, "What is collected of this machine.", per_target=False),
        Section("containers", ContainersPolicy, "What is collected of containers.", per_target=False),
        Section("clouds", CloudsPolicy, "Accounts of clouds that are looked at.", per_target=False),
        Section("grafana", GrafanaPolicy, "A Grafana of yours: what is put there.", per_target=False),
        Section("server", ServerSettings, "Where the server listens, and to whom it answers.", per_target=False),
    )
}


_PASSWORD = re.compile(r"(://[^:@/]*:)[^@]*@")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `name` is `section.key`; `choices` are the words that a choice may be."""

    name: str
    section: Section
    key: str
    kind: Kind
    default: object
    about: About
    choices: tuple[str, ...]
    enum: Callable[[str], Enum] | None

    @property
    def is_overridable(self) -> bool:
        """Whether an administrator may set it while the server runs."""
        return self.section.per_target and not self.about.needs_restart

    def convert(self, value: object) -> object:
        """A value from a file or from JSON as the program has it; `Wrong` says what is not right with it."""
        if self.kind is Kind.TEXTS:
            return self._texts(value)
        if self.kind is Kind.FLAG:
            if not isinstance(value, bool):
                raise Wrong(f"must be true or false, found {shown(value)}")
            return value
        if self.kind in (Kind.NUMBER, Kind.WHOLE):
            return self._number(value)
        return self._text(value)

    def _number(self, value: object) -> int | float:
        what = "a number" if self.kind is Kind.NUMBER else "a whole number"
        if isinstance(value, bool) or not isinstance(value, int if self.kind is Kind.WHOLE else int | float):
            raise Wrong(f"must be {what}, found {shown(value)}")
        low, high = self.about.low, self.about.high
        if low is not None and high is not None and not low <= value <= high:
            span = f"{number(low)} to {number(high)}"
            raise Wrong(f"must be from {span}, found {shown(value)}", limit=span)
        return float(value) if self.kind is Kind.NUMBER else value

    def _text(self, value: object) -> object:
        if self.enum is not None:
            if not isinstance(value, str) or value not in self.choices:
                raise Wrong(f"must be one of {', '.join(self.choices)}, found {shown(value)}")
            return self.enum(value)
        if not isinstance(value, str):
            raise Wrong(f"must be a text in quotes, found {shown(value)}")
        problem = self._problem(value)
        if problem is not None:
            seen = _PASSWORD.sub(r"\1***@", value)
            raise Wrong(f"cannot be {shown(seen)}: {problem}")
        return value

    def _texts(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise Wrong(f"must be a list of texts in quotes, found {shown(value)}")
        low, high = self.about.low or 0, self.about.high
        if high is not None and not low <= len(value) <= high:
            raise Wrong(f"must have from {low:g} to {high:g} items, found {len(value)}", limit=f"{low:g} to {high:g}")
        wrong = [found for number, item in enumerate(value) if (found := self._wrong_item(number, item)) is not None]
        if wrong:
            wrong[0].others = tuple(wrong[1:])
            raise wrong[0]
        return tuple(value)

    def _wrong_item(self, number: int, item: object) -> Wrong | None:
        """What is wrong with one item of a list."""
        if not isinstance(item, str):
            return Wrong(f"must be a list of texts in quotes, found {shown(item)} in it", position=number)
        problem = self._problem(item)
        seen = shown(_PASSWORD.sub(r"\1***@", item))
        return None if problem is None else Wrong(f"cannot have {seen} in it: {problem}", position=number)

    def _problem(self, text: str) -> str | None:
        if len(text) > TEXT_CHARS_MAX:
            return f"it has {len(text)} characters, the limit is {TEXT_CHARS_MAX}"
        return None if self.about.problem is None else self.about.problem(text)


class Wrong(Exception):
    """A value that cannot be; `position` is the item of a list that is meant, `others` are further items of it."""

    def __init__(self, message: str, *, limit: str | None = None, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.limit = limit
        self.position = position
        self.others: tuple[Wrong, ...] = ()


def _settings() -> Iterator[Setting]:
    for section in SECTIONS.values():
        hints = typing.get_type_hints(section.kind)
        for made in dataclasses.fields(section.kind):
            hint = hints[made.name]
            enum = hint if isinstance(hint, type) and issubclass(hint, StrEnum) else None
            yield Setting(
                name=f"{section.name}.{made.name}",
                section=section,
                key=made.name,
                kind=Kind.CHOICE if enum else _KINDS[hint],
                default=made.default,
                about=made.metadata[METADATA_KEY],
                choices=tuple(member.value for member in enum) if enum else (),
                enum=enum,
            )


_KINDS: Mapping[Any, Kind] = {
    float: Kind.NUMBER,
    int: Kind.WHOLE,
    bool: Kind.FLAG,
    str: Kind.TEXT,
    types.GenericAlias(tuple, (str, ...)): Kind.TEXTS,
}
SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _settings()}
"""Every setting by name, in the order of the sections."""


def setting_of(name: str) -> Setting:
    """The setting of this name; KeyError where there is none."""
    return SETTINGS[name]


def settings_in(section: str) -> dict[str, Setting]:
    """The settings of one section by key."""
    return {setting.key: setting for setting in SETTINGS.values() if setting.section.name == section}


def did_you_mean(name: str, known: typing.Iterable[str]) -> str:
    """A hint for a name that does not exist: the one that is meant, else all there are.

    >>> did_you_mean("detct", ["detect", "watch"]), did_you_mean("x", ["b", "a"])
    (' (did you mean detect?)', ' (known: a, b)')
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f" (did you mean {close[0]}?)"
    shown_names = names if len(names) <= KNOWN_MAX else [*names[:KNOWN_MAX], "..."]
    return f" (known: {', '.join(shown_names)})"


def shown(value: object) -> str:
    """A value for a message: short, and in one line.

    >>> shown("x" * 100)[:5], shown(3.50), shown(True), shown(10**5000)[-15:], shown([1, 2])
    ("'xxxx", '3.5', 'true', '… (5001 digits)', 'a list')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**SHOWN_CHARS_MAX:
        return _long_number(value)
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, str):
        text = repr(value)
        return text if len(text) <= SHOWN_CHARS_MAX else f"{text[: SHOWN_CHARS_MAX - 2]}…'"
    if isinstance(value, list | tuple):
        return "a list"
    return "a section" if isinstance(value, dict) else f"a {type(value).__name__}"


def number(value: float) -> str:
    """A number for people: whole ones in full.

    >>> number(2**60), number(0.05), number(300.0)
    ('1152921504606846976', '0.05', '300')
    """
    return str(int(value)) if float(value).is_integer() else f"{value:g}"


def _long_number(value: int) -> str:
    value = abs(value)
    digits = 0
    while value:
        value //= 10
        digits += 1
    return f"… ({digits} digits)"


def plain(value: object) -> Plain:
    """A value of a setting as TOML and JSON have it.

    >>> plain(("a", "b")), plain(5.0)
    (['a', 'b'], 5.0)
    """
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list | tuple):
        return [str(item) for item in value]
    if isinstance(value, str | int | float | bool):
        return value
    raise TypeError(f"no setting has a value like {value!r}")
