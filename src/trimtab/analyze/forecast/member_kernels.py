"""Cheap forecasts from every origin in one walk over a series.

An exponential smoother's state at a moment is what it would forecast from there: one walk gives its forecasts from all
past origins as well as from the end, so that a rolling backtest costs next to nothing. All smoothers of the table
(`members`) walk together: their states lie side by side, and the loop over them is the inner one.
"""

from __future__ import annotations

import math

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64

LEVEL, TREND, DAMPING, KICK, DECAY, FIRST, SECOND, CLIP = range(8)
"""Columns of the table of smoothers: gains of level and trend, damping of the trend, gain and decay of a passing
deviation, gains of the first and the second season, and from how many typical errors on an error is cut off (0: never;
those that do it stand first in the table)."""
SMOOTHER_COLUMNS = 8
RUN_MAX = 4
"""So many errors in a row may be cut off as outliers; then it is another level."""
SCALE_GAIN = 0.03


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[:, ::1], float64[:, ::1], int64, int64, float64[::1], "
    "float64[::1], float64[:, ::1])"
)
def _ahead(
    level: F64,
    trend: F64,
    passing: F64,
    season_1: F64,
    season_2: F64,
    place_1: int,
    place_2: int,
    damping: F64,
    decay: F64,
    out: F64,
) -> None:
    """What states forecast, [step, smoother]."""
    count = len(level)
    base, slope, left = level.copy(), trend.copy(), passing.copy()
    for step in range(len(out)):
        row, now_1, now_2 = out[step], season_1[place_1], season_2[place_2]
        for one in range(count):
            slope[one] *= damping[one]
            base[one] += slope[one]
            left[one] *= decay[one]
        for one in range(count):
            row[one] = base[one] + left[one] + now_1[one] + now_2[one]
        place_1 = place_1 + 1 if place_1 + 1 < len(season_1) else 0
        place_2 = place_2 + 1 if place_2 + 1 < len(season_2) else 0


@kernel("void(float64[::1], float64[::1], int64, int64, int64, float64[:, ::1], int64[::1], float64[:, :, ::1])")
def smoothers(
    values: F64, logged: F64, first_logged: int, first: int, second: int, table: F64, origins: I64, out: F64
) -> None:
    """Forecasts `out` [origin, step, smoother] of `values` (NaN is a gap) from `origins` (ascending: how many values
    are known), with seasons of `first` and `second` steps (1 is none). `table` is [column, smoother]; those from
    `first_logged` on smooth `logged` instead, and so forecast."""
    count = table.shape[1]
    level, trend, passing = np.zeros(count), np.zeros(count), np.zeros(count)
    season_1, season_2 = np.zeros((first, count)), np.zeros((second, count))
    seen_1, seen_2 = np.zeros(first), np.zeros(second)
    scale, cut_in_a_row = np.zeros(count), np.zeros(count)
    error, now = np.zeros(count), np.zeros(count)
    gain_level, gain_trend, damping = table[LEVEL], table[TREND], table[DAMPING]
    kick, decay = table[KICK], table[DECAY]
    gain_1, gain_2, clip = table[FIRST], table[SECOND], table[CLIP]
    share_1, share_2 = np.zeros(count), np.zeros(count)
    clipped = 0
    for one in range(count):
        share_1[one] = 1.0 - gain_level[one] if gain_1[one] > 0 else 0.0
        share_2[one] = 1.0 - gain_level[one] if gain_2[one] > 0 else 0.0
        if clip[one] > 0:
            clipped = one + 1
    begins = logs_begin = 0.0
    there = 0
    for at in range(len(values)):
        if not math.isnan(values[at]):
            begins += values[at]
            logs_begin += logged[at]
            there += 1
            if there >= max(first, 8):
                break
    level[:first_logged] = begins / max(there, 1)
    level[first_logged:] = logs_begin / max(there, 1)
    known = 0
    place_1 = place_2 = 0
    next_origin = 0
    for at in range(len(values) + 1):
        if next_origin < len(origins) and origins[next_origin] == at:
            _ahead(level, trend, passing, season_1, season_2, place_1, place_2, damping, decay, out[next_origin])
            next_origin += 1
        if at == len(values) or next_origin == len(origins):
            break
        value = values[at]
        now_1, now_2 = season_1[place_1], season_2[place_2]
        if not math.isnan(value):
            known += 1
            has_settled = known > first
            now[:first_logged] = value
            now[first_logged:] = logged[at]
            for one in range(count):
                error[one] = now[one] - level[one] - decay[one] * passing[one] - damping[one] * trend[one]
            for one in range(count):
                error[one] -= now_1[one] + now_2[one]
            if known == 1:
                for one in range(clipped):
                    scale[one] = abs(error[one])
            for one in range(clipped):
                size = abs(error[one])
                limit = clip[one] * scale[one]
                highest = 3 * scale[one] if has_settled else size
                if size > limit and cut_in_a_row[one] < RUN_MAX and has_settled:
                    cut_in_a_row[one] += 1
                    error[one] = limit if error[one] > 0 else -limit
                elif size <= limit:
                    cut_in_a_row[one] = 0
                scale[one] += SCALE_GAIN * (min(size, highest) - scale[one])
            for one in range(count):
                trend[one] = damping[one] * trend[one]
                level[one] += trend[one] + gain_level[one] * error[one]
            for one in range(count):
                trend[one] += gain_trend[one] * error[one]
                passing[one] = decay[one] * passing[one] + kick[one] * error[one]
            at_least_1 = 1.0 / (seen_1[place_1] + 1.0)
            at_least_2 = 1.0 / (seen_2[place_2] + 2.0)
            seen_1[place_1] += 1
            seen_2[place_2] += 1
            for one in range(count):
                now_1[one] += max(gain_1[one], at_least_1) * share_1[one] * error[one]
            for one in range(count):
                now_2[one] += max(gain_2[one], at_least_2) * share_2[one] * error[one]
        else:
            for one in range(count):
                trend[one] = damping[one] * trend[one]
                level[one] += trend[one]
                passing[one] = decay[one] * passing[one]
        place_1 = place_1 + 1 if place_1 + 1 < first else 0
        place_2 = place_2 + 1 if place_2 + 1 < second else 0
