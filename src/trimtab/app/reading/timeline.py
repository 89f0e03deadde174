"""The story of a case in plain words: one line for each ledger entry, and one for the finding it began with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from trimtab.app.reading.answers import TimelineEntry
from trimtab.model.case import Case
from trimtab.model.change import ChangeState, LedgerEntry
from trimtab.store.ledger import Event

NOTICED = "noticed"

Words = Callable[[LedgerEntry], tuple[str, str]]


def timeline_of(case: Case, entries: tuple[LedgerEntry, ...]) -> tuple[TimelineEntry, ...]:
    """From the finding to the verdict, oldest first."""
    first = TimelineEntry(case.opened_at_ms, NOTICED, "Noticed", case.finding.title, "trimtab")
    told = [first, *map(_told, entries)]
    if not entries and case.verdict is not None:
        title = f"Closed: {case.verdict.value.replace('_', ' ')}"
        told.append(TimelineEntry(case.updated_at_ms, "closed", title, case.reason or "", "trimtab"))
    return tuple(told)


def title_of(entry: LedgerEntry) -> str:
    """What an entry says, in a few words."""
    return _WORDS.get(entry.event, _plain)(entry)[0]


def _told(entry: LedgerEntry) -> TimelineEntry:
    title, detail = _WORDS.get(entry.event, _plain)(entry)
    return TimelineEntry(entry.at_ms, entry.event, title, detail, entry.actor, entry.seq)


def _plain(entry: LedgerEntry) -> tuple[str, str]:
    return entry.event.replace("_", " ").capitalize(), _reason(entry)


def _reason(entry: LedgerEntry) -> str:
    reason = entry.detail.get("reason")
    return reason if isinstance(reason, str) else ""


def _saying(title: str) -> Words:
    return lambda entry: (title, _reason(entry))


def _proposed(entry: LedgerEntry) -> tuple[str, str]:
    proposal = entry.detail.get("proposal")
    return "Proposed", str(proposal.get("summary", "")) if isinstance(proposal, dict) else ""


def _checked(entry: LedgerEntry) -> tuple[str, str]:
    checks = _checks(entry.detail)
    unknown = sum(check.get("passed") is None for check in checks)
    open_ones = f", {unknown} not configured or not visible" if unknown else ""
    return "Checks passed", f"{len(checks) - unknown} passed{open_ones}"


def _checkpointed(entry: LedgerEntry) -> tuple[str, str]:
    undo = entry.detail.get("undo")
    name = undo.get("index_name") if isinstance(undo, dict) else None
    return "Undo written down", f"dropping {name} takes it back" if name else ""


def _apply_intended(entry: LedgerEntry) -> tuple[str, str]:
    attempt = entry.detail.get("attempt")
    return "Building", f"attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else ""


def _noted(entry: LedgerEntry) -> tuple[str, str]:
    undo = entry.detail.get("undo")
    oid = undo.get("index_oid") if isinstance(undo, dict) else None
    return "Noted", _reason(entry) or (f"the server gave it OID {oid}" if oid else "")


def _applied(entry: LedgerEntry) -> tuple[str, str]:
    name, seconds = entry.detail.get("index_name"), entry.detail.get("build_s")
    took = f" in {seconds:.3g} s" if isinstance(seconds, int | float) else ""
    return "Applied; the watch begins", f"{name} was built{took}" if name else ""


def _undone(entry: LedgerEntry) -> tuple[str, str]:
    rollback = entry.detail.get("rollback")
    if entry.state is ChangeState.ROLLED_BACK and isinstance(rollback, dict) and rollback.get("outcome") == "absent":
        return "Ended; of the index nothing was there any more", _reason(entry)
    title = "Taken back, to be tried again" if not entry.state.is_final else "Taken back"
    return title, _reason(entry)


def _kept(entry: LedgerEntry) -> tuple[str, str]:
    return ("Kept" if entry.state.value == "kept" else "Left in place, inconclusive"), _reason(entry)


def _checks(detail: Mapping[str, object]) -> list[dict[str, object]]:
    checks = detail.get("checks")
    return [check for check in checks if isinstance(check, dict)] if isinstance(checks, list) else []


_WORDS: Mapping[str, Words] = {
    Event.PROPOSED: _proposed,
    Event.APPROVED: lambda entry: (f"Approved by {entry.actor}", ""),
    Event.APPROVAL_EXPIRED: _saying("The approval expired"),
    Event.APPROVAL_VOIDED: _saying("The approval is void"),
    Event.REJECTED: _saying("Rejected"),
    Event.BLOCKED: _saying("Has to wait"),
    Event.CHECKED: _checked,
    Event.CHECKPOINTED: _checkpointed,
    Event.WITHDRAWN: _saying("Put back in the queue"),
    Event.APPLY_INTENDED: _apply_intended,
    Event.NOTED: _noted,
    Event.ADOPTED: _saying("Taken over from a process that ended"),
    Event.APPLIED: _applied,
    Event.ROLLBACK_INTENDED: _saying("Taking it back"),
    Event.ROLLBACK_FAILED: _saying("Could not be taken back yet"),
    Event.UNDONE: _undone,
    Event.KEPT: _kept,
    Event.FAILED: _saying("Failed"),
}
"""By event: a title, and what is worth adding."""
