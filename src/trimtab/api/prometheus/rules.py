"""`/api/v1/rules` and `/api/v1/alerts` as Prometheus tells them, for Grafana and other clients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trimtab.api.prometheus.asking import Call, Cancelled, Parameters, route
from trimtab.api.prometheus.envelope import BadData, success
from trimtab.app.querying import Querying
from trimtab.model.alerts import Alert, AlertState

if TYPE_CHECKING:
    from trimtab.analyze.rules.rounds import GroupState, RuleState
    from trimtab.app.alerting.rules import Rules

_NEVER = "0001-01-01T00:00:00Z"
_ACTIVE = (AlertState.PENDING, AlertState.FIRING)
_KINDS = {"": "", "alert": "alerting", "record": "recording"}


def rules_routes(querying: Querying, rules: Callable[[], Rules | None]) -> list[Route]:
    """Both routes. `rules` gives None while alerting is not there yet."""

    def told(make: Callable[[Parameters], object]) -> Callable[[Request], Call]:
        def call(parameters: Parameters, _cancelled: Cancelled) -> Response:
            return success(msgspec.json.encode(make(parameters)))

        return lambda _request: call

    def groups(parameters: Parameters) -> object:
        return groups_document(rules(), parameters)

    def alerts(_parameters: Parameters) -> object:
        found = rules()
        return {"alerts": [] if found is None else [alert_document(one) for one in found.machine.alerts(*_ACTIVE)]}

    return [route("/rules", querying, told(groups), ("GET",)), route("/alerts", querying, told(alerts), ("GET",))]


def groups_document(rules: Rules | None, parameters: Parameters) -> dict[str, object]:
    """The groups; `type`, `file[]`, `rule_group[]`, `rule_name[]` and `exclude_alerts` say which and how much."""
    kind = parameters.first("type") or ""
    if kind.lower() not in _KINDS:
        raise BadData(f"not supported value {kind!r} for the parameter type")
    files, groups, names = (frozenset(parameters.all(f"{name}[]")) for name in ("file", "rule_group", "rule_name"))
    has_alerts = (parameters.first("exclude_alerts") or "").lower() not in ("true", "1", "t")
    found: list[dict[str, object]] = []
    for state in () if rules is None else rules.groups:
        group = state.group
        if (files and group.file not in files) or (groups and group.name not in groups):
            continue
        chosen = [
            rule
            for rule in state.rules
            if _KINDS[kind.lower()] in ("", rule.rule.kind) and (not names or rule.rule.name in names)
        ]
        if chosen or not (names or kind):
            found.append(_group(rules, state, chosen, has_alerts=has_alerts))
    return {"groups": found}


def _group(
    rules: Rules | None, state: GroupState, chosen: Sequence[RuleState], *, has_alerts: bool
) -> dict[str, object]:
    return {
        "name": state.group.name,
        "file": state.group.file,
        "rules": [_rule(rules, one, has_alerts=has_alerts) for one in chosen],
        "interval": state.interval_ms / 1000,
        "limit": state.group.limit,
        "evaluationTime": state.took_s,
        "lastEvaluation": moment(state.evaluated_at_ms),
    }


def _rule(rules: Rules | None, state: RuleState, *, has_alerts: bool) -> dict[str, object]:
    rule = state.rule
    common: dict[str, object] = {
        "name": rule.name,
        "query": rule.expr,
        "labels": dict(rule.labels),
        "health": "err" if state.error else "ok" if state.evaluated_at_ms else "unknown",
        "evaluationTime": state.took_s,
        "lastEvaluation": moment(state.evaluated_at_ms),
        "type": rule.kind,
    }
    if state.error:
        common["lastError"] = state.error
    if not rule.is_alert:
        return common
    known = [] if rules is None else [one.alert for one in rules.machine.of(state.origin)]
    active = [alert for alert in known if alert.state in _ACTIVE]
    states = {alert.state for alert in active}
    worst = AlertState.FIRING if AlertState.FIRING in states else AlertState.PENDING if states else AlertState.INACTIVE
    return {
        "state": worst.value,
        **common,
        "duration": rule.for_ms / 1000,
        "keepFiringFor": rule.keep_firing_for_ms / 1000,
        "annotations": dict(rule.annotations),
        "alerts": [alert_document(alert) for alert in active] if has_alerts else [],
    }


def alert_document(alert: Alert) -> dict[str, object]:
    """One alert."""
    found: dict[str, object] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state.value,
        "activeAt": moment(alert.active_at_ms),
        "value": number(alert.value),
    }
    if alert.keep_firing_since_ms is not None:
        found["keepFiringSince"] = moment(alert.keep_firing_since_ms)
    return found


def moment(at_ms: int) -> str:
    """A time; 0 is never.

    >>> moment(1_700_000_000_500), moment(0)
    ('2023-11-14T22:13:20.5Z', '0001-01-01T00:00:00Z')
    """
    if not at_ms:
        return _NEVER
    whole, part_ms = divmod(at_ms, 1000)
    part = f".{part_ms:03d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}{part}Z"


def number(value: float) -> str:
    """A value as Prometheus tells it here.

    >>> number(1.0), number(0.000125), number(float("inf")), number(-12.5)
    ('1e+00', '1.25e-04', '+Inf', '-1.25e+01')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    exponent = f"{value:.17e}".partition("e")[2]
    digits = repr(value).partition("e")[0].replace(".", "").replace("-", "").strip("0") or "0"
    sign = "-" if value < 0 or repr(value).startswith("-") else ""
    dot = "." if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{dot}{digits[1:]}e{exponent}"
