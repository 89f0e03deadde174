"""`histogram_quantile` and its relatives, of classic histograms (series by `le`) and of native ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql import classic_kernels
from trimtab.store.promql.evaluation import Evaluation, Value, function
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_quantile import fraction_of, mean_of, quantile_of, variance_of
from trimtab.store.promql.notes import (
    Monotonic,
    Note,
    bad_bucket_label,
    mixed_classic_and_native,
    quantile_out_of_range,
)
from trimtab.store.promql.numbers import open_metrics
from trimtab.store.promql.syntax import Call, Node
from trimtab.store.promql.vector import Bools, Floats, Ints, Steps, Vector, merged, nameless

_OF_ONE: dict[str, Callable[[FloatHistogram], float]] = {
    "histogram_count": lambda histogram: histogram.count,
    "histogram_sum": lambda histogram: histogram.sum,
    "histogram_avg": mean_of,
    "histogram_stdvar": variance_of,
    "histogram_stddev": lambda histogram: math.sqrt(variance_of(histogram)),
}


@dataclass(frozen=True, slots=True)
class _Classic:
    """Groups of series that are the buckets of one histogram each; `rows` as the kernels want them."""

    labels: list[Labels]
    offsets: Ints
    rows: Ints
    bounds: Floats
    values: Floats
    present: Bools

    @property
    def names(self) -> list[str]:
        return [_name(labels) for labels in self.labels]


@dataclass(frozen=True, slots=True)
class _Native:
    labels: list[Labels]
    histograms: NDArray[np.object_]
    present: Bools


@function(*_OF_ONE)
def _of_one(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    vector = evaluation.vector(call.arguments[0], steps)
    present = vector.has_histogram
    work = _OF_ONE[call.name]
    values = np.zeros(present.shape)
    if vector.histograms is not None:
        for row, step in np.argwhere(present).tolist():
            values[row, step] = work(vector.histograms[row, step])
    return _finished(evaluation, Vector(vector.labels, values, present, None, vector.drops_name).compacted())


@function("histogram_quantile")
def _quantile(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    wanted = evaluation.scalar(call.arguments[0], steps).values
    argument = call.arguments[1]
    _check_quantiles(evaluation, wanted, call.arguments[0])
    classic, native = _histograms(evaluation, argument, steps)
    return _finished(evaluation, _joined(_quantiles(evaluation, classic, native, wanted, argument, steps)))


@function("histogram_quantiles")
def _several_quantiles(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    argument, label = call.arguments[0], evaluation.text(call.arguments[1])
    classic, native = _histograms(evaluation, argument, steps)
    parts: list[Vector] = []
    for node in call.arguments[2:]:
        wanted = evaluation.scalar(node, steps).values
        _check_quantiles(evaluation, wanted, node)
        for value in np.unique(wanted).tolist():
            here = (wanted == value) | (np.isnan(wanted) & math.isnan(value))
            text = open_metrics(value)
            for part in _quantiles(evaluation, classic, native, wanted, argument, steps, only=here):
                labels = [_with(labels, label, text) for labels in part.labels]
                parts.append(Vector(labels, part.values, part.present & here))
    return _finished(evaluation, _joined(parts))


@function("histogram_fraction")
def _fraction(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    lowers = np.ascontiguousarray(evaluation.scalar(call.arguments[0], steps).values)
    uppers = np.ascontiguousarray(evaluation.scalar(call.arguments[1], steps).values)
    argument = call.arguments[2]
    classic, native = _histograms(evaluation, argument, steps)
    values, present = _empty(len(classic.labels), steps)
    classic_kernels.fractions(
        classic.offsets, classic.rows, classic.bounds, classic.values, classic.present, lowers, uppers, values, present
    )

    def of_one(step: int, histogram: FloatHistogram, name: str) -> tuple[float, Note | None]:
        return fraction_of(float(lowers[step]), float(uppers[step]), histogram, name)

    parts = [Vector(classic.labels, values, present), _each(evaluation, native, of_one, argument)]
    return _finished(evaluation, _joined(parts))


def _quantiles(
    evaluation: Evaluation,
    classic: _Classic,
    native: _Native,
    wanted: Floats,
    argument: Node,
    steps: Steps,
    only: Bools | None = None,
) -> list[Vector]:
    values, present = _empty(len(classic.labels), steps)
    repaired = np.zeros((*values.shape, 3))
    classic_kernels.quantiles(
        classic.offsets,
        classic.rows,
        classic.bounds,
        classic.values,
        classic.present,
        np.ascontiguousarray(wanted),
        values,
        present,
        repaired,
    )
    is_repaired = (repaired[:, :, 2] > 0) & (True if only is None else only)
    times_ms = steps.times_ms
    for group in np.flatnonzero(is_repaired.any(axis=1)).tolist():
        at = np.flatnonzero(is_repaired[group])
        where = Monotonic(
            float(repaired[group, at, 0].min()),
            float(repaired[group, at, 1].max()),
            float(repaired[group, at, 2].max()),
            len(at),
            int(times_ms[at[0]]),
            int(times_ms[at[-1]]),
        )
        name = _name(classic.labels[group]) if evaluation.options.removes_names_late else ""
        evaluation.notes.add_monotonic(name, where, argument.start)

    def of_one(step: int, histogram: FloatHistogram, name: str) -> tuple[float, Note | None]:
        return quantile_of(float(wanted[step]), histogram, name)

    return [Vector(classic.labels, values, present), _each(evaluation, native, of_one, argument, only)]


def _each(
    evaluation: Evaluation,
    native: _Native,
    work: Callable[[int, FloatHistogram, str], tuple[float, Note | None]],
    argument: Node,
    only: Bools | None = None,
) -> Vector:
    values = np.zeros(native.present.shape)
    present = native.present if only is None else native.present & only
    for row, step in np.argwhere(present).tolist():
        name = _name(native.labels[row]) if evaluation.options.removes_names_late else ""
        values[row, step], note = work(step, native.histograms[row, step], name)
        if note is not None:
            evaluation.note(note, argument)
    return Vector(native.labels, values, present)


def _histograms(evaluation: Evaluation, argument: Node, steps: Steps) -> tuple[_Classic, _Native]:
    """Classic and native histograms of a vector; where both have the same labels at a step, neither is there."""
    vector = evaluation.vector(argument, steps)
    says_names = evaluation.options.removes_names_late
    has_number = vector.has_number
    groups: dict[Labels, list[tuple[float, int]]] = {}
    for row in np.flatnonzero(has_number.any(axis=1)).tolist():
        labels = vector.labels[row]
        text = next((value for key, value in labels if key == "le"), "")
        bound = _bound(text)
        if bound is None:
            evaluation.note(bad_bucket_label(text, _name(labels) if says_names else ""), argument)
            continue
        base = tuple(pair for pair in labels if pair[0] != "le")
        groups.setdefault(base, []).append((bound, row))
    present = np.ascontiguousarray(has_number)
    has_histogram = vector.has_histogram
    native_rows = np.flatnonzero(has_histogram.any(axis=1)).tolist()
    native_present = has_histogram[native_rows]
    for place, row in enumerate(native_rows):
        rows = [bucket for _, bucket in groups.get(vector.labels[row], ())]
        both = native_present[place] & present[rows].any(axis=0)
        if both.any():
            name = _name(vector.labels[row]) if says_names else ""
            evaluation.note(mixed_classic_and_native(name), argument)
            native_present[place] &= ~both
            present = present.copy()
            for bucket in rows:
                present[bucket] &= ~both
    ordered = [sorted(buckets) for buckets in groups.values()]
    classic = _Classic(
        list(groups),
        np.concatenate(([0], np.cumsum([len(buckets) for buckets in ordered]))).astype(np.int64),
        np.array([row for buckets in ordered for _, row in buckets], np.int64),
        np.array([bound for buckets in ordered for bound, _ in buckets], np.float64),
        np.ascontiguousarray(vector.values),
        present,
    )
    histograms = np.zeros((0, steps.count), np.object_) if vector.histograms is None else vector.histograms[native_rows]
    return classic, _Native([vector.labels[row] for row in native_rows], histograms, native_present)


def _check_quantiles(evaluation: Evaluation, wanted: Floats, node: Node) -> None:
    for value in np.unique(wanted[~((wanted >= 0) & (wanted <= 1))]).tolist():
        evaluation.note(quantile_out_of_range(value), node)


def _joined(parts: Sequence[Vector]) -> Vector:
    return Vector(
        [labels for part in parts for labels in part.labels],
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
    ).compacted()


def _finished(evaluation: Evaluation, vector: Vector) -> Vector:
    return merged(nameless(vector, is_late=evaluation.options.removes_names_late))


def _with(labels: Labels, name: str, value: str) -> Labels:
    return tuple(sorted([*(pair for pair in labels if pair[0] != name), (name, value)]))


def _empty(count: int, steps: Steps) -> tuple[Floats, Bools]:
    return np.zeros((count, steps.count)), np.zeros((count, steps.count), np.bool_)


def _name(labels: Labels) -> str:
    return next((value for key, value in labels if key == METRIC_NAME), "")


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
