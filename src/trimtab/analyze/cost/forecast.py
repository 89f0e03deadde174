"""What a month will cost: what was spent so far, what is sure to come (fixed prices), and for each day that is left
what was measured on days of the past like it.

A day that is left is drawn from measured days of the same weekday (or, where there are fewer than three, of the same
half of the week: working days or weekend, else of all). The days that are drawn from are themselves drawn first
(a bootstrap in two steps), so that few days make a wide interval. Days are taken as independent: a change of level that
has not come yet is not foreseen, and that is said where the forecast is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.cost.prices import HOUR_MS, month_bounds

DAY_MS = 24 * HOUR_MS
DAYS_MIN = 7
DAYS_MAX = 56
ALIKE_MIN = 3
DRAWS = 2_000
LOW, HIGH = 0.1, 0.9
METHOD = (
    "spent so far, fixed prices of the days that are left, and for each of them what was measured on days of the past "
    "with the same weekday, drawn 2,000 times (bootstrap); 8 times in 10 it lies in the interval if days go on as they "
    "did"
)
FIXED_METHOD = "fixed prices alone: they are known"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of the whole month, in the currency of the costs; `days_count` days of the past stand behind it."""

    middle: float
    low: float
    high: float
    days_count: int
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class NoForecast:
    """Why there is none."""

    why: str


def month_forecast(
    days: Mapping[int, float], spent: float, now_ms: int, sure: float = 0.0, seed: int = 1
) -> Forecast | NoForecast:
    """`days` are costs of whole measured days by their first millisecond (UTC), without fixed prices; `spent` is all of
    the month so far, `sure` what fixed prices come to until its end.

    >>> days = {day * DAY_MS: 10.0 for day in range(20, 34)}
    >>> found = month_forecast(days, 30.0, 34 * DAY_MS)
    >>> found.middle == found.low == found.high == 30.0 + 25 * 10.0
    True
    >>> month_forecast({0: 1.0}, 1.0, 5 * DAY_MS).why
    'there is no forecast before 7 whole days were measured: 1 was'
    """
    today_ms = now_ms // DAY_MS * DAY_MS
    past = {at: cost for at, cost in days.items() if today_ms - DAYS_MAX * DAY_MS <= at < today_ms}
    if len(past) < DAYS_MIN:
        were = "1 was" if len(past) == 1 else f"{len(past)} were"
        return NoForecast(f"there is no forecast before {DAYS_MIN} whole days were measured: {were}")
    _, end_ms = month_bounds(now_ms)
    left = np.arange(today_ms, end_ms, DAY_MS, dtype=np.int64)
    parts = np.ones(len(left))
    parts[0] = 1 - (now_ms - today_ms) / DAY_MS
    at = np.array(sorted(past), np.int64)
    costs = np.array([past[day] for day in at.tolist()])
    rng = np.random.default_rng(seed)
    sums = np.full(DRAWS, spent + sure)
    weekdays = weekday_of(left)
    for weekday in np.unique(weekdays):
        mine = parts[weekdays == weekday]
        alike = costs[_alike(at, int(weekday))]
        pools = rng.integers(len(alike), size=(DRAWS, len(alike)))
        picks = rng.integers(len(alike), size=(DRAWS, len(mine)))
        sums += alike[np.take_along_axis(pools, picks, axis=1)] @ mine
    low, middle, high = np.quantile(sums, (LOW, 0.5, HIGH))
    return Forecast(float(middle), float(low), float(high), len(past))


def weekday_of(at_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """0 for Monday.

    >>> int(weekday_of(np.array([0]))[0])  # Thursday
    3
    """
    found: NDArray[np.int64] = (at_ms // DAY_MS + 3) % 7
    return found


def _alike(at: NDArray[np.int64], weekday: int) -> NDArray[np.bool_]:
    """Which of the days are like that weekday."""
    weekdays = weekday_of(at)
    same: NDArray[np.bool_] = weekdays == weekday
    half: NDArray[np.bool_] = (weekdays >= 5) == (weekday >= 5)
    for found in (same, half):
        if int(found.sum()) >= ALIKE_MIN:
            return found
    return np.ones(len(at), np.bool_)
