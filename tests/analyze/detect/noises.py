"""Series in which nothing happens, of the kinds that telemetry has; shape [samples, series]."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int, int], F64]


def _even(rng: np.random.Generator, samples: int, series: int) -> F64:
    return rng.normal(50.0, 5.0, (samples, series))


def _heavy(rng: np.random.Generator, samples: int, series: int) -> F64:
    return np.exp(rng.normal(0.0, 1.0, (samples, series)))


def _wandering(rng: np.random.Generator, samples: int, series: int) -> F64:
    values = rng.normal(0.0, 1.0, (samples, series))
    for sample in range(1, samples):
        values[sample] += 0.9 * values[sample - 1]
    return values


def _counts(rng: np.random.Generator, samples: int, series: int) -> F64:
    return rng.poisson(0.5, (samples, series)).astype(np.float64)


def _sparse(rng: np.random.Generator, samples: int, series: int) -> F64:
    return (rng.random((samples, series)) < 0.02) * rng.exponential(1.0, (samples, series))


def _daily(rng: np.random.Generator, samples: int, series: int) -> F64:
    """A day is 1,440 samples."""
    of_day = 50.0 * np.sin(2 * np.pi * np.arange(samples) / 1440)[:, None]
    return 100.0 + of_day + rng.normal(0.0, 5.0, (samples, series))


def _integers(rng: np.random.Generator, samples: int, series: int) -> F64:
    return rng.poisson(40.0, (samples, series)).astype(np.float64)


NOISES: dict[str, Noise] = {
    "even": _even,
    "heavy": _heavy,
    "wandering": _wandering,
    "counts": _counts,
    "sparse": _sparse,
    "daily": _daily,
    "integers": _integers,
}
