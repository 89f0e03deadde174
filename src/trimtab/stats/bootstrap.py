"""Intervals for a ratio of sums by resampling whole slices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ratio_of_sums(
    numerator: NDArray[np.float64],
    denominator: NDArray[np.float64],
    *,
    repetitions: int = 500,
    block: int = 4,
    seed: int = 1,
) -> NDArray[np.float64]:
    """Resampled values of sum(numerator) / sum(denominator), shape (repetitions,), in blocks of `block` slices.

    Blocks keep what neighbours share (Kuensch 1989). Repetitions whose denominator is 0 are left out, so that the
    answer may be shorter. The same seed gives the same answer.

    >>> means = ratio_of_sums(np.array([10.0, 20.0, 30.0, 40.0] * 5), np.full(20, 1.0))
    >>> bool(20 < np.quantile(means, 0.05) <= 25 <= np.quantile(means, 0.95) < 30)
    True
    """
    count = len(numerator)
    if count == 0:
        return np.array([])
    block = max(1, min(block, count))
    blocks = -(-count // block)
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, count, (repetitions, blocks))
    picks = ((starts[:, :, None] + np.arange(block)) % count).reshape(repetitions, -1)[:, :count]
    below = denominator[picks].sum(axis=1)
    above = numerator[picks].sum(axis=1)
    ratios: NDArray[np.float64] = above[below > 0] / below[below > 0]
    return ratios
