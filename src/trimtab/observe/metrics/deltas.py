"""Differences become totals: each stream of deltas is added up from its first point on, in memory.

After a restart, or an hour without a point, a stream begins at 0 again, with a new start time: for PromQL that is the
reset of a counter. Why it is so: `docs/adr/0012`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.metrics.otlp_kernels import add_up
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_sum import HistogramSum


class Totals:
    """Sums by place; for one thread at a time. What was added since `trying` began is taken back by an error in it."""

    def __init__(self, idle_s_max: float) -> None:
        self._idle_ms = int(idle_s_max * 1000)
        self._sums = np.zeros(0, np.float64)
        self._last_ms = np.zeros(0, np.int64)
        self._begun_ms = np.zeros(0, np.int64)
        self._native: dict[int, FloatHistogram] = {}
        self._undo: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self._undo_times: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
        self._undo_native: list[tuple[int, FloatHistogram | None]] = []

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Around adding and storing."""
        try:
            yield
        except BaseException:
            for places, sums in reversed(self._undo):
                self._sums[places[::-1]] = sums[::-1]
            for bases, last_ms, begun_ms in reversed(self._undo_times):
                self._last_ms[bases], self._begun_ms[bases] = last_ms, begun_ms
            for base, before in reversed(self._undo_native):
                if before is None:
                    self._native.pop(base, None)
                else:
                    self._native[base] = before
            raise
        finally:
            self._undo, self._undo_times, self._undo_native = [], [], []

    def reserve(self, count: int) -> None:
        """Make room for so many places."""
        if count <= len(self._sums):
            return
        size = max(count, 2 * len(self._sums), 1024)
        self._sums = np.concatenate([self._sums, np.zeros(size - len(self._sums))])
        self._last_ms = np.concatenate([self._last_ms, np.zeros(size - len(self._last_ms), np.int64)])
        self._begun_ms = np.concatenate([self._begun_ms, np.zeros(size - len(self._begun_ms), np.int64)])

    def add(
        self,
        bases: NDArray[np.int64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        at_ms: NDArray[np.int64],
        start_ms: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> int:
        """Points in order of time. Their numbers become totals, in place; `bases` is -1 for those that are not later
        than the one before. `start_ms` becomes the beginning of the total. How many were late."""
        size = int(ends.max(initial=0))
        places, sums = np.full(size, -1, np.int64), np.zeros(size)
        touched = np.unique(bases)
        self._undo_times.append((touched, self._last_ms[touched], self._begun_ms[touched]))
        late_count = add_up(
            bases,
            starts,
            ends,
            at_ms,
            start_ms,
            numbers,
            self._sums,
            self._last_ms,
            self._begun_ms,
            self._idle_ms,
            places,
            sums,
        )
        used = places >= 0
        self._undo.append((places[used], sums[used]))
        return late_count

    def add_native(
        self, base: int, at_ms: int, start_ms: int, value: FloatHistogram
    ) -> tuple[FloatHistogram, int] | None:
        """The total of a native histogram and its beginning; None where the point is not later than the one before."""
        last_ms = int(self._last_ms[base])
        is_new = last_ms == 0 or at_ms - last_ms > self._idle_ms
        if not is_new and at_ms <= last_ms:
            return None
        touched = np.array([base])
        self._undo_times.append((touched, self._last_ms[touched], self._begun_ms[touched]))
        before = self._native.get(base)
        self._undo_native.append((base, before))
        if is_new or before is None:
            total = value
            self._begun_ms[base] = start_ms if start_ms > 0 else at_ms
        else:
            sum_ = HistogramSum(before)
            sum_.add(value)
            total = sum_.value()
        self._native[base], self._last_ms[base] = total, at_ms
        return total, int(self._begun_ms[base])

    def idle(self, bases: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of these that had no point for long, by the time of the newest."""
        known = bases[bases < len(self._last_ms)]
        last_ms = self._last_ms[known]
        gone: NDArray[np.int64] = known[(last_ms > 0) & (last_ms < self._last_ms.max(initial=0) - self._idle_ms)]
        return gone
