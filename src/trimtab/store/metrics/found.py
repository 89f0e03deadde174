"""What a selection found in memory and in the engine, put together as a whole or a few series at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trimtab.store.metrics.arrays import I32, I64
from trimtab.store.metrics.block import METRIC_NAME, Labels, QueryTooBig, SeriesBlock
from trimtab.store.metrics.hot import Part
from trimtab.store.metrics.registry import Registry
from trimtab.store.metrics.whole import KINDS, ranges


@dataclass(frozen=True, slots=True)
class Marks:
    """Since when samples count: marks `[offsets[s], offsets[s + 1])` of series `s`, by the time they are valid from."""

    offsets: I64
    at_ms: I64
    start_ms: I64

    def filled(self, first: int, offsets: I64, at_ms: I64) -> I64:
        """For each sample of the series from `first` on."""
        from trimtab.store.metrics.starts_kernels import fill_forward

        mine = self.offsets[first : first + len(offsets)]
        return fill_forward(offsets, at_ms, mine, self.at_ms, self.start_ms)


class Found:
    """See `Pieces`: samples of the engine, then of slabs, then of the head. Series without any are left out.

    Raises QueryTooBig, before it takes memory, for more than `samples_max` samples.
    """

    is_divisible = True

    def __init__(
        self, registry: Registry, slots: I32, parts: Sequence[Part], marks: Marks | None, samples_max: int
    ) -> None:
        counts = np.zeros(len(slots), np.int64)
        for part in parts:
            counts += part.end - part.first
        if not counts.all():
            there = np.flatnonzero(counts)
            slots, counts = slots[there], counts[there]
            parts = [Part(part.at_ms, part.bits, part.first[there], part.end[there]) for part in parts]
            if marks is not None:
                marks = _marks_of(marks, there)
        self._registry, self._slots, self._parts, self._marks = registry, slots, parts, marks
        self._offsets = np.zeros(len(slots) + 1, np.int64)
        np.cumsum(counts, out=self._offsets[1:])
        if self.samples_count > samples_max:
            raise QueryTooBig(
                f"the query would read {self.samples_count} samples; the limit is {samples_max}",
                limit=samples_max,
                observed=self.samples_count,
            )

    @cached_property
    def labels(self) -> Sequence[Labels]:
        """See `Pieces.labels`."""
        return self._registry.labels_list(self._slots)

    @property
    def series_count(self) -> int:
        """See `Pieces.series_count`."""
        return len(self._slots)

    @property
    def samples_count(self) -> int:
        """See `Pieces.samples_count`."""
        return int(self._offsets[-1])

    @cached_property
    def metric(self) -> str | None:
        """See `Pieces.metric`."""
        if any(name in self._registry.values_by_name for name in KINDS):
            return None
        names, _ = self.groups(frozenset((METRIC_NAME,)), is_without=False)
        return names[0][0][1] if len(names) == 1 and names[0] else None

    def whole(self) -> SeriesBlock:
        """See `Pieces.whole`."""
        return self._whole

    @cached_property
    def _whole(self) -> SeriesBlock:
        samples = np.empty(self.samples_count, np.int64), np.empty(self.samples_count, np.int64)
        return self._block(0, self.series_count, self.labels, samples)

    def pieces(self, samples_count: int) -> Iterator[tuple[int, SeriesBlock]]:
        """See `Pieces.pieces`."""
        longest = int(np.diff(self._offsets).max(initial=0))
        size = min(self.samples_count, max(samples_count, longest))
        samples = np.empty(size, np.int64), np.empty(size, np.int64)
        for first, end in ranges(self._offsets, samples_count):
            yield first, self._block(first, end, (), samples)

    def _block(self, first: int, end: int, labels: Sequence[Labels], samples: tuple[I64, I64]) -> SeriesBlock:
        """Series `[first, end)`, put into arrays that have room for them."""
        from trimtab.store.metrics.hot_kernels import copy, drop_repeated, settle

        offsets = self._offsets[first : end + 1] - self._offsets[first]
        cursor = offsets[:-1].copy()
        at_ms, bits = samples
        for part in self._parts:
            copy(part.first[first:end], part.end[first:end], part.at_ms, part.bits, cursor, at_ms, bits)
        total = int(offsets[-1])
        if settle(offsets, at_ms, bits):
            total = drop_repeated(offsets, at_ms, bits)
        at_ms = at_ms[:total]
        starts = None if self._marks is None else self._marks.filled(first, offsets, at_ms)
        return SeriesBlock(labels, offsets, at_ms, bits[:total].view(np.float64), starts, None)

    def groups(self, names: frozenset[str], *, is_without: bool) -> tuple[Sequence[Labels], I64]:
        """See `Pieces.groups`."""
        return self._registry.groups(self._slots, names, is_without=is_without)


def _marks_of(marks: Marks, series: I64) -> Marks:
    lengths = np.diff(marks.offsets)[series]
    offsets = np.zeros(len(series) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    places = np.repeat(marks.offsets[:-1][series] - offsets[:-1], lengths) + np.arange(int(offsets[-1]))
    return Marks(offsets, marks.at_ms[places], marks.start_ms[places])
