"""Roll-ups of this store: made on a schedule, and read where there are no samples any more, or too many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trimtab.store.engine import Engine, Merge
from trimtab.store.metrics.arrays import U64
from trimtab.store.metrics.block import Matcher
from trimtab.store.metrics.cold import condition
from trimtab.store.metrics.messages import SAMPLES
from trimtab.store.metrics.partial import gathered
from trimtab.store.metrics.parts import Parts
from trimtab.store.metrics.reading import Reader
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES, Column, Kept, RolledBlock
from trimtab.store.metrics.rolled_histogram_rows import RolledHistogramRows
from trimtab.store.metrics.rolled_histograms import HistogramColumn, RolledHistograms
from trimtab.store.metrics.rolled_rows import RolledRows
from trimtab.store.metrics.rolling import MetricRoller
from trimtab.store.metrics.rolling_histograms import RollingHistograms
from trimtab.store.metrics.rolling_rows import RollingRows
from trimtab.store.metrics.row_messages import HISTOGRAMS
from trimtab.store.metrics.writing import now_ms
from trimtab.store.retention import DAY_MS
from trimtab.store.spool import Spool

SAMPLES_A_HISTOGRAM = 50
"""So many samples take about as much memory as a native histogram does."""
_SAMPLES_A_S = 1
"""Nobody sends more of one series, as far as guessing goes."""
_OLDEST_DAYS = (
    "SELECT table, min(toInt64(partition_id)) AS day FROM system.parts"
    " WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)} GROUP BY table"
)


@dataclass(frozen=True, slots=True)
class KeptDays:
    """How long each is kept."""

    raw: int
    minutes: int
    hours: int


class Rollups:
    """Every method but `keep` may be called from any thread."""

    def __init__(
        self,
        engine: Engine,
        spool: Spool,
        parts: Parts,
        reader: Reader,
        wait_until_seen: Callable[[], bool],
        days: KeptDays,
        stop: threading.Event,
    ) -> None:
        """`wait_until_seen` is that of the writer."""
        self._engine, self._parts, self._reader, self._days = engine, parts, reader, days
        self._rows = RolledRows(engine, parts.limits.samples_a_query_max)
        rows = RollingRows(engine, parts, wait_until_seen)
        self.roller = MetricRoller(engine, spool, rows, stop, name="samples", table=SAMPLES.name)
        self.histogram_roller = MetricRoller(
            engine, spool, RollingHistograms(engine), stop, name="histograms", table=HISTOGRAMS.name
        )
        self._histogram_rows = RolledHistogramRows(engine, parts.limits.samples_a_query_max // SAMPLES_A_HISTOGRAM)
        self._gone_before_ms = 0

    def keep(self) -> None:
        """One pass of the roller, and a look at which days of samples are gone."""
        self.look()
        now = now_ms()
        self.roller.try_roll(now, self._raw_from_ms(now))
        if not self._parts.histograms.is_empty:
            self.histogram_roller.try_roll(now, self._raw_from_ms(now))

    def open(self) -> None:
        """Read the marks, so that queries find what was rolled before."""
        self.roller.open()
        self.histogram_roller.open()

    def look(self) -> None:
        """Days of samples go by age, and where the disk is full by size: roll-ups of days before the oldest tell so."""
        merge = Merge(group_by=("table",), how={"day": "min"})
        found = gathered(self._engine, _OLDEST_DAYS, {"tables": [SAMPLES.name, MINUTES]}, merge).to_pylist()
        days = {row["table"]: row["day"] for row in found}
        oldest = days.get(SAMPLES.name)
        is_less = oldest is not None and days.get(MINUTES, oldest) < oldest
        self._gone_before_ms = oldest * DAY_MS if oldest is not None and is_less else 0

    def _raw_from_ms(self, now: int) -> int:
        by_age = -(-(now - self._days.raw * DAY_MS) // HOURS_MS) * HOURS_MS
        return max(by_age, self._gone_before_ms)

    def kept(self) -> Kept | None:
        """See `RolledSource.kept`."""
        marks = [mark for mark in (self.roller.mark, self.histogram_roller.mark) if mark is not None]
        if not marks:
            return None
        now = now_ms()
        return Kept(
            raw_from_ms=self._raw_from_ms(now),
            raw_days=self._days.raw,
            minutes_from_ms=now - self._days.minutes * DAY_MS,
            minutes_to_ms=min(mark.minutes_to_ms for mark in marks),
            hours_to_ms=min(mark.hours_to_ms for mark in marks),
            samples_max=self._parts.limits.samples_a_query_max,
        )

    def samples_estimate(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> int:
        """See `RolledSource.samples_estimate`."""
        return self._numbers_estimate(alternatives, from_ms, to_ms) + self._histograms_estimate(
            alternatives, from_ms, to_ms
        )

    def _histograms_estimate(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> int:
        """A histogram is as much as many samples."""
        parts = self._parts
        to_ms = min(to_ms, parts.histograms.from_ms)
        if self.histogram_roller.mark is None or to_ms <= from_ms:
            return 0
        slots = self._reader.slots(alternatives)
        slots = slots[parts.histograms.known(slots)]
        if not len(slots):
            return 0
        return SAMPLES_A_HISTOGRAM * self._histogram_rows.samples_count(parts.registry.ids[slots], from_ms, to_ms)

    def _numbers_estimate(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> int:
        parts, mark = self._parts, self.roller.mark
        to_ms = min(to_ms, parts.hot.from_ms)
        if mark is None or to_ms <= from_ms:
            return 0
        slots = self._reader.slots(alternatives)
        if len(slots) * (to_ms - from_ms) // 1000 * _SAMPLES_A_S <= parts.limits.samples_a_query_max:
            return 0
        ids = parts.registry.ids[slots]
        where = condition(ids, parts.registry.metrics_sizes(slots))
        return self._rows.samples_count(ids, where, from_ms, to_ms)

    def series_estimate(self, alternatives: Sequence[Sequence[Matcher]]) -> int:
        """See `RolledSource.series_estimate`."""
        return len(self._reader.slots(alternatives))

    def select(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[Column],
    ) -> RolledBlock:
        """See `RolledSource.select_rolled`."""
        parts = self._parts
        slots = self._reader.slots(alternatives)
        ids: U64 = parts.registry.ids[slots]
        where = condition(ids, parts.registry.metrics_sizes(slots)) if len(slots) else "0"
        rows = self._rows.read(ids, where, resolution_ms, from_ms, to_ms, columns)
        counts = np.diff(rows.offsets)
        there = counts > 0
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[there])])
        return RolledBlock(parts.registry.labels_list(slots[there]), offsets, rows.end_ms, rows.columns)

    def select_histograms(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[HistogramColumn],
    ) -> RolledHistograms | None:
        """See `RolledHistogramSource.select_rolled_histograms`."""
        parts = self._parts
        slots = self._reader.slots(alternatives)
        slots = slots[parts.histograms.known(slots)]
        if not len(slots):
            return None
        found = self._histogram_rows.read(parts.registry.ids[slots], resolution_ms, from_ms, to_ms, columns)
        counts = np.diff(found.offsets)
        there = counts > 0
        if not there.any():
            return None
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[there])])
        return replace(found, labels=parts.registry.labels_list(slots[there]), offsets=offsets)
