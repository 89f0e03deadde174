"""What the engine does not have yet: samples from when on must not leave the memory."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator

from trimtab.store.spool import Spool

_NONE_MS = 1 << 62


class Unloaded:
    """The oldest time in each segment of a table that is still spooled, or being spooled."""

    def __init__(self, spool: Spool, table_name: str) -> None:
        self._spool, self._table_name = spool, table_name
        self._lock = threading.Condition()
        self._by_segment = {int(path.stem, 16): -_NONE_MS for path in spool.segments_of(table_name)}
        self._under_way: dict[int, int] = {}
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def during(self, at_ms: int) -> Iterator[Callable[[int], None]]:
        """While rows from this time on are being spooled; call with the id of their segment."""
        number = next(self._numbers)
        with self._lock:
            self._under_way[number] = at_ms

        def note(segment_id: int) -> None:
            with self._lock:
                self._by_segment[segment_id] = min(at_ms, self._by_segment.get(segment_id, at_ms))

        try:
            yield note
        finally:
            with self._lock:
                del self._under_way[number]
                self._lock.notify_all()

    def wait_until_seen(self, timeout_s: float) -> bool:
        """Whether what is being spooled at this moment is in memory within the time: until then it may be in the spool,
        or even in the engine, and not in memory."""
        with self._lock:
            numbers = set(self._under_way)
            return self._lock.wait_for(lambda: numbers.isdisjoint(self._under_way), timeout_s)

    def oldest_ms(self) -> int:
        """All rows before this time are in the engine."""
        first = self._spool.first_id(self._table_name)
        with self._lock:
            for segment_id in [id_ for id_ in self._by_segment if id_ < first]:
                del self._by_segment[segment_id]
            return min((*self._by_segment.values(), *self._under_way.values()), default=_NONE_MS)
