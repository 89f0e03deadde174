"""Every pattern of one series, in the order of a table: what is asked of each, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from trimtab.analyze.patterns.bursts import bursts
from trimtab.analyze.patterns.cycles import daily, weekly
from trimtab.analyze.patterns.found import Answer, Cycle
from trimtab.analyze.patterns.leaks import leak
from trimtab.analyze.patterns.other_periods import other_period
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
    return [*answers, other_period(series, cycles)]
