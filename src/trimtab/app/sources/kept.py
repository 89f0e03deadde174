"""Answers of other stores that are kept for a moment: a page that shows one trace asks for it again and again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Kept(Generic[K, T]):
    """The last few, each for `age_s_max`. Thread-safe; two that ask for the same at once may both ask.

    >>> now_s = [0.0]
    >>> kept = Kept[str, int](2, 30.0, clock=lambda: now_s[0])
    >>> kept.get("a", lambda: 1), kept.get("a", lambda: 2)
    (1, 1)
    >>> now_s[0] = 31.0
    >>> kept.get("a", lambda: 3)
    3
    """

    def __init__(
        self, count_max: int = 4, age_s_max: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._count_max, self._age_s_max, self._clock = count_max, age_s_max, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[float, T]] = OrderedDict()

    def get(self, key: K, ask: Callable[[], T]) -> T:
        """What is kept, else what `ask` answers."""
        now_s = self._clock()
        with self._lock:
            found = self._kept.get(key)
            if found is not None and now_s - found[0] <= self._age_s_max:
                return found[1]
        answer = ask()
        with self._lock:
            self._kept[key] = (now_s, answer)
            self._kept.move_to_end(key)
            while len(self._kept) > self._count_max:
                self._kept.popitem(last=False)
        return answer
