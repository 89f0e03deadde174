"""Which of Grafana's panels are drawn, and as what; of the others the reason stands on the panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trimtab.app.dashboards.json_parts import Json, flag, number, part, parts, text, texts, whole
from trimtab.app.dashboards.sources import other_source
from trimtab.app.dashboards.styles import MATCHERS, overrides_of, style_of
from trimtab.app.dashboards.table_steps import KNOWN_STEPS
from trimtab.model.dashboards import Panel, PanelKind, Style, Target, Transformation

TARGETS_MAX = 26
EXPRESSION_CHARS_MAX = 10_000
TEXT_CHARS_MAX = 100_000
ID_MAX = 10**9

KINDS: Mapping[str, PanelKind] = {
    "timeseries": PanelKind.CHART,
    "stat": PanelKind.STAT,
    "gauge": PanelKind.GAUGE,
    "bargauge": PanelKind.BARS,
    "barchart": PanelKind.BARS,
    "table": PanelKind.TABLE,
    "heatmap": PanelKind.HEAT,
    "text": PanelKind.TEXT,
}
REASONS: Mapping[str, str] = {
    "state-timeline": "state timelines are not drawn here; the Explorer shows the same series as lines",
    "status-history": "status histories are not drawn here; the Explorer shows the same series as lines",
    "piechart": "pie charts are not drawn here: the Explorer's table has the same numbers",
    "histogram": "histograms of values are not drawn here",
    "logs": "logs are not read from a dashboard: they are on the page Logs",
    "traces": "traces are not read from a dashboard: they are on the page Traces",
    "nodeGraph": "graphs of nodes are not drawn here: the map of services is on the page Traces",
    "alertlist": "a list of Grafana's alerts: trimtab's own are on the page Alerts",
    "dashlist": "a list of dashboards: they are on the page Dashboards",
    "news": "news come from the net, and trimtab fetches nothing from there",
    "geomap": "maps are not drawn here",
    "canvas": "canvases are not drawn here",
    "candlestick": "candlesticks are not drawn here",
    "trend": "trends without time are not drawn here",
    "xychart": "charts of one value over another are not drawn here",
    "flamegraph": "flame graphs are not read from a dashboard",
    "": "the panel does not say of what kind it is",
}
"""Why kinds of panels are not drawn."""


def panel_of(one: Json) -> Panel:
    """One panel in its present form (`old_panels.modern`), without its place."""
    kind_name = text(one, "type")
    kind = KINDS.get(kind_name, PanelKind.NOT_DRAWN)
    options, config = part(one, "options"), part(one, "fieldConfig")
    custom = part(config, "defaults", "custom")
    steps = [
        Transformation(text(each, "id"), part(each, "options"))
        for each in parts(one, "transformations")
        if not flag(each, "disabled")
    ]
    targets, sources = _targets(one)
    panel = Panel(
        id=whole(one, "id", 0, 0, ID_MAX),
        kind=kind,
        type=kind_name[:60],
        title=text(one, "title")[:200],
        description=text(one, "description")[:5_000],
        targets=targets,
        style=_style(kind, config, options),
        overrides=overrides_of(config),
        transformations=tuple(steps[:20]),
        calculation=(texts(part(options, "reduceOptions"), "calcs") or ("lastNotNull",))[0],
        shows_names=text(options, "textMode", "auto"),
        has_spark=kind is PanelKind.STAT and text(options, "graphMode", "area") == "area",
        has_tones=kind is not PanelKind.STAT or text(options, "colorMode", "value") != "none",
        legend_calculations=texts(part(options, "legend"), "calcs")[:6],
        points_max=None if number(one, "maxDataPoints") is None else whole(one, "maxDataPoints", 600, 2, 10_000),
        interval=text(one, "interval"),
        text=text(options, "content")[:TEXT_CHARS_MAX],
        text_mode=text(options, "mode", "markdown"),
        repeat=text(one, "repeat"),
        repeats_down=text(one, "repeatDirection") == "v",
        repeat_across_max=whole(one, "maxPerRow", 4, 1, 24),
        time_from=text(one, "timeFrom"),
        time_shift=text(one, "timeShift"),
        notes=tuple(dict.fromkeys(_notes(one, kind, custom, steps, sources))),
    )
    return replace(panel, **_not_drawn(one, panel, kind_name, sources))  # type: ignore[arg-type]  # of three fields


def _style(kind: PanelKind, config: Json, options: Json) -> Style:
    found = style_of(part(config, "defaults"))
    unit = text(part(options, "yAxis"), "unit") if kind is PanelKind.HEAT else ""
    return replace(found, unit=unit) if unit else found


def _not_drawn(one: Json, panel: Panel, kind_name: str, sources: list[str]) -> dict[str, object]:
    """The reason why nothing of a panel is drawn, where there is one."""
    reason = ""
    if flag(one, "_library"):
        reason = "a library panel: what it shows stands in the Grafana that it is from"
    elif panel.kind is PanelKind.NOT_DRAWN:
        reason = REASONS.get(kind_name) or f"panels of the kind {kind_name[:60]!r} are not drawn here"
    elif panel.kind is not PanelKind.TEXT and not panel.targets:
        if sources:
            reason = f"its data source is {', '.join(dict.fromkeys(sources))}, and trimtab asks metrics by PromQL"
        else:
            reason = "it asks nothing: it has no query"
    return {"kind": PanelKind.NOT_DRAWN, "reason": reason, "notes": ()} if reason else {}


def _targets(one: Json) -> tuple[tuple[Target, ...], list[str]]:
    """What is asked of metrics, and the data sources of what is not."""
    found, sources = list[Target](), list[str]()
    for number_, each in enumerate(parts(one, "targets")):
        own = each.get("datasource")
        source = other_source(own if own not in (None, {}) else _panels_source(one))
        if text(each, "queryType") == "randomWalk":
            source = "grafana"
        expression = text(each, "expr")
        if source or text(each, "type") in ("math", "reduce", "resample", "classic_conditions", "threshold", "sql"):
            sources.append(source or "Grafana's own expressions")
            continue
        if not expression.strip():
            continue
        found.append(
            Target(
                ref=text(each, "refId") or chr(65 + min(number_, 25)),
                expression=expression[:EXPRESSION_CHARS_MAX],
                legend=_legend(each),
                form=text(each, "format", "time_series"),
                is_instant=flag(each, "instant") and not flag(each, "range"),
                is_hidden=flag(each, "hide"),
                interval=text(each, "interval"),
            )
        )
    return tuple(one for one in found if not one.is_hidden)[:TARGETS_MAX], sources


def _panels_source(one: Json) -> object:
    """The panel's own data source, unless it says that each query has its own."""
    source = one.get("datasource")
    is_mixed = source == "-- Mixed --" or (isinstance(source, Mapping) and text(source, "uid") == "-- Mixed --")
    return None if is_mixed else source


def _legend(target: Json) -> str:
    found = text(target, "legendFormat")
    return "" if found == "__auto" else found[:500]


def _notes(one: Json, kind: PanelKind, custom: Json, steps: list[Transformation], sources: list[str]) -> list[str]:
    """What of a panel is not done."""
    notes = []
    if sources:
        notes.append(f"queries of {', '.join(dict.fromkeys(sources))} are left out")
    unknown = [step.id for step in steps if step.id not in KNOWN_STEPS]
    if unknown:
        notes.append(f"transformations that are not done: {', '.join(dict.fromkeys(unknown))}")
    elif steps and kind is not PanelKind.TABLE:
        notes.append("transformations are done for tables only")
    if text(part(custom, "scaleDistribution"), "type", "linear") not in ("linear", ""):
        notes.append("the axis is linear, not logarithmic")
    matchers = {text(part(each, "matcher"), "id") for each in parts(part(one, "fieldConfig"), "overrides")}
    if left := sorted(matchers - set(MATCHERS)):
        notes.append(f"overrides that are not done: {', '.join(left)[:200]}")
    if kind is PanelKind.CHART and _has_second_axis(one):
        notes.append("all lines are on one axis, also those that have the right one in Grafana")
    if text(one, "type") == "text" and text(part(one, "options"), "mode") == "html":
        notes.append("of HTML the text alone is shown")
    if kind is PanelKind.HEAT and flag(part(one, "options"), "calculate"):
        notes.append("buckets are those of the query: none are made of single values")
    if flag(one, "_styles"):
        notes.append("styles of columns of the old table are not read")
    return notes


def _has_second_axis(one: Json) -> bool:
    config = part(one, "fieldConfig")
    if text(part(config, "defaults", "custom"), "axisPlacement") == "right":
        return False
    return any(
        text(each, "id") == "custom.axisPlacement" and each.get("value") == "right"
        for override in parts(config, "overrides")
        for each in parts(override, "properties")
    )
