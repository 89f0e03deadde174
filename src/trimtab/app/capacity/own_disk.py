"""trimtab's own disk budget: what its signals take together, from its own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.app.capacity.resources import Resource
from trimtab.app.forecasting.families import Family
from trimtab.app.forecasting.history import HOUR_MS, Block
from trimtab.app.forecasting.subjects import Subject
from trimtab.app.reading.own import own_lines
from trimtab.store.grid import Grid

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

NUMBER = "trimtab_signal_disk_bytes"
STEPS = ((HOUR_MS, 24 * 90, 72), (300_000, 12 * 48, 1))
"""Steps, how many are asked for, and how many of them must be known; else the next."""


@dataclass(frozen=True, slots=True)
class OwnDisk:
    """`limit_bytes` is the budget, 0 where there is none."""

    store: TelemetryStore
    limit_bytes: float

    def block(self, resource: Resource, now_ms: int) -> Block:
        """One series, or none where there is no budget."""
        subject = Subject(resource.name, Family(resource.name, resource.title, "bytes", "host"), "this server", "bytes")
        block = Block([], now_ms, HOUR_MS, np.zeros((0, 1)))
        if not self.limit_bytes:
            return block
        for step_ms, count, enough in STEPS:
            end_ms = now_ms // step_ms * step_ms
            grid = Grid(end_ms - count * step_ms, step_ms, count)
            lines = own_lines(self.store, f"own/{NUMBER}", NUMBER, grid)
            values = np.array([[np.nan if v is None else v for v in line.values] for line in lines], np.float64)
            if not values.size:
                continue
            together = np.where(np.isfinite(values).all(axis=0), values.sum(axis=0), np.nan)
            if int(np.isfinite(together).sum()) >= enough:
                return Block([subject], grid.start_ms, step_ms, together[None, :])
        return block
