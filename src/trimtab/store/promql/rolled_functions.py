"""Functions of ranges that columns of roll-ups answer, for those steps whose windows reach back before the samples.

`rate` and `increase` are what the counter grew by from window to window: resets are counted, nothing is extrapolated.
Averages, sums, counts and extremes are those of the samples. A range that is no multiple of the resolution is taken as
the nearest one, and a step that is on no end of a window sees the windows that ended before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS, NAMES, Column, RolledBlock
from trimtab.store.promql import rolled_histograms
from trimtab.store.promql import rolled_kernels as kernels
from trimtab.store.promql.evaluation import FUNCTIONS, Evaluation, Value
from trimtab.store.promql.notes import mixed_in_range, not_a_counter
from trimtab.store.promql.range_functions import finished, note_other_than_counters
from trimtab.store.promql.rolled import Border
from trimtab.store.promql.syntax import Call, Matrix, unwrapped
from trimtab.store.promql.vector import Ints, Steps, Vector, empty
from trimtab.store.promql.windows import metric_name, reference_ms

INCREASES = ("rate", "increase")
_INCREASE_COLUMNS: tuple[Column, ...] = ("samples_count", "first_value", "last_value", "increase")
OVER_TIME: dict[str, tuple[int, Column]] = {
    "sum_over_time": (kernels.SUM, "value_sum"),
    "avg_over_time": (kernels.AVG, "value_sum"),
    "count_over_time": (kernels.COUNT, "samples_count"),
    "min_over_time": (kernels.MIN, "value_min"),
    "max_over_time": (kernels.MAX, "value_max"),
    "last_over_time": (kernels.LAST, "last_value"),
    "first_over_time": (kernels.FIRST, "first_value"),
    "present_over_time": (kernels.PRESENT, "samples_count"),
}
GROWING = frozenset(("increase", "sum_over_time", "count_over_time"))
"""Twice the range, twice the value."""
_LAG_SHARE = 8
"""Roll-ups may end before a step by so much of its range, at most."""


@dataclass(frozen=True, slots=True)
class _Windows:
    """Of one call: where its windows end, and how long they are."""

    call: Call
    node: Matrix
    ends_ms: Ints
    border: Border


def eval_rolled(evaluation: Evaluation, call: Call, steps: Steps) -> Value | None:
    """The value of a call, where roll-ups have a part in it; None: they have not."""
    node = unwrapped(call.arguments[0]) if call.arguments else None
    if not isinstance(node, Matrix) or node.selector.extension:
        return None
    if call.name not in INCREASES and call.name not in OVER_TIME:
        return None
    ends = reference_ms(evaluation, node.selector, steps)
    alternatives = node.selector.alternatives
    since_ms = int(ends[0]) - node.range_ms + (1 if evaluation.options.is_left_open else 0)
    border = evaluation.rolled.border(alternatives, since_ms, int(ends[-1]))
    if border is None:
        return None
    windows = _Windows(call, node, ends, border)
    parts: list[Vector] = []
    at = 0
    for resolution_ms, group in groupby(_resolutions(evaluation, windows, steps)):
        part = Steps(steps.start_ms + at * steps.step_ms, steps.step_ms, len(list(group)))
        mine = replace(windows, ends_ms=ends[at : at + part.count])
        at += part.count
        value = (
            _rolled(evaluation, mine, resolution_ms) if resolution_ms else FUNCTIONS[call.name](evaluation, call, part)
        )
        if not isinstance(value, Vector):
            raise TypeError("a function of a range gives a vector")
        parts.append(value)
    return side_by_side(parts)


def _resolutions(evaluation: Evaluation, windows: _Windows, steps: Steps) -> list[int]:
    """Which roll-ups answer each step; 0: samples do."""
    kept, ends, range_ms = windows.border.kept, windows.ends_ms, windows.node.range_ms
    low = ends - range_ms
    is_rolled = low < windows.border.raw_from_ms
    rolled = np.flatnonzero(is_rolled)
    if not len(rolled):
        return [0] * len(ends)
    series_count = evaluation.rolled.rows.series_estimate(windows.node.selector.alternatives)
    usual = windows.border.resolution_ms(
        series_count, max(int(low[rolled[0]]), kept.minutes_from_ms), int(ends[rolled[-1]])
    )
    is_by_hour = steps.step_ms % HOURS_MS == 0 and range_ms % HOURS_MS == 0 and not (ends % HOURS_MS).any()
    if is_by_hour and steps.count > 1:
        usual = HOURS_MS
    found = np.where(is_rolled, usual, 0)
    found[is_rolled & (low < kept.minutes_from_ms)] = HOURS_MS
    is_behind = (found == HOURS_MS) & (ends > kept.hours_to_ms) & (low >= kept.minutes_from_ms)
    found[is_behind & ((ends - kept.hours_to_ms) * _LAG_SHARE > range_ms)] = MINUTES_MS
    found[(found == MINUTES_MS) & ((ends - kept.minutes_to_ms) * _LAG_SHARE > range_ms)] = 0
    chosen: list[int] = found.tolist()
    return chosen


def _rolled(evaluation: Evaluation, windows: _Windows, resolution_ms: int) -> Vector:
    kept = windows.border.kept
    call, node = windows.call, windows.node
    range_ms = max(1, round(node.range_ms / resolution_ms)) * resolution_ms
    to_ms = kept.minutes_to_ms if resolution_ms == MINUTES_MS else kept.hours_to_ms
    ends = np.minimum(windows.ends_ms, to_ms)
    columns = _INCREASE_COLUMNS if call.name in INCREASES else ("samples_count", OVER_TIME[call.name][1])
    evaluation.check()
    rows = evaluation.rolled.rows.select_rolled(
        node.selector.alternatives,
        resolution_ms,
        int(ends[0]) - range_ms - resolution_ms,
        int(ends[-1]),
        tuple(dict.fromkeys(columns)),
    )
    result = empty(len(ends))
    if rows.labels:
        evaluation.samples_count += len(rows.end_ms)
        evaluation.hold(len(rows.labels) * len(ends))
        result = _values(call.name, rows, ends, range_ms, resolution_ms)
    histograms = _of_histograms(evaluation, windows, ends, range_ms, resolution_ms)
    if histograms is not None:
        result = _with_histograms(evaluation, windows, result, histograms)
    if not result.labels:
        return result
    if call.name == "rate":
        range_s = range_ms / 1000.0
        result = replace(result, values=result.values / range_s, histograms=_scaled(result, 1.0 / range_s))
    elif call.name in GROWING and range_ms != node.range_ms:
        factor = node.range_ms / range_ms
        result = replace(result, values=result.values * factor, histograms=_scaled(result, factor))
    how = "answered from"
    if range_ms != node.range_ms:
        how = f"answered, with a range of {range_ms // resolution_ms} x {NAMES[resolution_ms]}, from"
    evaluation.note(windows.border.note(how, resolution_ms), node)
    if call.name in INCREASES:
        note_other_than_counters(evaluation, call.arguments[0], result)
    return finished(evaluation, call, result)


def _of_histograms(
    evaluation: Evaluation, windows: _Windows, ends_ms: Ints, range_ms: int, resolution_ms: int
) -> Vector | None:
    """What the roll-ups of native histograms give; None where there are none, or the function knows only numbers."""
    name = windows.call.name
    if name not in rolled_histograms.COLUMNS:
        return None
    block = evaluation.rolled.histograms(
        windows.node.selector.alternatives,
        resolution_ms,
        int(ends_ms[0]) - range_ms - resolution_ms,
        int(ends_ms[-1]),
        rolled_histograms.COLUMNS[name],
    )
    if block is None:
        return None
    evaluation.samples_count += len(block.end_ms)
    evaluation.hold(len(block.labels) * len(ends_ms))
    if name in INCREASES:
        for series, (low, high) in enumerate(pairwise(block.offsets.tolist())):
            firsts = block.columns["first"][low:high]
            if any(one is not None and one.counter_reset_hint == "gauge" for one in firsts):
                evaluation.note(not_a_counter(metric_name(block.labels[series])), windows.node)
    return rolled_histograms.over_windows(name, block, ends_ms, range_ms, resolution_ms, evaluation.check)


def _with_histograms(evaluation: Evaluation, windows: _Windows, numbers: Vector, histograms: Vector) -> Vector:
    """Both; where one series has both in one window, it is as of samples: counted together, else told and left out."""
    places = {labels: row for row, labels in enumerate(numbers.labels)}
    rows = [places.setdefault(labels, len(places)) for labels in histograms.labels]
    shape = len(places), histograms.values.shape[1]
    values, present = np.zeros(shape), np.zeros(shape, np.bool_)
    found = np.full(shape, None, np.object_)
    count = len(numbers.labels)
    values[:count], present[:count] = numbers.values, numbers.present
    has_both = present[rows] & histograms.present
    mine = np.where(has_both & (windows.call.name == "count_over_time"), values[rows], 0.0)
    values[rows] = np.where(histograms.present, histograms.values + mine, values[rows])
    found[rows] = histograms.histograms
    present[rows] |= histograms.present
    if windows.call.name in (*INCREASES, "sum_over_time", "avg_over_time") and has_both.any():
        for row in np.flatnonzero(has_both.any(axis=1)).tolist():
            evaluation.note(mixed_in_range(metric_name(histograms.labels[row])), windows.node)
        present[rows] &= ~has_both
        found[~present] = None
    return Vector(list(places), values, present, found)


def _scaled(vector: Vector, factor: float) -> NDArray[np.object_] | None:
    histograms = vector.histograms
    if histograms is not None:
        histograms = histograms.copy()
        for row, step in np.argwhere(vector.has_histogram).tolist():
            histograms[row, step] = histograms[row, step].scaled(factor)
    return histograms


def _values(name: str, rows: RolledBlock, ends_ms: Ints, range_ms: int, resolution_ms: int) -> Vector:
    shape = (len(rows.labels), len(ends_ms))
    out, present = np.empty(shape), np.empty(shape, dtype=np.bool_)
    counts = rows.numbers("samples_count")
    if name in INCREASES:
        first, last, inside = (rows.numbers(column) for column in _INCREASE_COLUMNS[1:])
        kernels.increase(
            rows.offsets, rows.end_ms, counts, first, last, inside, ends_ms, range_ms, resolution_ms, out, present
        )
    else:
        operation, column = OVER_TIME[name]
        kernels.over_time(
            rows.offsets, rows.end_ms, rows.numbers(column), counts, ends_ms, range_ms, operation, out, present
        )
    return Vector(rows.labels, out, present)


def side_by_side(parts: list[Vector]) -> Vector:
    """Vectors of steps that follow each other, as one.

    >>> one, two = Vector([(("a", "1"),)], np.ones((1, 1)), np.ones((1, 1), np.bool_)), empty(1)
    >>> side_by_side([one, two]).present
    array([[ True, False]])
    """
    if len(parts) == 1:
        return parts[0]
    places: dict[Labels, int] = {}
    rows = [[places.setdefault(labels, len(places)) for labels in part.labels] for part in parts]
    counts = [part.values.shape[1] for part in parts]
    shape = (len(places), sum(counts))
    values, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    histograms = None
    if any(part.histograms is not None for part in parts):
        histograms = np.full(shape, None, dtype=np.object_)
    is_late = any(part.drops_name is not None for part in parts)
    at = 0
    for part, mine, count in zip(parts, rows, counts, strict=True):
        columns = slice(at, at + count)
        values[mine, columns], present[mine, columns] = part.values, part.present
        if histograms is not None and part.histograms is not None:
            histograms[mine, columns] = part.histograms
        at += count
    return Vector(list(places), values, present, histograms, np.ones(len(places), np.bool_) if is_late else None)
