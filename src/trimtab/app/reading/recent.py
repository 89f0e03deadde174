"""Answers of a moment ago, for those who said that they may be that old: search, order and paging ask the same again.

Two who ask the same at the same time wait for one answer.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

ENTRIES_MAX = 12
"""A day of ten thousand shapes takes half a megabyte."""

Value = TypeVar("Value")


class _Entry:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made_at_s: float | None = None
        self.value: Any = None


class Recent:
    """Remembers a few answers. Thread-safe.

    >>> recent = Recent()
    >>> recent.get("sums", 60.0, lambda: 1), recent.get("sums", 60.0, lambda: 2), recent.get("sums", 0.0, lambda: 3)
    (1, 1, 3)
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(self, key: Hashable, fresh_s: float, make: Callable[[], Value]) -> Value:
        """The answer for `key`, made anew where it is older than `fresh_s`. With 0 it is always made, and not kept."""
        if fresh_s <= 0:
            return make()
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > ENTRIES_MAX:
                self._entries.popitem(last=False)
        with entry.lock:
            if entry.made_at_s is None or self._clock_s() - entry.made_at_s > fresh_s:
                began_s = self._clock_s()
                entry.value = make()
                entry.made_at_s = began_s
            value: Value = entry.value
            return value
