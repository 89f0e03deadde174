"""Whether something drifts: growth that a random walk would not show, from increments of block means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from trimtab.analyze.patterns.regular import F64

BLOCKS = 24
WALK_INFLATION = 1.5
"""Means of blocks of a random walk have increments that are correlated by 1/4: the variance of their sum is 1.5 times
what independent ones would have."""


@dataclass(frozen=True, slots=True)
class Drift:
    """`per_block` is the mean increment; `p_value` two-sided, under a random walk; `tau` is Kendall's of the means."""

    per_block: float
    interval_90: tuple[float, float]
    p_value: float
    tau: float
    means: F64


def drift_of(values: F64, blocks: int = BLOCKS) -> Drift | None:
    """The drift of values in the order of time, shape [n]; None where there are fewer than two points a block.

    Increments, and not the values themselves, are tested: Mann–Kendall's test calls most random walks a trend. What is
    stationary has increments that cancel each other, so that the test is stricter there, never looser.

    >>> rng = np.random.default_rng(1)
    >>> grows, walks = np.arange(480) + rng.normal(0, 20, 480), np.cumsum(rng.normal(0, 1, 480))
    >>> drift_of(grows).p_value < 0.001, drift_of(walks).p_value > 0.05
    (True, True)
    """
    width = values.size // blocks
    if width < 2:
        return None
    means = values[values.size - width * blocks :].reshape(blocks, width).mean(axis=1)
    steps = np.diff(means)
    spread = float(steps.std(ddof=1))
    mean = float(steps.mean())
    error = spread * np.sqrt(WALK_INFLATION / steps.size)
    freedom = steps.size - 1
    p_value = float(2 * stats.t.sf(abs(mean) / error, freedom)) if error > 0 else (0.0 if mean else 1.0)
    half = float(stats.t.ppf(0.95, freedom)) * error
    tau = float(np.sign(np.subtract.outer(means, means))[np.tril_indices(blocks, -1)].mean())
    return Drift(mean, (mean - half, mean + half), p_value, tau, means)


def theil_sen(values: F64) -> float:
    """The median slope between all pairs of points, per point (Sen 1968), of a few hundred points at most."""
    rows, columns = np.triu_indices(values.size, 1)
    return float(np.median((values[columns] - values[rows]) / (columns - rows)))
