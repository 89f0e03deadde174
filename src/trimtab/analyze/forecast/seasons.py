"""Which seasons a series has: a day and a week where there is enough of them, else what the data show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.stats.time_series import F64

I64 = NDArray[np.int64]

DAY_MS = 86_400_000
CYCLES_MIN = 2
"""A season is one where the history has so many cycles of it."""
FOUND_MIN = 0.4
"""A season that no calendar names needs this autocorrelation …"""
FOUND_BETTER = 0.15
"""… and so much more than that of the calendar's."""
LAGS_MAX = 20_000
POINTS_MIN = 12
NUMBERS_MAX = 2_000_000
"""So many values are transformed at once."""


def calendar_steps(step_ms: int, settings: ForecastSettings) -> tuple[int, ...]:
    """Lengths of the seasons to look for, in steps, ascending.

    >>> calendar_steps(3_600_000, ForecastSettings()), calendar_steps(DAY_MS, ForecastSettings())
    ((24, 168), (7,))
    """
    lengths = settings.seasons_ms or (DAY_MS, 7 * DAY_MS)
    return tuple(sorted({round(length / step_ms) for length in lengths if length >= 2 * step_ms}))


def seasons_of(values: F64, begins: I64, step_ms: int, settings: ForecastSettings) -> I64:
    """The two seasons of each series, [series, 2] in steps; 1 is none. `values` [series, points] has NaN at gaps,
    `begins` says where each series does.

    Of more than two named seasons, a series gets the longest that it has at least two cycles of, and the longest one
    that is shorter. Without named ones a season that the data show replaces the calendar's where it is much clearer.
    """
    lengths = values.shape[1] - begins
    found = np.ones((len(values), 2), dtype=np.int64)
    for season in calendar_steps(step_ms, settings):
        has = lengths >= CYCLES_MIN * season
        is_first = has & (found[:, 0] == 1)
        is_later = has & ~is_first
        moved = is_later & (found[:, 1] > 1)
        found[moved, 0] = found[moved, 1]
        found[is_first, 0] = season
        found[is_later, 1] = season
    if not settings.seasons_ms and values.shape[1] >= POINTS_MIN:
        at_once = max(NUMBERS_MAX // values.shape[1], 1)
        for first in range(0, len(values), at_once):
            _look(values, begins, np.arange(first, min(first + at_once, len(values))), found)
    return found


def _look(values: F64, begins: I64, rows: I64, found: I64) -> None:
    """Put the season that the data of some rows show into `found`, where it is much clearer than what is there."""
    from trimtab.analyze.forecast.series_kernels import clearest, straighten

    points = values.shape[1]
    straight = np.empty((len(rows), points))
    straighten(values, begins, rows, straight)
    lags = min(points // CYCLES_MIN, LAGS_MAX)
    size = 1 << (points + lags - 1).bit_length()
    spectrum = np.fft.rfft(straight.astype(np.float32), size, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    together = np.fft.irfft(power, size, axis=1)[:, : lags + 1].astype(np.float32)
    lag, height, of_calendar = np.empty(len(rows), np.int64), np.empty(len(rows)), np.empty(len(rows))
    clearest(together, points - begins[rows], found[rows], CYCLES_MIN, lag, height, of_calendar)
    other = np.flatnonzero((height >= FOUND_MIN) & (height >= of_calendar + FOUND_BETTER))
    found[rows[other], 0] = lag[other]
    is_nested = found[rows[other], 1] > lag[other]
    found[rows[other[~is_nested]], 1] = 1
