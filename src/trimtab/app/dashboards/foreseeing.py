"""Forecasts of a panel's lines: what its own queries gave, further back, as the panel draws it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.app.dashboards.asking import PanelAsking, step_for
from trimtab.app.dashboards.drawing import drawn
from trimtab.app.dashboards.interpolate import query_text
from trimtab.app.dashboards.layout import DrawnPanel
from trimtab.app.forecasting.when_asked import Foreseen, HistoryLine, WhenAsked
from trimtab.app.reading.ranges import Range
from trimtab.model.dashboards import Panel, PanelKind
from trimtab.model.errors import InputError, StoreError
from trimtab.store.grid import Grid

NO_CHART = "No forecast: it draws no lines over time."
HEAT = "No forecast: a heat map counts values in buckets, and has no line that goes on."
SHIFTED = "No forecast: it shows another time than the page."
SHARES = "No forecast: shares of a whole are always 100 % together."
PILES = "No forecast: its lines lie on more than one stack."


def why_not(panel: Panel) -> str:
    """Why a panel has no forecast whatever its lines are; '' where it may have one.

    >>> why_not(Panel(1, PanelKind.HEAT, "heatmap"))
    'No forecast: a heat map counts values in buckets, and has no line that goes on.'
    """
    if panel.kind is PanelKind.HEAT:
        return HEAT
    if panel.kind is not PanelKind.CHART:
        return NO_CHART
    if panel.time_shift:
        return SHIFTED
    return SHARES if panel.style.stacking == "percent" else ""


def panel_foreseen(
    made: WhenAsked,
    asking: PanelAsking,
    one: DrawnPanel,
    within: Range,
    points: int,
    cancelled: Callable[[], bool],
    *,
    with_past: bool,
) -> Foreseen:
    """The forecasts of a panel's lines; of their sum where they lie on each other. TrimtabError where it has none."""
    why = why_not(one.panel)
    if why:
        return Foreseen(why=why)
    step = step_for(one, within, points)
    queries = tuple(query_text(target.expression, one.scope.at(step)) for target in one.panel.targets)

    def read(grid: Grid) -> Sequence[HistoryLine]:
        answer = drawn(asking.history(one, within, points, grid, cancelled))
        if answer.trouble or answer.chart is None:
            raise StoreError(answer.trouble or NO_CHART)
        lines = [line for line in answer.chart.lines if line.about]  # limits have no labels
        if len({line.pile for line in lines if line.pile is not None}) > 1:
            raise InputError(PILES)
        return [HistoryLine(line.name, line.about, line.values, line.pile is not None) for line in lines]

    asked = (one.key, one.panel.id, queries, repr(one.panel.style), repr(one.panel.overrides))
    return made.foreseen(asked, step.within, read, with_past=with_past)
