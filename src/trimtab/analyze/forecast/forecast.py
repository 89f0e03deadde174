"""The forecast of many series at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.forecast.answer import COARSE, CONSTANT, EMPTY, GAPS, HOLIDAYS, LEVELS, SHORT, UNPROVEN, Forecast
from trimtab.analyze.forecast.coarse import coarser_by, made_coarse, spread
from trimtab.analyze.forecast.direct import Direct, Grid, direct
from trimtab.analyze.forecast.holidays import calendar_of, named_days, on_holidays, seen_days
from trimtab.analyze.forecast.seasons import calendar_steps
from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.extend.forecasters import Forecaster
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64

Mask = NDArray[np.bool_]

HORIZON_MAX = 200_000
SERIES_MAX = 200_000
POINTS_MAX = 200_000
"""Older points of a series are not looked at."""
STEP_MIN_MS, STEP_MAX_MS = 1_000, 86_400_000
LEVELS_MAX = 100
VALUE_MAX = 1e100
GAPS_RATIO = 0.2


def forecast(
    values: F64,
    step_ms: int,
    start_ms: int,
    horizon_steps: int,
    settings: ForecastSettings | None = None,
    *,
    levels: tuple[float, ...] = (),
    forecasters: Mapping[str, Forecaster] | None = None,
    names: tuple[str, ...] = (),
) -> Forecast:
    """What `values` will be in the `horizon_steps` steps behind the last one.

    `values` is [series, points], NaN where nothing was measured; column i is at `start_ms + i * step_ms` (Unix
    milliseconds; 1 s to 1 d a step). Series that began later have NaN at their beginning. `levels` are quantiles (0 to
    1, exclusive) beside those of `LEVELS`. `forecasters` are better models by name (`extend.forecasters`); each
    replaces the default for the series where its backtest wins; `names` are handed to them.

    Series that are forecast together lend each other a part of their intervals (`ForecastSettings.own_share`).

    Raises InputError where a shape, the step, the horizon or a level is outside its limits.

    >>> day = np.sin(np.arange(24 * 21) * 2 * np.pi / 24) * 10 + 50
    >>> ahead = forecast(day[None, :], 3_600_000, 0, 24)
    >>> bool(np.abs(ahead.mean[0] - day[:24]).max() < 0.1), ahead.seasons_steps[0]
    (True, (24, 168))
    """
    settings = settings or ForecastSettings()
    values = np.asarray(values, dtype=np.float64)
    _check(values, step_ms, horizon_steps, levels, names)
    left_out = max(values.shape[1] - POINTS_MAX, 0)
    values, start_ms = values[:, left_out:], start_ms + left_out * step_ms
    all_levels = tuple(sorted({*LEVELS, *levels}))
    at = np.array(all_levels)
    ends_ms = start_ms + values.shape[1] * step_ms
    days = named_days(settings)
    usual = values
    is_holiday: Mask = np.zeros(values.shape, dtype=bool)
    if days.size or settings.finds_holidays:
        past = calendar_of(start_ms, step_ms, values.shape[1], settings.time_zone)
        is_holiday[:, np.isin(past.day, days)] = True
        if settings.finds_holidays:
            is_holiday[seen_days(values, past, settings.holiday_like)] = True
        usual = np.where(is_holiday, np.nan, values)
    by = coarser_by(step_ms, horizon_steps, values.shape[1])
    coarse = made_coarse(usual, by) if by > 1 and values.shape[1] >= by else usual
    by = by if coarse is not usual else 1
    grid = Grid(coarse, ends_ms - coarse.shape[1] * by * step_ms, by * step_ms, names)
    done = direct(grid, -(-horizon_steps // by), settings, at, forecasters or {})
    mean, quantiles = done.mean, done.quantiles
    if by > 1:
        mean, quantiles = spread(mean, quantiles, usual, coarse, by, done.seasons[:, 0], at, horizon_steps)
    if days.size:
        future = calendar_of(ends_ms, step_ms, horizon_steps, settings.time_zone)
        mean, quantiles = on_holidays(mean, quantiles, values, past, future, days, settings.holiday_like)
    mean, quantiles = _kept_in_bounds(mean, quantiles, at, values, settings)
    return Forecast(
        start_ms=ends_ms,
        step_ms=step_ms,
        mean=mean,
        levels=all_levels,
        quantiles=quantiles,
        model=done.model,
        origins=done.origins,
        error=done.error,
        naive_error=done.naive_error,
        coverage_90=done.coverage_90,
        seasons_steps=[tuple(int(season) * by for season in row if season > 1) for row in done.seasons],
        notes=_notes(values, done, is_holiday, by, bool(calendar_steps(grid.step_ms, settings))),
        troubles=tuple(done.troubles),
    )


def _kept_in_bounds(mean: F64, quantiles: F64, at: F64, values: F64, settings: ForecastSettings) -> tuple[F64, F64]:
    """Quantiles in their order, the mean within their middle half, and nothing below 0 where the series is not.

    Quantiles follow errors of the past that all were on one side (a straight line does that); the mean does not.
    """
    quantiles = np.sort(quantiles, axis=2)
    mean = np.clip(mean, quantiles[:, :, np.searchsorted(at, 0.25)], quantiles[:, :, np.searchsorted(at, 0.75)])
    if settings.is_nonnegative is None:
        is_positive: Mask = np.array((values < 0).sum(axis=1, keepdims=True) == 0)
    else:
        is_positive = np.full((len(values), 1), settings.is_nonnegative)
    mean = np.where(is_positive, np.maximum(mean, 0), mean)
    return mean, np.where(is_positive[:, :, None], np.maximum(quantiles, 0), quantiles)


def _notes(values: F64, done: Direct, is_holiday: Mask, by: int, has_calendar: bool) -> list[tuple[str, ...]]:
    """What is said of each series."""
    is_there: Mask = ~np.isnan(values)
    known = is_there.sum(axis=1)
    since = values.shape[1] - np.argmax(is_there, axis=1)
    lowest = np.where(is_there, values, np.inf).min(axis=1)
    highest = np.where(is_there, values, -np.inf).max(axis=1)
    facts: dict[str, Mask] = {
        EMPTY: known == 0,
        SHORT: (known > 0) & (done.seasons[:, 0] == 1) & has_calendar,
        UNPROVEN: (known > 0) & (done.origins == 0),
        CONSTANT: (known > 1) & (lowest == highest),
        GAPS: (known > 0) & (known < (1 - GAPS_RATIO) * since),
        HOLIDAYS: is_holiday.sum(axis=1) > 0,
        COARSE: np.full(len(values), by > 1),
    }
    return [tuple(key for key, are in facts.items() if are[row]) for row in range(len(values))]


def _check(values: F64, step_ms: int, horizon_steps: int, levels: tuple[float, ...], names: tuple[str, ...]) -> None:
    if values.ndim != 2 or values.shape[1] == 0:
        raise InputError(f"values: an array [series, points], not one of shape {values.shape}")
    if values.shape[0] > SERIES_MAX:
        raise InputError(f"values: {values.shape[0]} series at once, the limit is {SERIES_MAX}")
    if names and len(names) != values.shape[0]:
        raise InputError(f"names: {len(names)} for {values.shape[0]} series")
    if not STEP_MIN_MS <= step_ms <= STEP_MAX_MS:
        raise InputError(f"step_ms: {step_ms} is not between {STEP_MIN_MS} (1 s) and {STEP_MAX_MS} (1 d)")
    if not 1 <= horizon_steps <= HORIZON_MAX:
        raise InputError(f"horizon_steps: {horizon_steps} is not between 1 and {HORIZON_MAX}")
    if len(levels) > LEVELS_MAX or any(not 0 < level < 1 for level in levels):
        raise InputError(f"levels: at most {LEVELS_MAX} between 0 and 1 (exclusive), not {levels}")
    if bool((np.abs(values) > VALUE_MAX).any()):
        raise InputError(f"values: none beyond ±{VALUE_MAX:g} can be forecast, infinity neither; NaN is what a gap is")
