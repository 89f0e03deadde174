"""Noise of the kinds that telemetry has, shape [samples, series]; nothing happens in it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int, int], F64]


def _followed(values: F64, kept: float) -> F64:
    """Each value with `kept` times what came before it."""
    for sample in range(1, len(values)):
        values[sample] += kept * values[sample - 1]
    return values


def _wandering(rng: np.random.Generator, samples: int, series: int) -> F64:
    return _followed(rng.normal(0, 1, (samples, series)), 0.95)


def _bursty(rng: np.random.Generator, samples: int, series: int) -> F64:
    activity = np.exp(_followed(rng.normal(0, 0.06, (samples, series)), 0.98))
    return np.asarray(rng.gamma(0.3, 1.0, (samples, series)) * activity, np.float64)


def _daily(rng: np.random.Generator, samples: int, series: int) -> F64:
    of_day = 50 * np.sin(2 * np.pi * np.arange(samples) / 1440)[:, None]
    return np.asarray(100 + of_day + rng.normal(0, 5, (samples, series)), np.float64)


NOISES: dict[str, Noise] = {
    "normal": lambda rng, samples, series: rng.normal(50, 5, (samples, series)),
    "Student, 3 degrees": lambda rng, samples, series: rng.standard_t(3, (samples, series)),
    "log-normal": lambda rng, samples, series: np.exp(rng.normal(0, 1, (samples, series))),
    "autocorrelated, 0.95": _wandering,
    "counts, Poisson 0.5": lambda rng, samples, series: rng.poisson(0.5, (samples, series)).astype(np.float64),
    "sparse, 1 %": lambda rng, samples, series: (
        (rng.random((samples, series)) < 0.01) * rng.exponential(1, (samples, series))
    ),
    "a day's cycle": _daily,
    "bursts": _bursty,
}
