"""Binary operators between two values of which at least one is a native histogram."""

from __future__ import annotations

from typing import NamedTuple

from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_sum import MixedSchemas, added, subtracted
from trimtab.store.promql.histogram_trim import trimmed
from trimtab.store.promql.notes import (
    Note,
    Operation,
    bounds_reconciled,
    conflicting_resets,
    incompatible_layout,
    incompatible_types,
)

Value = float | FloatHistogram


class Combined(NamedTuple):
    """What came of it; `value` is None where nothing did (a comparison that is false, or types that do not fit)."""

    value: Value | None
    note: Note | None = None
    fits: bool = True
    """Whether the operator has a meaning for the two: where it has none, `bool` gives no 0 either."""


def combined(operator: str, left: Value, right: Value) -> Combined:
    """`left operator right`; a comparison gives `left` or nothing.

    >>> one = FloatHistogram(count=3.0, sum=4.5)
    >>> combined("*", 2.0, one).value.sum
    9.0
    >>> combined("+", one, 1.0).note.text
    'incompatible sample types encountered for binary operator "+": histogram + float'
    """
    if isinstance(left, FloatHistogram) and isinstance(right, FloatHistogram):
        return _both(operator, left, right)
    if isinstance(left, FloatHistogram) and isinstance(right, float):
        if operator == "*":
            return Combined(left.scaled(right).compacted())
        if operator == "/":
            return Combined(left.divided(right).compacted())
        if operator in ("</", ">/"):
            return Combined(trimmed(left, right, is_upper=operator == "</"))
    elif isinstance(right, FloatHistogram) and isinstance(left, float) and operator == "*":
        return Combined(right.scaled(left).compacted())
    return _nothing(operator, left, right)


def same(left: FloatHistogram, right: FloatHistogram) -> bool:
    """Whether two histograms have the same layout and the same counts, whatever their hints (NaN is like NaN)."""
    return repr(left.with_hint("unknown")) == repr(right.with_hint("unknown"))


def _both(operator: str, left: FloatHistogram, right: FloatHistogram) -> Combined:
    if operator in ("==", "!="):
        return Combined(left if same(left, right) == (operator == "==") else None)
    if operator not in ("+", "-"):
        return _nothing(operator, left, right)
    try:
        total, met = (added if operator == "+" else subtracted)(left, right)
    except MixedSchemas:
        return Combined(None, incompatible_layout(operator), fits=False)
    operation: Operation = "addition" if operator == "+" else "subtraction"
    if met.hints_conflict:
        return Combined(None, conflicting_resets(operation), fits=False)
    if operator == "-":
        total = total.with_hint("gauge")
    return Combined(total, bounds_reconciled(operation) if met.bounds_differ else None)


def _nothing(operator: str, left: Value, right: Value) -> Combined:
    kinds = ["histogram" if isinstance(side, FloatHistogram) else "float" for side in (left, right)]
    return Combined(None, incompatible_types(kinds[0], operator, kinds[1]), fits=False)
