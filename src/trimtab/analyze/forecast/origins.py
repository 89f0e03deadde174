"""From which past moments a series is forecast again."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

USUAL_HORIZON = 24
"""With a shorter horizon there are as many more origins as that is shorter, so that there are as many errors …"""
ORIGINS_MAX = 200
"""… but not more origins than this."""
BETWEEN = 7 / 24
"""From one origin to the next, as a share of the horizon: overlapping, but at other phases of the day."""


def origins_of(points: int, horizon: int, season: int, wanted: int, least: int) -> NDArray[np.int64]:
    """How many values are known at each origin, ascending; the last one is now (`points`).

    They are `BETWEEN` of a horizon apart, less where the history is too short for that many, and none has fewer than
    `least` values before it. Distances share no divisor with the season, so that each phase is tried.

    >>> origins_of(672, 24, 24, 4, 48).tolist()
    [651, 658, 665, 672]
    >>> origins_of(30, 24, 1, 4, 8).tolist()
    [15, 20, 25, 30]
    >>> origins_of(5, 24, 1, 4, 8).tolist()
    [5]
    """
    wanted = max(wanted, min(wanted * USUAL_HORIZON // horizon, ORIGINS_MAX))
    apart = max(round(BETWEEN * horizon), 1)
    room = points - least
    if room < 1:
        return np.array([points], dtype=np.int64)
    apart = max(min(apart, room // wanted), 1)
    while apart > 1 and math.gcd(apart, season) > 1:
        apart -= 1
    count = min(wanted, room // apart + 1)
    return points - apart * np.arange(count - 1, -1, -1, dtype=np.int64)
