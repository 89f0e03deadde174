"""A burning objective of a watched system opens a case; when it burns no more, the case is closed.

The case has no query: its evidence is the burn rate. What slow queries there are meanwhile have cases of their own.
"""

from __future__ import annotations

from trimtab.app.objectives.board import ObjectiveNow
from trimtab.app.objectives.keeper import Standing
from trimtab.model.case import Case, CaseState, Verdict
from trimtab.model.finding import Evidence, Finding, FindingKind, Severity
from trimtab.store.state import State

FINGERPRINT = "objective:"
QUIET_MS = 900_000
"""So long an objective must not burn before its case is closed: rules that go on and off are one case."""


def name_of(case: Case) -> str | None:
    """The objective of a case; None where it is of a query."""
    return case.fingerprint.removeprefix(FINGERPRINT) if case.kind == FindingKind.OBJECTIVE_BURNING else None


class BurnCases:
    """Looks after each round. Not thread-safe: rounds are one after the other."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._burned_at_ms: dict[int, int] = {}

    def look(self, standing: Standing) -> None:
        """Open what burns, close what burned."""
        systems = {system.name for system in self._state.systems()}
        open_cases = {
            (case.system, case.fingerprint): case
            for case in self._state.cases(states=[CaseState.OPEN], limit=10_000)
            if case.kind == FindingKind.OBJECTIVE_BURNING
        }
        for now in standing.objectives.values():
            key = (now.objective.system, FINGERPRINT + now.objective.name)
            case = open_cases.pop(key, None)
            if now.is_burning and now.objective.system in systems:
                finding = finding_of(now)
                if case is None or case.finding.severity is not finding.severity:
                    case = self._state.open_case(finding, _told(now))
                self._burned_at_ms[case.id] = standing.at_ms
            elif case is not None:
                self._maybe_close(case, now, standing.at_ms)
        for case in open_cases.values():
            if standing.at_ms:
                self._close(case, "the objective is not defined any more")

    def _maybe_close(self, case: Case, now: ObjectiveNow, at_ms: int) -> None:
        burned_at_ms = self._burned_at_ms.setdefault(case.id, at_ms)
        if at_ms - burned_at_ms < QUIET_MS:
            return
        left = now.budget.left_ratio
        told = "" if left is None else f"; {left:.1%} of its error budget is left"
        self._close(case, f"it has not burned for {QUIET_MS // 60_000} minutes{told}")

    def _close(self, case: Case, reason: str) -> None:
        self._state.update_case(case.id, verdict=Verdict.RECOVERED, reason=reason)
        self._burned_at_ms.pop(case.id, None)


def finding_of(now: ObjectiveNow) -> Finding:
    """What burns, with the numbers that say so."""
    burns = [burn for burn in now.burns if burn.fires]
    one, budget = now.objective, now.budget
    worst = max(burns, key=lambda burn: burn.long_rate or 0.0)
    source = f"counts of objective {one.name} by the minute (objective_slices)"
    evidence = [
        Evidence(
            name=f"burn rate over {window}",
            value=rate or 0.0,
            unit="× allowed",
            window_start_ms=budget.at_ms - length_ms,
            window_end_ms=budget.at_ms,
            source=source,
            samples_count=length_ms // 60_000,
        )
        for window, rate, length_ms in (
            (f"{worst.rule.long_ms // 60_000} min", worst.long_rate, worst.rule.long_ms),
            (f"{worst.rule.short_ms // 60_000} min", worst.short_rate, worst.rule.short_ms),
        )
    ]
    if budget.left_ratio is not None:
        evidence.append(
            Evidence(
                "error budget left",
                budget.left_ratio * 100,
                "%",
                budget.window_start_ms,
                budget.at_ms,
                source,
                budget.counts.measured_slices,
            )
        )
    is_page = any(burn.rule.severity in ("page", "critical") for burn in burns)
    return Finding(
        system=one.system,
        fingerprint=FINGERPRINT + one.name,
        kind=FindingKind.OBJECTIVE_BURNING,
        severity=Severity.CRITICAL if is_page else Severity.WARNING,
        noticed_at_ms=budget.at_ms,
        title=f"{one.title} burns its error budget {worst.long_rate or 0.0:.1f} times as fast as allowed",
        confidence=1.0,
        evidence=tuple(evidence),
    )


def _told(now: ObjectiveNow) -> str:
    return f"objective {now.objective.name}: {now.objective.target:.5g} of all good"
