"""The newest exemplars in memory, until the engine has them for sure."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, Mask
from trimtab.store.metrics.contract import Exemplar
from trimtab.store.metrics.exemplar_columns import Exemplars


class RecentExemplars:
    """What came last, request by request. Senders repeat the last exemplar with every scrape: what is not newer than
    that is not news."""

    def __init__(self, count_max: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._count_max = count_max
        self._recent: deque[Exemplars] = deque()
        self._count = 0
        self._newest_ms: I64 = np.zeros(0, np.int64)

    def news(self, slots: I32, at_ms: I64) -> Mask:
        """Which are newer than the last of their series; slots are those of series."""
        from trimtab.store.metrics.exemplar_kernels import news

        with self._lock:
            self._make_room(slots)
            return news(slots, at_ms, self._newest_ms)

    def _make_room(self, slots: I32) -> None:
        """Needs the lock."""
        wanted = int(slots.max(initial=-1)) + 1
        if wanted > len(self._newest_ms):
            larger = np.zeros(max(wanted, 2 * len(self._newest_ms)), np.int64)
            larger[: len(self._newest_ms)] = self._newest_ms
            self._newest_ms = larger

    def add(self, exemplars: Exemplars) -> None:
        """Those that are durable."""
        with self._lock:
            self._make_room(exemplars.slots)
            self._recent.append(exemplars)
            self._count += len(exemplars)
            np.maximum.at(self._newest_ms, exemplars.slots, exemplars.at_ms)
            while self._count - len(self._recent[0]) >= self._count_max:
                self._count -= len(self._recent.popleft())

    def between(self, slots: I32, from_ms: int, to_ms: int) -> list[Exemplar]:
        """Those of these series in that time."""
        with self._lock:
            recent = list(self._recent)
        found: list[Exemplar] = []
        for one in recent:
            inside = (one.at_ms >= from_ms) & (one.at_ms <= to_ms)
            if inside.any():
                inside &= np.isin(one.slots, slots)
                found += [one[place] for place in np.flatnonzero(inside).tolist()]
        return found
