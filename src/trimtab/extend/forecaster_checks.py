"""What every forecaster has to keep to: the same checks for ours and for a stranger's.

from trimtab.extend.forecaster_checks import broken
assert broken(MyForecaster()) == []
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.extend.forecasters import Forecaster, ForecastTask

HOUR_MS = 3_600_000
DAY = 24
SEED = 7


def broken(one: Forecaster) -> list[str]:
    """Which promises of the contract a forecaster breaks, a sentence for each; [] where it keeps all.

    It is asked for three series of `points_min()` points and four weeks: a daily season, a constant, one with gaps.
    """
    least = one.points_min()
    if least < 1:
        return [f"points_min() is {least}, at least 1"]
    values = _series(least + 28 * DAY)
    task = _task(values, DAY)
    before = values.copy()
    said = np.asarray(one.forecast(task), dtype=np.float64)
    if said.shape != (len(values), DAY):
        return [f"it answered an array of {said.shape}, asked for {(len(values), DAY)}"]
    problems = []
    if not np.array_equal(values, before, equal_nan=True):
        problems.append("it changed the values that it was given")
    if not np.array_equal(said, np.asarray(one.forecast(task)), equal_nan=True):
        problems.append("it gives another answer to the same task")
    if np.isinf(said).any():
        problems.append("it answers infinity")
    is_known = ~np.isnan(said)
    if (is_known.any(axis=1) != is_known.all(axis=1)).any():
        problems.append("a row is known in part: NaN has to mean the whole series")
    if not is_known[0].all():
        problems.append("it says nothing of a plain daily season")
    if is_known[1].all() and np.abs(said[1] - values[1, 0]).max() > 0.1 * abs(values[1, 0]):
        problems.append("it forecasts a constant more than 10 % away")
    for horizon in (1, 100):
        shape = np.asarray(one.forecast(_task(values, horizon))).shape
        if shape != (len(values), horizon):
            problems.append(f"asked for {horizon} steps it answered an array of {shape}")
    alone = np.asarray(one.forecast(_task(values[:1], DAY)))
    if alone.shape != (1, DAY):
        problems.append(f"asked for one series it answered an array of {alone.shape}")
    shortest = np.asarray(one.forecast(_task(values[:, :least], DAY)))
    if shortest.shape != (len(values), DAY):
        problems.append(f"with points_min() points it answered an array of {shortest.shape}")
    return problems


def _series(points: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(SEED)
    daily = 50 + 10 * np.sin(2 * np.pi * np.arange(points) / DAY) + rng.normal(0, 1, points)
    gaps = daily.copy()
    gaps[rng.random(points) < 0.2] = np.nan
    return np.stack([daily, np.full(points, 3.0), gaps])


def _task(values: NDArray[np.float64], horizon: int) -> ForecastTask:
    values = values.view()
    values.flags.writeable = False
    return ForecastTask(values, 0, HOUR_MS, horizon, (DAY,))
