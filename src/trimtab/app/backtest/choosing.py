"""What is to be backtested: alerting rules and objectives of a file, or an alert that a server has in force."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from trimtab.analyze.rules.episodes import Incident
from trimtab.analyze.rules.rule_files import Group, Rule, groups_of
from trimtab.analyze.slo.reading import objectives_in
from trimtab.model.alerts import labels_of
from trimtab.model.errors import InputError, NotFound, ServerUnreachable
from trimtab.model.objectives import Objective

Get = Callable[[str, Mapping[str, str]], tuple[int, bytes]]
_CSV_FIELDS = ("start", "end")


class _Rule(msgspec.Struct):
    name: str
    query: str
    type: str
    duration: float = 0.0
    keepFiringFor: float = 0.0  # noqa: N815  (Prometheus' name)
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Group(msgspec.Struct):
    name: str
    file: str
    rules: list[_Rule]
    interval: float = 60.0


class _Data(msgspec.Struct):
    groups: list[_Group]


class _Reply(msgspec.Struct):
    status: str
    data: _Data


class _Objective(msgspec.Struct):
    origin: str


Chosen = Sequence[tuple[Group, Rule] | Objective]


def chosen_in(text: str, file: str, name: str | None) -> Chosen:
    """Alerting rules or objectives of a text; only those of that name, where one is given."""
    found: list[tuple[Group, Rule] | Objective] = []
    if _has_groups(text):
        found += [(group, rule) for group in groups_of(text, file) for rule in group.rules if rule.is_alert]
    else:
        found += objectives_in(text, file)
    wanted = [one for one in found if name is None or _name(one) == name]
    if not wanted:
        names = ", ".join(sorted({_name(one) for one in found})) or "none"
        raise NotFound(
            f"{file} has no alerting rule or objective {name!r}; it has {names}" if name else f"{file}: {names}"
        )
    return wanted


def chosen_on(get: Get, name: str) -> Chosen:
    """Alerting rules of that name that a server has in force."""
    status, body = get("/api/v1/rules", {})
    try:
        reply = msgspec.json.decode(body, type=_Reply)
    except msgspec.MsgspecError:
        raise ServerUnreachable(f"the server answered {status} to /api/v1/rules, and no rules") from None
    found: list[tuple[Group, Rule]] = []
    for one in reply.data.groups:
        rules = tuple(_rule(rule) for rule in one.rules)
        group = Group(one.file, one.name, round(one.interval * 1000), 0, 0, rules, 0)
        found += [(group, rule) for rule in rules if rule.is_alert and rule.name == name]
    return found or _objective_on(get, name)


def _objective_on(get: Get, name: str) -> list[Objective]:
    """An objective that a server has in force, from the file that it stands in."""
    status, body = get(f"/api/trimtab/objectives/{quote(name, safe='')}", {})
    if status != 200:
        raise NotFound(
            f"there is no file {name!r}, and the server has no alerting rule or objective of that name in force",
            rule=name,
        )
    origin = msgspec.json.decode(body, type=_Objective).origin
    if not Path(origin).is_file():
        raise InputError(
            f"the objective {name!r} stands in {origin} on the server: give a copy of that file", file=origin
        )
    return [one for one in objectives_in(text_of(Path(origin)), origin) if one.name == name]


def incidents_in(text: str, file: str) -> list[Incident]:
    """Incidents of a CSV file with the columns start, end and, if wanted, name: RFC 3339 or seconds since 1970."""
    rows = csv.DictReader(io.StringIO(text))
    if not set(_CSV_FIELDS) <= set(rows.fieldnames or ()):
        raise InputError(f"{file}, line 1: wanted are the columns start, end[, name]; found {rows.fieldnames}")
    found = []
    for number, row in enumerate(rows, 2):
        start_ms, end_ms = (_moment_ms(row[field] or "", f"{file}, line {number}: {field}") for field in _CSV_FIELDS)
        if end_ms <= start_ms:
            raise InputError(f"{file}, line {number}: it ends before it begins")
        found.append(Incident(start_ms, end_ms, row.get("name") or ""))
    return found


def text_of(path: Path) -> str:
    """A file's text."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"could not read {path}: {error}", path=str(path)) from error


def _moment_ms(text: str, place: str) -> int:
    try:
        return round(float(text) * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{place}: {text!r} is no moment") from None
    if moment.tzinfo is None:
        raise InputError(f"{place}: {text!r} names no zone: write Z behind it for UTC")
    return round(moment.timestamp() * 1000)


def _has_groups(text: str) -> bool:
    return any(line.startswith("groups:") for line in text.splitlines()) or text.lstrip().startswith('{"groups"')


def _name(one: tuple[Group, Rule] | Objective) -> str:
    return one.name if isinstance(one, Objective) else one[1].name


def _rule(rule: _Rule) -> Rule:
    return Rule(
        rule.type == "alerting",
        rule.name,
        rule.query,
        round(rule.duration * 1000),
        round(rule.keepFiringFor * 1000),
        labels_of(rule.labels),
        tuple(sorted(rule.annotations.items())),
        0,
    )
