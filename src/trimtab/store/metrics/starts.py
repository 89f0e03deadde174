"""Start times: since when a sample of a counter counts.

A sender says it with every sample, but it changes seldom: so a mark is kept where it changes, valid until the next. All
marks are in memory up to a bound; when there are more, the older half is only in the engine.
"""

from __future__ import annotations

import threading

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, Mask
from trimtab.store.metrics.growing import Growing

_MARKS_MAX = 2_000_000
_NEVER_MS = -(1 << 62)


class Starts:
    """Marks by series. Every method may be called from any thread."""

    def __init__(self, marks_max: int = _MARKS_MAX) -> None:
        self._lock = threading.Lock()
        self._marks_max = marks_max
        self._slots = Growing(np.dtype(np.int32))
        self._at_ms, self._starts = Growing(np.dtype(np.int64)), Growing(np.dtype(np.int64))
        self._mark_at: I64 = np.zeros(0, np.int64)
        self._mark: I64 = np.zeros(0, np.int64)
        self.is_complete = True
        """Whether all marks are here; else older ones are only in the engine."""

    def changes(self, slots: I32, at_ms: I64, start_ms: I64, slots_count: int) -> I64:
        """Indexes of samples that make a mark; they are noted as the last of their series."""
        from trimtab.store.metrics.starts_kernels import changes

        with self._lock:
            self._make_room(slots_count)
            return changes(slots, at_ms, start_ms, self._mark_at, self._mark)

    def _make_room(self, slots_count: int) -> None:
        old = len(self._mark)
        if slots_count > old:
            new = max(slots_count, old * 3 // 2, 1024)
            mark_at, mark = np.full(new, _NEVER_MS, np.int64), np.zeros(new, np.int64)
            mark_at[:old], mark[:old] = self._mark_at, self._mark
            self._mark_at, self._mark = mark_at, mark

    def forget(self, slots: I32) -> None:
        """Marks of these series could not be kept: the next sample makes one again."""
        with self._lock:
            self._mark_at[slots], self._mark[slots] = _NEVER_MS, -1

    def add(self, slots: I32, at_ms: I64, start_ms: I64) -> None:
        """Marks that are durable."""
        with self._lock:
            self._slots.extend(slots)
            self._at_ms.extend(at_ms)
            self._starts.extend(start_ms)
            if self._slots.count > self._marks_max:
                self._drop_older_half()

    def _drop_older_half(self) -> None:
        count = self._slots.count
        newer = np.sort(np.argsort(self._at_ms.array[:count], kind="stable")[count // 2 :])
        for column in (self._slots, self._at_ms, self._starts):
            kept = column.array[newer]
            column.count = 0
            column.extend(kept)
        self.is_complete = False

    def restore(self, slots: I32, at_ms: I64, start_ms: I64, slots_count: int) -> None:
        """Marks that the engine or the spool has; the newest of a series counts as its last."""
        order = np.argsort(at_ms, kind="stable")
        self.changes(slots[order], at_ms[order], start_ms[order], slots_count)
        self.add(slots, at_ms, start_ms)

    def has_any(self, slots: I32) -> bool:
        """Whether one of these series ever had a mark."""
        known = self._mark_at
        return bool((known[slots[slots < len(known)]] != _NEVER_MS).any()) if len(known) else False

    def marks(self, slots: I32) -> tuple[I64, I64, I64]:
        """Marks of these series that are here: the index into `slots`, from when on each is valid, its value."""
        with self._lock:
            count = self._slots.count
            all_slots, at_ms, starts = self._slots.array, self._at_ms.array, self._starts.array
        place = np.full(int(slots.max(initial=-1)) + 1, -1, np.int64)
        place[slots] = np.arange(len(slots))
        found = all_slots[:count]
        series = np.full(count, -1, np.int64)
        inside: Mask = found < len(place)
        series[inside] = place[found[inside]]
        wanted = series >= 0
        return series[wanted], at_ms[:count][wanted], starts[:count][wanted]
