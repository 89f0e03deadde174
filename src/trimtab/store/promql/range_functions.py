"""Functions of range vectors: each row of the result is a walk of a kernel over the samples of one series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trimtab.store.metrics.block import Labels
from trimtab.store.promql import notes, trend_kernels
from trimtab.store.promql.errors import QueryError, same_labels
from trimtab.store.promql.evaluation import Evaluation, Value, function
from trimtab.store.promql.histogram_mix import in_windows
from trimtab.store.promql.syntax import Call, Matrix, Node, Selector, unwrapped
from trimtab.store.promql.vector import Bools, Floats, Ints, Steps, Vector, has_twins, nameless
from trimtab.store.promql.walks import EXTRAPOLATED, NAMES, Walk, walk_of, walk_windows
from trimtab.store.promql.windows import Windows, metric_name, numbers_of, windows_of

INCREASES = ("rate", "increase")
KEEPS_NAME = frozenset(("last_over_time", "first_over_time"))
COUNTERS = ("_total", "_sum", "_count", "_bucket")
NOTHING: Floats = np.zeros(0)


@function(*NAMES)
def eval_walked(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """A number of the samples of each window."""
    place = call.arguments[0]
    walk = walk_of(evaluation, call, steps)
    if walk is not None:
        result = Vector(walk.pieces.labels, *walk.whole(evaluation))
        overlaps = walk.overlaps
        is_of_one_metric = walk.pieces.metric is not None
    else:
        windows = windows_of(evaluation, place, steps)
        out, present = _arrays(evaluation, windows)
        has_overlap = np.zeros(len(out), dtype=np.bool_)
        walk_windows(call.name, numbers_of(windows), out, present, has_overlap)
        overlaps = np.flatnonzero(has_overlap).tolist() if call.name in EXTRAPOLATED else []
        result = Vector(windows.block.labels, out, present, None, windows.drops_name)
        result = with_histograms(evaluation, call, windows, result)
        is_of_one_metric = False
    for row in overlaps:
        evaluation.notes.add_overlap(metric_name(result.labels[row]), place.start, 1)
    if call.name in INCREASES:
        note_other_than_counters(evaluation, place, result)
    return finished(evaluation, call, result, is_of_one_metric=is_of_one_metric)


def tell_of_walk(evaluation: Evaluation, walk: Walk, *, is_anything: bool) -> None:
    """As `eval_walked` tells, of a walk over one metric whose numbers are not kept."""
    name = walk.pieces.metric or ""
    for _ in walk.overlaps:
        evaluation.notes.add_overlap(name, walk.node.start, 1)
    if walk.name in INCREASES and is_anything and name and not name.endswith(COUNTERS):
        evaluation.note(notes.maybe_not_a_counter(name), walk.node)


def note_other_than_counters(evaluation: Evaluation, place: Node, result: Vector) -> None:
    """Tell where a counter is expected, and the name says that it is none."""
    names = [metric_name(labels) for labels in result.labels]
    by_type = evaluation.options.uses_types
    doubtful = {name for name in set(names) if name and (by_type or not name.endswith(COUNTERS))}
    if not doubtful:
        return
    is_there: Bools = np.any(result.has_number, axis=1)
    for row, name in enumerate(names):
        if name not in doubtful or not is_there[row]:
            continue
        if by_type:
            kind = dict(result.labels[row]).get("__type__", "")
            if kind not in ("counter", "histogram"):
                evaluation.note(notes.maybe_not_a_counter_by_type(name, kind), place)
        else:
            doubtful.discard(name)
            evaluation.note(notes.maybe_not_a_counter(name), place)


@function(*trend_kernels.OPERATIONS)
def eval_trend(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """One number of the samples of a window, with other numbers besides."""
    place = 1 if call.name == "quantile_over_time" else 0
    windows = windows_of(evaluation, call.arguments[place], steps)
    others = [
        evaluation.scalar(argument, steps).values for index, argument in enumerate(call.arguments) if index != place
    ]
    out, present = _arrays(evaluation, windows)
    first, second = [*others, np.zeros(steps.count), np.zeros(steps.count)][:2]
    if trend_kernels.OPERATIONS[call.name] == trend_kernels.SMOOTH and len(windows.block.labels):
        _check_factors(windows, first, second)
    trend_kernels.over_windows(
        *_samples(numbers_of(windows)),
        windows.ends_ms,
        steps.times_ms,
        windows.range_ms,
        windows.is_left_open,
        trend_kernels.OPERATIONS[call.name],
        np.ascontiguousarray(first),
        np.ascontiguousarray(second),
        out,
        present,
    )
    if call.name == "quantile_over_time":
        is_asked = present.any(axis=0)
        for quantile in np.unique(first[is_asked & ~((first >= 0) & (first <= 1))]).tolist():
            evaluation.note(notes.quantile_out_of_range(quantile), call.arguments[0])
    result = Vector(windows.block.labels, out, present, None, windows.drops_name)
    return finished(evaluation, call, with_histograms(evaluation, call, windows, result))


def _check_factors(windows: Windows, smoothing: Floats, trend: Floats) -> None:
    lows, highs = windows.bounds()
    is_asked = (highs > lows).any(axis=0)
    for what, factors, letters in (("smoothing", smoothing, "sf"), ("trend", trend, "tf")):
        for factor in factors[is_asked].tolist():
            if factor <= 0 or factor >= 1:
                raise QueryError(f"invalid {what} factor. Expected: 0 < {letters} < 1, got: {factor:f}")


@function("absent_over_time")
def eval_absent_over_time(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """1 where no series has a sample."""
    windows = windows_of(evaluation, call.arguments[0], steps)
    lows, highs = windows.bounds()
    is_absent: Bools = ~np.any(highs > lows, axis=0)
    return absence(call.arguments[0], is_absent)


def absence(argument: Node, is_absent: Bools) -> Vector:
    """One series of ones, with the labels that the selector asks for."""
    values = np.ones((1, len(is_absent)))
    return Vector([_labels_asked_for(argument)], values, is_absent[np.newaxis, :]).compacted()


def _labels_asked_for(argument: Node) -> Labels:
    node = unwrapped(argument)
    if isinstance(node, Matrix):
        node = node.selector
    if not isinstance(node, Selector) or len(node.alternatives) > 1:
        return ()
    labels: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in node.alternatives[0]:
        if matcher.name == "__name__":
            continue
        if matcher.op == "=" and matcher.name not in seen:
            labels[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            labels.pop(matcher.name, None)
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def with_histograms(evaluation: Evaluation, call: Call, windows: Windows, numbers: Vector) -> Vector:
    """The result of the numbers alone, put right at the windows that hold histograms."""
    histograms = in_windows(evaluation, call.name, windows, numbers.values, numbers.present)
    return replace(numbers, histograms=histograms)


def _samples(windows: Windows) -> tuple[Ints, Ints, Floats]:
    return windows.block.offsets, windows.block.at_ms, windows.block.values


def _arrays(evaluation: Evaluation, windows: Windows) -> tuple[Floats, Bools]:
    evaluation.check()
    evaluation.hold(windows.shape[0] * windows.shape[1])
    return np.empty(windows.shape), np.empty(windows.shape, dtype=np.bool_)


def finished(evaluation: Evaluation, call: Call, result: Vector, *, is_of_one_metric: bool = False) -> Vector:
    """Without names, and without series that are nowhere. Series of one metric differ without their name, too."""
    result = result.compacted()
    is_late = evaluation.options.removes_names_late
    if call.name not in KEEPS_NAME:
        result = nameless(result, is_late=is_late)
    if not is_late and not is_of_one_metric and has_twins(result):
        raise same_labels()
    return result if is_late else replace(result, drops_name=None)
