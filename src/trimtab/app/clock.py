"""The real clock; tests pass their own."""

from __future__ import annotations

import threading
import time


class WallClock:
    """Wall time, and a sleep that ends early when the process is told to stop.

    >>> clock = WallClock(threading.Event())
    >>> clock.now_ms() > 1_700_000_000_000
    True
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        """Wait, at most until `stop` is set."""
        self._stop.wait(seconds)
