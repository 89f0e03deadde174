"""One given change from proposal to its end, for callers without a server of their own.

Whoever begins a change sees to its end: when the caller has to leave, or anything fails, a change that nothing has
touched yet is withdrawn, and one in flight is taken back before this returns.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace

from trimtab.act.approvals import content_hash
from trimtab.app.service import Service
from trimtab.model.change import Change, ChangeState, Proposal
from trimtab.model.errors import ConflictError, GuardRefused, TrimtabError
from trimtab.model.finding import Finding, FindingKind, Severity
from trimtab.model.query import SlowQuery
from trimtab.sql.fingerprint import shape_of

POLL_S = 0.2
UNDO_TIMEOUT_S = 120.0
"""So long a caller who has to leave waits for the rollback: a DROP INDEX CONCURRENTLY waits for other sessions."""
TOUCHED_STATES = frozenset({ChangeState.APPLYING, ChangeState.WATCHING})
"""Something may be on the target: it is taken back. Before, a change is only withdrawn."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a caller who has to leave may ask for, from another thread: to take it back; or not to wait even for that.

    What is asked for with `at_once` is still written into the ledger, so that the next start on the same data does it.
    """

    take_back: threading.Event = field(default_factory=threading.Event)
    at_once: threading.Event = field(default_factory=threading.Event)


def remediate(
    service: Service,
    *,
    dsn: str,
    change_dsn: str,
    query: SlowQuery,
    proposal: Proposal,
    approved_by: str,
    timeout_s: float,
    leaving: Leaving,
) -> Change:
    """Watch the system if it is not watched yet, open a case, approve this proposal, wait for its end.

    Once `leaving` asks for it, the change that is answered has been withdrawn or taken back; it is not final only
    where that was impossible within `UNDO_TIMEOUT_S`.
    """
    name = service.ensure_watched(dsn, change_dsn)
    shape = shape_of(name, query.text)
    finding = Finding(
        system=name,
        fingerprint=shape.fingerprint,
        kind=FindingKind.OBJECTIVE_BROKEN,
        severity=Severity.WARNING,
        noticed_at_ms=time.time_ns() // 1_000_000,
        title=f"named as slow by {approved_by}",
        confidence=1.0,
        evidence=(),
    )
    case = service.state.open_case(finding, shape.text)
    change = service.machine.propose(case.id, _moved(proposal, name, shape.fingerprint))
    try:
        if not leaving.take_back.is_set():
            change = service.machine.approve(change.id, approved_by, change.proposal.content_hash)
            change = _wait(service, change, timeout_s, leaving.take_back)
    except BaseException:
        settle(service, change.id, approved_by, "the caller failed", leaving.at_once)
        raise
    if change.state.is_final:
        return change
    return settle(service, change.id, approved_by, "the caller had to leave", leaving.at_once)


def _wait(service: Service, change: Change, timeout_s: float, asked: threading.Event) -> Change:
    """Until it is final, or it is asked for. What nothing has touched within `timeout_s` is withdrawn."""
    give_up_at = time.monotonic() + timeout_s
    while not change.state.is_final and not asked.wait(POLL_S):
        change = service.state.change(change.id)
        if time.monotonic() > give_up_at and not change.state.is_final and not change.state.is_in_flight:
            try:
                return service.machine.reject(change.id, "trimtab", f"nothing could be done within {timeout_s:g} s")
            except (ConflictError, GuardRefused):  # it was begun in this moment
                continue
    return service.state.change(change.id)


def settle(service: Service, change_id: str, by: str, reason: str, at_once: threading.Event) -> Change:
    """Withdraw it, or ask for the rollback and wait until it is done; `at_once` ends the waiting, not the asking."""
    give_up_at = time.monotonic() + UNDO_TIMEOUT_S
    rollback_asked = False
    while True:
        change = service.state.change(change_id)
        if change.state.is_final:
            return change
        problem: TrimtabError | None = None
        try:
            if change.state in TOUCHED_STATES:
                if not rollback_asked:
                    service.machine.roll_back(change_id, by, reason)
                    rollback_asked = True
            else:
                return service.machine.reject(change_id, by, reason)
        except TrimtabError as error:  # it moved on in this moment, or the state cannot be written: look again
            problem = error
        over = time.monotonic() > give_up_at
        if problem is not None and over:
            raise problem
        if problem is None and (over or at_once.is_set()):
            return service.state.change(change_id)
        time.sleep(POLL_S)


def _moved(proposal: Proposal, system: str, fingerprint: str) -> Proposal:
    """The same change under the name that the system has here; GuardRefused where it is not what was proposed."""
    if proposal.content_hash != content_hash(proposal):
        raise GuardRefused("the proposal is not what was proposed: its hash is not the hash of its content")
    moved = replace(proposal, system=system, fingerprint=fingerprint)
    return replace(moved, content_hash=content_hash(moved))
