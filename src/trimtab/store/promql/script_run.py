"""Runs test scripts: each `eval` as it is written; an instant query also within a range, and pinned with `@`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from trimtab.model.errors import InputError
from trimtab.store.metrics.matching import compile_pattern
from trimtab.store.promql.evaluate import evaluate_instant, evaluate_range
from trimtab.store.promql.options import Options
from trimtab.store.promql.script import Clear, Eval, Load, Message, commands_of
from trimtab.store.promql.script_compare import (
    Row,
    Value,
    matrix_difference,
    scalar_difference,
    vector_difference,
)
from trimtab.store.promql.script_pinned import pinned, times_of
from trimtab.store.promql.script_source import ScriptSource

if TYPE_CHECKING:
    from trimtab.store.promql.answer import Answer

_LOOKS_AT_THE_RANGE = re.compile(r"(start|end|range|step)\(\)")
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one evaluation; `difference` is None where all is as expected."""

    line: int
    query: str
    difference: str | None


def run_script(text: str, options: Options | None = None) -> Iterator[Outcome]:
    """The outcomes of a script's evaluations, in order.

    Raises InputError with the line where the script cannot be read, or its samples cannot be loaded.

    >>> script = '''
    ... load 1m
    ...   up 1+1x2
    ...
    ... eval instant at 2m up * 2
    ...   {} 5
    ... '''
    >>> [outcome.difference for outcome in run_script(script)]
    ['{}: expected 5, but got 6']
    """
    source, options = ScriptSource(), options or Options()
    for command in commands_of(text):
        if isinstance(command, Load):
            try:
                source.load(command)
            except InputError as wrong:
                raise InputError(f"line {command.line}: {wrong.message}", line=command.line) from wrong
        elif isinstance(command, Clear):
            source.clear()
        else:
            yield Outcome(command.line, command.query, _difference(command, source, options))


def _difference(command: Eval, source: ScriptSource, options: Options) -> str | None:
    if command.is_range:
        return _of_range(command, source, options)
    wrong = _of_instant(command, command.query, command.start_ms, source, options)
    if wrong or command.fails:
        return wrong
    at_ms = command.end_ms if command.is_range_vector else command.start_ms
    query = pinned(command.query, at_ms)
    if query is None:
        return None
    for other_ms in times_of(at_ms):
        wrong = _of_instant(command, query, other_ms, source, options)
        if wrong:
            return f"{query} at {other_ms} ms: {wrong}"
    return None


def _of_range(command: Eval, source: ScriptSource, options: Options) -> str | None:
    try:
        answer = evaluate_range(source, command.query, command.start_ms, command.end_ms, command.step_ms, options)
    except InputError as failed:
        return _failure(command, failed)
    if command.fails is not None:
        return "expected an error, but got none"
    rows = _rows_of(answer)
    if [row.labels for row in rows] != sorted(row.labels for row in rows):
        return "the series of a range are not sorted by their labels"
    return _messages(command, answer) or matrix_difference(command, rows)


def _of_instant(command: Eval, query: str, at_ms: int, source: ScriptSource, options: Options) -> str | None:
    if command.is_range_vector and query == command.query:
        at_ms = command.end_ms
    try:
        answer = evaluate_instant(source, query, at_ms, options)
    except InputError as failed:
        return _failure(command, failed)
    if command.fails is not None:
        return "expected an error, but got none"
    wrong = _messages(command, answer) or _instant_difference(command, answer)
    if wrong or answer.kind in ("string", "matrix") or _LOOKS_AT_THE_RANGE.search(query):
        return wrong
    try:
        answer = evaluate_range(source, query, at_ms - _MINUTE_MS, at_ms + _MINUTE_MS, _MINUTE_MS, options)
    except InputError as failed:
        return f"as part of a range: {failed.message}"
    if command.is_ordered:
        return None
    rows = [replace(row, points=tuple(point for point in row.points if point[0] == at_ms)) for row in _rows_of(answer)]
    rows = [row for row in rows if row.points]
    if command.number is not None:
        number = rows[0].points[0][1] if rows else None
        wrong = scalar_difference(command, number) if isinstance(number, float) else "no number"
    else:
        wrong = vector_difference(command, rows)
    return wrong and f"as part of a range: {wrong}"


def _instant_difference(command: Eval, answer: Answer) -> str | None:
    if answer.kind == "string":
        return None if answer.text == (command.text or "") else f"expected {command.text!r}, but got {answer.text!r}"
    if command.text is not None:
        return f"expected {command.text!r}, but got a {answer.kind}"
    if answer.kind == "scalar":
        return scalar_difference(command, float(answer.values[0, 0]))
    if answer.kind == "matrix":
        return matrix_difference(command, sorted(_rows_of(answer), key=lambda row: row.labels))
    return vector_difference(command, _rows_of(answer))


def _rows_of(answer: Answer) -> list[Row]:
    block = answer.block
    if block is not None:
        rows = []
        for index, labels in enumerate(block.labels):
            places = range(int(block.offsets[index]), int(block.offsets[index + 1]))
            points = tuple(
                (int(block.at_ms[place]), _value(block.histograms and block.histograms[place], block.values[place]))
                for place in places
            )
            rows.append(Row(labels, points))
        return rows
    rows = []
    for index in range(len(answer.values)):
        labels = answer.labels[index] if answer.kind != "scalar" else ()
        points = tuple(
            (int(at_ms), _value(answer.histograms is not None and answer.histograms[index, step], value))
            for step, (at_ms, value) in enumerate(zip(answer.at_ms, answer.values[index], strict=True))
            if answer.present[index, step]
        )
        if points:
            rows.append(Row(labels, points))
    return rows


def _value(histogram: object, number: float) -> Value:
    from trimtab.store.promql.histogram import FloatHistogram

    return histogram if isinstance(histogram, FloatHistogram) else float(number)


def _failure(command: Eval, failed: InputError) -> str | None:
    if command.fails is None:
        return failed.message
    if _fits(command.fails, failed.message):
        return None
    return f"expected an error {_wanted(command.fails)}, but got {failed.message!r}"


def _messages(command: Eval, answer: Answer) -> str | None:
    if command.no_warnings and answer.warnings:
        return f"unexpected warnings: {list(answer.warnings)}"
    if command.no_infos and answer.infos:
        return f"unexpected infos: {list(answer.infos)}"
    return _messages_of("warning", command.warnings, answer.warnings) or _messages_of(
        "info", command.infos, answer.infos
    )


def _messages_of(kind: Literal["warning", "info"], wanted: Sequence[Message], seen: Sequence[str]) -> str | None:
    if not wanted:
        return None
    if not seen:
        return f"expected an annotation ({kind} {_wanted(wanted[0])}), but got none"
    for message in wanted:
        if not any(_fits(message, text) for text in seen):
            return f"no {kind} {_wanted(message)} is among {list(seen)}"
    for text in seen:
        if not any(_fits(message, text) for message in wanted):
            return f"unexpected {kind}: {text!r}"
    return None


def _fits(message: Message, text: str) -> bool:
    if message.text is not None:
        return message.text == text
    return message.pattern is None or compile_pattern(f".*(?:{message.pattern}).*").fullmatch(text) is not None


def _wanted(message: Message) -> str:
    if message.text is not None:
        return repr(message.text)
    return "of any kind" if message.pattern is None else f"that matches {message.pattern!r}"
