"""Packs as the API, the command line and Python tell them."""

from __future__ import annotations

import msgspec

from trimtab.analyze.rules.rule_files import Rule, groups_of
from trimtab.analyze.slo.reading import objectives_in
from trimtab.app.packs.overriding import rendered
from trimtab.app.packs.shelf import PackNow


class PackRow(msgspec.Struct):
    """A pack in a list."""

    name: str
    title: str
    is_enabled: bool
    source: str
    alerts_count: int
    objectives_count: int
    overrides: dict[str, str]


class ThresholdRow(msgspec.Struct):
    """A threshold. `value` is in force, from `value_source` (pack, file, set here); `source` says why it is that."""

    name: str
    value: str
    default: str
    unit: str
    value_source: str
    source: str
    used_by: list[str]


class NeedRow(msgspec.Struct):
    """A series that the pack asks for."""

    series: str
    source: str


class AlertRow(msgspec.Struct):
    """An alert of a pack as it is in force."""

    name: str
    expr: str
    for_s: float
    severity: str
    summary: str
    runbook: str


class PackDetail(msgspec.Struct):
    """A pack, whole."""

    name: str
    title: str
    about: str
    is_enabled: bool
    source: str
    needs: list[NeedRow]
    thresholds: list[ThresholdRow]
    alerts: list[AlertRow]
    objectives: list[str]


def row_of(now: PackNow) -> PackRow:
    """One pack in a list."""
    objectives = objectives_in(now.pack.objectives_text, now.pack.name)
    return PackRow(
        now.pack.name,
        now.pack.title,
        now.is_enabled,
        now.source,
        len(now.pack.alerts),
        len(objectives),
        dict(now.overrides),
    )


def detail_of(now: PackNow) -> PackDetail:
    """One pack with values as they are in force."""
    pack = now.pack
    made = rendered(pack, now.overrides)
    rules = [rule for group in groups_of(made.rules, pack.name) for rule in group.rules if rule.is_alert]
    thresholds = [
        ThresholdRow(
            name=known.name,
            value=now.overrides.get(known.name, known.value),
            default=known.value,
            unit=known.unit,
            value_source=now.sources.get(known.name, "pack"),
            source=known.source,
            used_by=[*known.rules, *known.objectives],
        )
        for known in pack.thresholds.values()
    ]
    others = [name for name in now.overrides if name not in pack.thresholds]
    thresholds += [
        ThresholdRow(name, now.overrides[name], "", "", now.sources[name], "as each rule says", []) for name in others
    ]
    return PackDetail(
        name=pack.name,
        title=pack.title,
        about=pack.about,
        is_enabled=now.is_enabled,
        source=now.source,
        needs=[NeedRow(need.series, need.source) for need in pack.needs],
        thresholds=thresholds,
        alerts=[_alert(rule) for rule in rules],
        objectives=[one.name for one in objectives_in(made.objectives, pack.name)],
    )


def _alert(rule: Rule) -> AlertRow:
    told = dict(rule.annotations)
    return AlertRow(
        name=rule.name,
        expr=rule.expr,
        for_s=rule.for_ms / 1000,
        severity=dict(rule.labels).get("severity", ""),
        summary=told.get("summary", ""),
        runbook=told.get("runbook", ""),
    )
