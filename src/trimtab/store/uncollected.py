"""Making very many objects, of which none is garbage, without the collector looking through all of them meanwhile.

A full collection looks at every object of the process and lets no other thread run: with a large trace just made, a
few hundred milliseconds in which nobody is answered.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Inside:
    """How many threads are inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._was_enabled = True

    def enter(self) -> None:
        with self._lock:
            if self._count == 0:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._count += 1

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._was_enabled:
                gc.enable()


_inside = _Inside()


@contextmanager
def uncollected() -> Iterator[None]:
    """No collection by itself until the last thread that is inside has left. Keep it short.

    >>> with uncollected():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    _inside.enter()
    try:
        yield
    finally:
        _inside.leave()
