"""Series with known levels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.changes import change_points
from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
MINUTE_MS = 60_000


def series_of(values: Sequence[float] | F64, step_ms: int = MINUTE_MS) -> TimeSeries:
    """One number a step."""
    made = np.asarray(values, np.float64)
    return TimeSeries("p95", np.arange(made.size, dtype=np.int64) * step_ms, made, "ms")


def levels(*parts: tuple[float, int], seed: int = 1, noise: float = 1.0) -> F64:
    """Normal noise around (level, points) one after the other."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(level, noise, count) for level, count in parts])


def memory(share: float, count: int, seed: int) -> F64:
    """Noise that keeps a share of itself from point to point (AR(1)), after it has settled."""
    rng = np.random.default_rng(seed)
    values = np.zeros(count + 200)
    for place, shock in enumerate(rng.normal(size=count + 199), 1):
        values[place] = share * values[place - 1] + shock
    return values[200:]


def cuts(values: Sequence[float] | F64, settings: ChangePointSettings | None = None) -> list[int]:
    """Where levels change."""
    return [point.index for point in change_points(series_of(values), settings)]
