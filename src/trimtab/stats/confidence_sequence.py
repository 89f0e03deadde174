"""Intervals that may be looked at as often as one likes, and hold at every look."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special


def sequence_radius(count: int, sigma: float, *, alpha: float, tuned_for_count: int = 10) -> float:
    """Half width of the asymptotic confidence sequence for a mean after `count` observations.

    `sigma` is the standard deviation of one observation (any unit; the answer has the same), `alpha` in 0..1 the
    chance that the interval *ever* misses, `tuned_for_count` where it is tightest. Source: Waudby-Smith, Arbour,
    Sinha, Kennedy and Ramdas (2024), "Time-uniform central limit theory and asymptotic confidence sequences",
    equation 3.

    >>> round(sequence_radius(10, 1.0, alpha=0.05), 3)
    0.96
    >>> sequence_radius(40, 1.0, alpha=0.05) < sequence_radius(10, 1.0, alpha=0.05)
    True
    """
    if count < 1:
        return math.inf
    log_alpha = -2.0 * math.log(alpha)
    rho_squared = (log_alpha + math.log(log_alpha + 1.0)) / tuned_for_count
    scale = count * rho_squared + 1.0
    return sigma * math.sqrt(2.0 * scale / (count * count * rho_squared) * math.log(math.sqrt(scale) / alpha))


def lag_one_autocorrelation(stretches: Sequence[NDArray[np.float64]]) -> float:
    """Lag-1 autocorrelation with the small-sample bias taken out, clipped to 0..0.9 (short series read too low).

    Each stretch is centred and has shape (n,) without NaN; products are taken within a stretch only. Five values or
    fewer in all give 0.9, the cautious answer. The correction (n r + 1) / (n - 4) is Kendall's (1954), "Note on bias
    in the estimation of autocorrelation".

    >>> lag_one_autocorrelation([np.tile([1.0, -1.0], 50)])
    0.0
    """
    count = sum(len(values) for values in stretches)
    if count <= 5:
        return 0.9
    total = sum(float(values @ values) for values in stretches)
    if total <= 0.0:
        return 0.0
    raw = sum(float(values[1:] @ values[:-1]) for values in stretches) / total
    return float(np.clip((count * raw + 1.0) / (count - 4), 0.0, 0.9))


DEGREES_MIN = 2.0
"""With fewer degrees Student's quantile says nothing about the noise, only that it is unknown."""


def student_widening(degrees: float, alpha: float) -> float:
    """Student's quantile over the normal one at two-sided `alpha`: how much a variance from few values costs.

    >>> round(student_widening(10, 0.05), 2), round(student_widening(1e6, 0.05), 2)
    (1.14, 1.0)
    """
    return student_quantile(degrees, alpha) / float(special.ndtri(1.0 - alpha / 2.0))


def student_quantile(degrees: float, alpha: float) -> float:
    """Student's two-sided quantile at `alpha`, with at least `DEGREES_MIN` degrees.

    >>> round(student_quantile(7, 0.05), 2)
    2.36
    """
    return float(special.stdtrit(max(degrees, DEGREES_MIN), 1.0 - alpha / 2.0))
