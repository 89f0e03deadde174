"""How far untouched series strayed from each other: the same comparison, made where nothing was changed.

Each control is compared with the mean of the others as if it were the changed one, with a slope of 1: a slope that is
read from a noisy baseline comes out too small, and what all of them did alike would look like straying. What such
placebos show beyond their own noise is what a machine does to one shape and not to the other when its load moves (a
neighbour takes the disk, a cache is lost). A changed shape may have met the same, so that its interval has to hold it.
Source: Abadie, Diamond and Hainmueller (2010), "Synthetic control methods", the placebo studies; here as a variance,
since with eight controls a rank says little.
"""

from __future__ import annotations

import math

import numpy as np

from trimtab.stats.batches import (
    Array,
    around_mean,
    batch_means,
    mean_inflation,
    synthetic_control,
    value_variance,
    whole_batches,
)
from trimtab.stats.confidence_sequence import lag_one_autocorrelation

PLACEBOS_MIN = 3


def control_disagreement(controls: Array, count_before: int, batch_slices: int) -> tuple[float, int]:
    """(standard deviation of the placebos' true log ratios, number of placebos); (0, n) where noise explains them.

    `controls` has shape (K, slices) in natural logarithms, NaN where nothing ran. With fewer than `PLACEBOS_MIN`
    usable controls nothing is said: (0, n).

    >>> rng = np.random.default_rng(4)
    >>> controls = rng.normal(0, 0.1, (8, 200))
    >>> control_disagreement(controls, 140, 6)[0] < 0.02
    True
    >>> controls[:, 140:] += np.linspace(-0.3, 0.3, 8)[:, None]
    >>> round(control_disagreement(controls, 140, 6)[0], 1)
    0.2
    """
    squares, noise = [], []
    for row in range(len(controls)):
        placebo = _placebo(controls[row], np.delete(controls, row, axis=0), count_before, batch_slices)
        if placebo is not None:
            squares.append(placebo[0] ** 2)
            noise.append(placebo[1])
    if len(squares) < PLACEBOS_MIN:
        return 0.0, len(squares)
    return math.sqrt(max(0.0, float(np.mean(squares)) - float(np.mean(noise)))), len(squares)


def _placebo(series: Array, others: Array, count_before: int, batch_slices: int) -> tuple[float, float] | None:
    """Log ratio of a series that nobody changed, and the variance that its own noise gives it."""
    if not len(others):
        return None
    left = series - synthetic_control(others, count_before)
    before = batch_means(whole_batches(left[:count_before], batch_slices), batch_slices)
    after = batch_means(left[count_before:], batch_slices)
    if len(before) < 6 or not len(after):
        return None
    quiet = [around_mean(before)]
    r = lag_one_autocorrelation(quiet)
    inflation = mean_inflation(r, len(before)) / len(before) + mean_inflation(r, len(after)) / len(after)
    return float(after.mean() - before.mean()), value_variance(quiet, r) * inflation
