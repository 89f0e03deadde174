"""The slope of a series that outliers do not move, and how far off it may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

ALL_PAIRS_MAX = 64
"""Up to so many points every pair is looked at; of more, pairs that are a third, a half and two thirds apart."""


WALK_BLOCKS = 8
WALK_BLOCK_MAX = 30
WALK_ERROR_RATIO = 1.5


def middle_of(values: F64) -> float:
    """The median, without what NumPy's own does beside it: that takes longer than the median of a few numbers.

    >>> middle_of(np.array([3.0, 1.0, 2.0])), middle_of(np.array([4.0, 1.0, 2.0, 3.0]))
    (2.0, 2.5)
    """
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    ordered = np.partition(values, (half - 1, half))
    return float((ordered[half - 1] + ordered[half]) / 2)


def slope_of(values: F64) -> float:
    """Slope per step by Theil (1950) and Sen (1968): the median of slopes between pairs.

    >>> slope_of(np.array([0.0, 1.0, 2.0, 99.0, 4.0, 5.0]))
    1.0
    """
    count = len(values)
    if count < 2:
        return 0.0
    if count <= ALL_PAIRS_MAX:
        first, second = np.triu_indices(count, 1)
        slopes = (values[second] - values[first]) / (second - first)
    else:
        slopes = np.concatenate(
            [(values[lag:] - values[:-lag]) / lag for lag in (count // 3, count // 2, 2 * count // 3)]
        )
    return middle_of(slopes)


def line_of(values: F64) -> tuple[float, float]:
    """Level at the last point, and slope per step: the line in whose residuals as many are above as below."""
    slope = slope_of(values)
    back = np.arange(len(values)) - (len(values) - 1)
    return middle_of(values - slope * back), slope


def spread_of(values: F64) -> float:
    """Standard deviation by the median distance from the median; by moments where more than half are the same."""
    if not len(values):
        return 0.0
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    return spread if spread > 0 else float(values.std())


def together(residuals: F64) -> float:
    """How much neighbours share: the autocorrelation at one step, 0 to nearly 1."""
    centred = residuals - residuals.mean()
    power = float(centred @ centred)
    return min(max(float(centred[1:] @ centred[:-1]) / power, 0.0), 1 - 4 / len(residuals)) if power > 0 else 0.0


def slope_error(residuals: F64) -> float:
    """Standard error of the slope of a line with these residuals, which may hang together (as an AR(1) process)."""
    count = len(residuals)
    if count < 4:
        return float("inf")
    shared = together(residuals)
    variance = float(residuals.var())
    return float(np.sqrt(variance * 12 * (1 + shared) / (1 - shared) / count**3))


def walk_error(steps: F64) -> float:
    """Error of the mean step of a walk: by sums of blocks, so that steps that undo each other count less. It is
    `WALK_ERROR_RATIO` of the standard error, because the mean itself moves.

    >>> rng = np.random.default_rng(1)
    >>> noise = rng.normal(0, 1, 400)
    >>> bool(walk_error(np.diff(noise)) < 0.7 * walk_error(noise))
    True
    """
    count = len(steps)
    if count < 4:
        return float("inf")
    block = max(1, min(WALK_BLOCK_MAX, count // WALK_BLOCKS))
    sums = np.convolve(steps - steps.mean(), np.ones(block), "valid")
    return WALK_ERROR_RATIO * float(np.sqrt(np.mean(sums**2) / block / count))
