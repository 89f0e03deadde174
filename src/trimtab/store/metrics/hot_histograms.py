"""Native histograms in memory: few beside numbers, and objects anyway, so they live in lists by series."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from trimtab.store.metrics.contract import RefusedSample
from trimtab.store.metrics.hot import Bounds
from trimtab.store.promql.histogram import FloatHistogram

_NEVER_MS = -(1 << 62)
Verdict = RefusedSample | None
At = tuple[int, FloatHistogram]


@dataclass(slots=True)
class _Series:
    at_ms: list[int] = field(default_factory=list)
    histograms: list[FloatHistogram] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """One on its way in."""

    slot: int
    at_ms: int
    histogram: FloatHistogram


class HotHistograms:
    """The newest native histograms, complete from `from_ms` on. Every method may be called from any thread."""

    def __init__(self, count_max: int) -> None:
        self._lock = threading.Lock()
        self._count_max = count_max
        self._series: dict[int, _Series] = {}
        self.count = 0
        self.from_ms = _NEVER_MS

    def __contains__(self, slot: int) -> bool:
        return slot in self._series

    def judge(self, samples: Iterable[HistogramSample], bounds: Bounds) -> tuple[list[HistogramSample], list[Verdict]]:
        """Those to keep, and by sample why it is refused (None: it is not; repetitions are not kept either)."""
        kept: dict[tuple[int, int], HistogramSample] = {}
        verdicts: list[Verdict] = []
        with self._lock:
            for sample in samples:
                there = kept.get((sample.slot, sample.at_ms))
                known = there.histogram if there is not None else self._find(sample.slot, sample.at_ms)
                verdict = self._verdict(sample, known, bounds)
                verdicts.append(verdict)
                if verdict is None and known is None:
                    kept[sample.slot, sample.at_ms] = sample
        return list(kept.values()), verdicts

    def _verdict(self, sample: HistogramSample, known: FloatHistogram | None, bounds: Bounds) -> Verdict:
        if sample.at_ms < bounds.oldest_ms:
            return "too_old"
        if sample.at_ms > bounds.latest_ms:
            return "too_far_ahead"
        if known is not None:
            return None if repr(known) == repr(sample.histogram) else "duplicate_timestamp"
        series = self._series.get(sample.slot)
        if series is not None and series.at_ms and series.at_ms[-1] - sample.at_ms > bounds.window_ms:
            return "out_of_order"
        return None

    def _find(self, slot: int, at_ms: int) -> FloatHistogram | None:
        series = self._series.get(slot)
        if series is None:
            return None
        index = bisect_left(series.at_ms, at_ms)
        return series.histograms[index] if index < len(series.at_ms) and series.at_ms[index] == at_ms else None

    def insert(self, samples: Iterable[HistogramSample]) -> None:
        """Put in what was judged."""
        with self._lock:
            for sample in samples:
                series = self._series.setdefault(sample.slot, _Series())
                index = bisect_left(series.at_ms, sample.at_ms)
                is_there = index < len(series.at_ms) and series.at_ms[index] == sample.at_ms
                if sample.at_ms >= self.from_ms and not is_there:
                    series.at_ms.insert(index, sample.at_ms)
                    series.histograms.insert(index, sample.histogram)
                    self.count += 1

    def know(self, slots: Iterable[int]) -> None:
        """These series have histograms, in the engine at least."""
        with self._lock:
            for slot in slots:
                self._series.setdefault(slot, _Series())

    def newest_at(self) -> dict[int, int]:
        """The time of the newest of each series that has any in memory."""
        with self._lock:
            return {slot: series.at_ms[-1] for slot, series in self._series.items() if series.at_ms}

    def evict(self, loaded_before_ms: int) -> None:
        """Drop the oldest quarter when there are too many; only what lies before `loaded_before_ms` may go."""
        with self._lock:
            if self.count <= self._count_max:
                return
            times = sorted(at_ms for series in self._series.values() for at_ms in series.at_ms)
            cut = min(times[len(times) // 4], loaded_before_ms)
            if cut <= self.from_ms:
                return
            self.from_ms = cut
            for series in self._series.values():
                index = bisect_left(series.at_ms, cut)
                del series.at_ms[:index], series.histograms[:index]
                self.count -= index

    @property
    def is_empty(self) -> bool:
        """Whether no series is known that has any."""
        return not self._series

    def gather(self, slots: Iterable[int], from_ms: int, to_ms: int) -> tuple[int, dict[int, Sequence[At]]]:
        """From when on it is complete, and the histograms of those of these series that have any, by slot."""
        with self._lock:
            found: dict[int, Sequence[At]] = {}
            for slot in slots:
                series = self._series.get(slot)
                if series is not None:
                    first, end = bisect_left(series.at_ms, from_ms), bisect_right(series.at_ms, to_ms)
                    found[slot] = list(zip(series.at_ms[first:end], series.histograms[first:end], strict=True))
            return self.from_ms, found
