"""What trimtab notices, proposes and does, and what others trigger, as sources of alerts: all of it can be routed.

finding    a case that is not closed: FINDING_ALERT, until it is
change     waits for a yes, is in flight, or ended a while ago: CHANGE_ALERTS
triggered  what a program or a person triggered, until it ends
deadman    the Watchdog, always
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trimtab.app.notify.muting import DEADMAN, WATCHDOG
from trimtab.model.alerts import ALERT_NAME, Active, labels_of
from trimtab.model.case import Case, CaseState
from trimtab.model.change import Change, ChangeState
from trimtab.model.notify import From
from trimtab.store.state import State
from trimtab.store.triggered_alerts import TriggeredAlerts

CASES_MAX = 2000
CHANGES_MAX = 500
ENDED_MS = 3_600_000
"""How long the end of a change is an alert."""
FINDING_ALERT = "SlowQuery"
CHANGE_ALERTS: Mapping[ChangeState, tuple[str, str]] = {
    ChangeState.CHECKPOINTED: ("ChangeInFlight", "info"),
    ChangeState.APPLYING: ("ChangeInFlight", "info"),
    ChangeState.WATCHING: ("ChangeInFlight", "info"),
    ChangeState.KEPT: ("ChangeKept", "info"),
    ChangeState.INCONCLUSIVE: ("ChangeInconclusive", "info"),
    ChangeState.ROLLED_BACK: ("ChangeRolledBack", "warning"),
    ChangeState.FAILED: ("ChangeFailed", "critical"),
}
"""The name and the severity of a change's alert, by how it stands."""
NEEDS_YES = ("ChangeNeedsYes", "warning")
_ORDER = {From.INFO: 0, From.WARNING: 1, From.CRITICAL: 2, From.OFF: 9}
_RANK = {"info": 0, "warning": 1, "critical": 2}


def is_told(severity: str, at_least: From) -> bool:
    """Whether something of this severity becomes an alert.

    >>> is_told("critical", From.WARNING), is_told("info", From.WARNING), is_told("critical", From.OFF)
    (True, False, False)
    """
    return _RANK.get(severity, 2) >= _ORDER[at_least]


class FindingSource:
    """Cases that are not closed."""

    origin = "finding"
    every_ms = 5_000

    def __init__(self, state: State, at_least: Callable[[], From], page_url: str) -> None:
        self._state = state
        self._at_least = at_least
        self._page_url = page_url

    def evaluate(self, at_ms: int) -> Sequence[Active]:  # noqa: ARG002 - the same at any moment
        """See `AlertSource.evaluate`."""
        at_least = self._at_least()
        if at_least is From.OFF:
            return ()
        alive = [state for state in CaseState if state is not CaseState.CLOSED]
        cases = self._state.cases(states=alive, limit=CASES_MAX)
        return tuple(self._active(case) for case in cases if is_told(case.finding.severity.value, at_least))

    def _active(self, case: Case) -> Active:
        labels = {
            ALERT_NAME: FINDING_ALERT,
            "severity": case.finding.severity.value,
            "system": case.system,
            "fingerprint": case.fingerprint,
            "kind": case.kind,
            "case": str(case.id),
        }
        annotations = {"summary": case.finding.title, "case": f"{self._page_url}/cases/{case.id}"}
        value = case.finding.evidence[0].value if case.finding.evidence else 1.0
        url = annotations["case"]
        return Active(labels_of(labels), labels_of(annotations), value, self.origin, generator_url=url)


class ChangeSource:
    """Changes that somebody may want to hear of."""

    origin = "change"
    every_ms = 5_000

    def __init__(
        self, state: State, at_least: Callable[[], From], waits_for_yes: Callable[[Change], bool], page_url: str
    ) -> None:
        self._state = state
        self._at_least = at_least
        self._waits_for_yes = waits_for_yes
        self._page_url = page_url

    def evaluate(self, at_ms: int) -> Sequence[Active]:
        """See `AlertSource.evaluate`."""
        at_least = self._at_least()
        if at_least is From.OFF:
            return ()
        found: list[Active] = []
        for change in self._state.changes(limit=CHANGES_MAX):
            told = self._told(change, at_ms)
            if told is not None and is_told(told[1], at_least):
                found.append(self._active(change, *told))
        return tuple(found)

    def _told(self, change: Change, at_ms: int) -> tuple[str, str] | None:
        if change.state.is_final and at_ms - (change.finished_at_ms or change.updated_at_ms) >= ENDED_MS:
            return None
        if change.state is ChangeState.PROPOSED:
            return NEEDS_YES if self._waits_for_yes(change) else None
        return CHANGE_ALERTS.get(change.state)

    def _active(self, change: Change, name: str, severity: str) -> Active:
        url = f"{self._page_url}/cases/{change.case_id}"
        labels = {
            ALERT_NAME: name,
            "severity": severity,
            "system": change.system,
            "fingerprint": change.proposal.fingerprint,
            "kind": change.proposal.kind,
            "case": str(change.case_id),
            "change": change.id,
        }
        annotations = {"summary": change.proposal.summary, "description": change.reason or "", "case": url}
        ratio = change.proposal.predicted_ratio if change.effect is None else change.effect.ratio
        return Active(labels_of(labels), labels_of(annotations), ratio, self.origin, generator_url=url)


class TriggeredSource:
    """What was triggered from outside, until it ends."""

    origin = "triggered"
    every_ms = 1_000

    def __init__(self, triggered: TriggeredAlerts) -> None:
        self._triggered = triggered

    def evaluate(self, at_ms: int) -> Sequence[Active]:
        """See `AlertSource.evaluate`."""
        return tuple(
            Active(one.labels, one.annotations, one.value, f"triggered:{one.triggered_by}")
            for one in self._triggered.alive(at_ms)
        )


class DeadmanSource:
    """An alert that always fires, where it is wanted. That it is asked at all says that alerts are evaluated."""

    origin = DEADMAN
    every_ms = 5_000

    def __init__(self, is_wanted: Callable[[], bool]) -> None:
        self._is_wanted = is_wanted

    def evaluate(self, at_ms: int) -> Sequence[Active]:  # noqa: ARG002 - the same at any moment
        """See `AlertSource.evaluate`."""
        if not self._is_wanted():
            return ()
        labels = labels_of({ALERT_NAME: WATCHDOG, "severity": "none"})
        summary = "Alerts are evaluated and told. Somebody else has to ring when this alert does not come."
        return (Active(labels, labels_of({"summary": summary}), 1.0, DEADMAN),)
