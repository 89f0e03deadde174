"""Where native histograms stand among numbers: what windows, groups and operators give at those cells.

Numbers are done by kernels, whole families at once. Each function here then looks only at the cells that have to do
with a histogram, changes `values` and `present` there, and gives the histograms that came of them (None: none).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.store.promql import histogram_rows
from trimtab.store.promql.checks import COMPARISONS
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_aggregate import mean_of_several, total_of
from trimtab.store.promql.histogram_binary import Value, combined
from trimtab.store.promql.histogram_over_time import WINDOW_FUNCTIONS, Window
from trimtab.store.promql.histogram_sum import MixedSchemas
from trimtab.store.promql.histogram_table import table_of
from trimtab.store.promql.notes import (
    Note,
    ignored_in_aggregation,
    ignored_in_range,
    mixed_in_aggregation,
    mixed_schemas,
)
from trimtab.store.promql.syntax import Node
from trimtab.store.promql.vector import Bools, Floats, Ints, Vector
from trimtab.store.promql.windows import Windows, histogram_mask, metric_name

Histograms = NDArray[np.object_]
Side = tuple[Floats, Histograms | None]
_OF_NUMBERS = frozenset(("min", "max", "stddev", "stdvar", "quantile", "topk", "bottomk"))


def in_windows(
    evaluation: Evaluation, name: str, windows: Windows, values: Floats, present: Bools
) -> Histograms | None:
    """`name` over windows; `values` and `present` are what it gives of the numbers alone.

    Functions that know only numbers tell of the histograms that they left aside.
    """
    block = windows.block
    if block.histograms is None:
        return None
    lows, highs = windows.bounds()
    seen = np.concatenate(([0], np.cumsum(histogram_mask(block))))
    histograms_count = seen[highs] - seen[lows]
    work = WINDOW_FUNCTIONS.get(name)
    if work is None:
        is_mixed = (histograms_count > 0) & (histograms_count < highs - lows)
        for series in np.flatnonzero(is_mixed.any(axis=1)).tolist():
            evaluation.note(ignored_in_range(metric_name(block.labels[series])), windows.node)
        return None
    result: Histograms = np.full(values.shape, None, np.object_)
    has_histogram = histograms_count > 0
    if name in histogram_rows.NAMES:
        for series in np.flatnonzero(has_histogram.any(axis=1)).tolist():
            if (histograms_count[series] == highs[series] - lows[series]).all():
                into = values[series], present[series], result[series]
                if _all_at_once(evaluation, name, windows, series, (lows[series], highs[series]), into):
                    has_histogram[series] = False
    for series, step in np.argwhere(has_histogram).tolist():
        evaluation.check()
        window = _window(windows, series, step, slice(int(lows[series, step]), int(highs[series, step])))
        value = work(window)
        for note in window.notes:
            evaluation.note(note, windows.node)
        if window.overlaps_count:
            evaluation.notes.add_overlap(window.metric, windows.node.start, window.overlaps_count)
        _put(value, row=series, step=step, into=(values, present, result))
    return result


def in_groups(
    evaluation: Evaluation,
    operator: str,
    vector: Vector,
    group_of_row: Ints,
    node: Node,
    values: Floats,
    present: Bools,
) -> Histograms | None:
    """An aggregation over the rows of each group; `values` and `present` are what the numbers alone give.

    `node` is what is aggregated. Operators that know only numbers tell of the histograms that they left aside.
    """
    has_histogram = vector.has_histogram
    if vector.histograms is None or not has_histogram.any():
        return None
    if operator in _OF_NUMBERS:
        evaluation.note(ignored_in_aggregation(operator), node)
        return None
    if operator not in ("sum", "avg"):
        return None
    of_several = total_of if operator == "sum" else mean_of_several
    result: Histograms = np.full(values.shape, None, np.object_)
    has_number = vector.has_number
    for group in np.unique(group_of_row[has_histogram.any(axis=1)]).tolist():
        rows = np.flatnonzero(group_of_row == group)
        for step in np.flatnonzero(has_histogram[rows].any(axis=0)).tolist():
            evaluation.check()
            _put(None, row=group, step=step, into=(values, present, result))
            if has_number[rows, step].any():
                evaluation.note(mixed_in_aggregation(), node)
                continue
            here = rows[has_histogram[rows, step]]
            try:
                total, notes = of_several(vector.histograms[here, step].tolist())
            except MixedSchemas:
                evaluation.note(mixed_schemas(_first_other(vector, here, step)), node)
                continue
            for note in notes:
                evaluation.note(note, node)
            _put(total, row=group, step=step, into=(values, present, result))
    return result


def in_pairs(
    evaluation: Evaluation,
    operator: str,
    node: Node,
    left: Side,
    right: Side,
    values: Floats,
    present: Bools,
    *,
    is_bool: bool = False,
    keeps_right: bool = False,
) -> Histograms | None:
    """`left operator right`, cell by cell; `present` has to be true where both sides are there and one is a histogram.

    A comparison keeps the left side, with `keeps_right` the right one (a scalar stands on the left). Of what is to be
    told, the last row's is told at each step, as Prometheus does.
    """
    cells = _mask(left[1], present) | _mask(right[1], present)
    if not cells.any():
        return None
    result: Histograms = np.full(values.shape, None, np.object_)
    last_note: dict[int, Note] = {}
    for row, step in np.argwhere(cells).tolist():
        sides = _cell(left, row, step), _cell(right, row, step)
        outcome = combined(operator, *sides)
        if outcome.note is not None:
            last_note[step] = outcome.note
        value: Value | None = outcome.value
        if is_bool and outcome.fits:
            value = 0.0 if value is None else 1.0
        elif operator in COMPARISONS and value is not None:
            value = sides[1 if keeps_right else 0]
        _put(value, row=row, step=step, into=(values, present, result))
    for note in last_note.values():
        evaluation.note(note, node)
    return result


def scaled_by(vector: Vector, factor: float) -> Histograms | None:
    """The histograms of a vector times a number (`-x` is times -1).

    >>> one = np.array([[FloatHistogram(count=2.0)]], np.object_)
    >>> scaled_by(Vector([()], np.zeros((1, 1)), np.array([[True]]), one), -1.0)[0, 0].count
    -2.0
    """
    if vector.histograms is None:
        return None
    result: Histograms = np.full(vector.present.shape, None, np.object_)
    for row, step in np.argwhere(vector.has_histogram).tolist():
        result[row, step] = vector.histograms[row, step].scaled(factor)
    return result


def _put(value: Value | None, *, row: int, step: int, into: tuple[Floats, Bools, Histograms]) -> None:
    values, present, histograms = into
    present[row, step] = value is not None
    values[row, step] = value if isinstance(value, float) else 0.0
    histograms[row, step] = value if isinstance(value, FloatHistogram) else None


def _all_at_once(
    evaluation: Evaluation,
    name: str,
    windows: Windows,
    series: int,
    bounds: tuple[Ints, Ints],
    into: tuple[Floats, Bools, Histograms],
) -> bool:
    """All windows of a series that has only histograms of one layout; False: it has others, and nothing is done."""
    evaluation.check()
    block = windows.block
    part = slice(int(block.offsets[series]), int(block.offsets[series + 1]))
    samples = [one for one in (block.histograms or ())[part] if one is not None]
    lows, highs = bounds
    steps = np.flatnonzero(highs > lows)
    table = table_of(samples) if len(samples) == part.stop - part.start else None
    if table is None:
        return False
    metric = metric_name(block.labels[series])
    rows = histogram_rows.Rows(
        table,
        block.at_ms[part],
        np.zeros(len(samples), np.int64) if block.start_ms is None else block.start_ms[part],
        lows[steps] - part.start,
        highs[steps] - part.start,
        windows.ends_ms[steps],
        windows.range_ms,
    )
    outcome = histogram_rows.over_rows(name, rows, metric)
    if outcome is None:
        return False
    values, present, histograms = into
    values[steps] = 0.0
    present[steps] = [one is not None for one in outcome.histograms]
    histograms[steps] = outcome.histograms
    for note in outcome.notes:
        evaluation.note(note, windows.node)
    if outcome.overlaps_count:
        evaluation.notes.add_overlap(metric, windows.node.start, outcome.overlaps_count)
    return True


def _window(windows: Windows, series: int, step: int, part: slice) -> Window:
    block, until_ms = windows.block, int(windows.ends_ms[step])
    at_ms = block.at_ms[part].tolist()
    histograms = block.histograms[part] if block.histograms is not None else [None] * len(at_ms)
    return Window(
        metric_name(block.labels[series]),
        until_ms - windows.range_ms,
        until_ms,
        at_ms,
        [
            number if histogram is None else histogram
            for number, histogram in zip(block.values[part].tolist(), histograms, strict=True)
        ],
        [0] * len(at_ms) if block.start_ms is None else block.start_ms[part].tolist(),
    )


def _first_other(vector: Vector, rows: Ints, step: int) -> str:
    """The metric of the first series whose kind of buckets is not that of the first of all."""
    if vector.histograms is None:
        return ""
    kinds = [vector.histograms[row, step].has_custom_buckets for row in rows.tolist()]
    return metric_name(vector.labels[int(rows[kinds.index(not kinds[0])])])


def _mask(histograms: Histograms | None, present: Bools) -> Bools:
    if histograms is None:
        return np.zeros(present.shape, np.bool_)
    is_there: Bools = present & (histograms != None)  # noqa: E711 - element by element
    return is_there


def _cell(side: Side, row: int, step: int) -> Value:
    values, histograms = side
    histogram = None if histograms is None else histograms[row, step]
    return histogram if isinstance(histogram, FloatHistogram) else float(values[row, step])
