"""Series with known patterns, and noise of several colours with none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
START_MS = 1_700_000_000_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
NOISES = ("white", "ar 0.6", "ar 0.9", "walk", "heavy")


def noise(kind: str, count: int, rng: np.random.Generator) -> F64:
    """Unit variance, apart from the random walk, which has it over the whole length."""
    fresh = rng.normal(0, 1, count)
    if kind == "white":
        return fresh
    if kind == "heavy":
        made = rng.standard_t(2.5, count)
        return np.asarray(made / made.std())
    if kind == "walk":
        made = np.cumsum(fresh)
        return np.asarray((made - made.mean()) / made.std())
    alike = float(kind.removeprefix("ar "))
    weights = alike ** np.arange(min(count, 400))
    made = np.convolve(fresh, weights)[:count] * np.sqrt(1 - alike**2)
    return np.asarray(made)


def moments(count: int, step_ms: int) -> NDArray[np.int64]:
    """From a certain moment on."""
    return START_MS + np.arange(count, dtype=np.int64) * step_ms


def series(values: F64, step_ms: int, name: str = "x", unit: str = "") -> TimeSeries:
    """Values at regular steps."""
    return TimeSeries(name, moments(values.size, step_ms), values, unit)


def day_wave(at_ms: NDArray[np.int64], peak_hour: float) -> F64:
    """Of variance 1, highest at that hour (UTC)."""
    return np.asarray(np.sqrt(2) * np.cos((at_ms % DAY_MS / DAY_MS - peak_hour / 24) * 2 * np.pi))


def saw(count: int, period: int, phase: int = 0) -> F64:
    """Ramps of variance 1."""
    return np.asarray(np.sqrt(12) * ((np.arange(count) + phase) % period) / period)


def with_gaps(made: TimeSeries, share: float, rng: np.random.Generator) -> TimeSeries:
    """Some points missing, and one longer stretch."""
    stays = rng.random(len(made)) >= share
    stays[len(made) // 3 : len(made) // 3 + len(made) // 20] = False
    stays[[0, -1]] = True
    return TimeSeries(made.name, made.at_ms[stays], made.values[stays], made.unit)
