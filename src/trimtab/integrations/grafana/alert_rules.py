"""Prometheus' alerting rules as rules of Grafana's.

In Prometheus every series of the answer fires, whatever its value; in Grafana a rule has a condition on numbers. So the
rule has the query itself (A, for its values), the same as ones (B), and the condition that B is above zero (C).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from trimtab.extend.dashboards import RuleWish

MARK = "trimtab_sha256"
WINDOW_S = 600
_VALUE = re.compile(r"\$value\b")
Json = dict[str, object]


def rule_json(wish: RuleWish, folder_uid: str) -> Json:
    """The rule as Grafana's provisioning takes it, with the fingerprint of what it is."""
    body: Json = {
        "uid": wish.uid,
        "orgID": 1,
        "title": wish.title,
        "folderUID": folder_uid,
        "ruleGroup": wish.group,
        "condition": "C",
        "data": [
            _asked("A", wish.expression, wish.source_uid),
            _asked("B", f"group without () ({wish.expression})", wish.source_uid),
            _condition(),
        ],
        "for": f"{max(wish.for_ms // 1000, 0)}s",
        "noDataState": "OK",
        "execErrState": "Error",
        "isPaused": False,
        "labels": dict(wish.labels),
        "annotations": {name: in_grafana(text) for name, text in wish.annotations.items()},
    }
    return {
        **body,
        "annotations": {**{name: in_grafana(text) for name, text in wish.annotations.items()}, MARK: _print(body)},
    }


def in_grafana(template: str) -> str:
    """A template of Prometheus' as Grafana fills it in.

    >>> in_grafana("{{ $labels.job }}: {{ $value | humanize }}")
    '{{ $labels.job }}: {{ $values.A.Value | humanize }}'
    """
    return _VALUE.sub("$values.A.Value", template)


def fingerprint_in(rule: Mapping[str, object]) -> str:
    """The fingerprint that a rule carries, '' where it carries none."""
    annotations = rule.get("annotations")
    return str(annotations.get(MARK, "")) if isinstance(annotations, Mapping) else ""


def as_pushed(rule: Mapping[str, object]) -> bool:
    """Whether a rule of Grafana's still is what its fingerprint says."""
    carried = fingerprint_in(rule)
    return bool(carried) and carried == _print(rule)


def _print(rule: Mapping[str, object]) -> str:
    """What a person may have changed: queries, condition, how long, labels, annotations, where it stands."""
    annotations = rule.get("annotations")
    told = (
        {name: text for name, text in annotations.items() if name != MARK} if isinstance(annotations, Mapping) else {}
    )
    data = rule.get("data")
    parts = [
        [one.get("refId"), one.get("datasourceUid"), _said(one.get("model"))]
        for one in (data if isinstance(data, list) else [])
        if isinstance(one, Mapping)
    ]
    own = [rule.get("title"), rule.get("condition"), parts, _seconds(rule.get("for")), rule.get("noDataState")]
    own += [rule.get("execErrState"), bool(rule.get("isPaused")), rule.get("labels") or {}, told, rule.get("ruleGroup")]
    return hashlib.sha256(json.dumps(own, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _said(model: object) -> object:
    """Of a query what matters: Grafana may add to the rest."""
    if not isinstance(model, Mapping):
        return None
    return {name: model.get(name) for name in ("expr", "expression", "type", "conditions") if name in model}


def _seconds(text: object) -> int:
    """A duration, as Grafana may write it anew (`300s`, `5m`, `5m0s`).

    >>> _seconds("300s"), _seconds("5m"), _seconds("1h0m0s"), _seconds(None)
    (300, 300, 3600, 0)
    """
    units = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhdw])", str(text or "")))


def _asked(ref: str, expression: str, source_uid: str) -> Json:
    source = {"type": "prometheus", "uid": source_uid}
    model: Json = {"refId": ref, "expr": expression, "instant": True, "range": False, "datasource": source}
    return {
        "refId": ref,
        "queryType": "",
        "relativeTimeRange": {"from": WINDOW_S, "to": 0},
        "datasourceUid": source_uid,
        "model": model,
    }


def _condition() -> Json:
    above: Json = {"evaluator": {"type": "gt", "params": [0]}}
    model: Json = {"refId": "C", "type": "threshold", "expression": "B", "conditions": [above]}
    return {
        "refId": "C",
        "queryType": "",
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": "__expr__",
        "model": {**model, "datasource": {"type": "__expr__", "uid": "__expr__"}},
    }
