"""How much of what runs on a system a table is part of: the share of all calls whose statement names it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trimtab.act.controls import touches
from trimtab.extend.contracts import Clock
from trimtab.model.query import QueryShape
from trimtab.store.telemetry import TelemetryStore

WINDOW_MS = 3_600_000
REMEMBERED_MS = 60_000
"""Calls are counted anew after this; the share of a table does not change from one second to the next."""
CALLS = (
    "SELECT fingerprint, sum(calls) AS calls FROM query_executions "
    "WHERE system = {system:String} AND started_at_ms >= {since:Int64} GROUP BY fingerprint"
)


@dataclass
class TableReach:
    """Counts calls over the last hour."""

    telemetry: TelemetryStore
    shapes_of: Callable[[str], Mapping[str, QueryShape]]
    clock: Clock
    _counted: dict[str, tuple[int, Mapping[str, int]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def share(self, system: str, relation: str) -> float | None:
        """From 0 to 1; None while no call was seen."""
        calls = self._calls(system)
        total = sum(calls.values())
        if not total:
            return None
        shapes = self.shapes_of(system)
        named = (
            n for fingerprint, n in calls.items() if fingerprint in shapes and touches(shapes[fingerprint], relation)
        )
        return sum(named) / total

    def _calls(self, system: str) -> Mapping[str, int]:
        now_ms = self.clock.now_ms()
        with self._lock:
            counted = self._counted.get(system)
            if counted is None or not 0 <= now_ms - counted[0] < REMEMBERED_MS:
                rows = self.telemetry.query(CALLS, {"system": system, "since": now_ms - WINDOW_MS}).to_pylist()
                counted = (now_ms, {str(row["fingerprint"]): int(row["calls"]) for row in rows})
                self._counted[system] = counted
            return counted[1]
