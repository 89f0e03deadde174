"""How many samples a second one sender may send: a bucket that fills with time, for each sender."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from trimtab.observe.metrics.limits import IngestLimits, TooFast

SENDERS_MAX = 10_000


class Pace:
    """Thread-safe. Without a limit everybody may.

    >>> now = [0.0]
    >>> pace = Pace(IngestLimits(samples_per_s_max=10, burst_s=2), lambda: now[0])
    >>> pace.take("shop", 20)
    >>> try: pace.take("shop", 5)
    ... except TooFast as error: print(error.message, error.retry_after_s)
    shop may send 10 samples a second; come back later 1
    >>> now[0] = 1.0
    >>> pace.take("shop", 5)
    """

    def __init__(self, limits: IngestLimits, now_s: Callable[[], float] = time.monotonic) -> None:
        self._per_s = float(limits.samples_per_s_max)
        self._room = self._per_s * limits.burst_s
        self._now_s = now_s
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, sender: str, count: int) -> None:
        """Count samples before they are stored; TooFast where they are too many. A body that is larger than the whole
        bucket passes when the bucket is full: it could never pass otherwise."""
        if self._per_s <= 0:
            return
        now_s = self._now_s()
        with self._lock:
            left, then_s = self._left.get(sender, (self._room, now_s))
            left = min(self._room, left + (now_s - then_s) * self._per_s)
            needed = min(float(count), self._room)
            if left < needed:
                wait_s = max(1, math.ceil((needed - left) / self._per_s))
                raise TooFast(f"{sender} may send {self._per_s:g} samples a second; come back later", wait_s)
            self._left[sender] = (left - count, now_s)
            self._left.move_to_end(sender)
            if len(self._left) > SENDERS_MAX:
                self._left.popitem(last=False)
