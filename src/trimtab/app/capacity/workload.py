"""The workload of watched systems ahead: calls by query shape, from sums by the minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.analyze.workload.clusters import Clusters
from trimtab.analyze.workload.forecast import POINTS_MIN, Ahead, predict_workload
from trimtab.app.capacity.now import SystemWorkload
from trimtab.store.shape_calls import CELLS_MAX, ShapeCalls, shape_calls

if TYPE_CHECKING:
    from trimtab.model.capacity_settings import CapacityPolicy
    from trimtab.stats.time_series import F64
    from trimtab.store.telemetry import TelemetryStore

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
STEPS_MS = (HOUR_MS, 15 * 60_000, 5 * 60_000)
"""Hours where two days are known, else quarters where half a day is, else five minutes."""
POINTS_ENOUGH = (48, 48, POINTS_MIN)
HISTORY_DAYS = 28
SETTLE_MS = 60_000


@dataclass(slots=True)
class Workloads:
    """For one thread at a time. Clusters are kept by system, so that they have the same numbers in the next round."""

    store: TelemetryStore
    texts: Callable[[str], dict[str, str]]
    clusters: dict[str, Clusters]

    def of(self, system: str, policy: CapacityPolicy, now_ms: int) -> SystemWorkload | None:
        """The workload of one system; None where too little is known yet."""
        found = self._calls(system, policy, now_ms)
        if found is None:
            return None
        horizon = max(1, round(policy.workload_hours * HOUR_MS / found.step_ms))
        ahead = predict_workload(
            found.fingerprints,
            found.calls,
            found.step_ms,
            found.start_ms,
            horizon,
            forecaster,
            self.clusters.setdefault(system, Clusters()),
        )
        calls = np.nansum(found.calls, axis=1)
        mean_ms: F64 = found.total_exec_time_ms / np.maximum(calls, 1.0)
        return SystemWorkload(system, ahead, mean_ms, self.texts(system))

    def _calls(self, system: str, policy: CapacityPolicy, now_ms: int) -> ShapeCalls | None:
        for step_ms, enough in zip(STEPS_MS, POINTS_ENOUGH, strict=True):
            steps = min(HISTORY_DAYS * DAY_MS // step_ms, 1_000, CELLS_MAX // policy.templates)
            end_ms = (now_ms - SETTLE_MS) // step_ms * step_ms
            found = shape_calls(self.store, system, end_ms - steps * step_ms, steps, step_ms, policy.templates)
            seen = np.flatnonzero(np.isfinite(found.calls).any(axis=0)) if found.fingerprints else np.zeros(0, int)
            if len(seen) and steps - seen[0] >= enough:
                first = int(seen[0])
                return ShapeCalls(
                    found.fingerprints,
                    found.calls[:, first:],
                    found.total_exec_time_ms,
                    found.start_ms + first * step_ms,
                    step_ms,
                )
        return None


def forecaster(values: F64, step_ms: int, start_ms: int, steps: int) -> Ahead:
    """The forecast of the house, as the workload wants it."""
    from trimtab.analyze.forecast.forecast import forecast

    return forecast(values, step_ms, start_ms, steps)
