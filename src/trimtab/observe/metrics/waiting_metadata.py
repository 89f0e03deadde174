"""Metadata is read only where a series is new: what could not be stored then waits for the next body that can."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from trimtab.store.metrics.contract import Metadata

WAITING_MAX = 10_000


class WaitingMetadata:
    """Thread-safe.

    >>> waiting = WaitingMetadata()
    >>> up = Metadata("up", "gauge", "", "")
    >>> waiting.with_new([up]) == waiting.with_new([]) == [up]
    True
    >>> waiting.stored([up])
    >>> waiting.with_new([])
    []
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Metadata] = {}

    def with_new(self, new: Iterable[Metadata]) -> list[Metadata]:
        """All that is to be stored now."""
        with self._lock:
            for metadata in new:
                if len(self._waiting) < WAITING_MAX or metadata.metric in self._waiting:
                    self._waiting[metadata.metric] = metadata
            return list(self._waiting.values())

    def stored(self, metadata: Iterable[Metadata]) -> None:
        """These do not wait any more, unless something else is known by now."""
        with self._lock:
            for one in metadata:
                if self._waiting.get(one.metric) == one:
                    del self._waiting[one.metric]
