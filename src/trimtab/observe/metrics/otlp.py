"""OTLP metrics: a request comes in, samples are stored, what was not taken is said.

Points that are known cost a look-up; names and labels are made once, for new ones. Exponential histograms are made of
arrays (`otlp_exponential_kernels`), and so are exemplars (`otlp_exemplar_kernels`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.observe.metrics import otlp_kernels as k
from trimtab.observe.metrics.deltas import Totals
from trimtab.observe.metrics.known_series import KnownSeries
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.otlp_decode import Points, decode_metrics
from trimtab.observe.metrics.otlp_exemplars import exemplars_of
from trimtab.observe.metrics.otlp_exponential import native_of
from trimtab.observe.metrics.otlp_series import Group, NewSeries
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.metrics.slot_groups import SlotGroups
from trimtab.observe.metrics.waiting_metadata import WaitingMetadata
from trimtab.observe.metrics.written import Written
from trimtab.store.metrics.block import STALE_BITS, Labels
from trimtab.store.metrics.contract import MetricStore, Samples
from trimtab.store.metrics.histogram_codec import encoded
from trimtab.store.metrics.natives import Natives, natives_of
from trimtab.store.metrics.wire_cache import new_seed

SLOTS_MAX = 8_000_000
"""Where the slots of data points are forgotten, and all are read anew: streams of deltas begin again then."""

_FAULTS = {
    k.NO_VALUE: ("value_missing", "a data point has no value"),
    k.BOUNDS_MISFIT: ("bounds_misfit", "a histogram must have one bucket more than bounds, or none of both"),
}
_STALE = np.array([STALE_BITS], np.uint64).view(np.float64)[0]
_IS_STALE = 1
_LATE = "delta_not_later"

Ints = NDArray[np.int64]


class _Book:
    """What is known of the series that came so far."""

    def __init__(self, store: MetricStore, limits: IngestLimits) -> None:
        self.groups = SlotGroups(store, limits.delta_streams_max)
        self.known = KnownSeries[Group](self.groups.register)
        self.resources = KnownSeries[Labels](store.register)
        self.totals = Totals(limits.delta_idle_s_max)


class OtlpMetrics:
    """Thread-safe; for worker threads: decoding and waiting for the disk happen in the call."""

    def __init__(self, store: MetricStore, limits: IngestLimits, pace: Pace) -> None:
        self._store = store
        self._limits = limits
        self._pace = pace
        self._seed = new_seed()
        self._waiting = WaitingMetadata()
        self._lock = threading.Lock()
        self._book = _Book(store, limits)

    def write(self, body: bytearray, sender: str) -> Written:
        """Store an ExportMetricsServiceRequest (unpacked). Good points are stored whatever the others are.

        InputError where the body is none, BodyTooLong, TooFast, SpoolFull, StoreError.
        """
        points = decode_metrics(body, self._seed, self._limits.samples_a_body_max)
        written = Written(sent_count=len(points.points))
        self._pace.take(sender, max(len(points.points), len(points.numbers)))
        if not len(points.points):
            return written
        book = self._current_book()
        work = _Body(points, book, written)
        with work.adding_up(self._lock):
            samples = replace(work.samples(), metadata=self._waiting.with_new(work.metadata))
            if len(samples.slots) or samples.metadata:
                written.stored(self._store.append(samples))
                self._waiting.stored(samples.metadata)
        return written

    def _current_book(self) -> _Book:
        with self._lock:
            if self._book.groups.count > SLOTS_MAX:
                self._book = _Book(self._store, self._limits)
            return self._book


@dataclass(frozen=True, slots=True)
class _NativePoints:
    """Exponential histograms: `natives` are those that do not end their series, by their place among these."""

    slots: NDArray[np.int32]
    at_ms: Ints
    start_ms: Ints
    is_stale: NDArray[np.bool_]
    natives: Natives


_NONE = np.zeros(0, np.int64)
_NO_NATIVES = _NativePoints(_NONE.astype(np.int32), _NONE, _NONE, _NONE.astype(np.bool_), natives_of(()))


class _Body:
    """One request on its way into the store."""

    def __init__(self, points: Points, book: _Book, written: Written) -> None:
        self._points = points
        self._book = book
        self._written = written
        self._new = NewSeries(points)
        found, refused, new = book.known.slots(points.keys, self._new.group)
        for reason, sentence in refused.values():
            written.refusals.add(reason, 1, sentence)
        self._bases: Ints = found.astype(np.int64)
        for fault, (reason, sentence) in _FAULTS.items():
            faulty = (points.points[:, k.FAULT] == fault) & (self._bases >= 0)
            if faulty.any():
                written.refusals.add(reason, int(faulty.sum()), sentence)
                self._bases[faulty] = -1
        self.metadata = self._new.metadata(index for index in new.tolist() if found[index] >= 0)
        self._kinds: Ints = points.metrics[points.points[:, k.METRIC], k.KIND]
        temporality: Ints = points.metrics[points.points[:, k.METRIC], k.TEMPORALITY]
        adds_up = np.isin(self._kinds, (k.SUM, k.HISTOGRAM, k.EXPONENTIAL)) & (temporality == k.DELTA)
        self._is_delta: NDArray[np.bool_] = adds_up & (self._bases >= 0)

    @contextmanager
    def adding_up(self, lock: threading.Lock) -> Iterator[None]:
        """While deltas are added up nobody else does, and an error on the way takes back what was added."""
        if not self._is_delta.any():
            yield
            return
        with lock:
            groups, totals = self._book.groups, self._book.totals
            if groups.is_full_of_deltas:
                groups.forget_deltas(totals.idle(groups.delta_bases()))
            totals.reserve(groups.count)
            with totals.trying():
                yield

    def samples(self) -> Samples:
        """All that can be stored."""
        points = self._points
        native = self._native()
        self._add_up_numbers()
        starts, ends = points.numbers_start, points.points[:, k.NUMBERS_END]
        kept = np.flatnonzero((self._bases >= 0) & (self._kinds != k.EXPONENTIAL))
        sizes = (ends - starts)[kept]
        steps = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        pool = self._book.groups.slots
        slots = pool[np.repeat(self._bases[kept], sizes) + steps]
        values = points.numbers[np.repeat(starts[kept], sizes) + steps]
        rows = points.points[kept]
        is_stale = np.repeat(rows[:, k.FLAGS] & _IS_STALE == 1, sizes)
        values[is_stale] = _STALE
        at_ms = np.repeat(rows[:, k.AT_MS], sizes)
        start_ms = np.repeat(np.where(self._kinds[kept] == k.GAUGE, 0, rows[:, k.START_MS]), sizes)
        return self._joined(slots, at_ms, values, start_ms, native)

    def _joined(
        self,
        slots: NDArray[np.int32],
        at_ms: Ints,
        values: NDArray[np.float64],
        start_ms: Ints,
        native: _NativePoints,
    ) -> Samples:
        """Numbers, then native histograms, then what tells the resources."""
        told = self._target_info()
        first = len(slots)
        natives = replace(native.natives, index=native.natives.index + first) if len(native.natives) else None
        return Samples(
            np.concatenate([slots, native.slots, np.array([slot for slot, _ in told], np.int32)]),
            np.concatenate([at_ms, native.at_ms, np.array([time_ms for _, time_ms in told], np.int64)]),
            np.concatenate([values, np.where(native.is_stale, _STALE, 0.0), np.ones(len(told))]),
            np.concatenate([start_ms, native.start_ms, np.zeros(len(told), np.int64)]),
            natives,
            exemplars_of(self._points, self._bases, self._kinds, self._book.groups.slots),
        )

    def _add_up_numbers(self) -> None:
        """Sums and histograms of deltas become totals."""
        points = self._points
        chosen = np.flatnonzero(self._is_delta & (self._kinds != k.EXPONENTIAL) & (self._bases >= 0))
        chosen = chosen[points.points[chosen, k.FLAGS] & _IS_STALE == 0]
        if not len(chosen):
            return
        chosen = chosen[np.argsort(points.points[chosen, k.AT_MS], kind="stable")]
        bases = self._bases[chosen]
        start_ms = points.points[chosen, k.START_MS]
        late_count = self._book.totals.add(
            bases,
            points.numbers_start[chosen],
            points.points[chosen, k.NUMBERS_END],
            points.points[chosen, k.AT_MS],
            start_ms,
            points.numbers,
        )
        self._bases[chosen] = bases
        points.points[chosen, k.START_MS] = start_ms
        self._late(late_count)

    def _native(self) -> _NativePoints:
        """Exponential histograms, in order of time. What is out of the ordinary, and deltas, are taken one by one."""
        from trimtab.observe.metrics.otlp_exponential_kernels import natives_of_points

        points = self._points
        chosen = np.flatnonzero((self._kinds == k.EXPONENTIAL) & (self._bases >= 0))
        if not len(chosen):
            return _NO_NATIVES
        chosen = chosen[np.argsort(points.points[chosen, k.AT_MS], kind="stable")]
        rows = points.points[chosen]
        is_stale = rows[:, k.FLAGS] & _IS_STALE == 1
        places = np.ascontiguousarray(rows[:, (k.START, k.END)])
        places[is_stale] = 0
        data, offsets, is_odd = natives_of_points(np.frombuffer(points.body, np.uint8), places)
        natives = Natives(np.arange(len(chosen)), data, offsets)
        start_ms = rows[:, k.START_MS].copy()
        is_kept = np.ones(len(chosen), np.bool_)
        others: dict[int, bytes] = {}
        for place in np.flatnonzero((is_odd | self._is_delta[chosen]) & ~is_stale).tolist():
            try:
                value = native_of(points.bytes(*places[place].tolist())) if is_odd[place] else natives.value_at(place)
            except InputError as error:
                self._written.refusals.add("histogram_invalid", 1, error.message)
                is_kept[place] = False
                continue
            if self._is_delta[chosen[place]]:
                base, at_ms = int(self._bases[chosen[place]]), int(rows[place, k.AT_MS])
                total = self._book.totals.add_native(base, at_ms, int(start_ms[place]), value)
                if total is None:
                    self._late(1)
                    is_kept[place] = False
                    continue
                value, start_ms[place] = total
            others[place] = encoded(value)
        kept = np.flatnonzero(is_kept)
        slots = self._book.groups.slots[self._bases[chosen[kept]]]
        self._bases[chosen[~is_kept]] = -1
        told = np.flatnonzero(~is_stale[kept])
        return _NativePoints(
            slots,
            rows[kept, k.AT_MS],
            start_ms[kept],
            is_stale[kept],
            replace(natives.replaced(others).picked(kept[told]), index=told),
        )

    def _late(self, count: int) -> None:
        if count:
            self._written.refusals.add(_LATE, count, "a delta is not later than the one before it of its series")

    def _target_info(self) -> list[tuple[int, int]]:
        """Slot and time of the series that tells each resource, at the time of its last point."""
        points = self._points
        kept = np.flatnonzero(self._bases >= 0)
        if not len(kept):
            return []
        places = points.metrics[points.points[kept, k.METRIC], k.RESOURCE]
        starts, inverse = np.unique(places, return_inverse=True)
        last_ms = np.full(len(starts), np.iinfo(np.int64).min)
        np.maximum.at(last_ms, inverse, points.points[kept, k.AT_MS])
        known, firsts = np.unique(points.metrics[:, k.RESOURCE], return_index=True)
        metrics = points.metrics[firsts[np.searchsorted(known, starts)]].tolist()
        keys = np.array(
            [
                np.frombuffer(
                    blake2b(points.bytes(m[k.RESOURCE], m[k.RESOURCE + 1]), digest_size=16).digest(), np.uint64
                )
                for m in metrics
            ]
        )
        slots, _, _ = self._book.resources.slots(keys, lambda index: self._new.target_info(metrics[index]))
        return [(slot, at) for slot, at in zip(slots.tolist(), last_ms.tolist(), strict=True) if slot >= 0]
