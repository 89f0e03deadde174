"""A thread that does the same again and again: change points, forecasts, capacity, patterns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import structlog

from trimtab.app.own.metrics import Number
from trimtab.model.errors import TrimtabError

TICK_S = 2.0
"""How often it is looked whether a round is due."""
JOIN_S = 10.0
YOUNG_S = 300.0
"""Where there was nothing to look at yet, it is looked again so soon, not after an hour."""
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
    >>> next(thread.numbers())
    Number(name='trimtab_analysis_rounds_total', value=1, labels={'analysis': 'example'})
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
        self._rounds_count = self._failed_count = 0
        self._cpu_s = 0.0
        self._ended_s: float | None = None
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

    def numbers(self) -> Iterator[Number]:
        """How many rounds there were and failed, what the last one cost, and how long ago it ended."""
        labels = {"analysis": self._name}
        yield Number("trimtab_analysis_rounds_total", self._rounds_count, labels)
        yield Number("trimtab_analysis_rounds_failed_total", self._failed_count, labels)
        if self._ended_s is not None:
            yield Number("trimtab_analysis_round_cpu_seconds", self._cpu_s, labels)
            yield Number("trimtab_analysis_round_age_seconds", time.monotonic() - self._ended_s, labels)

    def _run(self) -> None:
        due_s = time.monotonic() + self._first_s
        while not self._stop.wait(self._tick_s):
            if not self._is_enabled() or time.monotonic() < due_s:
                continue
            due_s = time.monotonic() + self._pause_s()
            self._round()
            if self._rests:
                due_s = time.monotonic() + self._pause_s()

    def _round(self) -> None:
        begun_s = time.thread_time()
        self._rounds_count += 1
        try:
            self._work()
        except TrimtabError as error:
            self._failed_count += 1
            log.warning(f"{self._name}_failed", reason=error.message)
        except Exception:  # a fault of ours must not end the thread; it is logged
            self._failed_count += 1
            log.exception(f"{self._name}_broke")
        self._cpu_s, self._ended_s = time.thread_time() - begun_s, time.monotonic()


class InRounds:
    """What works on a `RoundThread`: begun once, ended once, and it says how its rounds go."""

    _thread: RoundThread

    def start(self) -> None:
        """Begin, a little later: who starts a server wants to see it first."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, cancel what is asked, wait."""
        self._thread.stop()

    def numbers(self) -> Iterator[Number]:
        """How its rounds go."""
        return self._thread.numbers()
