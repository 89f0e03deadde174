"""From the hash of what a series looks like on the wire to its slot, without parsing what was seen before.

The hash has 128 bits and a secret seed of this process, so that nobody can make two series meet; by chance they do not.
Memory is bounded: when the young half is full it becomes the old half, and the old one is forgotten. What is found in
the old half is put into the young one, so only series that nobody sent for long are parsed again.
"""

from __future__ import annotations

import secrets
import threading

import numpy as np
from numpy.typing import NDArray

from trimtab.store.metrics.wire_cache_kernels import ABSENT, look_up, put

__all__ = ["ABSENT", "WireCache", "new_seed"]

_CAPACITY_AT_FIRST = 1 << 12
_FULL_RATIO = 0.6


def new_seed() -> NDArray[np.uint64]:
    """Two secret words."""
    return np.frombuffer(bytearray(secrets.token_bytes(16)), np.uint64)


class _Half:
    """One table; it doubles until it holds `entries_max`."""

    def __init__(self) -> None:
        self.keys = np.empty((_CAPACITY_AT_FIRST, 2), np.uint64)
        self.values = np.full(_CAPACITY_AT_FIRST, ABSENT, np.int32)
        self.count = 0

    def reserve(self, added_count: int) -> None:
        wanted, capacity = (self.count + added_count) / _FULL_RATIO, len(self.values)
        if wanted <= capacity:
            return
        while capacity < wanted:
            capacity *= 2
        keys, values = self.keys, self.values
        self.keys, self.values = np.empty((capacity, 2), np.uint64), np.full(capacity, ABSENT, np.int32)
        put(self.keys, self.values, keys, values)


class WireCache:
    """Thread-safe. Values are what the user of the cache wants, but never `ABSENT`.

    >>> cache = WireCache()
    >>> keys = np.array([[1, 2], [3, 4]], np.uint64)
    >>> cache.put(keys[:1], np.array([7], np.int32))
    >>> cache.look_up(keys).tolist() == [7, ABSENT]
    True
    """

    def __init__(self, entries_max: int = 4_000_000) -> None:
        self._half_max = max(entries_max // 2, 1)
        self._lock = threading.Lock()
        self._young, self._old = _Half(), _Half()

    def look_up(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The value of each key, `ABSENT` where there is none."""
        found = np.full(len(keys), ABSENT, np.int32)
        with self._lock:
            if look_up(self._young.keys, self._young.values, keys, found) and self._old.count:
                absent = np.flatnonzero(found == ABSENT)
                older = np.full(len(absent), ABSENT, np.int32)
                look_up(self._old.keys, self._old.values, keys[absent], older)
                found[absent] = older
                kept = older != ABSENT
                if kept.any():
                    self._put(keys[absent[kept]], older[kept])
        return found

    def put(self, keys: NDArray[np.uint64], values: NDArray[np.int32]) -> None:
        """Remember values."""
        with self._lock:
            self._put(keys, values)

    def _put(self, keys: NDArray[np.uint64], values: NDArray[np.int32]) -> None:
        if self._young.count + len(keys) > self._half_max and self._young.count:
            self._young, self._old = _Half(), self._young
        self._young.reserve(len(keys))
        self._young.count += put(self._young.keys, self._young.values, np.ascontiguousarray(keys), values)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._young, self._old = _Half(), _Half()

    @property
    def entries_count(self) -> int:
        """Keys that are known; some may be counted twice."""
        return self._young.count + self._old.count
