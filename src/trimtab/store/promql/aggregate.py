"""Aggregations over series: `sum by (job) (…)` and its family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trimtab.store.metrics import whole
from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql import group_kernels, notes
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.evaluation import Evaluation, Value
from trimtab.store.promql.histogram_mix import in_groups
from trimtab.store.promql.lexer import quoted
from trimtab.store.promql.range_functions import tell_of_walk
from trimtab.store.promql.ratio import is_in_ratio
from trimtab.store.promql.syntax import Aggregate, unwrapped
from trimtab.store.promql.totals import OPERATORS, Totals
from trimtab.store.promql.value_counts import count_values
from trimtab.store.promql.vector import Bools, Floats, Ints, Steps, Vector, empty
from trimtab.store.promql.walks import walk_of

CHOOSING = frozenset(("topk", "bottomk", "limitk", "limit_ratio"))
COUNTS_HISTOGRAMS = frozenset(("count", "group", "sum", "avg", "limitk", "limit_ratio"))


@dataclass(frozen=True, slots=True)
class Groups:
    """Which group each series belongs to, and the labels of the groups."""

    labels: Sequence[Labels]
    of_series: Ints

    @property
    def rows(self) -> Ints:
        """Series, group after group."""
        return np.argsort(self.of_series, kind="stable")

    @property
    def ends(self) -> Ints:
        """Where the rows of each group end."""
        return np.cumsum(np.bincount(self.of_series, minlength=len(self.labels))).astype(np.int64)


def labels_of_group(node: Aggregate, more: Sequence[str] = ()) -> Callable[[Labels], Labels]:
    """What is left of the labels of a series."""
    if node.is_without:
        names = frozenset((*node.grouping, METRIC_NAME))
        return lambda labels: tuple([pair for pair in labels if pair[0] not in names])
    names = frozenset((*node.grouping, *more))
    if not names:
        return lambda _: ()
    return lambda labels: tuple([pair for pair in labels if pair[0] in names])


def groups_of(node: Aggregate, vector: Vector) -> Groups:
    """Groups in the order in which their first series come."""
    return Groups(*whole.groups_of(vector.labels, names_of(node), is_without=node.is_without))


def names_of(node: Aggregate) -> frozenset[str]:
    """Labels that series are grouped by, or without."""
    return frozenset((*node.grouping, METRIC_NAME)) if node.is_without else frozenset(node.grouping)


def eval_aggregate(evaluation: Evaluation, node: Aggregate, steps: Steps) -> Value:
    """The value of an aggregation."""
    if node.operator == "count_values" and node.parameter is not None:
        name = evaluation.text(node.parameter)
        if not name or any(0xDC80 <= ord(char) <= 0xDCFF for char in name):
            raise QueryError(f"invalid label name {quoted(name)}")
        vector = evaluation.vector(node.expression, steps)
        return count_values(evaluation, vector, labels_of_group(node, (name,)), name)
    parameter = None if node.parameter is None else evaluation.scalar(node.parameter, steps).values
    if node.operator in OPERATORS:
        added = _added_up(evaluation, node, steps)
        if added is not None:
            return added
    vector = evaluation.vector(node.expression, steps)
    if parameter is not None:
        _check_parameter(evaluation, node, parameter)
    evaluation.check()
    if node.operator not in COUNTS_HISTOGRAMS and vector.histograms is not None and vector.has_histogram.any():
        place = node if node.operator in CHOOSING else node.expression
        evaluation.note(notes.ignored_in_aggregation(node.operator), place)
        vector = replace(vector, present=vector.has_number, histograms=None)
    if not vector.labels:
        return empty(steps.count)
    groups = groups_of(node, vector)
    if parameter is not None and node.operator != "quantile":
        return _chosen(evaluation, node, vector, groups, parameter)
    evaluation.hold(len(groups.labels) * steps.count)
    if parameter is not None:
        values, present = np.empty((len(groups.labels), steps.count)), np.empty((len(groups.labels), steps.count), bool)
        group_kernels.quantiles(
            groups.rows, groups.ends, vector.values, vector.present, np.ascontiguousarray(parameter), values, present
        )
        result = Vector(groups.labels, values, present)
    else:
        result = _grouped(evaluation, node, vector, groups)
    return _with_late_names(result, vector, groups).compacted()


def _with_late_names(result: Vector, vector: Vector, groups: Groups) -> Vector:
    if vector.drops_name is None:
        return result
    late = np.zeros(len(groups.labels), dtype=np.bool_)
    np.logical_or.at(late, groups.of_series, vector.drops_name & vector.present.any(axis=1))
    return replace(result, drops_name=late)


def _added_up(evaluation: Evaluation, node: Aggregate, steps: Steps) -> Vector | None:
    """An aggregation of samples, or of what a function makes of them, some series at a time; None: it is of others."""
    if evaluation.options.removes_names_late or evaluation.options.uses_types:
        return None
    inner = unwrapped(node.expression)
    if steps.count > 1 and evaluation.is_invariant(inner):
        return None
    walk = walk_of(evaluation, inner, steps)
    if walk is None or (walk.name and walk.pieces.metric is None):
        return None
    labels, of_series = walk.pieces.groups(names_of(node), is_without=node.is_without)
    evaluation.hold(len(labels) * steps.count)
    totals = Totals(node.operator, len(labels), steps.count)
    for first, values, present in walk.parts(evaluation):
        totals.add(of_series[first : first + len(values)], values, present)
    result = Vector(labels, *totals.done()).compacted()
    tell_of_walk(evaluation, walk, is_anything=len(result.labels) > 0)
    return result


def _grouped(evaluation: Evaluation, node: Aggregate, vector: Vector, groups: Groups) -> Vector:
    present = np.ascontiguousarray(vector.present)
    has_histograms = vector.histograms is not None and node.operator in ("sum", "avg")
    if has_histograms:
        present = np.ascontiguousarray(vector.has_number)
    totals = Totals(node.operator, len(groups.labels), present.shape[1])
    totals.add(groups.of_series, np.ascontiguousarray(vector.values), present)
    result = Vector(groups.labels, *totals.done())
    if not has_histograms:
        return result
    histograms = in_groups(
        evaluation, node.operator, vector, groups.of_series, node.expression, result.values, result.present
    )
    return replace(result, histograms=histograms)


def _check_parameter(evaluation: Evaluation, node: Aggregate, parameter: Floats) -> None:
    greatest, least = float(np.max(parameter)), float(np.min(parameter))  # NaN where any is
    has_nan = bool(np.isnan(parameter).any())
    place = node.parameter or node
    if node.operator == "quantile":
        if has_nan:
            evaluation.note(notes.quantile_out_of_range(float("nan")), place)
        if greatest > 1:
            evaluation.note(notes.quantile_out_of_range(greatest), place)
        if least < 0:
            evaluation.note(notes.quantile_out_of_range(least), place)
    elif node.operator == "limit_ratio":
        if has_nan:
            raise QueryError("Ratio value is NaN")
        if greatest > 1:
            evaluation.note(notes.ratio_out_of_range(greatest, 1.0), place)
        if least < -1:
            evaluation.note(notes.ratio_out_of_range(least, -1.0), place)
    elif not greatest < 1:
        if has_nan:
            raise QueryError("Parameter value is NaN")
        if least <= -(2**63):
            raise QueryError(f"Scalar value {least:g} underflows int64")
        if greatest >= 2**63:
            raise QueryError(f"Scalar value {greatest:g} overflows int64")


def _chosen(evaluation: Evaluation, node: Aggregate, vector: Vector, groups: Groups, parameter: Floats) -> Vector:
    if node.operator == "limit_ratio":
        return replace(vector, present=vector.present & is_in_ratio(vector.labels, parameter)).compacted()
    counts = np.clip(parameter, 0, len(vector.labels)).astype(np.int64)
    out: Bools = np.zeros(vector.present.shape, dtype=np.bool_)
    present = np.ascontiguousarray(vector.present)
    rows, ends = groups.rows, groups.ends
    if node.operator == "limitk":
        group_kernels.first_ones(rows, ends, present, counts, out)
        return replace(vector, present=out).compacted()
    values = np.ascontiguousarray(vector.values)
    heap, sizes = rows.copy(), np.zeros(len(ends), dtype=np.int64)
    is_bottom = node.operator == "bottomk"
    group_kernels.greatest(rows, ends, values, present, counts, is_bottom, out, heap, sizes)
    chosen = replace(vector, present=out)
    if vector.present.shape[1] > 1:
        return chosen.compacted()
    order: list[int] = []
    begin = 0
    for end, size in zip(ends.tolist(), sizes.tolist(), strict=True):
        kept = heap[begin : begin + size]
        numbers = values[kept, 0] if is_bottom else -values[kept, 0]
        order += kept[np.argsort(numbers, kind="stable")].tolist()
        begin = end
    del evaluation
    return chosen.rows(order)
