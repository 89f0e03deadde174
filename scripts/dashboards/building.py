"""Short words for what the dashboards are made of, on Grafana's builder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import text as text_panel
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
TAG = "trimtab"
Query = tuple[str, str]
"""A query and the legend of its series."""
Built = TypeVar("Built", timeseries.Panel, stat.Panel, bargauge.Panel, table.Panel)


def rate(metric: str, where: str, by: str = "") -> str:
    """What is added a second, summed up."""
    return f"sum {f'by ({by}) ' if by else ''}(rate({metric}{{{where}}}[$__rate_interval]))"


def each(metric: str, where: str) -> str:
    """What is added a second, of each series."""
    return f"rate({metric}{{{where}}}[$__rate_interval])"


def quantile(share: float, metric: str, where: str, by: str = "") -> str:
    """So long take a share of those that are counted in buckets."""
    return f"histogram_quantile({share:g}, {rate(f'{metric}_bucket', where, f'le, {by}' if by else 'le')})"


def new(uid: str, title: str, about: str, subject: str) -> dashboard.Dashboard:
    """A dashboard with the data source as a variable, and trimtab's changes as annotations."""
    changes = (
        dashboard.AnnotationQuery()
        .name("Changes by trimtab")
        .datasource(models.DataSourceRef(type_val="grafana", uid="-- Grafana --"))
        .enable(True)
        .icon_color("purple")
        .target(dashboard.AnnotationTarget().limit(100).match_any(False).tags([TAG]).type("tags"))
    )
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags([TAG, subject])
        .editable()
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .annotation(changes)
    )


def variable(name: str, label: str, query: str, *, many: bool = False) -> dashboard.QueryVariable:
    """A variable whose values are those of a label."""
    made = (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )
    return made.multi(True).include_all(True).all_value(".*") if many else made


def steps(*limits: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """From which value on which colour."""
    found = [models.Threshold(value=value, color=colour) for value, colour in limits]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def lines(
    title: str,
    queries: Sequence[Query],
    unit: str = "short",
    *,
    about: str = "",
    width: int = 12,
    height: int = 8,
    stack: bool = False,
    least: float | None = 0,
    most: float | None = None,
) -> timeseries.Panel:
    """Lines over time."""
    made = (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(30 if stack else 8)
        .show_points(common_models.VisibilityMode.NEVER)
    )
    if stack:
        made = made.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if least is not None:
        made = made.min(least)
    if most is not None:
        made = made.max(most)
    made = made.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
    ).tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    return _asking(made.unit(unit), title, queries, about, width, height)


def figure(
    title: str,
    query: str,
    unit: str = "short",
    *,
    about: str = "",
    width: int = 4,
    limits: dashboard.ThresholdsConfig | None = None,
    decimals: int | None = None,
) -> stat.Panel:
    """One number, with its course behind it."""
    made = stat.Panel().unit(unit).graph_mode(common_models.BigValueGraphMode.AREA)
    made = made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    made = made.color_mode(
        common_models.BigValueColorMode.NONE if limits is None else common_models.BigValueColorMode.VALUE
    )
    if limits is not None:
        made = made.thresholds(limits)
    if decimals is not None:
        made = made.decimals(decimals)
    return _asking(made, title, [(query, "")], about, width, 4)


def bars(
    title: str, query: Query, unit: str, limits: dashboard.ThresholdsConfig, *, width: int = 12, most: float = 1
) -> bargauge.Panel:
    """A bar for each series."""
    made = (
        bargauge.Panel()
        .unit(unit)
        .min(0)
        .max(most)
        .thresholds(limits)
        .display_mode(common_models.BarGaugeDisplayMode.BASIC)
    )
    made = made.orientation(common_models.VizOrientation.HORIZONTAL)
    made = made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return _asking(made, title, [query], "", width, 8)


def rows(
    title: str, queries: Sequence[str], organized: dict[str, object], *, about: str = "", width: int = 24
) -> table.Panel:
    """A table of the newest values: one row for what the labels tell apart."""
    made = table.Panel().show_header(True)
    for number, query in enumerate(queries):
        made = made.with_target(
            prometheus.Dataquery()
            .ref_id(chr(65 + number))
            .expr(query)
            .instant()
            .format(PromQueryFormat.TABLE)
            .datasource(SOURCE)
        )
    if len(queries) > 1:
        made = made.with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
    made = made.with_transformation(models.DataTransformerConfig(id_val="organize", options=organized))
    return made.title(title).description(about).datasource(SOURCE).span(width).height(9)


def words(content: str, *, height: int = 3) -> text_panel.Panel:
    """A text in Markdown."""
    from grafana_foundation_sdk.models import text as text_models

    return text_panel.Panel().mode(text_models.TextMode.MARKDOWN).content(content).span(24).height(height)


def row(title: str) -> dashboard.Row:
    """A heading."""
    return dashboard.Row(title)


def _asking(made: Built, title: str, queries: Sequence[Query], about: str, width: int, height: int) -> Built:
    for number, (query, legend) in enumerate(queries):
        target = prometheus.Dataquery().ref_id(chr(65 + number)).expr(query).range().datasource(SOURCE)
        made = made.with_target(target.legend_format(legend) if legend else target)
    return made.title(title).description(about).datasource(SOURCE).span(width).height(height)
