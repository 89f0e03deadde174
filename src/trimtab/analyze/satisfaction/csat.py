"""Answers of people (CSAT): files with a time and a score in each line.

    time,score
    2026-11-25T10:00:00Z,5

Columns are found by their names (`time` or `timestamp` or `date`; `score` or `rating`); others are left alone, and
never kept: what people wrote is theirs. A line that is wrong is refused with its number, and the others count.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError

TIME_NAMES = ("time", "timestamp", "date", "created_at")
SCORE_NAMES = ("score", "rating", "csat")
LINES_MAX = 1_000_000
TOLD_MAX = 20
FIELD_CHARS_MAX = 131_072
T_90 = 1.645
"""Of the normal distribution, so that 9 times in 10 the mean lies in the interval (too narrow below 30 answers)."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that does not count, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What a file says: of each answer its moment, score and line. `refused_count` lines are left out, of which
    `refused` are the first."""

    at_ms: NDArray[np.int64]
    scores: NDArray[np.float64]
    lines: NDArray[np.int64]
    refused_count: int
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """The mean of answers with its interval (9 times in 10), on the scale from `scale_low` to `scale`."""

    mean: float
    low: float
    high: float
    count: int
    scale: float


def read_csat(lines: Iterable[str], scale: float, name: str = "the file") -> Answers:
    """Read a file; InputError where its head has no time or no score.

    >>> found = read_csat(["time,score", "2026-11-25T10:00:00Z,5", "yesterday,4", "2026-11-25,6", "2026-11-26,4"], 5)
    >>> found.scores.tolist(), [(one.line, one.reason) for one in found.refused]
    ([5.0, 4.0], [(3, "'yesterday' is no time, such as 2026-11-25T10:00:00Z"),
    (4, 'a score lies from 0 to 5, found 6')])
    """
    reader = csv.reader(_bounded(lines, name), strict=True)
    try:
        head = [cell.strip().lower().lstrip("\ufeff") for cell in next(reader, [])]
    except csv.Error as error:
        raise InputError(f"{name}, line 1: this is no CSV: {error}", file=name, line=1) from None
    time_at, score_at = _place(head, TIME_NAMES, name), _place(head, SCORE_NAMES, name)
    at_ms: list[int] = []
    scores: list[float] = []
    numbers: list[int] = []
    refused: list[Refused] = []
    count = 0
    while True:
        try:
            row = next(reader, None)
            if row is None:
                break
            if not row:
                continue
            at_ms_of, score = _moment_ms(_cell(row, time_at)), _score(_cell(row, score_at), scale)
        except (csv.Error, ValueError) as error:
            count += 1
            if len(refused) < TOLD_MAX:
                refused.append(Refused(reader.line_num, str(error)))
            continue
        at_ms.append(at_ms_of)
        scores.append(score)
        numbers.append(reader.line_num)
    made = np.array(at_ms, np.int64), np.array(scores, np.float64), np.array(numbers, np.int64)
    return Answers(*made, count, tuple(refused))


def without_future(answers: Answers, now_ms: int) -> Answers:
    """The same as of a moment: who answered after it is refused until then (a clock or a year is wrong).

    >>> answers = read_csat(["time,score", "2026-11-25,5", "2027-01-01,1"], 5)
    >>> found = without_future(answers, 1_795_651_200_000)
    >>> found.scores.tolist(), found.refused_count, found.refused
    ([5.0], 1, (Refused(line=3, reason='2027-01-01T00:00:00Z lies in the future'),))
    """
    ahead = answers.at_ms > now_ms
    count = int(ahead.sum())
    if not count:
        return answers
    found = [
        Refused(line, f"{dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC):%Y-%m-%dT%H:%M:%SZ} lies in the future")
        for at_ms, line in zip(*(of[ahead][:TOLD_MAX].tolist() for of in (answers.at_ms, answers.lines)), strict=True)
    ]
    told = sorted((*answers.refused, *found), key=lambda one: one.line)[:TOLD_MAX]
    kept = ~ahead
    counts = answers.refused_count + count
    return Answers(answers.at_ms[kept], answers.scores[kept], answers.lines[kept], counts, tuple(told))


def satisfaction_of(answers: Answers, scale: float, from_ms: int, to_ms: int) -> Satisfaction | None:
    """Of the answers in `(from_ms, to_ms]`; None where there are none."""
    scores = answers.scores[(answers.at_ms > from_ms) & (answers.at_ms <= to_ms)]
    if not len(scores):
        return None
    mean = float(scores.mean())
    spread = float(scores.std(ddof=1)) / math.sqrt(len(scores)) if len(scores) > 1 else scale
    return Satisfaction(mean, max(mean - T_90 * spread, 0.0), min(mean + T_90 * spread, scale), len(scores), scale)


def _bounded(lines: Iterable[str], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if number > LINES_MAX:
            raise InputError(f"{name} has more than {LINES_MAX} lines, which is the limit", file=name, limit=LINES_MAX)
        if len(line) > FIELD_CHARS_MAX:
            raise InputError(
                f"{name}, line {number} has more than {FIELD_CHARS_MAX} characters", file=name, line=number
            )
        yield line


def _place(head: list[str], names: tuple[str, ...], file: str) -> int:
    for name in names:
        if name in head:
            return head.index(name)
    raise InputError(f"{file}, line 1: there is no column {names[0]} (or {', '.join(names[1:])})", file=file, line=1)


def _cell(row: list[str], place: int) -> str:
    if place >= len(row):
        raise ValueError(f"it has {len(row)} columns, {place + 1} are wanted")
    return row[place].strip()


def _moment_ms(text: str) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is no time, such as 2026-11-25T10:00:00Z") from None


def _score(text: str, scale: float) -> float:
    try:
        score = float(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no score") from None
    if not 0 <= score <= scale:
        raise ValueError(f"a score lies from 0 to {scale:g}, found {text[:40]}")
    return score
