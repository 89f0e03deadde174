"""What a forecast answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.time_series import F64

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""The quantiles that every forecast has."""

NAIVE = "snaive"
COMBINATION = "combination"
NOTHING = 1e-6
"""A baseline whose error is this part of one's own, or less, is right but for rounding."""
ROUNDING = 1e-13
"""So is one whose error is this part of the values."""

SHORT = "short"
UNPROVEN = "unproven"
CONSTANT = "constant"
EMPTY = "empty"
GAPS = "gaps"
HOLIDAYS = "holidays"
COARSE = "coarse"
NOTES = {
    SHORT: "fewer than two days (or seasons) of history: the forecast knows of none",
    UNPROVEN: "too short to be tried on its own past: intervals are wide",
    CONSTANT: "the same value all the time",
    EMPTY: "no value at all",
    GAPS: "more than a fifth of the history is missing",
    HOLIDAYS: "days were treated as holidays",
    COARSE: "forecast on a coarser grid than asked for, and spread over the steps",
}
"""What may be said of a series beside its forecast, by key."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecasts of many series; arrays are [series, horizon], the first column is one step behind the last value.

    `quantiles` is [series, horizon, level] at `levels` (ascending, at least `LEVELS`) and never decreases with
    the level.
    `model` says by series what made it: `snaive`, `combination`, or the name of a better model.
    `origins` [series]: from how many past moments the same was tried; 0 where a series is too short.
    `error` and `naive_error` [series]: mean absolute error of the later half of these tries (of all where they are few:
    the first ones know no weights yet) and of the seasonal naive baseline's, in units of the series; NaN where nothing
    could be tried. `coverage_90` [series]: how many of the values that were held back
    lay in the 90 % interval that stood before them (0 to 1; NaN where unknown).
    `notes` by series: keys of `NOTES`. `troubles`: what better models could not do, and why.

    `mean` is the central value, which makes the mean absolute error least: where a series is mostly zero, it is.
    """

    start_ms: int
    step_ms: int
    mean: F64
    levels: tuple[float, ...]
    quantiles: F64
    model: list[str]
    origins: NDArray[np.int32]
    error: F64
    naive_error: F64
    coverage_90: F64
    seasons_steps: list[tuple[int, ...]]
    notes: list[tuple[str, ...]]
    troubles: tuple[str, ...] = ()

    def quantile(self, level: float) -> F64:
        """One of `levels`, [series, horizon].

        Raises KeyError for a level that was not asked for.
        """
        for place, there in enumerate(self.levels):
            if abs(there - level) < 1e-9:
                return self.quantiles[:, :, place]
        raise KeyError(level)

    @property
    def lo_80(self) -> F64:
        """Lower bound of the 80 % interval."""
        return self.quantile(0.1)

    @property
    def hi_80(self) -> F64:
        """Upper bound of the 80 % interval."""
        return self.quantile(0.9)

    @property
    def lo_90(self) -> F64:
        """Lower bound of the 90 % interval."""
        return self.quantile(0.05)

    @property
    def hi_90(self) -> F64:
        """Upper bound of the 90 % interval."""
        return self.quantile(0.95)

    @property
    def at_ms(self) -> NDArray[np.int64]:
        """Times of the columns, Unix milliseconds."""
        return self.start_ms + np.arange(self.mean.shape[1], dtype=np.int64) * self.step_ms

    def better_ratio(self) -> F64:
        """By series: own error as a ratio of the naive baseline's (below 1 is better); NaN where unknown.

        A baseline that is right but for rounding is no measure: unknown, too.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            rounding = ROUNDING * np.abs(self.mean).max(axis=1, initial=0.0)
            is_known = (self.naive_error > NOTHING * self.error) & (self.naive_error > rounding)
            return np.where(is_known, self.error / self.naive_error, np.nan)
