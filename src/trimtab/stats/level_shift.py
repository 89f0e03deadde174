"""Where a series last moved to another level: a baseline from before that is another query's baseline."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.batches import batch_means

SIDE_BATCHES_MIN = 3
"""Both sides of a shift need this many batches to show a level."""
SHIFT_MIN = math.log(1.5)
"""Smaller shifts are drift, which controls and intervals deal with."""
SHIFT_SIGMAS_MIN = 6.0


def last_level_shift(values: NDArray[np.float64], batch: int = 6) -> int | None:
    """Position of the first value after the last clear shift of level; None where there is none.

    `values` are logarithms of shape (n,), NaN where nothing was seen. Each cut between batches is tried; the one that
    leaves the least scatter is a shift when the levels differ by 1.5 times or more and by six standard deviations
    of the batch means around them. Then the part after it is looked at in the same way.

    >>> rng = np.random.default_rng(1)
    >>> series = np.concatenate([rng.normal(1, 0.1, 60), rng.normal(3, 0.1, 60)])
    >>> last_level_shift(series), last_level_shift(series[60:])
    (60, None)
    """
    start = 0
    found: int | None = None
    while (cut := _best_cut(values[start:], batch)) is not None:
        start += cut
        found = start
    return found


def _best_cut(values: NDArray[np.float64], batch: int) -> int | None:
    count = len(values) // batch
    table = values[: count * batch].reshape(count, batch)
    present = np.isfinite(table).any(axis=1)
    if not present.all():  # keep positions simple: a batch in which nothing ran takes its neighbour's place
        values = _filled(values)
    means = batch_means(values, batch)
    count = len(means)
    best: tuple[float, int] | None = None
    for cut in range(SIDE_BATCHES_MIN, count - SIDE_BATCHES_MIN + 1):
        left, right = means[:cut], means[cut:]
        scatter = float(((left - left.mean()) ** 2).sum() + ((right - right.mean()) ** 2).sum())
        if best is None or scatter < best[0]:
            best = (scatter, cut)
    if best is None:
        return None
    scatter, cut = best
    step = abs(float(means[cut:].mean() - means[:cut].mean()))
    sigma = math.sqrt(scatter / max(count - 2, 1))
    return cut * batch if step >= max(SHIFT_MIN, SHIFT_SIGMAS_MIN * sigma) else None


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    seen = np.flatnonzero(np.isfinite(values))
    if len(seen) == 0:
        return np.zeros_like(values)
    return np.interp(np.arange(len(values)), seen, values[seen])
