"""Apdex of spans: (satisfied + tolerating / 2) / all, by the Apdex Technical Specification, version 1.1 (2007).

A request is satisfied up to the target T, tolerating up to 4 T, and frustrated beyond; one with an error is frustrated
whatever it took. The interval is that of a mean of values 0, 1/2 and 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FORMULA = "(satisfied + tolerating / 2) / all; satisfied up to T, tolerating up to 4 T, errors are frustrated"
SOURCE = "Apdex Technical Specification 1.1"
T_90 = 1.645


@dataclass(frozen=True, slots=True)
class Apdex:
    """The score with its interval (9 times in 10); `count` requests stand behind it."""

    score: float
    low: float
    high: float
    count: int


def apdex_of(satisfied: float, tolerating: float, total: float, count: int | None = None) -> Apdex | None:
    """Of weighted counts; `count` is how many spans there were (sampled ones stand for several). None: there are none.

    >>> found = apdex_of(60, 30, 100)
    >>> found.score, round(found.low, 3), round(found.high, 3)
    (0.75, 0.695, 0.805)
    """
    if total <= 0:
        return None
    seen = max(int(total) if count is None else count, 1)
    score = (satisfied + tolerating / 2) / total
    mean_square = (satisfied + tolerating / 4) / total
    spread = math.sqrt(max(mean_square - score * score, 0.0) / seen)
    return Apdex(score, max(score - T_90 * spread, 0.0), min(score + T_90 * spread, 1.0), seen)
