"""Whether something drifts: growth that a random walk would not show, from increments of block means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from trimtab.analyze.patterns.regular import F64

BLOCKS, BLOCKS_MIN = 24, 8
RESAMPLES = 200
WALK_INFLATION = 1.5
"""Means of blocks of a random walk have increments that are correlated by 1/4: the variance of their sum is 1.5 times
what independent ones would have."""


@dataclass(frozen=True, slots=True)
class Drift:
    """`means` are those of the finest blocks, `per_block` their mean increment; `p_value` two-sided, under a random
    walk; `tau` is Kendall's of the means."""

    per_block: float
    interval_90: tuple[float, float]
    p_value: float
    tau: float
    means: F64


def drift_of(values: F64, blocks: int = BLOCKS) -> Drift | None:
    """The drift of values in the order of time, shape [n]; None where there are fewer than two points a block.

    Increments, and not the values themselves, are tested: Mann–Kendall's test calls most random walks a trend. What is
    stationary has increments that cancel each other, so that the test is stricter there, never looser; therefore wider
    blocks are tried, too (the p-value is corrected for that).

    >>> rng = np.random.default_rng(1)
    >>> grows, walks = np.arange(480) + rng.normal(0, 20, 480), np.cumsum(rng.normal(0, 1, 480))
    >>> drift_of(grows).p_value < 0.001, drift_of(walks).p_value > 0.05
    (True, True)
    """
    width = values.size // blocks
    if width < 2:
        return None
    means = _block_means(values, blocks)
    mean, error, p_value = _increments(means)
    tried = sorted({max(BLOCKS_MIN, blocks // 2), max(BLOCKS_MIN, blocks // 3)} - {blocks})
    every = [p_value, *(_increments(_block_means(values, count))[2] for count in tried)]
    half = float(special.stdtrit(means.size - 2, 0.95)) * error
    tau = float(np.sign(np.subtract.outer(means, means))[np.tril_indices(blocks, -1)].mean())
    return Drift(mean, (mean - half, mean + half), min(1.0, min(every) * len(every)), tau, means)


def _block_means(values: F64, blocks: int) -> F64:
    width = values.size // blocks
    means: F64 = values[values.size - width * blocks :].reshape(blocks, width).mean(axis=1)
    return means


def _increments(means: F64) -> tuple[float, float, float]:
    """Their mean, its error under a random walk, and its p-value."""
    steps = np.diff(means)
    mean = float(steps.mean())
    error = float(steps.std(ddof=1)) * float(np.sqrt(WALK_INFLATION / steps.size))
    if error <= 0:
        return mean, 0.0, 0.0 if mean else 1.0
    return mean, error, float(2 * special.stdtr(steps.size - 1, -abs(mean) / error))


def found_again(means: F64, p_max: float, tau_min: float) -> tuple[float, int]:
    """In which share of resamples of the increments of block means growth is found again, and of how many."""
    steps = np.diff(means)
    drawn = steps[np.random.default_rng(1).integers(0, steps.size, (RESAMPLES, steps.size))]
    walked = np.concatenate([np.zeros((RESAMPLES, 1)), np.cumsum(drawn, axis=1)], axis=1)
    again = [drift_of(np.repeat(one, 2), one.size) for one in walked]
    found = [one is not None and one.p_value / 2 <= p_max and one.tau >= tau_min and one.per_block > 0 for one in again]
    return float(np.mean(found)), RESAMPLES


def theil_sen(values: F64) -> float:
    """The median slope between all pairs of points, per point (Sen 1968), of a few hundred points at most."""
    rows, columns = np.triu_indices(values.size, 1)
    return float(np.median((values[columns] - values[rows]) / (columns - rows)))
