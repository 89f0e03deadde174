"""The threads that tell people: one takes changes and makes notifications, one sends for each receiver."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import structlog

from trimtab.app.notify.delivering import IDLE_MS, Delivery, Ways
from trimtab.app.notify.routes_file import Routes, Target
from trimtab.app.notify.secrets import Reference
from trimtab.extend.receivers import Kind, Setup
from trimtab.model.errors import TrimtabError

log = structlog.get_logger()
STOP_S = 5.0


class Repeating:
    """Does a step again and again: `step` says how many milliseconds may pass until the next one, `wake` is sooner."""

    def __init__(self, name: str, step: Callable[[], int]) -> None:
        self._name = name
        self._step = step
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Begin no further step."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            wait_ms = IDLE_MS
            try:
                wait_ms = self._step()
            except TrimtabError as error:
                log.warning("notify_step_failed", thread=self._name, error=error.message)
            except Exception:  # a fault of ours must not end the telling; it is logged
                log.exception("notify_step_broke", thread=self._name)
            if wait_ms > 0:
                self._wake.wait(wait_ms / 1000)


class Deliveries:
    """The receivers of the routes that are in force, each with its thread."""

    def __init__(self, ways: Ways, kinds: Callable[[], Mapping[str, Kind]], timeout_s: Callable[[], float]) -> None:
        self._ways = ways
        self._kinds = kinds
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._running: dict[str, tuple[Target, Delivery, Repeating]] = {}
        self._is_over = False

    def become(self, routes: Routes | None) -> None:
        """Receivers that are new or changed begin, those that are no more end."""
        wanted = {} if routes is None else {target.key: target for target in routes.targets}
        with self._lock:
            for key in [key for key, (target, _, _) in self._running.items() if wanted.get(key) != target]:
                self._end(key)
            for key, target in wanted.items():
                if key not in self._running and not self._is_over:
                    self._begin(target)
        self._ways.books.groups.hurry(tuple(wanted), self._ways.now_ms())

    def wake(self, keys: tuple[str, ...]) -> None:
        """There is something to send for these."""
        with self._lock:
            for key in keys:
                if key in self._running:
                    self._running[key][2].wake()

    def stop(self) -> None:
        """Send nothing more; what waits is sent after the next start."""
        with self._lock:
            self._is_over = True
            for _, _, thread in self._running.values():
                thread.stop(0)
            for key in list(self._running):
                self._end(key)

    def _begin(self, target: Target) -> None:
        setup = Setup(target.receiver, target.options, self._timeout_s(), secret_of(target.secrets))
        delivery = Delivery(target, self._kinds()[target.kind].make(setup), self._ways)
        thread = Repeating(f"notify-{target.key}", delivery.step)
        self._running[target.key] = (target, delivery, thread)
        thread.start()

    def _end(self, key: str) -> None:
        _, delivery, thread = self._running.pop(key)
        thread.stop()
        delivery.close()


def secret_of(references: Mapping[str, Reference]) -> Callable[[str], str]:
    """Reads a secret when it is asked for."""
    return lambda name: references[name].read() if name in references else ""
