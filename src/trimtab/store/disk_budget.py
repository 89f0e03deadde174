"""One budget of disk for all signals: traces, logs, metrics. What is too much goes by whole days, the oldest first.

A day goes from all tables at once, so that what is left tells of the same time. Sums by the minute and roll-ups are
small, keep their own time (`retention`), and stay. What went is counted, and told in the log.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import structlog

from trimtab.model.errors import EngineRefused, StoreError
from trimtab.store.engine import Engine

SIGNALS: dict[str, tuple[str, ...]] = {
    "traces": ("spans",),
    "logs": ("log_records",),
    "metrics": ("metric_samples", "metric_starts", "metric_histograms", "metric_exemplars"),
}
"""Tables that the budget is about; a partition of each is a UTC day."""
_LOOK_S = 60.0
_SIZES = (
    "SELECT table AS name, toInt64OrZero(partition) AS day, sum(bytes_on_disk) AS bytes, sum(rows) AS n"
    " FROM system.parts WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}"
    " GROUP BY name, day ORDER BY day, name"
)

log = structlog.get_logger()


class DiskBudget:
    """`keep` looks, and drops. `bytes_by_signal` is what was seen last; `dropped_rows` and `dropped_days_count` count
    since the start."""

    def __init__(self, engine: Engine, bytes_max: int, look_s: float = _LOOK_S) -> None:
        """`bytes_max` 0: nothing is dropped."""
        self._engine, self._bytes_max, self._look_s = engine, bytes_max, look_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trimtab-disk-budget", daemon=True)
        self.bytes_by_signal: dict[str, int] = dict.fromkeys(SIGNALS, 0)
        self.dropped_rows: dict[str, int] = dict.fromkeys(SIGNALS, 0)
        self.dropped_days_count = 0

    def start(self) -> None:
        """Look from time to time, where there is a budget."""
        if self._bytes_max:
            self._thread.start()

    def close(self) -> None:
        """End, at the latest after the look in hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._look_s):
            try:
                self.keep()
            except (EngineRefused, StoreError) as error:  # busy, or the disk is full: then next time
                log.warning("disk_budget_not_kept", reason=error.message)

    def keep(self) -> None:
        """Drop the oldest days while there is more than the budget, but never the newest."""
        for shard in self._engine.shards:
            with self._engine.at(shard):
                self._keep_on_shard()

    def _keep_on_shard(self) -> None:
        """A budget is of one disk: each shard has its own."""
        tables = [table for names in SIGNALS.values() for table in names]
        found = self._engine.write(_SIZES, {"tables": tables}).to_pylist()
        sizes = dict.fromkeys(SIGNALS, 0)
        for row in found:
            sizes[_signal_of(row["name"])] += row["bytes"]
        self.bytes_by_signal = sizes
        total, days = sum(sizes.values()), sorted({int(row["day"]) for row in found})
        for day in days[:-1]:
            if not self._bytes_max or total <= self._bytes_max:
                return
            parts = [row for row in found if row["day"] == day]
            total -= self._drop(day, parts)

    def _drop(self, day: int, parts: Sequence[dict[str, int]]) -> int:
        """Drop one day of these tables; the bytes that it had."""
        for part in parts:
            self._engine.write(f"ALTER TABLE {part['name']} DROP PARTITION {day}")
            self.dropped_rows[_signal_of(str(part["name"]))] += part["n"]
            self.bytes_by_signal[_signal_of(str(part["name"]))] -= part["bytes"]
        size = sum(part["bytes"] for part in parts)
        self.dropped_days_count += 1
        log.info("day_dropped_for_room", day=day, bytes=size, limit=self._bytes_max)
        return size


def _signal_of(table: str) -> str:
    return next(signal for signal, names in SIGNALS.items() if table in names)
