"""The metrics store in this process: `telemetry.metrics`.

Importing it is cheap, and so is making it: what costs (machine code, reading back) begins with `start`, at the latest
with the first use, on a thread of its own; whoever needs it waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from trimtab.model.errors import EngineRefused, SpoolFull, StoreError
from trimtab.store.engine import Engine
from trimtab.store.limits import TelemetryLimits
from trimtab.store.loader import Sink
from trimtab.store.metrics.block import Labels, Matcher, Pieces, SeriesBlock
from trimtab.store.metrics.cold import Cold
from trimtab.store.metrics.contract import (
    Appended,
    Cardinality,
    Exemplar,
    ExemplarsOfSeries,
    HotStatus,
    Metadata,
    MetricStatus,
    Registered,
    Samples,
)
from trimtab.store.metrics.disk_budget import DiskBudget
from trimtab.store.metrics.exemplars import RecentExemplars
from trimtab.store.metrics.following import Following
from trimtab.store.metrics.hot import HotWindow
from trimtab.store.metrics.hot_histograms import HotHistograms
from trimtab.store.metrics.known_metadata import KnownMetadata
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.messages import SAMPLES, STARTS
from trimtab.store.metrics.partial import taken
from trimtab.store.metrics.parts import Parts
from trimtab.store.metrics.reading import Reader
from trimtab.store.metrics.registry import Registry
from trimtab.store.metrics.retiring import Retiring
from trimtab.store.metrics.rolled import Column, Kept, RolledBlock
from trimtab.store.metrics.rolled_histograms import HistogramColumn, RolledHistograms
from trimtab.store.metrics.rollups import KeptDays, Rollups
from trimtab.store.metrics.row_messages import EXEMPLARS, HISTOGRAMS, METADATA, SERIES
from trimtab.store.metrics.sinks import NativeSink, RowsSink
from trimtab.store.metrics.starts import Starts
from trimtab.store.metrics.writing import Writer, define
from trimtab.store.spool import Spool

log = structlog.get_logger()

_START_S_MAX = 300.0
_HOUSE_S = 60.0
_HOT_BYTES_A_ROW = 100
TABLES = (SERIES.name, METADATA.name, STARTS.name, SAMPLES.name, HISTOGRAMS.name, EXEMPLARS.name)
"""In the order in which they are loaded: series first."""


def sinks(engine: Engine) -> Mapping[str, Sink]:
    """How messages of each table become rows."""
    found: dict[str, Sink] = {table.name: NativeSink(engine, table) for table in (STARTS, SAMPLES)}
    found |= {table.name: RowsSink(engine, table) for table in (SERIES, METADATA, HISTOGRAMS, EXEMPLARS)}
    return {name: found[name] for name in TABLES}


def segment_rows_max(limits: MetricLimits) -> Mapping[str, int]:
    """Bounds of spool segments: numbers come in larger heaps than rows, but not in such that memory is full of what
    the engine does not have yet."""
    rows_max = max(limits.segment_rows_max // 3, min(limits.segment_rows_max, limits.hot_bytes_max // _HOT_BYTES_A_ROW))
    return {SAMPLES.name: rows_max, STARTS.name: rows_max}


def load_ages_s(limits: MetricLimits) -> Mapping[str, float]:
    """How long segments wait for more: memory has them meanwhile."""
    return dict.fromkeys(TABLES, limits.load_interval_s)


class EmbeddedMetrics:
    """`MetricStore` in front of the same spool and engine as the other telemetry."""

    def __init__(
        self, engine: Engine, spool: Spool, limits: TelemetryLimits, metric_limits: MetricLimits, days: KeptDays
    ) -> None:
        self._engine, self._spool, self._limits = engine, spool, metric_limits
        registry = Registry(metric_limits, lambda definitions: define(spool, definitions))
        self._parts = Parts(
            metric_limits,
            registry,
            HotWindow(metric_limits.hot_bytes_max),
            HotHistograms(metric_limits.hot_histograms_max),
            Starts(),
            RecentExemplars(),
            KnownMetadata(),
            Cold(engine, metric_limits.samples_a_query_max),
        )
        self._writer = Writer(self._parts, spool, limits, days.raw)
        self._reader = Reader(self._parts)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_ready, self._is_read_back, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._budget = DiskBudget(engine, metric_limits.disk_bytes_max)
        self.rollups = Rollups(engine, spool, self._parts, self._reader, self._writer.wait_until_seen, days, self._stop)
        self._retiring = Retiring(engine, spool, self._parts, max(days.raw, days.minutes, days.hours))
        self._failure: str | None = None

    def start(self) -> None:
        """Begin to load machine code and to read back, once; returns at once."""
        with self._starting:
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name="trimtab-metrics-start", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        from trimtab.store.metrics.start import Start

        try:
            self.rollups.open()
            self.rollups.look()
            Start(self._parts, self._engine, self._spool).run(self._is_ready.set, self._stop)
            self._parts.hot.end_reload()
            self._is_read_back.set()
            self._keep_house()
        except Exception as error:  # noqa: BLE001 - told to everybody who asks for metrics
            reason = f"{type(error).__name__}: {error}"
            log.error("metrics_not_read_back", reason=reason, is_served=self._is_ready.is_set())
            if not self._is_ready.is_set():
                self._failure = reason
        finally:
            self._parts.hot.end_reload()
            self._is_ready.set()
            self._is_read_back.set()

    def _keep_house(self) -> None:
        """From time to time, until the end."""
        while True:
            self._budget.try_keep()
            self._try(self.rollups.keep)
            self._try(self._retiring.keep)
            if self._stop.wait(_HOUSE_S):
                return

    @staticmethod
    def _try(keep: Callable[[], None]) -> None:
        """Where the engine is busy or the disk full, next time does."""
        try:
            keep()
        except (EngineRefused, StoreError, SpoolFull) as error:
            log.warning("metrics_house_not_kept", reason=error.message)

    def wait(self, timeout_s: float = _START_S_MAX) -> None:
        """Return when everybody is served; StoreError where that took too long or went wrong."""
        if not self._is_ready.is_set():
            self.start()
            if not self._is_ready.wait(timeout_s):
                raise StoreError(f"metrics were not read back within {timeout_s} s", limit=timeout_s)
        if self._failure is not None:
            raise StoreError(f"metrics could not be read back: {self._failure}")

    def wait_until_read_back(self, timeout_s: float = _START_S_MAX) -> bool:
        """Whether all that memory has room for was read back within the time."""
        self.start()
        return self._is_read_back.wait(timeout_s)

    def register(self, labels: Sequence[Labels]) -> Registered:
        """See `MetricStore.register`."""
        self.wait()
        return self._parts.registry.register(labels)

    def append(self, samples: Samples) -> Appended:
        """See `MetricStore.append`."""
        self.wait()
        return self._writer.append(samples)

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        """See `Source.select`."""
        self.wait()
        return self._reader.select(alternatives, from_ms, to_ms)

    def open(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> Pieces:
        """See `DivisibleSource.open`."""
        self.wait()
        return self._reader.open(alternatives, from_ms, to_ms)

    @staticmethod
    def missing() -> tuple[str, ...]:
        """See `PartialSource.missing`."""
        return taken()

    def labels_of(self, slot: int) -> Labels:
        """See `MetricStore.labels_of`."""
        return self._parts.registry.labels_of(slot)

    @property
    def following(self) -> Following:
        """All series at once, by slot; `wait` comes first."""
        return Following(self._parts)

    def label_names(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        """See `MetricStore.label_names`."""
        self.wait()
        return sorted({name for name, _ in self._reader.pairs(alternatives, from_ms, to_ms)})

    def label_values(self, name: str, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        """See `MetricStore.label_values`."""
        self.wait()
        return sorted({value for key, value in self._reader.pairs(alternatives, from_ms, to_ms) if key == name})

    def series(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, limit: int = 0
    ) -> list[Labels]:
        """See `MetricStore.series`."""
        self.wait()
        return self._reader.series(alternatives, from_ms, to_ms, limit)

    def metadata(self, metric: str = "", limit: int = 0) -> Sequence[Metadata]:
        """See `MetricStore.metadata`."""
        self.wait()
        return self._parts.metadata.look_up(metric, limit)

    def exemplars(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int
    ) -> Sequence[ExemplarsOfSeries]:
        """See `MetricStore.exemplars`."""
        self.wait()
        registry = self._parts.registry
        slots = self._reader.slots(alternatives)
        slot_of_id = dict(zip(registry.ids[slots].tolist(), slots.tolist(), strict=True))
        found = dict.fromkeys(self._parts.exemplars.between(slots, from_ms, to_ms))
        for id_, at_ms, value, labels in self._parts.cold.exemplars(registry.ids[slots], from_ms, to_ms):
            found[Exemplar(slot_of_id[id_], labels, value, at_ms)] = None
        by_slot: dict[int, list[Exemplar]] = {}
        for one in sorted(found, key=lambda one: one.at_ms):
            by_slot.setdefault(one.slot, []).append(one)
        return [ExemplarsOfSeries(registry.labels_of(slot), ones) for slot, ones in by_slot.items()]

    def kept(self) -> Kept | None:
        """See `RolledSource.kept`."""
        self.wait()
        return self.rollups.kept()

    def samples_estimate(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> int:
        """See `RolledSource.samples_estimate`."""
        return self.rollups.samples_estimate(alternatives, from_ms, to_ms)

    def series_estimate(self, alternatives: Sequence[Sequence[Matcher]]) -> int:
        """See `RolledSource.series_estimate`."""
        return self.rollups.series_estimate(alternatives)

    def select_rolled(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[Column],
    ) -> RolledBlock:
        """See `RolledSource.select_rolled`."""
        return self.rollups.select(alternatives, resolution_ms, from_ms, to_ms, columns)

    def select_rolled_histograms(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[HistogramColumn],
    ) -> RolledHistograms | None:
        """See `RolledHistogramSource.select_rolled_histograms`."""
        return self.rollups.select_histograms(alternatives, resolution_ms, from_ms, to_ms, columns)

    def status(self) -> MetricStatus:
        """See `MetricStore.status`."""
        roller = self.rollups.roller
        hot, registry, writer = self._parts.hot, self._parts.registry, self._writer
        return MetricStatus(
            series_count=registry.alive_count,
            label_pairs_count=registry.pairs_count,
            samples_accepted_count=writer.samples_count,
            histograms_accepted_count=writer.histograms_count,
            exemplars_accepted_count=writer.exemplars_count,
            repeated_count=writer.repeated_count,
            refused_samples=dict(writer.refused),
            refused_series=dict(registry.refused),
            hot=HotStatus(hot.from_ms, hot.samples_count, hot.size_bytes, self._limits.hot_bytes_max, hot.span_ms),
            newest_ms=hot.newest_ms,
            series_count_max=self._limits.series_max,
            disk_bytes=self._budget.size_bytes,
            dropped_days_count=self._budget.dropped_days_count,
            retired_series_count=self._retiring.retired_count,
            rolled_to_ms=0 if roller.mark is None else roller.mark.minutes_to_ms,
            rolled_windows_count=roller.windows_count,
            rolled_again_count=roller.late_windows_count,
            rollup_error=roller.error or self.rollups.histogram_roller.error,
        )

    def cardinality(self, limit: int = 10) -> Cardinality:
        """See `MetricStore.cardinality`."""
        self.wait()
        return self._parts.registry.cardinality(limit)

    def close(self) -> None:
        """Stop reading back; what is spooled is not touched."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
