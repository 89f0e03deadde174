"""The newest exemplars in memory, until the engine has them for sure."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Container, Sequence

from trimtab.store.metrics.contract import Exemplar


class RecentExemplars:
    """A ring. Senders repeat the last exemplar with every scrape: what is not newer than that is not news."""

    def __init__(self, count_max: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._ring: deque[Exemplar] = deque(maxlen=count_max)
        self._newest_ms: dict[int, int] = {}

    def news(self, exemplars: Sequence[Exemplar]) -> list[Exemplar]:
        """Those that are newer than the last of their series."""
        newest: dict[int, int] = {}
        found = []
        with self._lock:
            for exemplar in exemplars:
                last = newest.get(exemplar.slot, self._newest_ms.get(exemplar.slot, 0))
                if exemplar.at_ms > last:
                    newest[exemplar.slot] = exemplar.at_ms
                    found.append(exemplar)
        return found

    def add(self, exemplars: Sequence[Exemplar]) -> None:
        """Those that are durable."""
        with self._lock:
            for exemplar in exemplars:
                self._ring.append(exemplar)
                self._newest_ms[exemplar.slot] = max(exemplar.at_ms, self._newest_ms.get(exemplar.slot, 0))

    def between(self, slots: Container[int], from_ms: int, to_ms: int) -> list[Exemplar]:
        """Those of these series in that time."""
        with self._lock:
            return [one for one in self._ring if from_ms <= one.at_ms <= to_ms and one.slot in slots]
