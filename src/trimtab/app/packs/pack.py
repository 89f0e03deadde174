"""Reads a pack. It is a folder of four files in `trimtab/packs`, each of which other tools can read, too:

    pack.yml         what it is about, which series it needs and from where, its thresholds with unit, limits and source
    rules.yml        Prometheus' rule file; runbooks are annotations
    objectives.yml   objectives in trimtab's own form
    tests.yml        unit tests in promtool's form

The numbers stand in the rules themselves, so that they are right as they are. A threshold says where: in which rules
and objectives, and what stands around it there (`at`, with {} for the value).
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.app.settings import did_you_mean
from trimtab.model.errors import NotFound

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

FILES = ("pack.yml", "rules.yml", "objectives.yml", "tests.yml")
KINDS = ("number", "duration", "pattern", "share")
TEXT_CHARS_MAX = 500
_DURATION = re.compile(r"(\d{1,9}(ms|[ywdhms]))+|0")
_SHARE = re.compile(r"\d{1,2}(\.\d{1,6})?%")


@dataclass(frozen=True, slots=True)
class Threshold:
    """One number (or window, or pattern) of a pack. `count` is how often it stands in each; 0: at least once."""

    name: str
    value: str
    source: str
    kind: str = "number"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    rules: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    at: str = "{}"
    count: int = 1

    def problem(self, text: str) -> str | None:
        """What is wrong with another value; None where nothing is.

        >>> cpu = Threshold("cpu_percent", "80", "a table", unit="%", low=1, high=100)
        >>> cpu.problem("90"), cpu.problem("900")
        (None, "must be from 1 to 100 %, found '900'")
        """
        seen = f"found {text[:60]!r}"
        if len(text) > TEXT_CHARS_MAX:
            return f"has {len(text)} characters, the limit is {TEXT_CHARS_MAX}"
        if self.kind == "duration":
            return None if _DURATION.fullmatch(text) else f"must be a duration such as 5m, {seen}"
        if self.kind == "share":
            return None if _SHARE.fullmatch(text) else f"must be a share such as 99.9%, {seen}"
        if self.kind == "pattern":
            return _pattern_problem(text, seen)
        return self._number_problem(text, seen)

    def _number_problem(self, text: str, seen: str) -> str | None:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:
            return f"must be a number, {seen}"
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            unit = f" {self.unit}" if self.unit else ""
            return f"must be from {self.low:.15g} to {self.high:.15g}{unit}, {seen}"
        return None

    def replaced(self, text: str, value: str) -> tuple[str, int]:
        """The text of a rule with another value, and in how many places.

        >>> Threshold("cpu", "80", "", at="> {}").replaced("a80 > 80 and b > 800", "90")
        ('a80 > 90 and b > 800', 1)
        """
        before, after = self.at.split("{}")
        found = re.escape(f"{before}{self.value}{after}")
        if not before:
            found = rf"(?<![\w.:]){found}"
        if not after:
            found = rf"{found}(?![\w.:])"
        return re.subn(found, lambda _: f"{before}{value}{after}", text)


def _pattern_problem(text: str, seen: str) -> str | None:
    if '"' in text or "\\" in text or not text.isprintable():
        return f"cannot have quotes or backslashes, {seen}"
    try:
        re.compile(text)
    except re.error as error:
        return f"must be a regular expression, {seen}: {error}"
    return None


@dataclass(frozen=True, slots=True)
class Need:
    """A series that rules ask for, and where it comes from."""

    series: str
    source: str


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack, as its files say it."""

    name: str
    title: str
    about: str
    needs: tuple[Need, ...]
    thresholds: Mapping[str, Threshold]
    rules_text: str
    objectives_text: str
    tests_text: str
    alerts: tuple[str, ...]

    def threshold(self, name: str) -> Threshold | None:
        """A threshold by its name. `for`, `interval` and `RULE.for` are there in each pack."""
        if name in self.thresholds:
            return self.thresholds[name]
        if name in ("for", "interval"):
            return Threshold(name, "", "as each rule says", kind="duration")
        rule, _, key = name.rpartition(".")
        if key == "for" and rule in self.alerts:
            return Threshold(name, "", "as the rule says", kind="duration")
        return None

    def known(self) -> list[str]:
        """Names that `threshold` knows."""
        return [*self.thresholds, "for", "interval", *(f"{alert}.for" for alert in self.alerts)]


def names() -> tuple[str, ...]:
    """The packs that there are."""
    return tuple(sorted(folder.name for folder in _root().iterdir() if folder.joinpath("pack.yml").is_file()))


def pack_of(name: str) -> Pack:
    """One pack; NotFound where there is none."""
    if name not in names():
        raise NotFound(f"there is no pack {name!r}{did_you_mean(name, names())}", pack=name)
    return _read(name)


def text_of(name: str, file: str) -> str:
    """One of a pack's files, as it is."""
    return _root().joinpath(name, file).read_text("utf-8")


def _root() -> Traversable:
    return files("trimtab").joinpath("packs")


class _SaidThreshold(msgspec.Struct, forbid_unknown_fields=True):
    value: str
    source: str
    kind: str = "number"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    rules: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    at: str = "{}"
    count: int = 1


class _SaidNeed(msgspec.Struct, forbid_unknown_fields=True):
    series: str
    source: str = msgspec.field(name="from")


class _Said(msgspec.Struct, forbid_unknown_fields=True):
    title: str
    about: str
    needs: list[_SaidNeed]
    thresholds: dict[str, _SaidThreshold]


class _Group(msgspec.Struct):
    rules: list[dict[str, Any]]


class _Rules(msgspec.Struct):
    groups: list[_Group]


@functools.cache
def _read(name: str) -> Pack:
    import yaml

    pack, rules, objectives, tests = (text_of(name, file) for file in FILES)
    said = msgspec.convert(yaml.safe_load(pack), type=_Said)
    groups = msgspec.convert(yaml.safe_load(rules), type=_Rules).groups
    alerts = tuple(rule["alert"] for group in groups for rule in group.rules if "alert" in rule)
    return Pack(
        name=name,
        title=said.title,
        about=said.about,
        needs=tuple(Need(need.series, need.source) for need in said.needs),
        thresholds={key: Threshold(key, **msgspec.structs.asdict(value)) for key, value in said.thresholds.items()},
        rules_text=rules,
        objectives_text=objectives,
        tests_text=tests,
        alerts=alerts,
    )
