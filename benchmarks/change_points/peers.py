"""The other sides: apache-otava and ruptures, each as its authors set it, from where the data is."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.change_points.noise import F64
from trimtab.analyze.changes import change_points
from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.stats.time_series import TimeSeries

MIN_SEGMENT = 5
STEP_MS = 300_000
Find = Callable[[F64], Sequence[int]]


@dataclass(frozen=True)
class Side:
    """One method. `points_max`: longer series are not given to it, it would take too long."""

    name: str
    find: Find
    points_max: int = 1_000_000


def sides(settings: ChangePointSettings) -> list[Side]:
    """trimtab first."""
    import ruptures  # type: ignore[import-not-found]
    from otava.analysis import compute_change_points  # type: ignore[import-not-found]

    def trimtab(values: F64) -> list[int]:
        at_ms = np.arange(values.size, dtype=np.int64) * STEP_MS
        return [point.index for point in change_points(TimeSeries("x", at_ms, values), settings)]

    def kernel_cpd(weight: float) -> Find:
        def find(values: F64) -> list[int]:
            fitted = ruptures.KernelCPD("rbf", min_size=MIN_SEGMENT).fit(values)
            return list(fitted.predict(pen=weight * np.log(values.size))[:-1])

        return find

    def otava(window: int, p_value: float) -> Find:
        def find(values: F64) -> list[int]:
            found, _ = compute_change_points(values.tolist(), window_len=window, max_pvalue=p_value)
            return [point.index for point in found]

        return find

    return [
        Side("trimtab", trimtab),
        Side("otava W50 p.001 (its default)", otava(50, 0.001)),
        Side("otava W30 p.01", otava(30, 0.01)),
        Side("ruptures KernelCPD rbf 1 log n", kernel_cpd(1.0), 4000),
        Side("ruptures KernelCPD rbf 2 log n", kernel_cpd(2.0), 4000),
    ]


def cpu_ms(side: Side, series: Sequence[F64], rounds: int) -> float:
    """Processor time of one series, the median of rounds."""
    took = []
    for _ in range(rounds):
        began_ns = time.process_time_ns()
        for values in series:
            side.find(values)
        took.append((time.process_time_ns() - began_ns) / 1e6 / len(series))
    return float(np.median(took))
