"""When a budget ends if errors go on as they do now, with an interval.

The rate of bad and of all events is taken from `BLOCKS` equal stretches of recent time. Their scatter gives the
interval: mean ± t · s / √blocks with the t that covers 90 % (method of batch means: stretches are long enough that one
says little of the next). A rolling window also lets go of old errors: what leaves it is taken from its own counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.slo.quantities import duration_text
from trimtab.model.objectives import BudgetEnd

BLOCKS = 12
T_90 = (2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796)
"""Student's t, 5 % on each side, with 2, 3, … 11 degrees of freedom: one less than there are stretches."""
MEASURED_BLOCKS_MIN = 3


@dataclass(frozen=True, slots=True)
class Rates:
    """Bad and all events in a millisecond; `low` and `high` are of the bad ones."""

    bad: float
    low: float
    high: float
    total: float
    blocks_count: int


def rates_of(
    bad: NDArray[np.float64], total: NDArray[np.float64], measured: NDArray[np.bool_], block_ms: int
) -> Rates | None:
    """Of blocks of equal length; None where fewer than `MEASURED_BLOCKS_MIN` of them were measured.

    >>> rates = rates_of(np.full(12, 60.0), np.full(12, 600.0), np.ones(12, np.bool_), 60_000)
    >>> rates.bad, rates.low, rates.high, rates.total
    (0.001, 0.001, 0.001, 0.01)
    """
    count = int(measured.sum())
    if count < MEASURED_BLOCKS_MIN:
        return None
    rates = bad[measured] / block_ms
    mean = float(rates.mean())
    error = T_90[count - MEASURED_BLOCKS_MIN] * float(rates.std(ddof=1)) / count**0.5
    return Rates(mean, max(0.0, mean - error), mean + error, float(total[measured].mean()) / block_ms, count)


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of a window at `at_ms`: bad events that are still allowed, and what will leave it.

    `leaving_bad[i]` and `leaving_total[i]` have left a rolling window after (i + 1) · step_ms; a calendar window has
    none, and ends at `end_ms`.
    """

    at_ms: int
    end_ms: int
    bad: float
    total: float
    target: float
    is_rolling: bool
    total_expected: float
    step_ms: int
    leaving_bad: NDArray[np.float64]
    leaving_total: NDArray[np.float64]


def end_of(course: Course, rates: Rates, block_ms: int) -> BudgetEnd:
    """When consumed reaches 1, at the rate and at both ends of its interval.

    >>> none = np.zeros(0)
    >>> course = Course(0, 10_000, 5, 1000, 0.99, False, 1000, 1000, none, none)
    >>> end = end_of(course, Rates(0.001, 0.0006, 0.002, 0.1, 12), 60_000)
    >>> end.at_ms, end.earliest_ms, end.latest_ms
    (5000, 2500, 8333)
    """
    source = (
        f"rate of bad events in {rates.blocks_count} stretches of {duration_text(block_ms)} up to now; the interval is "
        "their scatter (90 %, Student's t)"
    )
    moment = _rolling if course.is_rolling else _calendar
    return BudgetEnd(
        moment(course, rates.bad, rates.total),
        moment(course, rates.high, rates.total),
        moment(course, rates.low, rates.total),
        source,
    )


def _calendar(course: Course, bad_rate: float, _total_rate: float) -> int | None:
    left = course.total_expected * (1.0 - course.target) - course.bad
    if left <= 0:
        return course.at_ms
    if bad_rate <= 0:
        return None
    at_ms = course.at_ms + left / bad_rate
    return round(at_ms) if at_ms <= course.end_ms else None


def _rolling(course: Course, bad_rate: float, total_rate: float) -> int | None:
    """When the window has more bad events than it may have; between steps it is taken as straight."""
    after_ms = np.arange(len(course.leaving_bad) + 1) * float(course.step_ms)
    bad = course.bad + bad_rate * after_ms
    total = course.total + total_rate * after_ms
    bad[1:] -= course.leaving_bad
    total[1:] -= course.leaving_total
    left = total * (1.0 - course.target) - bad
    if left[0] <= 0:
        return course.at_ms
    below = np.flatnonzero(left <= 0)
    if not len(below):
        return None
    place = int(below[0])
    before, after = float(left[place - 1]), float(left[place])
    part = before / (before - after) if before > after else 1.0
    return round(course.at_ms + (place - 1 + part) * course.step_ms)
