"""Series whose truth is known."""

from __future__ import annotations

import numpy as np

from trimtab.stats.time_series import F64

HOUR_MS = 3_600_000
DAY, WEEK = 24, 168


def daily(count: int, points: int, *, noise: float = 1.0, seed: int = 1) -> F64:
    """A daily season of 10 around 50, with normal noise."""
    rng = np.random.default_rng(seed)
    shape = 50 + 10 * np.sin(2 * np.pi * np.arange(points) / DAY)
    return np.asarray(shape + rng.normal(0, noise, (count, points)))


def walks(count: int, points: int, *, seed: int = 1) -> F64:
    """Random walks, far above 0."""
    rng = np.random.default_rng(seed)
    return np.asarray(1000 + rng.normal(0, 1, (count, points)).cumsum(axis=1))
