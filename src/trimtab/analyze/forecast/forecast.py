"""The forecast of many series at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.forecast.answer import CONSTANT, EMPTY, GAPS, LEVELS, SHORT, Forecast
from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.extend.forecasters import Forecaster
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64

HORIZON_MAX = 200_000
SERIES_MAX = 200_000
DAY_MS = 86_400_000


def forecast(
    values: F64,
    step_ms: int,
    start_ms: int,
    horizon_steps: int,
    settings: ForecastSettings | None = None,
    *,
    levels: tuple[float, ...] = (),
    forecasters: Mapping[str, Forecaster] | None = None,  # noqa: ARG001 - the backtest is being built
    names: tuple[str, ...] = (),  # noqa: ARG001 - the same
) -> Forecast:
    """What `values` will be in the `horizon_steps` steps behind the last one.

    `values` is [series, points], NaN where nothing was measured; column i is at `start_ms + i * step_ms` (Unix
    milliseconds; 1 s to 1 d a step). Series that began later have NaN at their beginning. `levels` are quantiles (0 to
    1, exclusive) beside those of `LEVELS`. `forecasters` are better models by name (`extend.forecasters`); each
    replaces the default for the series where its backtest wins; `names` are handed to them.

    Raises InputError where a shape, the step, the horizon or a level is outside its limits.

    >>> day = np.sin(np.arange(24 * 21) * 2 * np.pi / 24) * 10 + 50
    >>> ahead = forecast(day[None, :], 3_600_000, 0, 24)
    >>> bool(np.abs(ahead.mean[0] - day[:24]).max() < 1), ahead.seasons_steps[0][0]
    (True, 24)
    """
    settings = settings or ForecastSettings()
    values = np.asarray(values, dtype=np.float64)
    _check(values, step_ms, horizon_steps, levels)
    count, points = values.shape
    season = DAY_MS // step_ms if step_ms < DAY_MS else 7
    if points < 2 * season:
        season = 1
    all_levels = tuple(sorted({*LEVELS, *levels}))
    filled = _filled(values)
    cycle = filled[:, points - season :]
    mean = np.take(cycle, np.arange(horizon_steps) % season, axis=1)
    errors = filled[:, season:] - filled[:, :-season] if points > season else np.zeros((count, 1))
    grown = np.sqrt(1 + np.arange(horizon_steps) // season)
    offsets = np.quantile(errors, all_levels, axis=1).T
    quantiles = mean[:, :, None] + grown[None, :, None] * offsets[:, None, :]
    is_positive = np.nanmin(np.where(np.isnan(values), np.inf, values), axis=1) >= 0
    quantiles = np.where(is_positive[:, None, None], np.maximum(quantiles, 0), quantiles)
    naive_error = np.abs(errors).mean(axis=1)
    return Forecast(
        start_ms=start_ms + points * step_ms,
        step_ms=step_ms,
        mean=mean,
        levels=all_levels,
        quantiles=quantiles,
        model=["snaive"] * count,
        origins=np.zeros(count, dtype=np.int32),
        error=naive_error,
        naive_error=naive_error,
        coverage_90=np.full(count, np.nan),
        seasons_steps=[(season,) if season > 1 else ()] * count,
        notes=[_notes(row, season) for row in values],
    )


def _check(values: F64, step_ms: int, horizon_steps: int, levels: tuple[float, ...]) -> None:
    if values.ndim != 2 or values.shape[1] == 0:
        raise InputError(f"values: an array [series, points], not one of shape {values.shape}")
    if values.shape[0] > SERIES_MAX:
        raise InputError(f"values: {values.shape[0]} series at once, the limit is {SERIES_MAX}")
    if not 1000 <= step_ms <= DAY_MS:
        raise InputError(f"step_ms: {step_ms} is not between 1000 (1 s) and {DAY_MS} (1 d)")
    if not 1 <= horizon_steps <= HORIZON_MAX:
        raise InputError(f"horizon_steps: {horizon_steps} is not between 1 and {HORIZON_MAX}")
    if any(not 0 < level < 1 for level in levels):
        raise InputError(f"levels: {levels} are not all between 0 and 1")
    if bool(np.isinf(values).any()):
        raise InputError("values: infinity cannot be forecast; NaN is what a gap is")


def _filled(values: F64) -> F64:
    places = np.where(np.isnan(values), -1, np.arange(values.shape[1]))
    seen: NDArray[np.int64] = np.maximum.accumulate(places, axis=1)
    filled = np.take_along_axis(values, np.maximum(seen, 0), axis=1)
    first = np.argmax(~np.isnan(values), axis=1)
    begins = np.take_along_axis(values, first[:, None], axis=1)
    filled = np.where(seen < 0, begins, filled)
    return np.where(np.isnan(filled), 0.0, filled)


def _notes(row: F64, season: int) -> tuple[str, ...]:
    there = row[~np.isnan(row)]
    notes = []
    if there.size == 0:
        return (EMPTY,)
    if season == 1 or there.size < 2 * season:
        notes.append(SHORT)
    if np.ptp(there) == 0:
        notes.append(CONSTANT)
    if there.size < 0.8 * row.size:
        notes.append(GAPS)
    return tuple(notes)
