"""Every pattern of one series, in the order of a table: what is asked of each, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from trimtab.analyze.patterns.bursts import bursts
from trimtab.analyze.patterns.cycles import daily, weekly
from trimtab.analyze.patterns.found import Answer, Bursts, Cycle, Kind, NoPattern, SawTeeth, Why
from trimtab.analyze.patterns.leaks import leak
from trimtab.analyze.patterns.other_periods import SAME, other_period
from trimtab.analyze.patterns.saw_teeth import saw_teeth
from trimtab.stats.time_series import TimeSeries

QUESTIONS: tuple[Callable[[TimeSeries], Answer], ...] = (daily, weekly, bursts, saw_teeth, leak)
"""Each is asked of the series alone; another period is looked for after these, in what cycles leave."""


def patterns_of(series: TimeSeries) -> list[Answer]:
    """What every question answers, patterns and reasons why there is none.

    >>> import numpy as np
    >>> short = TimeSeries("cpu", np.arange(10, dtype=np.int64), np.arange(10.0))
    >>> {one.why.value for one in patterns_of(short)}
    {'too short'}
    """
    answers = [question(series) for question in QUESTIONS]
    cycles = tuple(one for one in answers if isinstance(one, Cycle))
    return [*answers, _other(other_period(series, cycles), answers)]


def _other(answer: Answer, before: list[Answer]) -> Answer:
    """A period that bursts or saw-teeth have already told is not told twice."""
    if not isinstance(answer, Cycle):
        return answer
    known = [one.period_ms for one in before if isinstance(one, Bursts | SawTeeth) and one.period_ms is not None]
    if any(abs(answer.period_ms / one - 1) < SAME for one in known):
        return NoPattern(Kind.CYCLE, answer.series, Why.NONE, "other: the period of its bursts or saw-teeth")
    return answer
