"""What is new in a series at each step: less its days, less what its own past says, as normal scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trimtab.analyze.patterns.regular import DAY_MS, Regular

F64 = NDArray[np.float64]
ORDER_MAX = 12
UNIT_ROOT = 0.95


def innovations(ready: Regular) -> F64:
    """Normal scores of the residuals of an autoregression (its order by BIC) of the series without its mean day, shape
    [n]: white, so that two of them that know nothing of each other are uncorrelated at every lag (Haugh 1976).

    What nearly is a random walk is differenced before. The first few are 0.
    """
    values = _without_days(ready)
    level = values - values.mean()
    power = float(level @ level)
    if power > 0 and float(level[1:] @ level[:-1]) / power > UNIT_ROOT:
        level = np.diff(level, prepend=level[0])
        level -= level.mean()
    coefficients = _autoregression(level)
    left = np.convolve(level, np.concatenate([[1.0], -coefficients]))[: level.size]
    left[: coefficients.size + 1] = np.median(left)
    ranks = np.argsort(np.argsort(left)).astype(np.float64)
    scores = special.ndtri((ranks + 0.625) / (left.size + 0.25))
    scores[ready.was_gap] = 0.0
    return scores


def _without_days(ready: Regular) -> F64:
    slots = DAY_MS // ready.step_ms
    if DAY_MS % ready.step_ms or ready.values.size < 2 * slots or slots < 2:
        return ready.values
    slot = np.arange(ready.values.size) % slots
    profile = np.bincount(slot, ready.values, slots) / np.bincount(slot, minlength=slots)
    return ready.values - profile[slot]


def _autoregression(level: F64) -> F64:
    """Yule–Walker's coefficients of the order with the lowest BIC."""
    size = level.size
    power = np.abs(np.fft.rfft(level, 2 * size)) ** 2
    same = np.fft.irfft(power)[: ORDER_MAX + 1] / size
    if same[0] <= 0:
        return np.array([])
    best, chosen = float(size * np.log(same[0])), np.array([])
    for order in range(1, min(ORDER_MAX, size // 10) + 1):
        places = np.arange(order)
        matrix = same[np.abs(places[:, None] - places)] + 1e-12 * same[0] * np.eye(order)
        found = np.linalg.solve(matrix, same[1 : order + 1])
        variance = float(same[0] - found @ same[1 : order + 1])
        score = float(size * np.log(max(variance, 1e-300)) + order * np.log(size))
        if score < best:
            best, chosen = score, found
    return chosen
