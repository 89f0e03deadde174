"""`?numbers=1`: what panels show as tables, in the page: for who has no script, reads with the ears, or prints."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from trimtab.app.dashboards.answers import ChartAnswer, Floats, PanelAnswer
from trimtab.app.dashboards.asking import PanelAsking
from trimtab.app.dashboards.drawing import drawn
from trimtab.app.dashboards.layout import DrawnPanel
from trimtab.app.reading.ranges import Range
from trimtab.model.dashboards import Panel
from trimtab.web import render
from trimtab.web.pages.dashboards.wish import PANELS_MAX

PATIENCE_S = 30.0
"""For all panels of one page: whoever has no script waits for the whole of it."""


class LineRow(NamedTuple):
    """One line of a chart in numbers."""

    name: str
    unit: str
    last: float
    least: float
    mean: float
    most: float


def numbers_of(asking: PanelAsking, panels: Sequence[DrawnPanel], within: Range, page: int) -> Mapping[str, Markup]:
    """Pieces of the page by the panels' keys, of those that stand on this page (from 1)."""
    here = panels[(page - 1) * PANELS_MAX : page * PANELS_MAX]
    give_up_at = time.monotonic() + PATIENCE_S
    found = {
        asked.drawn.key: piece(drawn(asked), asked.drawn.panel)
        for asked in asking.answers(here, within, {}, lambda: time.monotonic() > give_up_at)
    }
    late = f"no answer within {PATIENCE_S:g} s: take a shorter range"
    return {one.key: found.get(one.key) or piece(PanelAnswer(one.key, trouble=late), one.panel) for one in here}


def piece(answer: PanelAnswer, panel: Panel) -> Markup:
    """What stands in the place of a panel's picture."""
    name = "_panels.html" if answer.chart is None and not answer.trouble else "_panel_numbers.html"
    rows = [] if answer.chart is None else line_rows(answer.chart)
    return Markup(render.environment().get_template(name).render(answer=answer, panel=panel, rows=rows))  # noqa: S704  (a template of ours escapes)


def line_rows(chart: ChartAnswer) -> list[LineRow]:
    """Lines that have a value, in the order of the legend.

    >>> from trimtab.app.dashboards.answers import ChartLine
    >>> line = ChartLine("a", "", np.array([1.0, 3.0, np.nan]), "s")
    >>> line_rows(ChartAnswer(0, 3, 1, [line, ChartLine("b", "", np.array([np.nan]))]))
    [LineRow(name='a', unit='s', last=3.0, least=1.0, mean=2.0, most=3.0)]
    """
    return [_row(one.name, one.unit, known) for one in chart.lines if len(known := one.values[~np.isnan(one.values)])]


def _row(name: str, unit: str, known: Floats) -> LineRow:
    return LineRow(name, unit, float(known[-1]), float(known.min()), float(known.mean()), float(known.max()))
