"""Prometheus' rule files: groups of recording and alerting rules, checked as Prometheus checks them.

groups:
  - name: shop
    interval: 1m                 # limit, query_offset, labels
    rules:
      - record: job:errors:rate5m
        expr: sum by (job) (rate(errors_total[5m]))
      - alert: TooManyErrors
        expr: job:errors:rate5m > 10
        for: 10m                 # keep_firing_for, labels, annotations
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from trimtab.analyze.rules import templates, yaml_places
from trimtab.analyze.rules.yaml_places import Item
from trimtab.model.alerts import ALERT_NAME, Labels, labels_of
from trimtab.model.errors import InputError
from trimtab.store.promql.parse import parse
from trimtab.store.promql.reader import duration_ms

FILE_BYTES_MAX = 64 * 2**20
RULES_MAX = 200_000

_GROUP_FIELDS = frozenset(("name", "interval", "limit", "query_offset", "labels", "rules", "partial_response_strategy"))
_RULE_FIELDS = frozenset(("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"))
_ONLY_3 = frozenset(("query_offset", "labels"))
_OLD_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OLD_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OFFSET_MS_DEFAULT = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `name` is the metric that is recorded, or the alert's; durations are 0 for recording rules."""

    is_alert: bool
    name: str
    expr: str
    for_ms: int
    keep_firing_for_ms: int
    labels: Labels
    annotations: Labels
    line: int

    @property
    def kind(self) -> str:
        """As Prometheus' API names it."""
        return "alerting" if self.is_alert else "recording"


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other. `interval_ms` None: as the server says."""

    file: str
    name: str
    interval_ms: int | None
    limit: int
    query_offset_ms: int
    rules: tuple[Rule, ...]
    line: int

    def origin(self, index: int) -> str:
        """What the alerts of a rule are kept under: the same as long as file, group, name and labels are."""
        rule = self.rules[index]
        twins = sum(
            1 for one in self.rules[:index] if (one.name, one.labels, one.is_alert) == (rule.name, rule.labels, True)
        )
        told = "\n".join(f"{name}={value}" for name, value in rule.labels)
        digest = hashlib.sha256(f"{self.file}\n{self.name}\n{rule.name}\n{told}\n{twins}".encode()).hexdigest()
        return f"rule:{self.name}/{rule.name}:{digest[:12]}"


def groups_of(text: str, file: str, *, is_v2: bool = False, ignores_unknown: bool = False) -> tuple[Group, ...]:
    """The groups of a file. Raises InputError with file, line, column and reason at the first thing that is wrong.

    `is_v2`: what Prometheus 2.42 takes; `ignores_unknown`: fields that nobody knows are passed over.

    >>> text = "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 5m}]}]"
    >>> groups_of(text, "a.yml")[0].rules[0].for_ms
    300000
    >>> groups_of(text.replace("==", "="), "a.yml")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: a.yml:1:48: could not parse expression: 1:4: parse error: unexpected "="
    """
    document = yaml_places.read(text, file)
    reader = _Reader(is_v2=is_v2, ignores_unknown=ignores_unknown)
    reader.only(document, {"groups"}, "rule file")
    groups: list[Group] = []
    seen: set[str] = set()
    for item in document.only(document.fields, "rule file").each("groups"):
        group = reader.group(item)
        if group.name in seen:
            raise item.wrong(f'groupname: "{group.name}" is repeated in the same file')
        seen.add(group.name)
        groups.append(group)
    return tuple(groups)


def duration_of(item: Item) -> int:
    """Milliseconds of a duration as Prometheus writes it."""
    text = item.as_string()
    if text == "0":
        return 0
    value = duration_ms(text) if text else None
    if value is None or not re.fullmatch(r"(\d+(ms|[ywdhms]))+", text):
        raise item.wrong("empty duration string" if not text else f'not a valid duration string: "{text}"')
    return value


class _Reader:
    def __init__(self, *, is_v2: bool, ignores_unknown: bool) -> None:
        self._is_v2, self._ignores_unknown = is_v2, ignores_unknown
        self._count = 0

    def only(self, item: Item, names: Collection[str], what: str) -> None:
        """Refuse fields that nobody knows."""
        if not self._ignores_unknown or item.kind != "mapping":
            item.only(names, what)

    def group(self, item: Item) -> Group:
        """One group."""
        fields = _GROUP_FIELDS - _ONLY_3 if self._is_v2 else _GROUP_FIELDS
        self.only(item, fields, "rule group")
        name = item.string("name")
        if not name:
            raise item.wrong("Groupname must not be empty")
        interval, offset, limit = item.get("interval"), item.get("query_offset"), item.get("limit")
        shared = self._labels(item, "labels")
        rules = tuple(self.rule(one, shared) for one in item.each("rules"))
        return Group(
            item.file,
            name,
            (duration_of(interval) or None) if interval else None,
            0 if limit is None else _whole(limit),
            duration_of(offset) if offset else _OFFSET_MS_DEFAULT,
            rules,
            item.line,
        )

    def rule(self, item: Item, shared: dict[str, str]) -> Rule:
        """One rule. `shared` are the labels of the group: those of the rule come first."""
        self._count += 1
        if self._count > RULES_MAX:
            raise item.wrong(f"more than {RULES_MAX} rules")
        self.only(item, _RULE_FIELDS, "rule")
        record, alert = item.string("record"), item.string("alert")
        if record and alert:
            raise item.wrong("only one of 'record' and 'alert' must be set")
        if not record and not alert:
            raise item.wrong("one of 'record' or 'alert' must be set")
        expr = item.get("expr")
        if expr is None or not expr.as_string():
            raise item.wrong("field 'expr' must be set in rule")
        try:
            parse(expr.as_string())
        except InputError as error:
            raise expr.wrong(f"could not parse expression: {error.message}") from None
        if record:
            self._check_recording(item, record)
        labels = self._labels(item, "labels")
        annotations = self._labels(item, "annotations", is_annotation=True)
        if alert:
            for kind in ("labels", "annotations"):
                self._check_templates(item, kind)
        held, kept = item.get("for"), item.get("keep_firing_for")
        return Rule(
            bool(alert),
            alert or record,
            expr.as_string(),
            duration_of(held) if held else 0,
            duration_of(kept) if kept else 0,
            labels_of(shared | labels) if not self._is_v2 else tuple(sorted(labels.items())),
            tuple(sorted(annotations.items())),
            item.line,
        )

    def _check_recording(self, item: Item, record: str) -> None:
        for name in ("annotations", "for", "keep_firing_for"):
            found = item.get(name)
            if found is not None and (found.fields or (found.kind == "text" and duration_of(found) != 0)):
                raise found.wrong(f"invalid field '{name}' in recording rule")
        if not (_OLD_METRIC.fullmatch(record) if self._is_v2 else _is_text(record)):
            raise item.fields["record"].wrong(f"invalid recording rule name: {record}")

    def _labels(self, item: Item, field: str, *, is_annotation: bool = False) -> dict[str, str]:
        found = item.strings(field)
        for name, value in found.items():
            place = item.fields[field].keys[name]
            is_right = bool(_OLD_LABEL.fullmatch(name)) if self._is_v2 else _is_text(name)
            if not is_right or (name == "__name__" and not is_annotation):
                what = "annotation" if is_annotation else "label"
                raise item.wrong(f"invalid {what} name: {name}", place)
            if not is_annotation and not _is_text(value or "-"):
                raise item.wrong(f"invalid label value: {value}", place)
            if name == ALERT_NAME and not is_annotation and item.get("alert") is not None and not self._is_v2:
                continue
        return found

    @staticmethod
    def _check_templates(item: Item, kind: str) -> None:
        for name, value in item.strings(kind).items():
            try:
                templates.check(value)
            except templates.TemplateError as error:
                where = item.fields[kind].fields[name]
                raise where.wrong(f'{kind[:-1]} "{name}": msg=error parsing template: {error}') from None


def _whole(item: Item) -> int:
    number = item.as_number()
    if number != int(number) or number < 0:
        raise item.wrong(f"{item.text!r} is no whole number from 0 on")
    return int(number)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return bool(name)
