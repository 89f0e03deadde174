"""Functions of the calendar, in UTC: of values that are seconds since 1970, or of the time of the step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trimtab.store.promql.evaluation import Evaluation, Value, function
from trimtab.store.promql.functions import mapped
from trimtab.store.promql.syntax import Call
from trimtab.store.promql.vector import Floats, Steps, Vector

Seconds = NDArray[np.int64]
DAY_S = 86_400
SECONDS_MAX = 2.0**54
"""Beyond it, the engine of dates has no years."""


def _days(seconds: Seconds) -> NDArray[np.datetime64]:
    return (seconds // DAY_S).astype("datetime64[D]")


def _since(seconds: Seconds, unit: str) -> NDArray[np.int64]:
    """Days since the begin of the month or of the year."""
    days = _days(seconds)
    since: Seconds = (days - days.astype(f"datetime64[{unit}]").astype("datetime64[D]")).astype(np.int64)
    return since


def _days_in_month(seconds: Seconds) -> NDArray[np.int64]:
    month = _days(seconds).astype("datetime64[M]")
    days: Seconds = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    return days


CALENDAR: dict[str, Callable[[Seconds], NDArray[np.int64]]] = {
    "days_in_month": _days_in_month,
    "day_of_month": lambda seconds: _since(seconds, "M") + 1,
    "day_of_week": lambda seconds: (seconds // DAY_S + 4) % 7,
    "day_of_year": lambda seconds: _since(seconds, "Y") + 1,
    "hour": lambda seconds: seconds % DAY_S // 3600,
    "minute": lambda seconds: seconds % 3600 // 60,
    "month": lambda seconds: _days(seconds).astype("datetime64[M]").astype(np.int64) % 12 + 1,
    "year": lambda seconds: _days(seconds).astype("datetime64[Y]").astype(np.int64) + 1970,
}


def calendar(name: str, values: Floats) -> Floats:
    """A function of the calendar; NaN for values that are no time.

    >>> calendar("month", np.array([1136239445.0, np.nan])), calendar("days_in_month", np.array([951782400.0]))
    (array([ 1., nan]), array([29.]))
    """
    is_time = np.abs(values) < SECONDS_MAX
    seconds = np.where(is_time, np.trunc(values), 0.0).astype(np.int64)
    return np.where(is_time, CALENDAR[name](seconds).astype(np.float64), np.nan)


@function(*CALENDAR)
def eval_calendar(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """Year, month, day … of values or of the steps."""
    if not call.arguments:
        values = calendar(call.name, (steps.times_ms // 1000).astype(np.float64))
        return Vector([()], values[np.newaxis, :], np.ones((1, steps.count), dtype=np.bool_))
    vector = evaluation.vector(call.arguments[0], steps)
    return mapped(evaluation, vector, lambda values: calendar(call.name, values))
