"""Rules that differ in one label's value only are answered together.

`sum(rate(errors_total{service="a"}[5m])) > 3`, and the same for `b`, `c`, …, is one question:
`sum by (service) (rate(errors_total{service=~"a|b|c|…"}[5m])) > 3`, and each rule takes its rows. That is the same
answer wherever what is done with series happens within each value of the label; `keeps` says so, part by part, and
what it does not know for sure is asked alone.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace

from trimtab.store.metrics.block import METRIC_NAME, Matcher
from trimtab.store.promql.checks import SET_OPERATORS
from trimtab.store.promql.functions import ELEMENTWISE
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Matching,
    Matrix,
    Node,
    Paren,
    Selector,
    Subquery,
    Unary,
    walk,
)
from trimtab.store.promql.walks import NAMES as RANGE_FUNCTIONS

FAMILY_MIN = 2
"""Fewer rules than this are asked one by one."""
_META = frozenset("\\.+*?()|[]{}^$")
_PER_SERIES = frozenset((*RANGE_FUNCTIONS, *ELEMENTWISE, "round", "clamp", "clamp_min", "clamp_max", "timestamp"))
_PER_SERIES_OF_RANGES = frozenset(("deriv", "predict_linear", "quantile_over_time", "mad_over_time"))
_OF_BUCKETS = frozenset(("histogram_quantile", "histogram_fraction"))
_AGGREGATIONS = frozenset(("sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "quantile"))
_CHOOSING = frozenset(("topk", "bottomk"))


class Alone(Exception):
    """This part cannot be answered for several values at a time."""


@dataclass(frozen=True, slots=True)
class Family:
    """Expressions by their index: `values[i]` is the value that expression `members[i]` has for the label."""

    label: str
    members: tuple[int, ...]
    values: tuple[str, ...]
    tree: Node
    """One question for all of them; every series of its answer has the label."""
    is_kept: bool
    """Whether the answers of the expressions themselves have the label."""


def families_of(trees: Sequence[Node]) -> tuple[list[Family], list[int]]:
    """Families of expressions, and those that stand alone.

    >>> from trimtab.store.promql.parse import parse
    >>> trees = [parse(f'sum(rate(errors{{service="{one}"}}[5m])) > 3') for one in "abc"]
    >>> families, alone = families_of([*trees, parse("up == 0")])
    >>> families[0].label, families[0].values, families[0].tree.left.grouping, alone
    ('service', ('a', 'b', 'c'), ['service'], [3])
    """
    found: dict[Hashable, list[tuple[int, str]]] = {}
    choices: list[list[tuple[Hashable, str, str]]] = []
    for index, tree in enumerate(trees):
        choices.append([])
        for label, value in _candidates(tree):
            try:
                keeps(tree, label)
            except Alone:
                continue
            key = label, _shape(tree, label)
            choices[-1].append((key, label, value))
            found.setdefault(key, []).append((index, value))
    chosen: dict[Hashable, list[tuple[int, str, str]]] = {}
    alone: list[int] = []
    for index, mine in enumerate(choices):
        best = max(mine, key=lambda one: len(found[one[0]]), default=None)
        if best is None:
            alone.append(index)
        else:
            chosen.setdefault(best[0], []).append((index, best[1], best[2]))
    families = []
    for members in chosen.values():
        if len(members) < FAMILY_MIN:
            alone += [index for index, _, _ in members]
            continue
        label = members[0][1]
        values = tuple(value for _, _, value in members)
        tree = trees[members[0][0]]
        question = _widened(tree, label, _pattern(label, values))
        families.append(Family(label, tuple(index for index, _, _ in members), values, question, keeps(tree, label)))
    return families, sorted(alone)


def _candidates(tree: Node) -> list[tuple[str, str]]:
    """Labels that every selector wants to have one and the same value."""
    common: dict[str, str] | None = None
    for node in walk(tree):
        if not isinstance(node, Selector):
            continue
        for matchers in node.alternatives:
            here = {one.name: one.value for one in matchers if one.op == "=" and one.value and one.name != METRIC_NAME}
            if len(here) < sum(one.op == "=" and bool(one.value) and one.name != METRIC_NAME for one in matchers):
                return []  # one label with two values
            common = here if common is None else {name: v for name, v in common.items() if here.get(name) == v}
    return sorted((common or {}).items())


def keeps(node: Node, label: str) -> bool:
    """Whether the answer of a part has the label; `Alone` where the part cannot be widened."""
    match node:
        case Paren() | Unary():
            return keeps(node.expression, label)
        case Selector():
            if node.extension:
                raise Alone
            return True
        case Matrix():  # what is `anchored` or `smoothed` is so series by series
            return keeps(replace(node.selector, extension=""), label)
        case Subquery():
            return keeps(node.expression, label)
        case Call():
            return _keeps_call(node, label)
        case Aggregate():
            return _keeps_aggregate(node, label)
        case Binary():
            return _keeps_binary(node, label)
        case _:
            raise Alone


def _keeps_call(node: Call, label: str) -> bool:
    if node.name in _OF_BUCKETS and label == "le":
        raise Alone
    if node.name not in _PER_SERIES | _PER_SERIES_OF_RANGES | _OF_BUCKETS:
        raise Alone
    inner = [one for one in node.arguments if not _is_constant(one)]
    if len(inner) != 1:
        raise Alone
    return keeps(inner[0], label)


def _keeps_aggregate(node: Aggregate, label: str) -> bool:
    if node.operator not in _AGGREGATIONS | _CHOOSING or (
        node.parameter is not None and not _is_constant(node.parameter)
    ):
        raise Alone
    inner = keeps(node.expression, label)
    if node.operator in _CHOOSING:
        return inner
    return inner and (label in node.grouping) != node.is_without


def _keeps_binary(node: Binary, label: str) -> bool:
    if _is_constant(node.left):
        return keeps(node.right, label)
    if _is_constant(node.right):
        return keeps(node.left, label)
    left, right = keeps(node.left, label), keeps(node.right, label)
    matching = node.matching or Matching()
    is_in_match = (label in matching.labels) == matching.is_on
    if matching.is_filled or label in matching.include or (is_in_match and left != right):
        raise Alone
    if node.operator in SET_OPERATORS:
        if node.operator == "or" and left != right:
            raise Alone
        return left
    if matching.card == "many-to-one":
        return left
    if matching.card == "one-to-many":
        return right
    return left and is_in_match


def _is_constant(node: Node) -> bool:
    """A number, whatever the series are."""
    return node.type == "scalar" and not any(isinstance(part, Selector | Subquery | Aggregate) for part in walk(node))


def _widened(node: Node, label: str, pattern: Matcher) -> Node:
    """The same part for all values; `keeps` was asked before."""
    match node:
        case Paren() | Unary() | Subquery():
            return replace(node, expression=_widened(node.expression, label, pattern))
        case Selector():
            wider = [[pattern if _is_value(one, label) else one for one in matchers] for matchers in node.alternatives]
            return replace(node, alternatives=wider)
        case Matrix():
            selector = _widened(node.selector, label, pattern)
            return replace(node, selector=selector) if isinstance(selector, Selector) else node
        case Call():
            arguments = [one if _is_constant(one) else _widened(one, label, pattern) for one in node.arguments]
            return replace(node, arguments=arguments)
        case Aggregate():
            return replace(
                node,
                expression=_widened(node.expression, label, pattern),
                grouping=_with(node.grouping, label, is_in=not node.is_without),
            )
        case Binary():
            left = node.left if _is_constant(node.left) else _widened(node.left, label, pattern)
            right = node.right if _is_constant(node.right) else _widened(node.right, label, pattern)
            matching = node.matching
            if matching is not None:
                matching = replace(matching, labels=_with(matching.labels, label, is_in=matching.is_on))
            return replace(node, left=left, right=right, matching=matching)
        case _:
            raise Alone


def _is_value(matcher: Matcher, label: str) -> bool:
    return matcher.name == label and matcher.op == "=" and bool(matcher.value)


def _with(names: Iterable[str], label: str, *, is_in: bool) -> list[str]:
    rest = [name for name in names if name != label]
    return [*rest, label] if is_in else rest


def _pattern(label: str, values: Sequence[str]) -> Matcher:
    """A condition that is true for all of these values; it stands where the one value stood."""
    different = sorted(set(values))
    if len(different) == 1:
        return Matcher(label, "=", different[0])
    return Matcher(label, "=~", "|".join(escaped(value) for value in different))


def escaped(value: str) -> str:
    """A regular expression that means just this text."""
    return "".join(f"\\{char}" if char in _META else char for char in value)


def _shape(node: Node, label: str) -> Hashable:
    """What is the same in expressions of one family: all but places in the text and the value of the label."""
    if not is_dataclass(node):
        raise TypeError(f"a node expected, got {type(node).__name__}")
    parts: list[Hashable] = [type(node).__name__]
    for field in fields(node):
        if field.name in ("start", "end"):
            continue
        parts.append(_shape_of_value(getattr(node, field.name), label))
    return tuple(parts)


def _shape_of_value(value: object, label: str) -> Hashable:
    match value:
        case Node():
            return _shape(value, label)
        case Matching():
            return tuple(_shape_of_value(getattr(value, field.name), label) for field in fields(value))
        case Matcher():
            return (value.name, value.op, "" if _is_value(value, label) else value.value)
        case list():
            return tuple(_shape_of_value(one, label) for one in value)
        case float() if math.isnan(value):
            return "nan"
        case None | str() | int() | float():
            return value
        case _:
            raise TypeError(f"a part of a query of type {type(value).__name__}")


def shape_of(node: Node) -> Hashable:
    """The same for expressions that say the same, however they are written."""
    return _shape(node, "")


def split(labels: Iterable[tuple[tuple[str, str], ...]], label: str) -> Mapping[str, list[int]]:
    """Rows by the value that they have for the label."""
    rows: dict[str, list[int]] = {}
    for row, pairs in enumerate(labels):
        for name, value in pairs:
            if name == label:
                rows.setdefault(value, []).append(row)
                break
    return rows
