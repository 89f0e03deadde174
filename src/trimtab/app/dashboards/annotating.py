"""Tells a user's Grafana of every change that trimtab makes: a region from its beginning to its verdict, updated as it
goes on, never doubled.

News of changes only wake it: what is told is what the state says, so that nothing is lost where Grafana was away for a
while. What was told is written down by its fingerprint, and told again only when it differs.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

import structlog

from trimtab.app.dashboards.pushing import Factory, grafana_factory, place_of
from trimtab.extend.dashboards import ChangeNote, DashboardServer
from trimtab.model.change import Change, ChangeState
from trimtab.model.errors import TrimtabError
from trimtab.model.grafana_settings import GrafanaPolicy
from trimtab.store.dashboard_state import AnnotationState, KeptAnnotation
from trimtab.store.state import State

CHANGES_MAX = 500
"""Of the newest changes."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 300.0
TAG = "trimtab"
_WORDS = {
    ChangeState.APPLYING: "is being applied",
    ChangeState.WATCHING: "applied, its effect is being measured",
    ChangeState.KEPT: "kept",
    ChangeState.ROLLED_BACK: "rolled back",
    ChangeState.INCONCLUSIVE: "inconclusive",
    ChangeState.FAILED: "failed",
}
log = structlog.get_logger()


class Annotating:
    """Nothing where no Grafana is configured, or annotations are off."""

    def __init__(
        self, state: State, policy: GrafanaPolicy, page_url: str, factory: Callable[[], Factory] = grafana_factory
    ) -> None:
        self._state, self._policy, self._url, self._factory = state, policy, page_url, factory
        self._kept = AnnotationState(state.database, policy.url)
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self.problem: str | None = None
        self.told_count = 0

    def start(self) -> None:
        """Begin, on a thread of its own."""
        if self._policy.url and self._policy.annotations:
            self._thread = threading.Thread(target=self._run, name="grafana-annotations", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """A change moved."""
        self._wake.set()

    def warnings(self) -> tuple[str, ...]:
        """Why changes are not told there now; nothing where they are."""
        return () if self.problem is None else (f"changes are not told to Grafana: {self.problem}",)

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(self._policy.timeout_s + 1)

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            self._wake.clear()
            if self.tell():
                wait_s = FIRST_WAIT_S
                self._wake.wait(LONGEST_WAIT_S)
            else:
                self._stop.wait(wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def tell(self) -> bool:
        """Tell what is not told yet; False where Grafana does not take it now."""
        server: DashboardServer | None = None
        try:
            for change in self._state.changes(limit=CHANGES_MAX):
                note = note_of(change, self._url)
                if note is None or self._stop.is_set():
                    continue
                said = hashlib.sha256(repr(note).encode()).hexdigest()[:32]
                known = self._kept.of(change.id)
                if known is not None and (known.said == said or known.annotation_id == 0):
                    continue
                server = server or self._factory()(place_of(self._policy))
                made = server.annotate(note, None if known is None else known.annotation_id)
                self._kept.put(change.id, KeptAnnotation(made, said))
                self.told_count += 1
        except TrimtabError as error:
            if error.message != self.problem:
                log.warning("grafana_not_told", reason=error.message)
            self.problem = error.message
            return False
        finally:
            if server is not None:
                server.close()
        self.problem = None
        return True


def note_of(change: Change, page_url: str) -> ChangeNote | None:
    """What is told of a change; None before anything was touched."""
    if change.apply_started_at_ms is None:
        return None
    word = _WORDS.get(change.state, change.state.value)
    effect = change.effect
    measured = "" if effect is None else f" (mean execution time × {effect.ratio:.3g} of before)"
    return ChangeNote(
        key=f"change:{change.id}",
        text=f"{change.system}: {change.proposal.summary}: {word}{measured}\n{page_url}/cases/{change.case_id}",
        tags=(TAG, change.proposal.kind, f"system:{change.system}", change.state.value),
        at_ms=change.apply_started_at_ms,
        end_ms=change.finished_at_ms or change.applied_at_ms,
    )
