"""Cases and changes as rows of lists."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.app.reading.answers import CaseRow, ChangeRow
from trimtab.app.reading.undo import undo_of
from trimtab.model.case import Case
from trimtab.model.change import Change, ChangeState
from trimtab.model.finding import Finding, Severity
from trimtab.store.case_search import changes_by_id
from trimtab.store.ledger import Event
from trimtab.store.state import State

TEXT_CHARS_MAX = 300
_ROLLING_BACK = (Event.ROLLBACK_INTENDED, Event.ROLLBACK_FAILED)
_TURNING_POINTS = (*_ROLLING_BACK, Event.CHECKPOINTED, Event.APPLY_INTENDED, Event.APPLIED, Event.UNDONE)
_TAKEN_BACK = (ChangeState.ROLLED_BACK, ChangeState.INCONCLUSIVE, ChangeState.FAILED)
_RANKS = {Severity.CRITICAL: 2, Severity.WARNING: 1, Severity.INFO: 0}


def shortened(text: str) -> str:
    """At most `TEXT_CHARS_MAX` characters on one line.

    >>> shortened("SELECT  *\\n FROM t")
    'SELECT * FROM t'
    """
    words = " ".join(text[: 4 * TEXT_CHARS_MAX].split())
    return words if len(words) <= TEXT_CHARS_MAX else f"{words[: TEXT_CHARS_MAX - 1]}…"


def change_row(state: State, change: Change) -> ChangeRow:
    """A change as a row."""
    began = False
    if change.state.is_in_flight:
        last = state.last_entry(change.id, _TURNING_POINTS)
        began = last is not None and last.event in _ROLLING_BACK
    proposal = change.proposal
    return ChangeRow(
        id=change.id,
        case_id=change.case_id,
        system=change.system,
        fingerprint=proposal.fingerprint,
        kind=proposal.kind,
        target=proposal.target,
        tables=proposal.tables,
        summary=proposal.summary,
        state=change.state.value,
        created_at_ms=change.created_at_ms,
        updated_at_ms=change.updated_at_ms,
        apply_started_at_ms=change.apply_started_at_ms,
        applied_at_ms=change.applied_at_ms,
        finished_at_ms=change.finished_at_ms,
        approved_by=change.approved_by,
        reason=change.reason,
        predicted_ratio=proposal.predicted_ratio,
        predicted_interval_90=proposal.predicted_interval_90,
        size_bytes=proposal.size_bytes,
        effect=change.effect,
        undo=undo_of(change, rollback_began=began, was_gone=_was_gone(state, change)),
    )


def _was_gone(state: State, change: Change) -> bool:
    """Whether an index that had been built was not there any more when it was to be taken back, by the ledger."""
    if change.applied_at_ms is None or change.state not in _TAKEN_BACK:
        return False
    last = state.last_entry(change.id, (Event.UNDONE, Event.FAILED))
    if last is None or last.event == Event.FAILED:  # removed by somebody else under the watch: nothing was undone
        return last is not None
    rollback = last.detail.get("rollback")
    return isinstance(rollback, dict) and rollback.get("outcome") == "absent"


def case_row(case: Case, change: ChangeRow | None) -> CaseRow:
    """A case as a row."""
    return CaseRow(
        id=case.id,
        system=case.system,
        fingerprint=case.fingerprint,
        kind=case.kind,
        severity=case.finding.severity.value,
        title=case.finding.title,
        query_text=shortened(case.query_text),
        state=case.state.value,
        verdict=None if case.verdict is None else case.verdict.value,
        reason=case.reason,
        opened_at_ms=case.opened_at_ms,
        updated_at_ms=case.updated_at_ms,
        change=change,
    )


def case_rows(state: State, cases: Iterable[Case]) -> tuple[CaseRow, ...]:
    """Cases as rows, with their changes."""
    found = tuple(cases)
    changes = changes_by_id(state.database, (case.change_id for case in found if case.change_id is not None))
    rows = {change.id: change_row(state, change) for change in changes.values()}
    return tuple(case_row(case, rows.get(case.change_id or "")) for case in found)


def badness(case: Case) -> tuple[int, float, int]:
    """What is worse is greater: the severity first, then the part of the load, then the age."""
    return (_RANKS[case.finding.severity], load_share(case.finding), -case.opened_at_ms)


def worst_first(finding: Finding) -> tuple[int, float]:
    """What is worse is less: to sort by."""
    return (-_RANKS[finding.severity], -load_share(finding))


def load_share(finding: Finding) -> float:
    """The part (0..1) of its system's execution time that a finding tells of; 0 where it does not."""
    return next((evidence.value for evidence in finding.evidence if evidence.name == "load_share"), 0.0)
