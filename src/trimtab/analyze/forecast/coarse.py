"""Long horizons of short steps: forecast on a coarser grid, then spread over the steps by the usual shape in between.

Nobody can say anything of the 86,400th second from now that differs from the second beside it, but for its usual place
in the season; members for 24 to some hundred steps do not get better by being asked for more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.time_series import F64

DAY_MS = 86_400_000
DIRECT_MAX = 400
"""So many steps are forecast one by one; more are made longer until they are as many, …"""
STEPS_MAX = 2_000
"""… or at least no more than these."""
POINTS_MIN = 48
"""So many longer steps of history are left, where that can be."""
CYCLES_MAX = 7


def coarser_by(step_ms: int, horizon: int, points: int) -> int:
    """How many steps become one, of a history of `points`.

    >>> coarser_by(300_000, 288, 5000), coarser_by(60_000, 1440, 5000), coarser_by(1000, 86_400, 10**6)
    (1, 4, 216)
    >>> coarser_by(1000, 86_400, 3600)
    75
    """
    if horizon <= DIRECT_MAX:
        return 1
    most = max(min(DAY_MS // step_ms, points // POINTS_MIN), 1)
    fits = [by for by in range(1, most + 1) if DAY_MS % (by * step_ms) == 0]
    enough = [by for by in fits if horizon <= by * DIRECT_MAX]
    return max(min(enough, default=max(fits, default=1)), -(-horizon // STEPS_MAX))


def made_coarse(values: F64, by: int) -> F64:
    """Medians of `by` steps each, counted from the end; what is too few at the beginning is left. NaN where fewer than
    a third of them are there. (Not means: what is forecast is the central value of a step.)"""
    count, points = values.shape
    whole = points // by
    pieces = values[:, points - whole * by :].reshape(count * whole, by)
    known = (~np.isnan(pieces)).sum(axis=1)
    middle = _row_quantiles(pieces, np.array([0.5]))[:, 0]
    return np.where((known * 3 >= by) & (known > 0), middle, np.nan).reshape(count, whole)


def spread(
    mean: F64,
    quantiles: F64,
    values: F64,
    coarse: F64,
    by: int,
    seasons: NDArray[np.int64],
    levels: F64,
    horizon: int,
) -> tuple[F64, F64]:
    """Coarse forecasts `mean` [series, coarse step] and `quantiles` [series, coarse step, level] as ones of `horizon`
    steps: with the usual deviation from the coarse value at each phase of the season, and as much wider as steps
    scatter around that."""
    at = np.arange(horizon) // by
    out_mean, out_quantiles = mean[:, at], quantiles[:, at]
    whole = coarse.shape[1]
    pieces = values[:, values.shape[1] - whole * by :].reshape(len(values), whole, by)
    deviations = (pieces - coarse[:, :, None]).reshape(len(values), whole * by)
    for season in np.unique(seasons):
        rows = np.flatnonzero(seasons == season)
        length = int(season) * by
        cycles = min((whole * by) // length, CYCLES_MAX)
        if cycles == 0:
            continue
        recent = deviations[rows, whole * by - cycles * length :].reshape(len(rows), cycles, length)
        known = (~np.isnan(recent)).sum(axis=1)
        usual = np.nansum(recent, axis=1) / np.maximum(known, 1)
        sure = _sure(recent, usual, known)[:, None]
        usual *= sure
        left = recent - usual[:, None, :]
        unseen = 1 + sure * (np.sqrt((cycles + 1) / max(cycles - 1, 1)) - 1)  # the shape was made of what is left here
        with np.errstate(invalid="ignore"):
            around = unseen * _row_quantiles(left.reshape(len(rows), -1), levels)
        out_mean[rows] += usual[:, np.arange(horizon) % length]
        offsets = out_quantiles[rows] - mean[rows][:, at][:, :, None]
        offsets = np.sign(levels - 0.5) * np.hypot(offsets, around[:, None, :])
        offsets[:, :, levels == 0.5] = (out_quantiles[rows] - mean[rows][:, at][:, :, None])[:, :, levels == 0.5]
        out_quantiles[rows] = out_mean[rows][:, :, None] + offsets
    return out_mean, out_quantiles


def _sure(recent: F64, usual: F64, known: NDArray[np.int64]) -> F64:
    """By series (0 to 1): how much of the usual shape is more than chance leaves in a mean of so few cycles (James and
    Stein, 1961)."""
    left = (known - 1).clip(0).sum(axis=1)
    scatter = np.nansum((recent - usual[:, None, :]) ** 2, axis=(1, 2)) / np.maximum(left, 1)
    by_chance = (scatter[:, None] / np.maximum(known, 1)).mean(axis=1)
    seen = (usual**2).mean(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((seen > 0) & (left > 0), np.maximum(1 - by_chance / seen, 0), 0.0)


def _row_quantiles(rows: F64, levels: F64) -> F64:
    """Quantiles of each row without its NaN, [row, level]; 0 where all of it is NaN."""
    ordered = np.sort(rows, axis=1)
    known = (~np.isnan(rows)).sum(axis=1)
    place = np.maximum(known - 1, 0)[:, None] * levels
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(known - 1, 0)[:, None])
    low, high = np.take_along_axis(ordered, below, axis=1), np.take_along_axis(ordered, above, axis=1)
    return np.where(known[:, None] > 0, low + (place - below) * (high - low), 0.0)
