"""Forecasts step by step: seasons, members, their combination, better models, intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.forecast.answer import COMBINATION, NAIVE
from trimtab.analyze.forecast.better import ERRORS_MIN, mean_errors, try_models
from trimtab.analyze.forecast.combining import combined, least_values
from trimtab.analyze.forecast.intervals import TRIED_MIN, quantiles_of, unproven
from trimtab.analyze.forecast.origins import origins_of
from trimtab.analyze.forecast.seasons import seasons_of
from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.extend.forecasters import Forecaster, ForecastTask
from trimtab.stats.time_series import F64

I64 = NDArray[np.int64]
NAIVE_BELOW = 0.9
"""The baseline replaces the combination where its error is less than this ratio of the combination's."""
NUMBERS_MAX = 4_000_000
"""So many forecasts of past and future are held at once; more series are forecast in turns."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Series on a grid: `values` [series, points], NaN at gaps; column i is at `start_ms + i * step_ms`."""

    values: F64
    start_ms: int
    step_ms: int
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Direct:
    """Forecasts of all series: arrays as in `answer.Forecast`, filled group by group."""

    mean: F64
    quantiles: F64
    model: list[str]
    origins: NDArray[np.int32]
    error: F64
    naive_error: F64
    coverage_90: F64
    seasons: I64
    troubles: list[str]


def direct(
    grid: Grid, horizon: int, settings: ForecastSettings, levels: F64, models: Mapping[str, Forecaster]
) -> Direct:
    """Forecast each series `horizon` steps ahead; `levels` are ascending and have 0.05 and 0.95 among them."""
    values = grid.values
    count = len(values)
    is_there = ~np.isnan(values)
    begins = np.where(is_there.any(axis=1), np.argmax(is_there, axis=1), values.shape[1] - 1)
    done = Direct(
        mean=np.full((count, horizon), np.nan),
        quantiles=np.full((count, horizon, len(levels)), np.nan),
        model=[NAIVE] * count,
        origins=np.zeros(count, np.int32),
        error=np.full(count, np.nan),
        naive_error=np.full(count, np.nan),
        coverage_90=np.full(count, np.nan),
        seasons=np.ones((count, 2), np.int64),
        troubles=[],
    )
    rows = np.flatnonzero(is_there.any(axis=1))
    if rows.size:
        done.seasons[rows] = seasons_of(np.ascontiguousarray(values[rows]), begins[rows], grid.step_ms, settings)
    for first, second in np.unique(done.seasons[rows], axis=0):
        group = rows[(done.seasons[rows, 0] == first) & (done.seasons[rows, 1] == second)]
        origins = origins_of(values.shape[1], horizon, int(first), settings.origins, least_values(int(first)))
        at_once = max(NUMBERS_MAX // (len(origins) * horizon), 1)
        for begin in range(0, len(group), at_once):
            part = group[begin : begin + at_once]
            _some(grid, part, begins[part], (int(first), int(second)), origins, horizon, settings, levels, models, done)
    return done


def _some(
    grid: Grid,
    rows: I64,
    begins: I64,
    seasons: tuple[int, int],
    origins: I64,
    horizon: int,
    settings: ForecastSettings,
    levels: F64,
    models: Mapping[str, Forecaster],
    done: Direct,
) -> None:
    """Forecast series with the same seasons."""
    from trimtab.analyze.forecast.series_kernels import known_later

    values = np.ascontiguousarray(grid.values[rows])
    points, naive = combined(values, begins, *seasons, origins, horizon)
    actual = np.empty_like(points)
    known_later(values, origins, actual)
    later = len(origins) // 2  # before, the combination has hardly learnt its weights
    error, tried = mean_errors(points, naive, actual, later)
    naive_error, _ = mean_errors(naive, points, actual, later)
    loses = (naive_error < NAIVE_BELOW * error) & (tried >= ERRORS_MIN)
    points[loses] = naive[loses]
    model = [NAIVE if is_naive else COMBINATION for is_naive in loses]
    if models:
        names = tuple(grid.names[row] for row in rows) if grid.names else ()
        found = tuple(season for season in seasons if season > 1)
        task = ForecastTask(values, grid.start_ms, grid.step_ms, horizon, found, names)
        done.troubles += try_models(models, task, origins, actual, points, model)
    error, tried = mean_errors(points, naive, actual)
    naive_error, _ = mean_errors(naive, points, actual)
    learnt, tried_later = mean_errors(points, naive, actual, later)
    naive_later, _ = mean_errors(naive, points, actual, later)
    is_enough = tried_later >= ERRORS_MIN
    error, naive_error = np.where(is_enough, learnt, error), np.where(is_enough, naive_later, naive_error)
    season = np.full(len(rows), seasons[0], np.int64)
    quantiles, below = quantiles_of(points, actual, season, origins, levels, settings.own_share)
    wide = unproven(points[:, -1], values, levels, season)
    own = np.clip(tried / TRIED_MIN, 0, 1)[:, None, None]
    quantiles = np.where(own > 0, own * quantiles + (1 - own) * wide, wide)
    done.mean[rows] = points[:, -1]
    done.quantiles[rows] = quantiles
    done.error[rows], done.naive_error[rows] = error, naive_error
    done.origins[rows] = (~np.isnan(points[:, :-1, 0])).sum(axis=1)
    low, high = np.searchsorted(levels, (0.05, 0.95))
    done.coverage_90[rows] = below[:, high] - below[:, low]
    for row, name in zip(rows, model, strict=True):
        done.model[row] = name
