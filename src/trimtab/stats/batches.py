"""Series as batch means, their one synthetic control, and how a series follows it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RIDGE_SLICES = 20.0
"""How many slices of belief in slope 1 are put beside the baseline's own evidence."""
SLOPE_PRIOR_SD = 0.2
"""How far from 1 the slope may be before any evidence: shapes of one machine feel its drift much alike."""
BATCH_VALID_SHARE_MIN = 0.5
"""A batch counts when at least this share of its slices has a value."""


def synthetic_control(controls: Array, count_before: int) -> Array:
    """One control from many: the mean of the controls, each centred on its own baseline.

    `controls` has shape (controls, slices) in logarithms, NaN where a control has no value; the answer has shape
    (slices,), NaN where none has one.

    >>> synthetic_control(np.array([[1.0, 1.0, 2.0], [5.0, 5.0, np.nan]]), 2)
    array([0., 0., 1.])
    """
    baseline = controls[:, :count_before]
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(baseline).sum(axis=1)
        centre = np.where(valid > 0, np.nansum(baseline, axis=1) / np.maximum(valid, 1), np.nan)
        centred = controls - centre[:, None]
        present = np.isfinite(centred)
        total = np.where(present, centred, 0.0).sum(axis=0)
        mean: Array = np.where(present.any(axis=0), total / np.maximum(present.sum(axis=0), 1), np.nan)
    return mean


def batch_means(values: Array, batch_slices: int) -> Array:
    """Means of consecutive batches, oldest first; a batch with too few values is left out, an unfinished one too.

    >>> batch_means(np.array([1.0, 3.0, np.nan, 5.0, np.nan, np.nan, 9.0]), 2)
    array([2., 5.])
    """
    count = len(values) // batch_slices
    table = values[: count * batch_slices].reshape(count, batch_slices)
    present = np.isfinite(table)
    enough = present.sum(axis=1) >= max(1, math.ceil(batch_slices * BATCH_VALID_SHARE_MIN))
    means: Array = np.where(present, table, 0.0).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    kept: Array = means[enough]
    return kept


def whole_batches(values: Array, batch_slices: int) -> Array:
    """Without what is left over at the start, so that the batch next to the change is a whole one."""
    return values[len(values) % batch_slices :]


def around_mean(values: Array) -> Array:
    """The values with their mean taken out."""
    return values - values.mean() if len(values) else values


def mean_inflation(autocorrelation: float, count: int) -> float:
    """How many times larger the variance of a mean of `count` values is than without autocorrelation, 1..count.

    Exact for a first-order autoregression. The usual (1 + r) / (1 - r) is its limit for many values; for few it says
    that a mean may stray further than a single value, which no stationary series does.

    >>> round(mean_inflation(0.0, 4), 2), round(mean_inflation(0.9, 4), 2), round(mean_inflation(0.5, 1000), 2)
    (1.0, 3.52, 3.0)
    """
    lags = np.arange(1, count)
    return 1.0 + 2.0 * float(((1.0 - lags / count) * autocorrelation**lags).sum())


def value_variance(stretches: Sequence[Array], autocorrelation: float) -> float:
    """Variance of one value, from stretches that are centred on their own means.

    A mean follows its own autocorrelated values, so that deviations from it are too small: what is left of n values
    are n - I degrees, I the inflation of the mean (n - 1 without autocorrelation).
    """
    left = sum(len(part) - mean_inflation(autocorrelation, len(part)) for part in stretches)
    return sum(float(part @ part) for part in stretches) / max(left, 0.5)


def ridge_slope(stretches: Sequence[tuple[Array, Array]]) -> float:
    """How a series follows its control, from all stretches, each around its own level, pulled towards 1."""
    above, below, count = 0.0, 0.0, 0
    for y, x in stretches:
        both = np.isfinite(y) & np.isfinite(x)
        if both.sum() >= 2:
            centred_x = around_mean(x[both])
            above += float(centred_x @ around_mean(y[both]))
            below += float(centred_x @ centred_x)
            count += int(both.sum())
    if count < 6 or below <= 0.0:
        return 1.0
    ridge = RIDGE_SLICES * below / count
    return (above + ridge) / (below + ridge)


def slope_standard_error(sigma: float, spread: float) -> float:
    """Standard error of the slope: belief and the baseline's evidence together (precisions add up)."""
    if sigma <= 0.0:
        return 0.0
    return 1.0 / math.hypot(1.0 / SLOPE_PRIOR_SD, spread / sigma)
