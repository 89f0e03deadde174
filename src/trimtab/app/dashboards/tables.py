"""Tables: a column for each label, one for the value of each query, through the panel's transformations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trimtab.app.dashboards.answers import TableAnswer, TableCell
from trimtab.app.dashboards.mappings import mapped_text
from trimtab.app.dashboards.reductions import reduced
from trimtab.app.dashboards.styles import styled, threshold_tone
from trimtab.app.dashboards.table_steps import COLUMNS_MAX, ROWS_MAX, Cell, Column, Frame, through
from trimtab.app.dashboards.units import shown_unit
from trimtab.app.exploring.answers import Instant, Ranged
from trimtab.model.dashboards import Panel, Target
from trimtab.store.metrics.block import METRIC_NAME, Labels

if TYPE_CHECKING:
    from trimtab.app.dashboards.asking import Asked

TIME = "Time"


def table_answer(asked: Asked) -> TableAnswer:
    """The table of a panel; several that nothing joins stand one below the other."""
    panel = asked.drawn.panel
    several = len(panel.targets) > 1
    frames = [
        frame
        for target, answer in asked.answers
        if (frame := _frame(target, answer, asked.step.within.to_ms, several)) is not None
    ]
    found = through(frames, panel.transformations)
    heads: dict[str, tuple[Column, bool]] = {}
    for frame in found:
        for column in frame.columns:
            name = column.shown_name or column.name
            style = styled(panel.style, panel.overrides, name, column.ref, column.kind)
            if not style.is_hidden and not (column.kind == "time" and not panel.transformations):
                heads.setdefault(name, (column, column.kind == "number"))
    names = list(heads)[:COLUMNS_MAX]
    rows: list[list[TableCell]] = []
    for frame in found:
        by_name = {column.shown_name or column.name: column for column in frame.columns}
        places = range(min(frame.count, ROWS_MAX - len(rows)))
        rows.extend(_row(panel, names, by_name, at) for at in places)
    shown = [
        (
            styled(panel.style, panel.overrides, name, heads[name][0].ref, heads[name][0].kind).name or name,
            heads[name][1],
        )
        for name in names
    ]
    return TableAnswer(shown, rows, sum(frame.count for frame in found))


def _row(panel: Panel, names: Sequence[str], by_name: Mapping[str, Column], at: int) -> list[TableCell]:
    return [_cell(panel, name, by_name.get(name), at) for name in names]


def _frame(target: Target, answer: object, at_ms: int, several: bool) -> Frame | None:
    if isinstance(answer, Instant):
        rows = [(row.labels, row.value) for row in answer.rows if row.histogram is None and not row.samples_count]
    elif isinstance(answer, Ranged):
        rows = [(line.labels, reduced(line.values, "lastNotNull")) for line in answer.lines]
    else:
        return None
    return frame_of(rows[:ROWS_MAX], at_ms, f"Value #{target.ref}" if several else "Value", target.ref)


def frame_of(rows: Sequence[tuple[Labels, float | None]], at_ms: int, value_name: str, ref: str) -> Frame:
    """A table of series: time, a column for each label, the value.

    >>> made = frame_of([((("job", "a"),), 1.0), ((("job", "b"),), 2.0)], 0, "Value", "A")
    >>> [(one.name, one.cells) for one in made.columns]
    [('Time', (0.0, 0.0)), ('job', ('a', 'b')), ('Value', (1.0, 2.0))]
    """
    names = sorted({name for labels, _ in rows for name, _ in labels}, key=lambda name: (name != METRIC_NAME, name))
    known = [dict(labels) for labels, _ in rows]
    columns = [Column(TIME, "time", tuple(float(at_ms) for _ in rows), ref)]
    columns += [Column(name, "string", tuple(one.get(name) for one in known), ref) for name in names]
    columns.append(Column(value_name, "number", tuple(value for _, value in rows), ref))
    return Frame(
        tuple(columns[:COLUMNS_MAX] if len(columns) <= COLUMNS_MAX else [*columns[: COLUMNS_MAX - 1], columns[-1]])
    )


def _cell(panel: Panel, name: str, column: Column | None, at: int) -> TableCell:
    if column is None:
        return TableCell()
    value: Cell = column.cells[at]
    if column.kind == "time":
        return TableCell(value=value if isinstance(value, float) else None, is_moment=True)
    style = styled(panel.style, panel.overrides, name, column.ref, column.kind)
    text, tone = mapped_text(style, value)
    if isinstance(value, str) or value is None:
        return TableCell(text or (value or ""), tone=tone)
    shown = shown_unit(style.unit, style.decimals)
    return TableCell(text, value * shown.factor, shown.unit, tone or threshold_tone(style, value))
