"""When the next request is due: a fixed number of each kind in every second, at moments drawn by chance.

Workers take requests in turn and take the next only when they are done (closed loop), so that a slow database meets
fewer requests, never a pile of them.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from demo.load.requests import Request

LATE_S_MAX = 1.0


class Timetable:
    """Shared by all workers. `clock` gives monotonic seconds.

    >>> from demo.load.requests import Request
    >>> table = Timetable([Request("a", 2.0, print), Request("b", 0.5, print)], seed=1, clock=lambda: 100.0)
    >>> [route for route, _ in sorted((request.route, due) for request, due in (table.take() for _ in range(5)))]
    ['a', 'a', 'a', 'a', 'b']
    """

    def __init__(self, requests: Sequence[Request], seed: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._requests = requests
        self._random = random.Random(seed)
        self._clock = clock
        self._lock = threading.Lock()
        self._owed = [0.0 for _ in requests]
        self._second_at = clock()
        self._deck: deque[tuple[float, Request]] = deque()

    def take(self) -> tuple[Request, float]:
        """The next request and the moment it is due. What is late by more than a second is forgotten, not caught up."""
        with self._lock:
            now = self._clock()
            if now - self._second_at > LATE_S_MAX + 1.0:
                self._deck.clear()
                self._second_at = now
            while not self._deck:
                self._deal()
            due, request = self._deck.popleft()
            return request, due

    def _deal(self) -> None:
        due: list[tuple[float, int]] = []
        for position, request in enumerate(self._requests):
            self._owed[position] += request.calls_per_s
            count = int(self._owed[position])
            self._owed[position] -= count
            due += [(self._second_at + (turn + self._random.random()) / count, position) for turn in range(count)]
        self._deck.extend((at, self._requests[position]) for at, position in sorted(due))
        self._second_at += 1.0
