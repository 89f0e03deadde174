"""How good forecasts and their intervals were.

Hyndman and Koehler (2006) scale errors by those of the seasonal naive forecast on the history; Gneiting and Raftery
(2007) score quantiles by the pinball loss, whose mean over levels is half of the continuous ranked probability score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.time_series import F64

FLOOR_RATIO = 1e-3
"""A scale is at least this ratio of a series' mean size: what never changes would make every error infinite."""


def naive_scale(history: F64, season: int) -> F64:
    """How far each row [series, points] is on average from one season before; at least FLOOR_RATIO of its mean size.

    >>> naive_scale(np.array([[1.0, 2.0, 2.0, 4.0]]), 2)
    array([1.5])
    """
    scale = np.nanmean(np.abs(history[:, season:] - history[:, :-season]), axis=1)
    floor = FLOOR_RATIO * np.nanmean(np.abs(history), axis=1)
    return np.asarray(np.maximum(np.maximum(scale, floor), np.finfo(float).tiny), dtype=np.float64)


def scaled_error(forecast: F64, truth: F64, scale: F64) -> F64:
    """MASE by series: mean absolute error of [series, step] in units of `scale` [series].

    >>> scaled_error(np.array([[1.0, 2.0]]), np.array([[2.0, 4.0]]), np.array([3.0]))
    array([0.5])
    """
    return np.asarray(np.abs(forecast - truth).mean(axis=1) / scale, dtype=np.float64)


def scaled_pinball(quantiles: F64, levels: F64, truth: F64, scale: F64) -> F64:
    """Scaled CRPS by series: twice the mean pinball loss of `quantiles` [series, step, level], in units of `scale`.

    >>> scaled_pinball(np.array([[[1.0]]]), np.array([0.5]), np.array([[3.0]]), np.array([1.0]))
    array([2.])
    """
    above = truth[:, :, None] - quantiles
    loss = np.maximum(levels * above, (levels - 1) * above)
    return np.asarray(2 * loss.mean(axis=(1, 2)) / scale, dtype=np.float64)


def covered(low: F64, high: F64, truth: F64) -> NDArray[np.bool_]:
    """Which values lie in their interval, bounds included; False where one of the three is not known.

    >>> covered(np.array([0.0]), np.array([1.0]), np.array([1.0])).tolist()
    [True]
    """
    return np.asarray((truth >= low) & (truth <= high), dtype=np.bool_)


def mean_ranks(scores: F64) -> F64:
    """Mean rank of each column of `scores` [case, method]; 1 is the least score, equal ones share their ranks.

    >>> mean_ranks(np.array([[1.0, 2.0, 2.0], [3.0, 1.0, 2.0]]))
    array([2.  , 1.75, 2.25])
    """
    ranks = np.empty_like(scores)
    for method in range(scores.shape[1]):
        own = scores[:, [method]]
        ranks[:, method] = (scores < own).sum(axis=1) + ((scores == own).sum(axis=1) + 1) / 2
    return np.asarray(ranks.mean(axis=0), dtype=np.float64)
