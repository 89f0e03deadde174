"""Test scripts of PromQL, in the language of Prometheus' own: `load` samples, `eval` a query and say what it gives.

A script is read at once; whatever is wrong with it is an `InputError` that names the line. Comments begin with `#` and
stand on lines of their own; an empty line ends a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from trimtab.model.errors import InputError
from trimtab.store.metrics.block import Labels
from trimtab.store.promql.script_series import SeriesValue, series_of, unquoted
from trimtab.store.promql.script_starts import split_starts, starts_of

_LOAD = re.compile(r"load(_with_nhcb)?\s+(\S+)")
_INSTANT = re.compile(r"eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)")
_RANGE = re.compile(r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)")
_EXPECT = re.compile(r"expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?")
_EXPECT_RANGE = re.compile(r"expect range vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)")
_UNITS_MS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]+){unit})?" for unit in _UNITS_MS))


@dataclass(frozen=True, slots=True)
class Load:
    """Samples of series, `step_ms` apart, from 0 on."""

    line: int
    step_ms: int
    series: tuple[tuple[Labels, list[SeriesValue | None], list[int | None] | None], ...]
    """Labels, values, and how long before its sample (ms, negative) each value began to count."""
    makes_native: bool
    """Whether classic histograms among them are stored as native ones, too."""


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget all samples."""

    line: int


@dataclass(frozen=True, slots=True)
class Message:
    """What a message has to be (`text`), or to match somewhere (`pattern`); neither: any message will do."""

    text: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """An expected series."""

    labels: Labels
    values: list[SeriesValue | None]


@dataclass(slots=True)
class Eval:
    """A query, and what it should give."""

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int
    is_range: bool
    is_ordered: bool = False
    fails: Message | None = None
    warnings: list[Message] = field(default_factory=list)
    infos: list[Message] = field(default_factory=list)
    no_warnings: bool = False
    no_infos: bool = False
    text: str | None = None
    number: float | None = None
    series: list[Series] = field(default_factory=list)
    is_range_vector: bool = False
    """An instant query that gives the samples of a range, `step_ms` apart from `start_ms` to `end_ms`."""


def commands_of(text: str) -> Iterator[Load | Clear | Eval]:
    """The commands of a script, in order.

    >>> script = '''
    ... load 1m
    ...   up 1+1x2
    ...
    ... eval instant at 2m up
    ...   up 3
    ... '''
    >>> [(type(command).__name__, command.line) for command in commands_of(script)]
    [('Load', 2), ('Eval', 5)]
    """
    lines = [line.strip() for line in text.splitlines()]
    lines = ["" if line.startswith("#") else line for line in lines]
    at = 0
    while at < len(lines):
        first, number = lines[at], at + 1
        at += 1
        if not first:
            continue
        word = first.split(None, 1)[0].lower()
        if word == "clear":
            yield Clear(number)
            continue
        block: list[str] = []
        while at < len(lines) and lines[at]:
            block.append(lines[at])
            at += 1
        try:
            if word.startswith("load"):
                yield _load(first, block, number)
            elif word.startswith("eval"):
                yield _eval(first, block, number)
            else:
                raise InputError(f"{word!r} is no command: load, clear and eval are")
        except InputError as wrong:
            raise InputError(f"line {number}: {wrong.message}", line=number) from wrong


def duration_ms(text: str) -> int:
    """A duration such as `1h30m`, or `0`.

    >>> duration_ms("1h30m"), duration_ms("15s500ms"), duration_ms("0")
    (5400000, 15500, 0)
    """
    match = _DURATION.fullmatch(text)
    if text == "0":
        return 0
    if not text or match is None:
        raise InputError(f"not a duration: {text!r}; such as 30s, 5m, 1h30m", text=text)
    return sum(int(count) * _UNITS_MS[unit] for unit, count in match.groupdict().items() if count)


def _load(first: str, block: list[str], line: int) -> Load:
    match = _LOAD.fullmatch(first)
    if match is None:
        raise InputError("not a load command: load[_with_nhcb] <step>")
    series: list[tuple[Labels, list[SeriesValue | None], list[int | None] | None]] = []
    waiting: tuple[Labels, list[int | None]] | None = None
    for text in block:
        starts = split_starts(text)
        if starts is not None:
            if waiting is not None:
                raise InputError("an @st line without a line of samples after it")
            waiting = series_of(starts[0])[0], starts_of(starts[1], duration_ms)
            continue
        labels, values = series_of(text)
        if waiting is not None and (waiting[0] != labels or len(waiting[1]) != len(values)):
            raise InputError("an @st line has other labels, or another number of values, than the line after it")
        series.append((labels, values, waiting[1] if waiting else None))
        waiting = None
    if waiting is not None:
        raise InputError("an @st line without a line of samples after it")
    return Load(line, duration_ms(match[2]), tuple(series), match[1] is not None)


def _eval(first: str, block: list[str], line: int) -> Eval:
    if match := _RANGE.fullmatch(first):
        start_ms, end_ms, step_ms = (duration_ms(match[group]) for group in (2, 3, 4))
        command = Eval(line, match[5], start_ms, end_ms, step_ms, is_range=True)
    elif match := _INSTANT.fullmatch(first):
        at_ms = duration_ms(match[2]) if match[2] else 0
        command = Eval(line, match[3], at_ms, at_ms, 0, is_range=False)
    else:
        raise InputError(
            "no eval command: eval instant at <time> <query>, or eval range from <time> to <time> step <time> <query>"
        )
    _old_form(command, match[1])
    for text in block:
        _expectation(command, text)
    if (command.warnings and command.no_warnings) or (command.infos and command.no_infos):
        raise InputError("a message is expected, and none")
    return command


def _old_form(command: Eval, word: str | None) -> None:
    if word == "fail":
        command.fails = Message()
    elif word == "warn":
        command.warnings.append(Message())
    elif word == "info":
        command.infos.append(Message())
    command.is_ordered = word == "ordered"


def _expectation(command: Eval, text: str) -> None:
    if command.fails is not None and text.startswith("expected_fail_message"):
        command.fails = Message(text=text.removeprefix("expected_fail_message").strip())
    elif command.fails is not None and text.startswith("expected_fail_regexp"):
        command.fails = Message(pattern=text.removeprefix("expected_fail_regexp").strip())
    elif match := _EXPECT_RANGE.fullmatch(text):
        command.start_ms, command.end_ms, command.step_ms = (duration_ms(match[group]) for group in (1, 2, 3))
        command.is_range_vector = True
    elif text.startswith("expect string"):
        command.text = unquoted(text.removeprefix("expect string").strip())
    elif text.split(" ", 1)[0] == "expect":
        _expect(command, text)
    elif (number := _number(text)) is not None:
        command.number = number
    else:
        labels, values = series_of(text)
        if len(values) > 1 and not command.is_range and not command.is_range_vector:
            raise InputError(f"several values of an instant query: {text!r}; say `expect range vector`")
        command.series.append(Series(labels, values))


def _expect(command: Eval, text: str) -> None:
    match = _EXPECT.fullmatch(text)
    if match is None:
        raise InputError(f"not an expectation: {text!r}; expect <type> [msg|regex]: <text>")
    kind, how, what = match[1], match[2], (match[3] or "").strip()
    message = Message(text=what) if how == "msg" else Message(pattern=what) if how == "regex" else Message()
    if kind == "ordered":
        command.is_ordered = True
    elif kind == "fail":
        command.fails = message
    elif kind in ("warn", "info"):
        (command.warnings if kind == "warn" else command.infos).append(message)
    elif kind == "no_warn":
        command.no_warnings = True
    else:
        command.no_infos = True


def _number(text: str) -> float | None:
    try:
        return float(int(text, 0))
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None
