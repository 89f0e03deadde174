"""What the models of grafana-foundation-sdk say of a document: it is read, and written again the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import Rule
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()
Json = Any


def dashboard_problem(document: Mapping[str, Json]) -> str:
    """What is wrong with a dashboard, '' where nothing is."""
    return _problem(document, Dashboard)


def alert_rule_problem(document: Mapping[str, Json]) -> str:
    """What is wrong with an alert rule, '' where nothing is."""
    missing = {
        "uid",
        "title",
        "ruleGroup",
        "folderUID",
        "orgID",
        "condition",
        "data",
        "for",
        "noDataState",
        "execErrState",
    }
    missing -= document.keys()
    if missing:
        return f"missing {sorted(missing)}"
    if document["condition"] not in {one["refId"] for one in document["data"]}:
        return "the condition is none of the queries"
    return _problem(document, Rule)


def _problem(document: Mapping[str, Json], model: Any) -> str:
    plain = {key: value for key, value in document.items() if value is not None}
    try:
        written = json.loads(json.dumps(model.from_json(plain), cls=JSONEncoder))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"{model.__name__} cannot be read: {error!r}"
    lost = list(_lost(plain, written, ""))
    return f"{model.__name__} loses {lost[:3]}" if lost else ""


def _lost(before: Json, after: Json, place: str) -> Any:
    """Places whose values are not the same after it was read and written."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if value is not None:
                yield from _lost(value, after.get(key), f"{place}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{place}[{number}]")
    elif before != after:
        yield place
