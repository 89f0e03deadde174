"""PromQL: a query over a source of samples, at one time or over a range of times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trimtab.store.metrics.block import Source
from trimtab.store.promql import (
    aggregate,
    binary,
    dates,
    extended,
    extended_smoothed,
    extended_windows,
    functions,
    histogram_functions,
    info_function,
    label_functions,
    rolled_functions,
    selectors,
)
from trimtab.store.promql.answer import Answer, Kind
from trimtab.store.promql.durations import QueryTimes
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.evaluation import FUNCTIONS, OPERATORS, Evaluation, Value
from trimtab.store.promql.histogram_mix import scaled_by
from trimtab.store.promql.options import Options
from trimtab.store.promql.parse import parse
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Unary,
    unwrapped,
)
from trimtab.store.promql.vector import Scalar, Steps, Vector, merged, nameless, with_names_removed
from trimtab.store.promql.windows import kept, windows_of

ORDERING = frozenset(("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"))


def evaluate_range(
    source: Source, query: str, start_ms: int, end_ms: int, step_ms: int, options: Options | None = None
) -> Answer:
    """The answer at `start_ms`, and on every `step_ms` up to `end_ms`: a matrix, sorted by labels.

    >>> from trimtab.store.promql.script_source import ScriptSource
    >>> evaluate_range(ScriptSource(), "vector(time())", 0, 20_000, 10_000).values
    array([[ 0., 10., 20.]])
    """
    if step_ms <= 0:
        raise QueryError("zero or negative query resolution step widths are not accepted. Try a positive integer")
    tree = parse(query, QueryTimes(step_ms / 1000, (end_ms - start_ms) / 1000))
    if tree.type not in ("scalar", "vector"):
        kind = {"matrix": "range vector", "string": "string"}[tree.type]
        raise QueryError(f'invalid expression type "{kind}" for range query, must be Scalar or instant Vector')
    steps = Steps(start_ms, step_ms, (end_ms - start_ms) // step_ms + 1)
    evaluation = Evaluation(source, query, options or Options(), steps, end_ms)
    if steps.count <= 0:
        return _answer(evaluation, Vector([], np.zeros((0, 0)), np.zeros((0, 0), np.bool_)), steps, kind="matrix")
    evaluation.hold(steps.count)
    value = evaluation.eval(tree, steps)
    if isinstance(value, Scalar):
        value = Vector([()], value.values[np.newaxis, :], np.ones((1, steps.count), dtype=np.bool_))
    if isinstance(value, Vector):
        value = with_names_removed(value).compacted()
        value = _sorted(value)
    return _answer(evaluation, value, steps, kind="matrix")


def evaluate_instant(source: Source, query: str, at_ms: int, options: Options | None = None) -> Answer:
    """The answer at one time: a scalar, a vector, a text, or the samples of a range.

    >>> from trimtab.store.promql.script_source import ScriptSource
    >>> evaluate_instant(ScriptSource(), "1 + 2 * 3", 0).values
    array([[7.]])
    """
    tree = parse(query, QueryTimes(0.0, 0.0))
    steps = Steps(at_ms, 1000, 1)
    evaluation = Evaluation(source, query, options or Options(), steps, at_ms)
    inner = unwrapped(tree)
    if isinstance(inner, Matrix | Subquery):
        return _samples_of_range(evaluation, inner, steps)
    value = evaluation.eval(tree, steps)
    if isinstance(value, Scalar):
        return _answer(evaluation, value, steps, kind="scalar")
    if isinstance(value, str):
        return _answer(evaluation, value, steps, kind="string")
    value = with_names_removed(value).compacted()
    is_ordered = (isinstance(inner, Call) and inner.name in ORDERING) or (
        isinstance(inner, Aggregate) and inner.operator in ("topk", "bottomk")
    )
    if not is_ordered:
        value = _sorted(value)
    return replace(_answer(evaluation, value, steps, kind="vector"), is_ordered=is_ordered)


def _sorted(vector: Vector) -> Vector:
    rows = sorted(range(len(vector.labels)), key=vector.labels.__getitem__)
    return vector if rows == list(range(len(rows))) else vector.rows(rows)


def _samples_of_range(evaluation: Evaluation, node: Node, steps: Steps) -> Answer:
    if isinstance(node, Matrix) and node.selector.extension:
        nothing = Vector([], np.zeros((0, 1)), np.zeros((0, 1), dtype=np.bool_))
        block = extended_windows.samples_of(evaluation, node, steps)
        return replace(_answer(evaluation, nothing, steps, kind="matrix"), block=block)
    windows = windows_of(evaluation, node, steps)
    lows, highs = windows.bounds()
    is_inside = np.zeros(len(windows.block.at_ms), dtype=np.bool_)
    for low, high in zip(lows[:, 0].tolist(), highs[:, 0].tolist(), strict=True):
        is_inside[low:high] = True
    block = kept(windows.block, is_inside)
    nothing = Vector([], np.zeros((0, 1)), np.zeros((0, 1), dtype=np.bool_))
    return replace(_answer(evaluation, nothing, steps, kind="matrix"), block=block)


def _answer(evaluation: Evaluation, value: Value, steps: Steps, *, kind: Kind) -> Answer:
    warnings, infos = evaluation.notes.texts(evaluation.query)
    if isinstance(value, str):
        vector, text = Vector([], np.zeros((0, 1)), np.zeros((0, 1), dtype=np.bool_)), value
    elif isinstance(value, Scalar):
        row = value.values[np.newaxis, :]
        vector, text = Vector([()], row, np.ones(row.shape, dtype=np.bool_)), ""
    else:
        vector, text = value, ""
    return Answer(
        kind=kind,
        labels=vector.labels,
        at_ms=steps.times_ms if steps.count > 0 else np.zeros(0, dtype=np.int64),
        values=vector.values,
        present=vector.present,
        histograms=vector.histograms if vector.histograms is not None and vector.has_histogram.any() else None,
        text=text,
        warnings=warnings,
        infos=infos,
        samples_count=evaluation.samples_count,
    )


def _number(_evaluation: Evaluation, node: Node, steps: Steps) -> Value:
    return Scalar(np.full(steps.count, node.value if isinstance(node, Number) else np.nan))


def _string(_evaluation: Evaluation, node: Node, _steps: Steps) -> Value:
    return node.value if isinstance(node, String) else ""


def _paren(evaluation: Evaluation, node: Node, steps: Steps) -> Value:
    return evaluation.eval(unwrapped(node), steps)


def _unary(evaluation: Evaluation, node: Node, steps: Steps) -> Value:
    if not isinstance(node, Unary):
        raise TypeError("a sign expected")
    value = evaluation.eval(node.expression, steps)
    if node.operator == "+" or isinstance(value, str):
        return value
    if isinstance(value, Scalar):
        return Scalar(-value.values)
    negative = replace(value, values=-value.values, histograms=scaled_by(value, -1.0))
    return merged(nameless(negative, is_late=evaluation.options.removes_names_late))


def _selector(evaluation: Evaluation, node: Node, steps: Steps) -> Value:
    if not isinstance(node, Selector):
        raise TypeError("a selector expected")
    if node.extension == "smoothed":
        return extended_smoothed.eval_smoothed(evaluation, node, steps)
    return selectors.eval_selector(evaluation, node, steps)


def _call(evaluation: Evaluation, node: Node, steps: Steps) -> Value:
    if not isinstance(node, Call):
        raise TypeError("a call expected")
    argument = extended.extended_argument(node)
    if argument is not None:
        return extended.eval_extended(evaluation, node, argument, steps)
    rolled = rolled_functions.eval_rolled(evaluation, node, steps)
    if rolled is not None:
        return rolled
    return FUNCTIONS[node.name](evaluation, node, steps)


def _aggregate(evaluation: Evaluation, node: Node, steps: Steps) -> Value:
    if not isinstance(node, Aggregate):
        raise TypeError("an aggregation expected")
    return aggregate.eval_aggregate(evaluation, node, steps)


def _binary(evaluation: Evaluation, node: Node, steps: Steps) -> Value:
    if not isinstance(node, Binary):
        raise TypeError("a binary operator expected")
    return binary.eval_binary(evaluation, node, steps)


OPERATORS.update(
    {
        Number: _number,
        String: _string,
        Paren: _paren,
        Unary: _unary,
        Selector: _selector,
        Call: _call,
        Aggregate: _aggregate,
        Binary: _binary,
    }
)
_REGISTERED = (dates, functions, histogram_functions, info_function, label_functions)
