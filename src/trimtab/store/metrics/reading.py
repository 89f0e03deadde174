"""Samples on their way out: what is hot from memory, what is older from the engine, one block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, U64
from trimtab.store.metrics.assemble import assemble
from trimtab.store.metrics.block import METRIC_NAME, Labels, Matcher, Pieces, QueryTooBig, SeriesBlock
from trimtab.store.metrics.cold import condition
from trimtab.store.metrics.found import Found, Marks
from trimtab.store.metrics.parts import Parts
from trimtab.store.metrics.whole import Whole
from trimtab.store.metrics.with_histograms import with_histograms
from trimtab.store.promql.histogram import FloatHistogram

_PLAIN = Matcher(METRIC_NAME, "!=", "")


class Reader:
    """Answers queries; every method may be called from any thread."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def slots(self, alternatives: Sequence[Sequence[Matcher]]) -> I32:
        """Series that fulfil matchers, by id. Raises InputError, QueryTooBig."""
        parts = self._parts
        slots = parts.registry.select(alternatives)
        limit = parts.limits.series_a_query_max
        if len(slots) > limit:
            raise QueryTooBig(
                f"the query would read {len(slots)} series; the limit is {limit}", limit=limit, observed=len(slots)
            )
        return slots[np.argsort(parts.registry.ids[slots], kind="stable")]

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        """See `Source.select`."""
        return self.open(alternatives, from_ms, to_ms).whole()

    def open(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> Pieces:
        """See `DivisibleSource.open`."""
        parts = self._parts
        slots = self.slots(alternatives)
        hot_from_ms, found = parts.hot.gather(slots, from_ms, to_ms)
        with_any = np.flatnonzero(parts.histograms.known(slots))
        ids = parts.registry.ids[slots]
        where = ""
        if len(slots) and from_ms < hot_from_ms:
            where = self._where(slots, ids)
            found.insert(0, parts.cold.samples(ids, where, from_ms, min(to_ms, hot_from_ms - 1)))
        marks = None
        if len(slots) and parts.starts.has_any(slots):
            marks = self._marks(slots, ids, where, to_ms)
        samples_max = parts.limits.samples_a_query_max
        if not len(with_any):
            return Found(parts.registry, slots, found, marks, samples_max)
        offsets, at_ms, bits = assemble(found, len(slots), samples_max)
        complete_from_ms, hot = parts.histograms.gather(slots[with_any], from_ms, to_ms)
        histograms = [replace(hot, series=with_any[hot.series])]
        if from_ms < complete_from_ms:
            before = parts.cold.histograms(ids[with_any], with_any, from_ms, min(to_ms, complete_from_ms - 1))
            histograms.append(before)
        offsets, at_ms, bits, objects = with_histograms(offsets, at_ms, bits, histograms)
        start_ms = None if marks is None else marks.filled(0, offsets, at_ms)
        return Whole(self._block(slots, offsets, at_ms, bits, start_ms, objects))

    def _where(self, slots: I32, ids: U64) -> str:
        registry = self._parts.registry
        return condition(ids, registry.metrics_sizes(slots))

    def _marks(self, slots: I32, ids: U64, where: str, to_ms: int) -> Marks:
        from trimtab.store.metrics.hot_kernels import settle

        parts = self._parts
        series, mark_at, marks = parts.starts.marks(slots)
        if not parts.starts.is_complete:
            cold = parts.cold.starts(ids, where or self._where(slots, ids), to_ms)
            cold_series = np.repeat(np.arange(len(slots)), np.diff(cold[0]))
            series = np.concatenate([cold_series, series])
            mark_at, marks = np.concatenate([cold[1], mark_at]), np.concatenate([cold[2], marks])
        order = np.argsort(series, kind="stable")
        offsets = np.searchsorted(series[order], np.arange(len(slots) + 1)).astype(np.int64)
        mark_at, marks = mark_at[order], marks[order]
        settle(offsets, mark_at, marks)
        return Marks(offsets, mark_at, marks)

    def _block(
        self,
        slots: I32,
        offsets: I64,
        at_ms: I64,
        bits: I64,
        start_ms: I64 | None,
        histograms: Sequence[FloatHistogram | None],
    ) -> SeriesBlock:
        """Without series that have nothing."""
        counts = np.diff(offsets)
        if not counts.all():
            there = counts > 0
            slots, offsets = slots[there], np.concatenate([np.zeros(1, np.int64), np.cumsum(counts[there])])
        labels = self._parts.registry.labels_list(slots)
        return SeriesBlock(labels, offsets, at_ms, bits.view(np.float64), start_ms, histograms)

    def alive(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> I32:
        """Series for lookups; those whose newest sample is known to lie before `from_ms` are left out."""
        parts = self._parts
        if to_ms < from_ms:
            return np.zeros(0, np.int32)
        slots = self.slots(alternatives or [[_PLAIN]])
        if from_ms <= parts.hot.from_ms:
            return slots
        is_alive = parts.hot.newest_at(slots) >= from_ms
        is_alive |= parts.histograms.known(slots)
        return slots[is_alive]

    def series(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, limit: int) -> list[Labels]:
        """Labels, sorted."""
        found = sorted(self._parts.registry.labels_list(self.alive(alternatives, from_ms, to_ms)))
        return found[:limit] if limit else found

    def pairs(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[tuple[str, str]]:
        """Label pairs of series."""
        return self._parts.registry.pairs_of(self.alive(alternatives, from_ms, to_ms))[1]
