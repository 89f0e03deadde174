"""Spikes that come again: a nightly job, a report on Mondays, the first of four weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

DAY_MS = 86_400_000
PERIODS_DAYS = (1, 7, 14, 28)
SPIKE_SPREADS_MIN = 6.0
SPIKE_RATIO_MIN = 2.0
SEEN_MIN, LOOKED_BACK = 2, 3
"""A spike that came at two of the last three places of its period comes again."""


@dataclass(frozen=True, slots=True)
class Spike:
    """A spike ahead: `step` (0: the first step ahead), its height, and every how many days it came so far."""

    step: int
    height: float
    highest: float
    period_days: int
    seen: int


def is_spike(values: F64, day: int) -> NDArray[np.bool_]:
    """Which points stand out of the day around them: twice its median, and six spreads above it. `day` is how many
    points a day has."""
    wide = max(5, min(day, len(values) // 2)) | 1
    if len(values) < wide:
        return np.zeros(len(values), dtype=bool)
    padded = np.pad(values, wide // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, wide)
    middle = np.median(windows, axis=1)
    spread = 1.4826 * np.median(np.abs(windows - middle[:, None]), axis=1)
    found: NDArray[np.bool_] = values > np.maximum(middle * SPIKE_RATIO_MIN, middle + SPIKE_SPREADS_MIN * spread)
    return found & (values > 0)


def spikes_ahead(values: F64, step_ms: int, horizon: int) -> list[Spike]:
    """Spikes that are to be expected in the `horizon` steps behind `values` (float64[points], 0 where nothing ran).

    >>> calls = np.full(24 * 10, 5.0)
    >>> calls[3::24] = 100.0
    >>> [(spike.step, spike.height, spike.period_days) for spike in spikes_ahead(calls, 3_600_000, 24)]
    [(3, 100.0, 1)]
    """
    day = max(1, DAY_MS // step_ms)
    stands_out = is_spike(values, day)
    found: dict[int, Spike] = {}
    count = len(values)
    for days in PERIODS_DAYS:
        period = days * day
        if period < 2 or SEEN_MIN * period > count:
            continue
        for step in range(min(horizon, count)):
            if step in found:
                continue
            heights = []
            for back in range(1, LOOKED_BACK + 1):
                place = count + step - back * period * (1 + step // period)
                if place < 0:
                    break
                near = slice(max(0, place - 1), min(count, place + 2))
                if stands_out[place] or (stands_out[near].any() and days > 1):
                    heights.append(float(values[near].max()))
            if len(heights) >= SEEN_MIN and stands_out[count + step - period * (1 + step // period)]:
                found[step] = Spike(step, float(np.median(heights)), max(heights), days, len(heights))
    return [found[step] for step in sorted(found)]
