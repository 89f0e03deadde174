"""What a page asks beside its main question: begun before that, waited for a moment, and left out where it is late.

A first paint that waits for everything is a late one. Whatever is not there yet comes by itself, or is not missed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
PATIENCE_S = 0.1
"""How long after it was begun it is waited for; less than what a first paint may take."""
_THREADS = ThreadPoolExecutor(6, "page-meanwhile")


class Meanwhile(Generic[T]):
    """Work on a thread of its own.

    >>> Meanwhile(lambda: 7).within(60)
    7
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._began_s = time.monotonic()
        self._running: Future[T] = _THREADS.submit(work)

    def within(self, patience_s: float | None = None) -> T | None:
        """The answer, once it is there; None where it is not so long after it was begun (PATIENCE_S where nothing is
        said). What went wrong is raised."""
        left_s = self._began_s + (PATIENCE_S if patience_s is None else patience_s) - time.monotonic()
        try:
            return self._running.result(max(left_s, 0.0))
        except TimeoutError:
            return None
