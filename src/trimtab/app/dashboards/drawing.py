"""Answers of queries as a panel shows them: lines, figures, bars, tables, buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from trimtab.app.dashboards.answers import ChartAnswer, ChartLine, Figure, Floats, PanelAnswer
from trimtab.app.dashboards.asking import Asked
from trimtab.app.dashboards.mappings import mapped_text
from trimtab.app.dashboards.naming import given_name, series_names
from trimtab.app.dashboards.reductions import is_known, reduced
from trimtab.app.dashboards.styles import styled, threshold_tone
from trimtab.app.dashboards.tables import table_answer
from trimtab.app.dashboards.units import shown_unit
from trimtab.app.exploring.answers import Instant, Line, Ranged, Trouble
from trimtab.app.exploring.names import series_text
from trimtab.model.dashboards import PanelKind, Style, Target
from trimtab.store.metrics.block import Labels

FIGURES_MAX = 60
ABOUT_CHARS_MAX = 2_000
SPARK_POINTS = 120


def drawn(asked: Asked) -> PanelAnswer:
    """What the panel shows."""
    key, panel = asked.drawn.key, asked.drawn.panel
    troubles = [found.message for _, found in asked.answers if isinstance(found, Trouble)]
    if troubles and len(troubles) == len(asked.answers):
        return PanelAnswer(key, trouble=" ".join(dict.fromkeys(troubles)))
    notes = [f"Query {target.ref}: {found.message}" for target, found in asked.answers if isinstance(found, Trouble)]
    notes += _told(asked)
    match panel.kind:
        case PanelKind.CHART:
            return PanelAnswer(key, chart=_chart(asked), notes=notes)
        case PanelKind.HEAT:
            return PanelAnswer(key, chart=_heat(asked), notes=notes)
        case PanelKind.TABLE:
            return PanelAnswer(key, table=table_answer(asked), notes=notes)
        case _:
            figures = _figures(asked)
            if len(figures) > FIGURES_MAX:
                notes.append(f"the first {FIGURES_MAX} of {len(figures):,} are shown")
            if not is_known(panel.calculation):
                notes.append(f"the calculation {panel.calculation[:40]!r} is not known: the last value is shown")
            return PanelAnswer(key, figures=_shared(figures[:FIGURES_MAX], panel.style), notes=notes)


def _told(asked: Asked) -> list[str]:
    notes: list[str] = []
    for _, found in asked.answers:
        if isinstance(found, Ranged):
            if found.count > len(found.lines):
                notes.append(f"the {len(found.lines)} series that reach highest are drawn, of {found.count:,}")
            if found.histograms_count:
                notes.append(f"{found.histograms_count:,} series of native histograms are no lines")
        if isinstance(found, Ranged | Instant):
            notes += found.warnings
    return list(dict.fromkeys(notes))[:10]


def _lines(asked: Asked) -> list[tuple[Target, Line, str]]:
    """All series with their query and their name."""
    found = [(target, line) for target, answer in asked.answers if isinstance(answer, Ranged) for line in answer.lines]
    names = series_names([(target.legend, line.labels) for target, line in found], asked.drawn.scope)
    return [(target, line, name) for (target, line), name in zip(found, names, strict=True)]


def _chart(asked: Asked) -> ChartAnswer:
    panel, lines = asked.drawn.panel, list[ChartLine]()
    piles: dict[tuple[str, str, str, str], list[int]] = {}
    for target, line, name in _lines(asked):
        style = styled(panel.style, panel.overrides, name, target.ref)
        if style.is_hidden:
            continue
        shown = shown_unit(style.unit, style.decimals)
        values = line.values * (-shown.factor if style.is_negative else shown.factor)
        pile = None
        if style.stacking != "none":
            key = (style.stacking, style.stack_group, shown.unit.partition("#")[0], style.drawing)
            pile = list(piles).index(key) if key in piles else len(piles)
            piles.setdefault(key, []).append(len(lines))
        told = tuple((one, reduced(values, one)) for one in panel.legend_calculations)
        lines.append(
            ChartLine(
                given_name(style.name, name, dict(line.labels)),
                series_text(line.labels)[:ABOUT_CHARS_MAX],
                values,
                shown.unit,
                pile=pile,
                is_filled=style.is_filled,
                calculations=told,
            )
        )
    for (stacking, *_), members in piles.items():
        if stacking == "percent":
            lines = _as_shares(lines, members)
    lines += _limits(panel.style, asked.step.grid.count, lines)
    grid = asked.step.grid
    said = ""
    if asked.is_too_new:
        last = datetime.fromtimestamp((grid.end_ms - grid.step_ms) / 1000, UTC)
        said = f"Values began after {last:%H:%M} UTC, the last step of this range: a shorter range shows them."
    return ChartAnswer(grid.start_ms, min(grid.end_ms, asked.step.within.to_ms), grid.step_ms, lines, said)


def _as_shares(lines: list[ChartLine], stacked: Sequence[int]) -> list[ChartLine]:
    """Those that are stacked in percent of their sum."""
    table = np.abs(np.array([lines[at].values for at in stacked]))
    sums = np.nansum(table, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(sums > 0, table / sums * 100, np.nan)
    made = list(lines)
    for row, at in enumerate(stacked):
        made[at] = replace(lines[at], values=shares[row], unit="%")
    return made


def _limits(style: Style, count: int, lines: Sequence[ChartLine]) -> list[ChartLine]:
    if not style.shows_thresholds or not lines or style.are_percent:
        return []
    shown = shown_unit(style.unit, style.decimals)
    return [
        ChartLine(f"limit {step.value:g}", "", np.full(count, step.value * shown.factor), shown.unit)
        for step in style.thresholds
        if step.value is not None
    ]


def _heat(asked: Asked) -> ChartAnswer:
    """Buckets from the lowest to the highest: how many fell into each, at each step."""
    unit = shown_unit(asked.drawn.panel.style.unit)
    rows = []
    is_cumulative = any(target.form == "heatmap" for target in asked.drawn.panel.targets)
    for _, line, name in _lines(asked):
        bound = dict(line.labels).get("le", name)
        try:
            rows.append((float(bound), line.values, bound))
        except ValueError:
            rows.append((float(len(rows)), line.values, bound))
            is_cumulative = False
    rows.sort(key=lambda row: row[0])
    table = np.array([np.nan_to_num(values) for _, values, _ in rows])
    if is_cumulative and rows:
        table = np.clip(np.diff(table, axis=0, prepend=np.zeros((1, table.shape[1]))), 0, None)
    known = np.array([~np.isnan(values) for _, values, _ in rows])
    lines = [
        ChartLine(
            "+Inf" if bound == float("inf") else f"{bound * unit.factor:g}" if text != "" else text,
            text,
            np.where(known[at], table[at], np.nan),
        )
        for at, (bound, _, text) in enumerate(rows)
    ]
    grid = asked.step.grid
    return ChartAnswer(grid.start_ms, grid.end_ms, grid.step_ms, lines)


def _figures(asked: Asked) -> list[Figure]:
    panel = asked.drawn.panel
    found: list[tuple[Target, Labels, float | None, Floats | None]] = []
    for target, answer in asked.answers:
        if isinstance(answer, Ranged):
            found += [
                (target, line.labels, reduced(line.values, panel.calculation), line.values) for line in answer.lines
            ]
        elif isinstance(answer, Instant):
            found += [(target, row.labels, row.value, None) for row in answer.rows if row.histogram is None]
    names = series_names([(target.legend, labels) for target, labels, _, _ in found], asked.drawn.scope)
    figures = []
    for (target, labels, value, values), name in zip(found, names, strict=True):
        style = styled(panel.style, panel.overrides, name, target.ref)
        if not style.is_hidden:
            spark = _spark(values) if panel.has_spark and values is not None else ()
            one = figure_of(style, given_name(style.name, name, dict(labels)), value, spark)
            figures.append(one if panel.has_tones else replace(one, tone=""))
    return figures


def figure_of(style: Style, name: str, value: float | None, spark: Sequence[float | None] = ()) -> Figure:
    """One number as the style has it."""
    shown = shown_unit(style.unit, style.decimals)
    text, tone = mapped_text(style, value)
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return Figure(name, value, shown.unit, text or style.no_value, tone, None, spark)
    low = style.low or 0.0
    high = style.high if style.high is not None else 100.0 if style.unit in ("percent", "") else None
    if style.unit == "percentunit" and style.high is None:
        high = 1.0
    share = None if high is None or high <= low else min(max((value - low) / (high - low), 0.0), 1.0)
    return Figure(name, value * shown.factor, shown.unit, text, tone or threshold_tone(style, value), share, spark)


def _shared(figures: list[Figure], style: Style) -> list[Figure]:
    """Where nothing says how much is all, the highest is."""
    if style.high is not None or style.unit in ("percent", "percentunit"):
        return figures
    known = [abs(one.value) for one in figures if one.value is not None and np.isfinite(one.value)]
    most = max(known, default=0.0)
    if not most:
        return figures
    return [
        replace(one, share=None if one.value is None or not np.isfinite(one.value) else abs(one.value) / most)
        for one in figures
    ]


def _spark(values: Floats) -> list[float | None]:
    """A few of the values, evenly taken."""
    every = max(len(values) // SPARK_POINTS, 1)
    return [None if value != value else value for value in values[::every].tolist()]  # noqa: PLR0124 - NaN
