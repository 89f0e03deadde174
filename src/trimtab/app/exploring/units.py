"""The unit of what a query gives, from the names of its metrics: `_seconds`, `_bytes`, `_ratio`, `_total` under `rate`.

A unit is a quantity and a count of "per second": what is added keeps its unit, what is divided loses what both sides
have. What is not certain has no unit: a wrong one is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from trimtab.store.promql.lexer import words
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    Subquery,
    Unary,
)

SUFFIXES = {
    "seconds": "s",
    "milliseconds": "ms",
    "bytes": "bytes",
    "ratio": "ratio",
    "percent": "%",
}
"""How names of metrics end, as OpenMetrics wants it, and what it means."""
_PARTS = ("total", "sum", "bucket", "created", "count")
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_RATES = frozenset({"rate", "irate", "deriv"})
_KEPT = frozenset(
    words(
        """abs ceil clamp clamp_max clamp_min delta double_exponential_smoothing first_over_time floor histogram_avg
    histogram_quantile histogram_stddev histogram_sum holt_winters idelta increase label_join label_replace
    last_over_time mad_over_time max_over_time min_over_time avg_over_time predict_linear quantile_over_time round
    scalar sort sort_by_label sort_by_label_desc sort_desc stddev_over_time sum_over_time vector"""
    )
)
"""Functions that give what they take, in its unit."""
_COUNTING = frozenset({"count", "count_values", "group", "stdvar"})

UnitTold = Callable[[str], str]


class Unit(NamedTuple):
    """A quantity ('' for a plain number), so many times per second; `is_known` False: nobody can say."""

    quantity: str = ""
    per_s: int = 0
    is_known: bool = True


PLAIN, UNKNOWN = Unit(), Unit(is_known=False)


def unit_of_query(tree: Node, told: UnitTold = lambda _metric: "") -> str:
    """The unit as charts have it.

    >>> from trimtab.store.promql.parse import parse
    >>> def unit(text): return unit_of_query(parse(text))
    >>> unit("rate(requests_total[5m])"), unit("sum(rate(sent_bytes_total[5m]))"), unit("free_bytes")
    ('/s', 'bytes/s', 'bytes')
    >>> unit("histogram_quantile(0.9, rate(took_seconds_bucket[5m]))"), unit("a_bytes / b_bytes"), unit("up")
    ('s', '', '')
    >>> unit("rate(took_seconds_sum[5m]) / rate(took_seconds_count[5m])"), unit("rate(cpu_seconds_total[5m])")
    ('s', 's/s')
    """
    found = _unit(tree, told)
    if not found.is_known or found.per_s not in (0, 1) or (found.per_s and found.quantity in ("ratio", "%")):
        return ""
    return f"{found.quantity}/s" if found.per_s else found.quantity


def unit_of_metric(name: str, told: UnitTold) -> Unit:
    """By its name, else by what its sender said of it."""
    parts = name.replace(":", "_").split("_")
    is_count = parts[-1] in ("count", "bucket")
    while len(parts) > 1 and parts[-1] in _PARTS:
        parts.pop()
    if parts[-1] in SUFFIXES:
        quantity = SUFFIXES[parts[-1]]
    else:
        said = told(name)
        quantity = SUFFIXES.get(said, "")
    return Unit("" if is_count and not name.endswith("_bucket") else quantity)


def _unit(node: Node, told: UnitTold) -> Unit:
    match node:
        case Number():
            return PLAIN
        case Selector():
            return unit_of_metric(node.name, told) if node.name else UNKNOWN
        case Matrix():
            return _unit(node.selector, told)
        case Paren() | Unary() | Subquery():
            return _unit(node.expression, told)
        case Aggregate():
            return PLAIN if node.operator in _COUNTING else _unit(node.expression, told)
        case Call():
            return _of_call(node, told)
        case Binary():
            return _of_binary(node, _unit(node.left, told), _unit(node.right, told))
        case _:
            return UNKNOWN


def _of_call(node: Call, told: UnitTold) -> Unit:
    inner = next((one for one in node.arguments if one.type in ("vector", "matrix")), None)
    if inner is None:
        return _unit(node.arguments[0], told) if node.name in _KEPT and node.arguments else UNKNOWN
    unit = _unit(inner, told)
    if node.name in _RATES:
        return unit._replace(per_s=unit.per_s + 1)
    if node.name in ("histogram_quantile", "histogram_avg", "histogram_stddev"):
        return unit._replace(per_s=0)  # buckets that are rates stand for the same observations
    if node.name == "histogram_count":
        return Unit("", unit.per_s, unit.is_known)
    return unit if node.name in _KEPT else PLAIN if node.name.endswith("_over_time") else UNKNOWN


def _of_binary(node: Binary, left: Unit, right: Unit) -> Unit:
    if node.operator in _COMPARISONS:
        return PLAIN if node.is_bool else left
    if node.operator in ("and", "unless"):
        return left
    if node.operator == "or":
        return left if left == right else UNKNOWN
    if not left.is_known or not right.is_known:
        return UNKNOWN
    if node.operator in ("+", "-"):
        return left if right in (left, PLAIN) else right if left == PLAIN else UNKNOWN
    scales = isinstance(node.left, Number) or isinstance(node.right, Number)
    if node.operator == "*":
        return _scaled(left if right == PLAIN else right if left == PLAIN else UNKNOWN, scales=scales)
    if node.operator == "/":
        if left.quantity == right.quantity:
            return Unit("", left.per_s - right.per_s)
        if right.quantity == "":
            return _scaled(Unit(left.quantity, left.per_s - right.per_s), scales=scales)
    return UNKNOWN


def _scaled(unit: Unit, *, scales: bool) -> Unit:
    """Times or divided by a written number: bytes times 8 are bits, a ratio times 100 is percent."""
    return UNKNOWN if scales and unit.quantity else unit
