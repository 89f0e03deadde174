"""Panels of older Grafanas in the form of today: graph, singlestat, old tables, gauges and texts."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.app.dashboards.json_parts import Json, flag, number, part, parts, text, texts, whole

_CALCULATIONS = {
    "current": "lastNotNull",
    "avg": "mean",
    "total": "sum",
    "first": "first",
    "delta": "delta",
    "diff": "diff",
}
_RENAMED = {"table-old": "table", "grafana-piechart-panel": "piechart", "flot": "graph"}


def modern(one: Json) -> Json:
    """The panel in its present form; one that is in it already is given back.

    >>> old = {"type": "graph", "yaxes": [{"format": "bytes", "min": 0}], "stack": True, "bars": True, "lines": False}
    >>> made = modern(old)
    >>> made["type"], made["fieldConfig"]["defaults"]["unit"], made["fieldConfig"]["defaults"]["custom"]["drawStyle"]
    ('timeseries', 'bytes', 'bars')
    """
    kind = _RENAMED.get(text(one, "type"), text(one, "type"))
    if isinstance(one.get("libraryPanel"), Mapping) and "targets" not in one:
        return {**one, "type": kind, "_library": True}
    if kind == "graph":
        return {**one, "type": "timeseries", **_graph(one)}
    if kind == "singlestat":
        return {**one, "type": "gauge" if flag(part(one, "gauge"), "show") else "stat", **_single(one)}
    if kind == "text" and not part(one, "options") and "content" in one:
        return {**one, "options": {"content": one["content"], "mode": text(one, "mode", "markdown")}}
    if kind == "heatmap" and not part(one, "options"):
        axis = part(one, "yAxis")
        return {**one, "options": {"yAxis": {"unit": text(axis, "format")}}}
    if kind == "table" and "styles" in one and not part(one, "fieldConfig"):
        return {**one, "type": "table", "_styles": True}
    if kind in ("gauge", "bargauge") and isinstance(part(one, "options").get("fieldOptions"), Mapping):
        return {**one, "type": kind, **_version_6(one)}
    return {**one, "type": kind}


def _graph(one: Json) -> dict[str, object]:
    axis = next(iter(parts(one, "yaxes")), {})
    drawing = "bars" if flag(one, "bars") and not flag(one, "lines", default=True) else "line"
    if flag(one, "points") and not flag(one, "lines", default=True) and drawing == "line":
        drawing = "points"
    stacking = ("percent" if flag(one, "percentage") else "normal") if flag(one, "stack") else "none"
    defaults: dict[str, object] = {
        "unit": text(axis, "format"),
        "min": number(axis, "min"),
        "max": number(axis, "max"),
        "decimals": number(one, "decimals"),
        "custom": {
            "drawStyle": drawing,
            "stacking": {"mode": stacking, "group": "A"},
            "fillOpacity": whole(one, "fill", 1, 0, 10) * 10,
        },
    }
    overrides = []
    for each in parts(one, "seriesOverrides"):
        alias = text(each, "alias")
        changes: list[dict[str, object]] = []
        if text(each, "transform") == "negative-Y":
            changes.append({"id": "custom.transform", "value": "negative-Y"})
        stack = each.get("stack")
        if stack is False:
            changes.append({"id": "custom.stacking", "value": {"mode": "none"}})
        elif stack is True or isinstance(stack, str):
            group = "A" if stack is True else stack
            changes.append({"id": "custom.stacking", "value": {"mode": "normal", "group": group}})
        if number(each, "fill") is not None:
            changes.append({"id": "custom.fillOpacity", "value": whole(each, "fill", 1, 0, 10) * 10})
        if each.get("yaxis") == 2:
            changes.append({"id": "custom.axisPlacement", "value": "right"})
        kind = "byRegexp" if alias.startswith("/") else "byName"
        overrides.append({"matcher": {"id": kind, "options": alias}, "properties": changes})
    return {"fieldConfig": {"defaults": defaults, "overrides": overrides}, "options": {}}


def _single(one: Json) -> dict[str, object]:
    colours = texts(one, "colors")
    limits = [float(each) for each in text(one, "thresholds").split(",") if _is_number(each)]
    steps: list[dict[str, object]] = [{"value": None, "color": colours[0]}] if colours else []
    steps += [{"value": limit, "color": colour} for limit, colour in zip(limits, colours[1:], strict=False)]
    gauge = part(one, "gauge")
    defaults: dict[str, object] = {
        "unit": text(one, "format"),
        "decimals": number(one, "decimals"),
        "thresholds": {"mode": "absolute", "steps": steps},
        "min": number(gauge, "minValue"),
        "max": number(gauge, "maxValue"),
        "noValue": text(one, "nullText"),
        "mappings": [
            {"type": 1, "value": text(each, "value"), "text": text(each, "text")}
            for each in parts(one, "valueMaps")
            if text(each, "value") != "null"
        ],
    }
    calculation = _CALCULATIONS.get(text(one, "valueName", "avg"), text(one, "valueName", "avg"))
    if calculation == "avg":
        calculation = "mean"
    spark = "area" if flag(part(one, "sparkline"), "show") else "none"
    return {
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"reduceOptions": {"calcs": [calculation]}, "graphMode": spark},
    }


def _version_6(one: Json) -> dict[str, object]:
    options = part(one, "options")
    fields = part(options, "fieldOptions")
    return {
        "fieldConfig": {"defaults": part(fields, "defaults"), "overrides": fields.get("overrides", [])},
        "options": {
            **options,
            "reduceOptions": {"calcs": fields.get("calcs", []), "values": fields.get("values", False)},
        },
    }


def _is_number(text_: str) -> bool:
    try:
        float(text_)
    except ValueError:
        return False
    return True
