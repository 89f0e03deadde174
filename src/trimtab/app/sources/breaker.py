"""Who failed several times is left alone for a while: nobody waits for a time-out again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from trimtab.extend.sources import SourceError

T = TypeVar("T")

FAILURES_MAX = 3


class Breaker:
    """Of one source. Thread-safe.

    >>> now_s = [0.0]
    >>> breaker = Breaker("prod", pause_s=30, clock=lambda: now_s[0])
    >>> def fail(): raise SourceError("no answer")
    >>> for _ in range(4):
    ...     try: breaker.ask(fail)
    ...     except SourceError as error: print(error)
    no answer
    no answer
    no answer
    the source prod failed 3 times and is not asked for another 30 s; at last: no answer
    >>> now_s[0] = 31.0
    >>> breaker.ask(lambda: "back")
    'back'
    """

    def __init__(self, name: str, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures_count = 0
        self._open_until_s = 0.0
        self._last = ""

    def ask(self, question: Callable[[], T]) -> T:
        """The answer; SourceError where it fails, or is not asked. After a pause one failure is enough for the next."""
        with self._lock:
            left_s = self._open_until_s - self._clock()
            if self._failures_count >= FAILURES_MAX and left_s > 0:
                raise SourceError(
                    f"the source {self._name} failed {self._failures_count} times and is not asked for another "
                    f"{left_s:.0f} s; at last: {self._last}",
                    source=self._name,
                )
        try:
            answer = question()
        except SourceError as error:
            with self._lock:
                self._failures_count += 1
                self._open_until_s = self._clock() + self._pause_s
                self._last = error.message
            raise
        with self._lock:
            self._failures_count, self._last = 0, ""
        return answer

    @property
    def problem(self) -> str:
        """What went wrong at last; '' where the last answer was good, or nothing was asked."""
        with self._lock:
            return self._last
