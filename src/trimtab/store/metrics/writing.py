"""Samples on their way in: judged, spooled, then seen.

What is acknowledged is in the spool. What was refused is counted by reason, and costs the others of its request
nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from trimtab.model.errors import InputError
from trimtab.store.limits import TelemetryLimits
from trimtab.store.metrics.arrays import I32, I64, U8
from trimtab.store.metrics.cold import condition
from trimtab.store.metrics.contract import Appended, Metadata, RefusedSample, Samples
from trimtab.store.metrics.exemplar_columns import Exemplars, columns_of
from trimtab.store.metrics.hot import Bounds
from trimtab.store.metrics.messages import SAMPLES, STARTS, slices
from trimtab.store.metrics.natives import Natives
from trimtab.store.metrics.parts import Parts
from trimtab.store.metrics.refusals import Refusals
from trimtab.store.metrics.registry import Definition
from trimtab.store.metrics.row_messages import (
    EXEMPLARS,
    HISTOGRAMS,
    METADATA,
    SERIES,
    metadata_message,
    series_message,
)
from trimtab.store.metrics.unloaded import Unloaded
from trimtab.store.retention import DAY_MS
from trimtab.store.spool import Spool

_DEFINITIONS_A_MESSAGE = 2_000
_ROWS_A_MESSAGE = 1_000
_SEEN_S = 5.0


def now_ms() -> int:
    """The clock."""
    return time.time_ns() // 1_000_000


def define(spool: Spool, definitions: Sequence[Definition]) -> None:
    """Make new series durable."""
    for piece in slices(len(definitions), _DEFINITIONS_A_MESSAGE):
        rows = definitions[piece]
        spool.append(SERIES.name, series_message(rows, now_ms()), len(rows))


class Writer:
    """Takes samples; every method may be called from any thread."""

    def __init__(self, parts: Parts, spool: Spool, limits: TelemetryLimits, retention_days: int) -> None:
        self._parts, self._spool = parts, spool
        self._retention_ms = retention_days * DAY_MS
        self._samples_a_message = limits.message_bytes_max // SAMPLES.row_bytes - 10
        self._unloaded = {name: Unloaded(spool, name) for name in (SAMPLES.name, HISTOGRAMS.name)}
        self._counting = threading.Lock()
        self.refused: Counter[str] = Counter()
        self.samples_count = self.histograms_count = self.exemplars_count = self.repeated_count = 0

    def wait_until_seen(self, timeout_s: float = _SEEN_S) -> bool:
        """See `Unloaded.wait_until_seen`, of samples."""
        return self._unloaded[SAMPLES.name].wait_until_seen(timeout_s)

    def bounds(self) -> Bounds:
        """Which times are taken now."""
        now, limits = now_ms(), self._parts.limits
        return Bounds(
            oldest_ms=now - self._retention_ms,
            latest_ms=now + int(limits.ahead_s_max * 1000),
            window_ms=int(limits.out_of_order_window_s * 1000),
        )

    def append(self, samples: Samples) -> Appended:
        """See `MetricStore.append`."""
        limit = self._parts.limits.samples_a_request_max
        if len(samples.slots) > limit:
            raise InputError(
                f"a request may have {limit} samples; this one has {len(samples.slots)}",
                limit=limit,
                observed=len(samples.slots),
            )
        refusals = Refusals(self._parts.registry, self.bounds())
        self._put_metadata(samples.metadata)
        slots = self._parts.registry.living(samples.slots)
        histograms = samples.histograms
        at_ms, values, start_ms = samples.at_ms, samples.values, samples.start_ms
        if start_ms is not None:
            self._put_starts(slots, at_ms, start_ms)
        native_slots, native_at_ms = slots[:0], at_ms[:0]
        if histograms is not None:
            native_slots, native_at_ms = slots[histograms.index], at_ms[histograms.index]
            numbers = np.ones(len(slots), np.bool_)
            numbers[histograms.index] = False
            slots, at_ms, values = slots[numbers], at_ms[numbers], values[numbers]
        accepted = self._put_numbers(slots, at_ms, np.ascontiguousarray(values).view(np.int64), refusals)
        histograms_count = 0
        if histograms is not None:
            histograms_count = self._put_histograms(native_slots, native_at_ms, histograms, refusals)
        exemplars_count = self._put_exemplars(columns_of(samples.exemplars)) if samples.exemplars else 0
        with self._counting:
            self.samples_count += accepted
            self.histograms_count += histograms_count
            self.exemplars_count += exemplars_count
            self.refused.update(refusals.counts)
        return Appended(
            accepted + histograms_count, dict(refusals.counts), refusals.first, histograms_count, exemplars_count
        )

    def _put_numbers(self, slots: I32, at_ms: I64, bits: I64, refusals: Refusals) -> int:
        parts, bounds = self._parts, refusals.bounds
        if len(slots) == 0:
            return 0
        judged = parts.hot.judge(slots, at_ms, bits, parts.registry.count, bounds)
        accepted = len(slots)
        if judged.order is not None:
            slots, at_ms, bits = slots[judged.order], at_ms[judged.order], bits[judged.order]
        verdicts = judged.verdicts
        if judged.oldest_ms < parts.hot.from_ms:
            verdicts = self._with_cold(slots, at_ms, bits, verdicts)
        if verdicts is not None:
            from trimtab.store.metrics.hot_kernels import ACCEPTED

            accepted -= self._refuse(slots, at_ms, verdicts, refusals)
            kept = verdicts == ACCEPTED
            slots, at_ms, bits = slots[kept], at_ms[kept], bits[kept]
        unloaded = self._unloaded[SAMPLES.name]
        version = judged.version
        for piece in slices(len(slots), self._samples_a_message):
            message = SAMPLES.parts(
                {
                    "id": parts.registry.ids[slots[piece]],
                    "at_ms": at_ms[piece],
                    "value": bits[piece].view(np.float64),
                }
            )
            is_all = verdicts is None and len(slots[piece]) == len(slots)
            with unloaded.during(judged.oldest_ms if is_all else int(at_ms[piece].min())) as note:
                note(self._spool.append(SAMPLES.name, message, len(slots[piece])))
                version = parts.hot.insert(slots[piece], at_ms[piece], bits[piece], version, bounds)
        if parts.hot.is_full:
            parts.hot.evict(unloaded.oldest_ms())
        return accepted

    def _with_cold(self, slots: I32, at_ms: I64, bits: I64, verdicts: U8 | None) -> U8 | None:
        """Verdicts that also know what only the engine has: it is asked where samples are older than memory."""
        from trimtab.store.metrics.hot_kernels import ACCEPTED, find_in_slab

        is_cold = at_ms < self._parts.hot.from_ms
        if verdicts is not None:
            is_cold &= verdicts == ACCEPTED
        indexes = np.flatnonzero(is_cold)
        if len(indexes) == 0:
            return verdicts
        all_ids = self._parts.registry.ids[slots[indexes]]
        ids, series = np.unique(all_ids, return_inverse=True)
        at_ms, bits = at_ms[indexes], bits[indexes]
        where = condition(ids, self._parts.registry.metrics_sizes(np.unique(slots[indexes])))
        part = self._parts.cold.samples(ids, where, int(at_ms.min()), int(at_ms.max()))
        offsets = np.append(part.first, len(part.at_ms)).astype(np.int32)
        found = np.full(len(indexes), ACCEPTED, np.uint8)
        find_in_slab(series.astype(np.int32), at_ms, bits, offsets, part.at_ms, part.bits, found)
        if verdicts is None:
            verdicts = np.full(len(slots), ACCEPTED, np.uint8)
        verdicts[indexes] = found
        return verdicts

    def _refuse(self, slots: I32, at_ms: I64, verdicts: U8, refusals: Refusals) -> int:
        """Count and tell; answers how many are refused."""
        from trimtab.store.metrics.hot_kernels import DUPLICATE, OUT_OF_ORDER, REPEATED, TOO_FAR, TOO_OLD, UNKNOWN

        reasons: dict[int, RefusedSample] = {
            UNKNOWN: "series_unknown",
            OUT_OF_ORDER: "out_of_order",
            DUPLICATE: "duplicate_timestamp",
            TOO_OLD: "too_old",
            TOO_FAR: "too_far_ahead",
        }
        counts = np.bincount(verdicts, minlength=8).tolist()
        with self._counting:
            self.repeated_count += counts[REPEATED]
        for verdict, reason in reasons.items():
            if counts[verdict]:
                refusals.counts[reason] += counts[verdict]
                for index in np.flatnonzero(verdicts == verdict)[:10].tolist():
                    refusals.tell(reason, int(slots[index]), int(at_ms[index]))
        return sum(counts[verdict] for verdict in reasons)

    def _put_histograms(self, slots: I32, at_ms: I64, natives: Natives, refusals: Refusals) -> int:
        from trimtab.store.metrics.hot_kernels import ACCEPTED, UNKNOWN

        registry, histograms = self._parts.registry, self._parts.histograms
        verdicts = np.full(len(slots), UNKNOWN, np.uint8)
        known = np.flatnonzero((slots >= 0) & (slots < registry.count))
        verdicts[known] = histograms.judge(slots[known], at_ms[known], natives.picked(known), refusals.bounds)
        accepted = len(slots) - self._refuse(slots, at_ms, verdicts, refusals)
        kept = np.flatnonzero(verdicts == ACCEPTED)
        slots, at_ms, natives = slots[kept], at_ms[kept], natives.picked(kept)
        unloaded = self._unloaded[HISTOGRAMS.name]
        for piece in slices(len(slots), _ROWS_A_MESSAGE):
            first, end, _ = piece.indices(len(slots))
            columns = [pa.array(registry.ids[slots[piece]]), pa.array(at_ms[piece]), natives.column(first, end)]
            with unloaded.during(int(at_ms[piece].min())) as note:
                note(self._spool.append(HISTOGRAMS.name, HISTOGRAMS.pack(columns), end - first))
                histograms.insert(slots[piece], at_ms[piece], natives.picked(np.arange(first, end)))
        histograms.evict(unloaded.oldest_ms())
        return accepted

    def _put_starts(self, slots: I32, at_ms: I64, start_ms: I64) -> None:
        starts, registry = self._parts.starts, self._parts.registry
        inside = (slots >= 0) & (slots < registry.count)
        if not inside.all():
            slots, at_ms, start_ms = slots[inside], at_ms[inside], start_ms[inside]
        changed = starts.changes(slots, at_ms, np.ascontiguousarray(start_ms), registry.count)
        if len(changed) == 0:
            return
        slots, at_ms, start_ms = slots[changed], at_ms[changed], start_ms[changed]
        try:
            for piece in slices(len(slots), self._samples_a_message):
                columns = {"id": registry.ids[slots[piece]], "at_ms": at_ms[piece], "start_ms": start_ms[piece]}
                self._spool.append(STARTS.name, STARTS.pack(columns), len(slots[piece]))
        except BaseException:
            starts.forget(slots)
            raise
        starts.add(slots, at_ms, start_ms)

    def _put_exemplars(self, exemplars: Exemplars) -> int:
        parts, bounds = self._parts, self.bounds()
        exemplars = exemplars.of(parts.registry.living(exemplars.slots))
        slots, at_ms = exemplars.slots, exemplars.at_ms
        is_fit = (slots >= 0) & (slots < parts.registry.count)
        is_fit &= (at_ms >= bounds.oldest_ms) & (at_ms <= bounds.latest_ms)
        exemplars = exemplars.picked(np.flatnonzero(is_fit))
        news = exemplars.picked(np.flatnonzero(parts.exemplars.news(exemplars.slots, exemplars.at_ms)))
        for piece in slices(len(news), _ROWS_A_MESSAGE):
            rows = news.picked(np.arange(*piece.indices(len(news))))
            ids = parts.registry.ids[rows.slots]
            columns = [pa.array(ids), pa.array(rows.at_ms), pa.array(rows.values), rows.labels_column()]
            self._spool.append(EXEMPLARS.name, EXEMPLARS.pack(columns), len(rows))
            parts.exemplars.add(rows)
        return len(news)

    def _put_metadata(self, metadata: Sequence[Metadata]) -> None:
        news = self._parts.metadata.news(metadata) if metadata else []
        for piece in slices(len(news), _ROWS_A_MESSAGE):
            rows = news[piece]
            self._spool.append(METADATA.name, metadata_message(rows, now_ms()), len(rows))
            self._parts.metadata.add(rows)
