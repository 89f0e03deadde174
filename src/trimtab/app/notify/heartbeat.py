"""The dead man's switch: an address that is asked as long as alerts are evaluated and told. When it is not asked any
more, whoever is behind it rings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx2
import structlog

from trimtab.app.notify.secrets import Reference
from trimtab.model.errors import TrimtabError
from trimtab.store.alerts import AlertBook

EVALUATED_MS_MAX = 60_000
"""Alerts that were not evaluated for so long are not evaluated."""
OUTBOX_MS_MAX = 60_000

log = structlog.get_logger()


def not_evaluated(alerts: AlertBook, origin: str, at_ms: int) -> str | None:
    """Why nobody can rely on alerts now; None where they are evaluated, and what changed is taken."""
    seen_at_ms = alerts.evaluated().get(origin)
    if seen_at_ms is None:
        return "alerts were never evaluated"
    if at_ms - seen_at_ms > EVALUATED_MS_MAX:
        return f"alerts were last evaluated {(at_ms - seen_at_ms) // 1000} s ago"
    oldest = alerts.outbox(limit=1)
    if oldest and at_ms - oldest[0].at_ms > OUTBOX_MS_MAX:
        return f"changes of alerts have been waiting for {(at_ms - oldest[0].at_ms) // 1000} s to be told"
    return None


class Heartbeat:
    """Asks the address; nothing where none is configured."""

    def __init__(
        self,
        reference: Reference | None,
        every_s: Callable[[], float],
        timeout_s: float,
        now_ms: Callable[[], int],
        problem: Callable[[int], str | None],
    ) -> None:
        self._reference = reference
        self._every_s = every_s
        self._now_ms = now_ms
        self._not_evaluated = problem
        self._stop = threading.Event()
        self._timeout_s = timeout_s
        self._thread: threading.Thread | None = None
        self.asked_at_ms: int | None = None
        self.problem: str | None = None

    @property
    def place(self) -> str:
        """Where its address stands; '' where there is none."""
        return "" if self._reference is None else str(self._reference)

    def start(self) -> None:
        """Begin."""
        if self._reference is not None:
            self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Ask no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            self.beat()
            self._stop.wait(self._every_s())

    def beat(self) -> bool:
        """Ask once, unless nobody can rely on alerts; whether it was answered."""
        problem = self._not_evaluated(self._now_ms()) or self._ask()
        if problem is not None and problem != self.problem:
            log.warning("heartbeat_left_out", reason=problem)
        self.problem = problem
        if problem is None:
            self.asked_at_ms = self._now_ms()
        return problem is None

    def _ask(self) -> str | None:
        try:
            url = "" if self._reference is None else self._reference.read()
            with httpx2.Client(timeout=self._timeout_s, follow_redirects=False, trust_env=False) as client:
                answer = client.get(url)
        except TrimtabError as error:
            return error.message
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return f"the address of the heartbeat does not answer ({type(error).__name__})"
        return None if answer.is_success else f"the address of the heartbeat answered {answer.status_code}"
