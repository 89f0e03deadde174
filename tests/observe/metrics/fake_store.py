"""A store of metrics in a dictionary, for tests of receivers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import numpy as np

from trimtab.model.errors import SpoolFull
from trimtab.store.metrics.block import Labels, Matcher, SeriesBlock
from trimtab.store.metrics.contract import (
    Appended,
    Cardinality,
    Exemplar,
    ExemplarsOfSeries,
    Metadata,
    MetricStatus,
    RefusedSample,
    RefusedSeries,
    Registered,
    Samples,
)
from trimtab.store.promql.histogram import FloatHistogram


class FakeStore:
    """Keeps what it is given. `series_max` and `is_full` make it refuse; times before `too_old_ms` are too old."""

    def __init__(self, series_max: int = 1_000_000) -> None:
        self.series_max = series_max
        self.is_full = False
        self.too_old_ms = -(1 << 62)
        self.registered_count = 0
        self.appends_count = 0
        self.slots: dict[Labels, int] = {}
        self.names: list[Labels] = []
        self.values: dict[Labels, dict[int, float]] = {}
        self.starts: dict[Labels, dict[int, int]] = {}
        self.native: dict[Labels, dict[int, FloatHistogram]] = {}
        self.examples: list[Exemplar] = []
        self.told: dict[str, Metadata] = {}
        self._lock = threading.Lock()

    def register(self, labels: Sequence[Labels]) -> Registered:
        with self._lock:
            slots = np.full(len(labels), -1, np.int32)
            refused: dict[int, tuple[RefusedSeries, str]] = {}
            for index, series in enumerate(labels):
                assert list(series) == sorted(series)
                assert all(value for _, value in series)
                self.registered_count += 1
                if series not in self.slots:
                    if len(self.slots) >= self.series_max:
                        refused[index] = ("series_max", f"there may be {self.series_max} series")
                        continue
                    self.slots[series] = len(self.names)
                    self.names.append(series)
                slots[index] = self.slots[series]
            return Registered(slots, refused)

    def append(self, samples: Samples) -> Appended:
        with self._lock:
            if self.is_full:
                raise SpoolFull("the spool is full")
            assert samples.slots.dtype == np.int32
            assert len(samples.slots) == len(samples.at_ms) == len(samples.values)
            self.appends_count += 1
            natives = samples.histograms
            histograms = {}
            if natives is not None:
                histograms = {int(index): natives.value_at(place) for place, index in enumerate(natives.index)}
            refused: Counter[RefusedSample] = Counter()
            sentences = []
            for index, (slot, at_ms, value) in enumerate(
                zip(samples.slots.tolist(), samples.at_ms.tolist(), samples.values, strict=True)
            ):
                labels = self.names[slot]
                if at_ms < self.too_old_ms:
                    refused["too_old"] += 1
                    sentences.append(f"{labels}: {at_ms} is too old")
                    continue
                if index in histograms:
                    self.native.setdefault(labels, {})[at_ms] = histograms[index]
                else:
                    self.values.setdefault(labels, {})[at_ms] = value
                if samples.start_ms is not None and samples.start_ms[index]:
                    self.starts.setdefault(labels, {})[at_ms] = int(samples.start_ms[index])
            self.examples.extend(samples.exemplars)
            self.told.update({metadata.metric: metadata for metadata in samples.metadata})
            taken = len(samples.slots) - refused.total()
            return Appended(taken, dict(refused), sentences[:10], len(histograms), len(samples.exemplars))

    def of(self, metric: str, **labels: str) -> dict[int, float]:
        """Samples of one series by time; {} where there is none."""
        return self.values.get(tuple(sorted({"__name__": metric, **labels}.items())), {})

    def labels_of(self, slot: int) -> Labels:
        return self.names[slot]

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        raise NotImplementedError

    def label_names(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        raise NotImplementedError

    def label_values(self, name: str, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        raise NotImplementedError

    def series(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, limit: int = 0
    ) -> list[Labels]:
        raise NotImplementedError

    def metadata(self, metric: str = "", limit: int = 0) -> Sequence[Metadata]:
        return list(self.told.values())

    def exemplars(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int
    ) -> Sequence[ExemplarsOfSeries]:
        raise NotImplementedError

    def status(self) -> MetricStatus:
        raise NotImplementedError

    def cardinality(self, limit: int = 10) -> Cardinality:
        raise NotImplementedError
