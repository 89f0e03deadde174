"""Series that nobody sends any more, and of which nothing is kept any more, leave: memory, `series_max`, and the table.

`metric_series` says when a series was last seen alive: its definition is written again, once a period, while samples
come. A series that was not seen for longer than anything is kept is a candidate; the engine is asked whether there is
still something of it. If not, it is doomed, and goes when nobody used it for a while (so that no request that has its
slot is on its way). A series that comes back is defined again.
"""

from __future__ import annotations

import numpy as np
import structlog

from trimtab.store.engine import Engine
from trimtab.store.metrics.arrays import I32
from trimtab.store.metrics.messages import SAMPLES
from trimtab.store.metrics.parts import Parts
from trimtab.store.metrics.registry import Definition
from trimtab.store.metrics.rolled import HOURS, MINUTES
from trimtab.store.metrics.rolled_histograms import HISTOGRAM_TABLES
from trimtab.store.metrics.rolling_rows import gathered
from trimtab.store.metrics.row_messages import HISTOGRAMS, SERIES
from trimtab.store.metrics.writing import define, now_ms
from trimtab.store.retention import DAY_MS
from trimtab.store.spool import Spool

SPARED_S = 600.0
"""So long a doomed series waits."""
_AT_ONCE = 20_000
_IDS_A_QUERY = 5_000
_SHARE = 20
_PERIOD_MS_MAX = 30 * DAY_MS

log = structlog.get_logger()


class Retiring:
    """One pass at a time."""

    def __init__(self, engine: Engine, spool: Spool, parts: Parts, kept_days: int) -> None:
        self._engine, self._spool, self._parts = engine, spool, parts
        self._kept_ms = kept_days * DAY_MS
        self._period_ms = min(max(self._kept_ms // _SHARE, DAY_MS), _PERIOD_MS_MAX)
        self.spared_s = SPARED_S
        self.retired_count = 0

    def keep(self) -> None:
        """One pass: a bounded number of series each time. Raises EngineRefused, SpoolFull: then next time."""
        now, count = now_ms(), self._parts.registry.count
        slots = np.arange(count, dtype=np.int32)
        newest = np.minimum(self._parts.hot.newest_at(slots), now)
        newest = np.maximum(newest, np.minimum(self._parts.histograms.newest_at(slots), now))
        lives = self._parts.registry.lives
        seen, alive = lives.seen_ms(count), lives.alive(count)
        self._see(slots[alive & (newest - seen > self._period_ms)][:_AT_ONCE], now)
        is_old = (seen < now - self._kept_ms - 2 * self._period_ms) & (newest < now - self._kept_ms)
        self._doom(slots[alive & is_old][:_AT_ONCE], now)
        self._retire(now)

    def _see(self, slots: I32, now: int) -> None:
        """Write their definitions again."""
        registry = self._parts.registry
        if len(slots):
            pairs = zip(registry.ids[slots].tolist(), registry.labels_list(slots), strict=True)
            define(self._spool, [Definition(id_, labels) for id_, labels in pairs if labels])
            registry.see(slots, now)

    def _doom(self, slots: I32, now: int) -> None:
        registry = self._parts.registry
        ids = registry.ids[slots]
        kept: list[int] = []
        for start in range(0, len(ids), _IDS_A_QUERY):
            some = ",".join(map(str, ids[start : start + _IDS_A_QUERY].tolist()))
            for table in (SAMPLES.name, MINUTES, HOURS, HISTOGRAMS.name, *HISTOGRAM_TABLES.values()):
                answer = gathered(self._engine, f"SELECT DISTINCT id FROM {table} WHERE id IN ({some})", {})
                kept += answer["id"].to_pylist()
        is_kept = np.isin(ids, np.array(kept, np.uint64))
        self._see(slots[is_kept], now)
        registry.doom(slots[~is_kept])

    def _retire(self, now: int) -> None:
        ids = self._parts.registry.retire(self.spared_s)
        for start in range(0, len(ids), _IDS_A_QUERY):
            some = ",".join(map(str, ids[start : start + _IDS_A_QUERY]))
            self._engine.write(
                f"DELETE FROM {SERIES.name} WHERE id IN ({some}) AND seen_at_ms < {{seen_ms:Int64}}",
                {"seen_ms": now - self._kept_ms},
            )
        if ids:
            self.retired_count += len(ids)
            log.info("metric_series_retired", series=len(ids), unused_for_days=self._kept_ms // DAY_MS)
