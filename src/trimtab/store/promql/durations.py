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
    from trimtab.store.promql.parse import Parser

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


def range_ms(parser: Parser, context: str, expected: str = EXPECTED) -> int:
    """Milliseconds of what stands in brackets; more than nothing."""
    first = parser.word.start
    duration = _expression(parser, 0, context, expected)
    if not duration.value_s > 0:
        raise parser.error(first, "duration must be greater than 0")
    return _milliseconds(parser, first, duration)


def offset_ms(parser: Parser) -> int:
    """Milliseconds of an offset: one operand with a sign; arithmetic needs parentheses here."""
    first = parser.word.start
    sign = -1.0 if parser.is_at("-") else 1.0
    if parser.is_at("+", "-"):
        parser.take()
    duration = _operand(parser, "offset", EXPECTED)
    return _milliseconds(parser, first, _Duration(sign * duration.value_s, duration.is_literal))


def _milliseconds(parser: Parser, first: int, duration: _Duration) -> int:
    if not math.isfinite(duration.value_s):
        raise parser.error(first, "duration is NaN or infinite")
    if not abs(duration.value_s) < 2**63 / 1e9:
        raise parser.error(first, "duration out of range")
    value_ms = duration.value_s * 1000
    return math.floor(value_ms + 0.5) if duration.is_literal else math.trunc(value_ms)


def _expression(parser: Parser, binding_min: int, context: str, expected: str) -> _Duration:
    with parser.deeper():
        if parser.is_at("+", "-"):
            sign = -1.0 if parser.take().text == "-" else 1.0
            inner = _expression(parser, _UNARY_BINDING, context, expected)
            left = _Duration(sign * inner.value_s, inner.is_literal)
        else:
            left = _operand(parser, context, expected)
        while parser.is_at(*_BINDING) and _BINDING[parser.word.text] > binding_min:
            operator = parser.take()
            binding = _BINDING[operator.text] - (1 if operator.text == "^" else 0)
            right = _expression(parser, binding, context, expected)
            if operator.text in "/%" and right.value_s == 0:
                what = "division" if operator.text == "/" else "modulo"
                raise parser.error(operator.start, f"{what} by zero")
            left = _Duration(_computed(operator.text, left.value_s, right.value_s), is_literal=False)
        return left


def _operand(parser: Parser, context: str, expected: str) -> _Duration:
    if parser.word.kind in ("number", "duration"):
        return _Duration(parser.number().value, is_literal=True)
    if parser.is_at("("):
        parser.take()
        inner = _expression(parser, 0, context, expected)
        parser.expect(")", context, '")"')
        return inner
    if parser.is_at("step", "range"):
        name = parser.take().text
        parser.expect("(", context, '"("')
        parser.expect(")", context, '")"')
        return _Duration(parser.times.step_s if name == "step" else parser.times.range_s, is_literal=False)
    if parser.is_at("min_of", "max_of"):
        chosen: Callable[[float, float], float] = min if parser.take().text == "min_of" else max
        parser.expect("(", context, '"("')
        left = _expression(parser, 0, context, expected)
        parser.expect(",", context, '","')
        right = _expression(parser, 0, context, expected)
        parser.expect(")", context, '")"')
        return _Duration(chosen(left.value_s, right.value_s), is_literal=False)
    raise parser.unexpected(context, expected)


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
