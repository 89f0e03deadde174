"""Better models than the default, where their rolling backtest says so."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trimtab.extend.forecasters import Forecaster, ForecastTask
from trimtab.model.errors import InputError, TrimtabError
from trimtab.stats.time_series import F64

I64 = NDArray[np.int64]
WINS_BELOW = 0.98
"""A model has to have less than this ratio of the error of what it replaces: the best of many looks better than it
is."""
ERRORS_MIN = 24
"""A backtest with fewer values than this decides nothing."""


def mean_errors(points: F64, others: F64, actual: F64, first: int = 0) -> tuple[F64, I64]:
    """Mean absolute error of forecasts [series, origin, step] by series where `others` are known, too, and of how many
    values it is, from the origin `first` on; NaN of none."""
    from trimtab.analyze.forecast.series_kernels import mean_error

    error, count = np.empty(len(points)), np.empty(len(points), np.int64)
    mean_error(points, others, actual, first, error, count)
    return error, count


def try_models(
    models: Mapping[str, Forecaster],
    task: ForecastTask,
    origins: I64,
    actual: F64,
    points: F64,
    model: list[str],
) -> list[str]:
    """Put models' forecasts into `points` [series, origin, step], and their names into `model`, where they win over
    what is there; answer what went wrong, a line for each model that could not.

    Raises InputError where a model answers an array of another shape.
    """
    troubles = []
    for name, one in models.items():
        try:
            its_points = _backtest(name, one, task, origins, points.shape)
        except InputError:
            raise
        except TrimtabError as trouble:
            troubles.append(f"{name}: {trouble.message}")
            continue
        its_error, count = mean_errors(its_points, points, actual)
        error, _ = mean_errors(points, its_points, actual)
        has_future = ~np.isnan(its_points[:, -1]).any(axis=1)
        wins = (count >= ERRORS_MIN) & has_future & (its_error < WINS_BELOW * error)
        points[wins] = its_points[wins]
        for place in np.flatnonzero(wins):
            model[place] = name
    return troubles


def _backtest(name: str, one: Forecaster, task: ForecastTask, origins: I64, shape: tuple[int, ...]) -> F64:
    """What a model says at each origin from the values before it alone; NaN where it has too few."""
    out = np.full(shape, np.nan)
    least = one.points_min()
    for place, origin in enumerate(origins):
        if origin < least:
            continue
        past = task.values[:, :origin].copy()
        past.flags.writeable = False
        asked = ForecastTask(past, task.start_ms, task.step_ms, shape[2], task.seasons_steps, task.names)
        said = np.asarray(one.forecast(asked), dtype=np.float64)
        if said.shape != (shape[0], shape[2]):
            raise InputError(
                f"forecaster {name!r} answered an array of {said.shape}, asked for {(shape[0], shape[2])}", plugin=name
            )
        out[:, place] = np.where(np.isfinite(said), said, np.nan)
    return out
