"""Metrics of an OpenTelemetry collector's tables beside the own ones, under the names they would have had here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from trimtab.store.clickhouse.collected_metrics import CollectedMetrics, Exponential, Names
from trimtab.store.metrics.block import Labels, Matcher, Pieces, SeriesBlock
from trimtab.store.metrics.whole import Whole

if TYPE_CHECKING:
    from trimtab.store.metrics.contract import (
        Appended,
        Cardinality,
        ExemplarsOfSeries,
        Metadata,
        MetricStatus,
        MetricStore,
        Registered,
        Samples,
    )
    from trimtab.store.metrics.rolled import Column, Kept, RolledBlock
    from trimtab.store.metrics.rolled_histograms import HistogramColumn, RolledHistograms
    from trimtab.store.metrics.store import EmbeddedMetrics
    from trimtab.store.promql.histogram import FloatHistogram
    from trimtab.store.telemetry import TelemetryStore

SAMPLES_MAX = 20_000_000


def metrics_of(telemetry: TelemetryStore) -> MetricStore | None:
    """The metrics of a store, with the collector's where its address names one; None where it has none."""
    own: EmbeddedMetrics | None = getattr(telemetry, "metrics", None)
    engine = getattr(telemetry, "engine", None)
    tables: tuple[str, ...] = getattr(engine, "collector_tables", ())
    if own is None or engine is None or not tables:
        return own
    return BothMetrics(own, CollectedMetrics(engine, engine.collector, tables, _names(), SAMPLES_MAX))


def _names() -> Names:
    from trimtab.observe.metrics.otlp_names import labels_of_attributes, metric_name, number_text

    return Names(
        lambda name, unit, is_total, is_gauge: metric_name(name, unit, is_total=is_total, is_gauge=is_gauge),
        labels_of_attributes,
        number_text,
        _native,
    )


def _native(one: Exponential) -> FloatHistogram:
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint

    from trimtab.observe.metrics.otlp_exponential import native_of

    buckets = ExponentialHistogramDataPoint.Buckets
    point = ExponentialHistogramDataPoint(
        count=one.count,
        sum=one.sum,
        scale=one.scale,
        zero_count=one.zero_count,
        positive=buckets(offset=one.positive_offset, bucket_counts=one.positive),
        negative=buckets(offset=one.negative_offset, bucket_counts=one.negative),
    )
    return native_of(point.SerializeToString())


class BothMetrics:
    """`MetricStore`: what is written goes to the own one; what is asked for comes from both. A series that is in both
    is told by the own one."""

    def __init__(self, own: EmbeddedMetrics, collected: CollectedMetrics) -> None:
        self._own, self.collected = own, collected

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        """See `Source.select`."""
        theirs = self.collected.select(alternatives, from_ms, to_ms)
        return _both(self._own.select(alternatives, from_ms, to_ms), theirs)

    def open(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> Pieces:
        """See `DivisibleSource.open`: pieces, where all is ours."""
        theirs = self.collected.select(alternatives, from_ms, to_ms)
        if not theirs.labels:
            return self._own.open(alternatives, from_ms, to_ms)
        return Whole(_both(self._own.select(alternatives, from_ms, to_ms), theirs))

    def kept(self) -> Kept | None:
        """See `RolledSource.kept`: roll-ups are of the own samples alone."""
        return self._own.kept()

    def samples_estimate(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> int:
        """See `RolledSource.samples_estimate`."""
        return self._own.samples_estimate(alternatives, from_ms, to_ms)

    def series_estimate(self, alternatives: Sequence[Sequence[Matcher]]) -> int:
        """See `RolledSource.series_estimate`."""
        return self._own.series_estimate(alternatives)

    def select_rolled(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[Column],
    ) -> RolledBlock:
        """See `RolledSource.select_rolled`."""
        return self._own.select_rolled(alternatives, resolution_ms, from_ms, to_ms, columns)

    def select_rolled_histograms(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[HistogramColumn],
    ) -> RolledHistograms | None:
        """See `RolledHistogramSource.select_rolled_histograms`."""
        return self._own.select_rolled_histograms(alternatives, resolution_ms, from_ms, to_ms, columns)

    def register(self, labels: Sequence[Labels]) -> Registered:
        """See `MetricStore.register`."""
        return self._own.register(labels)

    def append(self, samples: Samples) -> Appended:
        """See `MetricStore.append`."""
        return self._own.append(samples)

    def labels_of(self, slot: int) -> Labels:
        """See `MetricStore.labels_of`."""
        return self._own.labels_of(slot)

    def metadata(self, metric: str = "", limit: int = 0) -> Sequence[Metadata]:
        """See `MetricStore.metadata`."""
        return self._own.metadata(metric, limit)

    def exemplars(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int
    ) -> Sequence[ExemplarsOfSeries]:
        """See `MetricStore.exemplars`."""
        return self._own.exemplars(alternatives, from_ms, to_ms)

    def status(self) -> MetricStatus:
        """See `MetricStore.status`."""
        return self._own.status()

    def cardinality(self, limit: int = 10) -> Cardinality:
        """See `MetricStore.cardinality`."""
        return self._own.cardinality(limit)

    def missing(self) -> tuple[str, ...]:
        """See `PartialSource.missing`."""
        return self._own.missing()

    def label_names(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        """See `MetricStore.label_names`."""
        theirs = self.collected.series(alternatives, from_ms, to_ms)
        mine = self._own.label_names(alternatives, from_ms, to_ms)
        return sorted({*mine, *(name for labels in theirs for name, _ in labels)})

    def label_values(self, name: str, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        """See `MetricStore.label_values`."""
        theirs = self.collected.series(alternatives, from_ms, to_ms)
        mine = self._own.label_values(name, alternatives, from_ms, to_ms)
        return sorted({*mine, *(value for labels in theirs for key, value in labels if key == name)})

    def series(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, limit: int = 0
    ) -> list[Labels]:
        """See `MetricStore.series`."""
        mine = self._own.series(alternatives, from_ms, to_ms, limit)
        found = sorted({*mine, *self.collected.series(alternatives, from_ms, to_ms)})
        return found[:limit] if limit else found


def _both(mine: SeriesBlock, theirs: SeriesBlock) -> SeriesBlock:
    known = set(mine.labels)
    wanted = [place for place, labels in enumerate(theirs.labels) if labels not in known]
    return _joined(mine, theirs, wanted) if wanted else mine


def _joined(mine: SeriesBlock, theirs: SeriesBlock, wanted: Sequence[int]) -> SeriesBlock:
    """One block: ours, then those of theirs."""
    spans = [slice(int(theirs.offsets[place]), int(theirs.offsets[place + 1])) for place in wanted]
    counts = np.array([span.stop - span.start for span in spans], np.int64)
    start_ms = None
    if mine.start_ms is not None:
        start_ms = np.concatenate([mine.start_ms, np.zeros(int(counts.sum()), np.int64)])
    histograms: list[FloatHistogram | None] | None = None
    if mine.histograms is not None or theirs.histograms is not None:
        histograms = list(mine.histograms or [None] * len(mine.at_ms))
        for span in spans:
            histograms += (theirs.histograms or [None] * len(theirs.at_ms))[span]
    return SeriesBlock(
        [*mine.labels, *(theirs.labels[place] for place in wanted)],
        np.concatenate([mine.offsets, mine.offsets[-1] + np.cumsum(counts)]),
        np.concatenate([mine.at_ms, *(theirs.at_ms[span] for span in spans)]),
        np.concatenate([mine.values, *(theirs.values[span] for span in spans)]),
        start_ms,
        histograms,
    )
