"""A thread that does the same again and again: change points, forecasts, capacity."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from trimtab.model.errors import TrimtabError

TICK_S = 2.0
"""How often it is looked whether a round is due."""
JOIN_S = 10.0
log = structlog.get_logger()


class RoundThread:
    """Calls `work` every `pause_s()` seconds while `is_enabled()`, for the first time `first_s` after the start.

    The pause counts from a round's begin, or from its end (`rests`), and is asked for at that moment. What goes wrong
    in a round is logged as `NAME_failed` or `NAME_broke`; the next round comes all the same.

    >>> done = threading.Event()
    >>> thread = RoundThread("example", done.set, lambda: True, lambda: 3600.0, first_s=0.0, tick_s=0.01)
    >>> thread.start(); done.wait(10)
    True
    >>> thread.stop(); thread.is_stopping()
    True
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        is_enabled: Callable[[], bool],
        pause_s: Callable[[], float],
        *,
        first_s: float,
        rests: bool = False,
        tick_s: float = TICK_S,
    ) -> None:
        self._name, self._work, self._is_enabled, self._pause_s = name, work, is_enabled, pause_s
        self._first_s, self._rests, self._tick_s = first_s, rests, tick_s
        self._stop = threading.Event()
        self.is_stopping = self._stop.is_set
        self._thread = threading.Thread(target=self._run, name=name.replace("_", "-"), daemon=True)

    def start(self) -> None:
        """Begin, a little later: who starts a server wants to see it first."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for a round that runs; it asks `is_stopping`."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        due_s = time.monotonic() + self._first_s
        while not self._stop.wait(self._tick_s):
            if not self._is_enabled() or time.monotonic() < due_s:
                continue
            due_s = time.monotonic() + self._pause_s()
            try:
                self._work()
            except TrimtabError as error:
                log.warning(f"{self._name}_failed", reason=error.message)
            except Exception:  # a fault of ours must not end the thread; it is logged
                log.exception(f"{self._name}_broke")
            if self._rests:
                due_s = time.monotonic() + self._pause_s()
