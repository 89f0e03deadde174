"""Durations in brackets and after `offset`: numbers, and arithmetic with them (`[1h/2]`, `[step()+1m]`).

`step()` and `range()` are the step and the range of the query itself; where none is known (the text is only looked at),
both count as a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.store.promql.reader import Reader

EXPECTED = "number, duration, step(), or range()"
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 3}
_UNARY_BINDING = 2


@dataclass(frozen=True, slots=True)
class QueryTimes:
    """Step and range of the query that a duration stands in, in seconds."""

    step_s: float = 1.0
    range_s: float = 1.0


@dataclass(frozen=True, slots=True)
class _Duration:
    """In seconds; a literal is rounded to milliseconds, what was computed is cut off."""

    value_s: float
    is_literal: bool


def range_ms(reader: Reader, context: str, expected: str = EXPECTED) -> int:
    """Milliseconds of what stands in brackets; more than nothing."""
    first = reader.word.start
    duration = _expression(reader, 0, context, expected)
    if not duration.value_s > 0:
        raise reader.error(first, "duration must be greater than 0")
    return _milliseconds(reader, first, duration)


def offset_ms(reader: Reader) -> int:
    """Milliseconds of an offset: one operand with a sign; arithmetic needs parentheses here."""
    first = reader.word.start
    sign = -1.0 if reader.is_at("-") else 1.0
    if reader.is_at("+", "-"):
        reader.take()
    duration = _operand(reader, "offset", EXPECTED)
    return _milliseconds(reader, first, _Duration(sign * duration.value_s, duration.is_literal))


def _milliseconds(reader: Reader, first: int, duration: _Duration) -> int:
    if not math.isfinite(duration.value_s):
        raise reader.error(first, "duration is NaN or infinite")
    if not abs(duration.value_s) < 2**63 / 1e9:
        raise reader.error(first, "duration out of range")
    value_ms = duration.value_s * 1000
    return math.floor(value_ms + 0.5) if duration.is_literal else math.trunc(value_ms)


def _expression(reader: Reader, binding_min: int, context: str, expected: str) -> _Duration:
    with reader.deeper():
        if reader.is_at("+", "-"):
            sign = -1.0 if reader.take().text == "-" else 1.0
            inner = _expression(reader, _UNARY_BINDING, context, expected)
            left = _Duration(sign * inner.value_s, inner.is_literal)
        else:
            left = _operand(reader, context, expected)
        while reader.is_at(*_BINDING) and _BINDING[reader.word.text] > binding_min:
            operator = reader.take()
            binding = _BINDING[operator.text] - (1 if operator.text == "^" else 0)
            right = _expression(reader, binding, context, expected)
            if operator.text in "/%" and right.value_s == 0:
                what = "division" if operator.text == "/" else "modulo"
                raise reader.error(operator.start, f"{what} by zero")
            left = _Duration(_computed(operator.text, left.value_s, right.value_s), is_literal=False)
        return left


def _operand(reader: Reader, context: str, expected: str) -> _Duration:
    if reader.word.kind in ("number", "duration"):
        return _Duration(reader.number().value, is_literal=True)
    if reader.is_at("("):
        reader.take()
        inner = _expression(reader, 0, context, expected)
        reader.expect(")", context, '")"')
        return inner
    if reader.is_at("step", "range"):
        name = reader.take().text
        reader.expect("(", context, '"("')
        reader.expect(")", context, '")"')
        return _Duration(reader.times.step_s if name == "step" else reader.times.range_s, is_literal=False)
    if reader.is_at("min_of", "max_of"):
        chosen: Callable[[float, float], float] = min if reader.take().text == "min_of" else max
        reader.expect("(", context, '"("')
        left = _expression(reader, 0, context, expected)
        reader.expect(",", context, '","')
        right = _expression(reader, 0, context, expected)
        reader.expect(")", context, '")"')
        return _Duration(chosen(left.value_s, right.value_s), is_literal=False)
    raise reader.unexpected(context, expected)


def _computed(operator: str, left: float, right: float) -> float:
    if operator == "+":
        return left + right
    if operator == "-":
        return left - right
    if operator == "*":
        return left * right
    if operator == "/":
        return left / right
    if operator == "%":
        return math.fmod(left, right)
    try:
        power = left**right
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return power if isinstance(power, float) else math.nan
