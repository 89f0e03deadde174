"""Binary operators: which series meet, and what comes of their numbers at every step at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql.arithmetic import ARITHMETIC, changes_meaning, computed
from trimtab.store.promql.checks import COMPARISONS, SET_OPERATORS
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.evaluation import Evaluation, Value
from trimtab.store.promql.fill import filled, match_labels
from trimtab.store.promql.histogram_mix import in_pairs
from trimtab.store.promql.lexer import quoted
from trimtab.store.promql.syntax import Binary, Matching
from trimtab.store.promql.vector import RESERVED, Bools, Floats, Ints, Scalar, Steps, Vector, empty, merged, nameless


def eval_binary(evaluation: Evaluation, node: Binary, steps: Steps) -> Value:
    """The value of `left operator right`."""
    left = evaluation.eval(node.left, steps)
    right = evaluation.eval(node.right, steps)
    if isinstance(left, Scalar) and isinstance(right, Scalar):
        values, is_kept = computed(node.operator, left.values, right.values)
        return Scalar(is_kept.astype(np.float64) if node.operator in COMPARISONS else values)
    if isinstance(left, Vector) and isinstance(right, Vector):
        matching = node.matching or Matching()
        if node.operator in SET_OPERATORS:
            return merged(_set(node.operator, left, right, matching).compacted())
        return _matched(evaluation, node, *filled(left, right, matching), matching)
    return _with_scalar(evaluation, node, left, right)


def _with_scalar(evaluation: Evaluation, node: Binary, left: Value, right: Value) -> Vector:
    vector = left if isinstance(left, Vector) else right
    if not isinstance(vector, Vector) or isinstance(left, str) or isinstance(right, str):
        raise TypeError("a vector and a scalar expected")
    values, is_kept = computed(node.operator, left.values, right.values)
    if node.operator in COMPARISONS:
        values = np.where(is_kept, 1.0, 0.0) if node.is_bool else vector.values
    is_filter = node.operator in COMPARISONS and not node.is_bool
    is_number = vector.has_number
    present = is_number & is_kept if is_filter else is_number & _is_known(node.operator)
    histograms = None
    if vector.histograms is not None:
        present |= vector.has_histogram
        sides = [
            (side.values, side.histograms) if isinstance(side, Vector) else (_spread(side, values), None)
            for side in (left, right)
        ]
        values = np.ascontiguousarray(values).copy()
        histograms = in_pairs(
            evaluation,
            node.operator,
            node,
            sides[0],
            sides[1],
            values,
            present,
            is_bool=node.is_bool,
            keeps_right=isinstance(left, Scalar),
        )
    result = replace(vector, values=values, present=present, histograms=histograms).compacted()
    if changes_meaning(node.operator) or node.is_bool:
        result = nameless(result, is_late=evaluation.options.removes_names_late)
    return merged(result)


def _spread(scalar: Scalar, like: Floats) -> Floats:
    return np.broadcast_to(scalar.values, like.shape)


def _is_known(operator: str) -> bool:
    """Whether the operator has a meaning for numbers (those that trim histograms have none)."""
    return operator in ARITHMETIC or operator in COMPARISONS


def _set(operator: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    keys, rows_left, rows_right = _signatures(left, right, matching)
    count = left.present.shape[1]
    if operator == "or":
        taken = _any_present(left, rows_left, keys)
        return _stacked(left, replace(right, present=right.present & ~taken[rows_right]))
    given = _any_present(right, rows_right, keys) if keys else np.zeros((0, count), dtype=np.bool_)
    is_met = given[rows_left]
    return replace(left, present=left.present & (is_met if operator == "and" else ~is_met))


def _any_present(vector: Vector, rows: Ints, count: int) -> Bools:
    """By signature and step: whether any series is there."""
    out = np.zeros((count, vector.present.shape[1]), dtype=np.bool_)
    np.logical_or.at(out, rows, vector.present)
    return out


def _stacked(left: Vector, right: Vector) -> Vector:
    histograms = None
    if left.histograms is not None or right.histograms is not None:
        histograms = np.concatenate([_objects(left), _objects(right)])
    late = None
    if left.drops_name is not None or right.drops_name is not None:
        late = np.concatenate([left.late_names, right.late_names])
    return Vector(
        [*left.labels, *right.labels],
        np.concatenate([left.values, right.values]),
        np.concatenate([left.present, right.present]),
        histograms,
        late,
    )


def _objects(vector: Vector) -> np.ndarray[tuple[int, ...], np.dtype[np.object_]]:
    return np.full(vector.values.shape, None, dtype=np.object_) if vector.histograms is None else vector.histograms


def _signatures(left: Vector, right: Vector, matching: Matching) -> tuple[int, Ints, Ints]:
    """How many signatures there are, and which one each series has."""
    names = frozenset(matching.labels) if matching.is_on else frozenset((METRIC_NAME, *matching.labels))
    is_on = matching.is_on
    keys: dict[Labels, int] = {}
    rows: list[Ints] = []
    for side in (left, right):
        signatures = [tuple([pair for pair in labels if (pair[0] in names) == is_on]) for labels in side.labels]
        numbers = [keys.setdefault(signature, len(keys)) for signature in signatures]
        rows.append(np.array(numbers, dtype=np.int64))
    return len(keys), rows[0], rows[1]


def _matched(evaluation: Evaluation, node: Binary, left: Vector, right: Vector, matching: Matching) -> Vector:
    """Pairs of series with the same signature; `many` is the side that may have several of it."""
    steps_count = left.present.shape[1]
    if not left.labels or not right.labels:
        return empty(steps_count)
    is_swapped = matching.card == "one-to-many"
    many, one = (right, left) if is_swapped else (left, right)
    count, rows_many, rows_one = _signatures(many, one, matching)
    is_anyone: Bools = np.any(many.present, axis=0) & np.any(one.present, axis=0)
    _check_one_side(matching, one, rows_one, is_anyone, is_swapped=is_swapped)
    by_key: list[list[int]] = [[] for _ in range(count)]
    for row, key in enumerate(rows_one.tolist()):
        by_key[key].append(row)
    evaluation.check()
    evaluation.hold(sum(len(by_key[key]) for key in rows_many.tolist()) * steps_count)
    pairs = [(row, other) for row, key in enumerate(rows_many.tolist()) for other in by_key[key]]
    if not pairs:
        return empty(steps_count)
    index_many = np.array([pair[0] for pair in pairs], dtype=np.int64)
    index_one = np.array([pair[1] for pair in pairs], dtype=np.int64)
    side_many, side_one = many.rows(index_many), one.rows(index_one)
    both = side_many.present & side_one.present
    first, second = (side_one, side_many) if is_swapped else (side_many, side_one)
    values, is_kept = computed(node.operator, first.values, second.values)
    if node.operator in COMPARISONS:
        values = np.where(is_kept, 1.0, 0.0) if node.is_bool else first.values
    is_filter = node.operator in COMPARISONS and not node.is_bool
    labels = _result_labels(evaluation, node, matching, side_many.labels, side_one.labels)
    late = None
    if evaluation.options.removes_names_late:
        late = side_many.late_names | node.is_bool
    present = both & is_kept if is_filter else both & _is_known(node.operator)
    histograms = None
    if first.histograms is not None or second.histograms is not None:
        has_histogram = first.has_histogram | second.has_histogram
        present = np.where(has_histogram & both, True, present)
        values = np.ascontiguousarray(values).copy()
        histograms = in_pairs(
            evaluation,
            node.operator,
            node,
            (first.values, first.histograms),
            (second.values, second.histograms),
            values,
            present,
            is_bool=node.is_bool,
        )
    result = Vector(labels, values, present, histograms, late)
    _check_many_side(matching, labels, rows_many[index_many], both)
    return merged(result.compacted())


def _check_one_side(matching: Matching, one: Vector, rows: Ints, is_anyone: Bools, *, is_swapped: bool) -> None:
    if len(set(rows.tolist())) == len(rows):
        return
    seen: dict[int, list[int]] = {}
    for row, key in enumerate(rows.tolist()):
        seen.setdefault(key, []).append(row)
    for twins in seen.values():
        if len(twins) == 1:
            continue
        here = one.present[twins] & is_anyone
        columns = np.flatnonzero(here.sum(axis=0) > 1)
        if len(columns):
            first, second = np.flatnonzero(here[:, columns[0]])[:2].tolist()
            pair = sorted((written(one.labels[twins[first]]), written(one.labels[twins[second]])))
            group = written(match_labels(one.labels[twins[first]], matching))
            raise QueryError(
                f"found duplicate series for the match group {group} on the {'left' if is_swapped else 'right'} "
                f"hand-side of the operation: [{pair[0]}, {pair[1]}];"
                "many-to-many matching not allowed: matching labels must be unique on one side"
            )


def _check_many_side(matching: Matching, labels: Sequence[Labels], rows: Ints, both: Bools) -> None:
    """No two pairs may give the same thing at the same step, even where a filter would let none of them through."""
    is_one_to_one = matching.card == "one-to-one"
    keys: dict[object, list[int]] = {}
    for pair, row in enumerate(rows.tolist()):
        keys.setdefault(row if is_one_to_one else (row, labels[pair]), []).append(pair)
    for pairs in keys.values():
        if len(pairs) > 1 and (both[pairs].sum(axis=0) > 1).any():
            if is_one_to_one:
                raise QueryError(
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                )
            raise QueryError("multiple matches for labels: grouping labels must ensure unique matches")


def _result_labels(
    evaluation: Evaluation, node: Binary, matching: Matching, many: Sequence[Labels], one: Sequence[Labels]
) -> list[Labels]:
    is_dropped = changes_meaning(node.operator) or (node.is_bool and not evaluation.options.removes_names_late)
    drops = RESERVED if is_dropped else frozenset[str]()
    is_one_to_one = matching.card == "one-to-one"
    kept_names = frozenset(matching.labels) - drops if is_one_to_one and matching.is_on else None
    gone = drops | frozenset(matching.labels) if is_one_to_one else drops
    out: list[Labels] = []
    for labels, other in zip(many, one, strict=True):
        if kept_names is not None:
            kept = tuple([pair for pair in labels if pair[0] in kept_names])
        else:
            kept = tuple([pair for pair in labels if pair[0] not in gone])
        if matching.include:
            changed = dict(kept)
            found = dict(other)
            for name in matching.include:
                if found.get(name):
                    changed[name] = found[name]
                else:
                    changed.pop(name, None)
            kept = tuple(sorted(changed.items()))
        out.append(kept)
    return out


def written(labels: Labels) -> str:
    """Labels as Prometheus shows them in an error.

    >>> print(written((("__name__", "up"), ("job", "api"))))
    {__name__="up", job="api"}
    """
    return "{" + ", ".join(f"{name}={quoted(value)}" for name, value in labels) + "}"
