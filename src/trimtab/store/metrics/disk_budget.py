"""What metrics take on disk, and the oldest days that go when it is too much."""

from __future__ import annotations

import structlog

from trimtab.model.errors import EngineRefused
from trimtab.store.engine import Engine, Merge
from trimtab.store.metrics.messages import SAMPLES, STARTS
from trimtab.store.metrics.row_messages import EXEMPLARS, HISTOGRAMS

_TABLES = (SAMPLES.name, STARTS.name, HISTOGRAMS.name, EXEMPLARS.name)
_SIZES = (
    "SELECT partition_id AS day, sum(bytes_on_disk) AS bytes FROM system.parts"
    " WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}"
    " GROUP BY day ORDER BY toInt64(day)"
)

log = structlog.get_logger()


class DiskBudget:
    """`keep` looks, and drops whole days; `size_bytes` is what was seen last."""

    def __init__(self, engine: Engine, bytes_max: int) -> None:
        self._engine, self._bytes_max = engine, bytes_max
        self.size_bytes = 0
        self.dropped_days_count = 0

    def keep(self) -> None:
        """Drop the oldest days while there is more than the budget (0: none), but never the newest."""
        found = self._engine.gather(_SIZES, {"tables": list(_TABLES)}, Merge(group_by=("day",))).table.to_pylist()
        days = sorted(found, key=lambda day: int(day["day"]))
        self.size_bytes = sum(day["bytes"] for day in days)
        while self._bytes_max and self.size_bytes > self._bytes_max and len(days) > 1:
            oldest = days.pop(0)
            day = int(oldest["day"])
            for shard in self._engine.shards:
                with self._engine.at(shard):
                    for name in _TABLES:
                        self._engine.write(f"ALTER TABLE {name} DROP PARTITION {day}")
            log.info(
                "metrics_day_dropped", day=day, bytes=oldest["bytes"], bytes_all=self.size_bytes, limit=self._bytes_max
            )
            self.size_bytes -= oldest["bytes"]
            self.dropped_days_count += 1

    def try_keep(self) -> None:
        """The same, where the engine may be busy or the disk full: then next time."""
        try:
            self.keep()
        except EngineRefused as error:
            log.warning("metrics_disk_budget", reason=error.message)
