"""One given change from proposal to its end, for callers without a server of their own."""

from __future__ import annotations

import time
from dataclasses import replace

from trimtab.act.approvals import content_hash
from trimtab.app.service import Service
from trimtab.model.change import Change, Proposal
from trimtab.model.errors import GuardRefused
from trimtab.model.finding import Finding, FindingKind, Severity
from trimtab.model.query import SlowQuery
from trimtab.sql.fingerprint import shape_of

POLL_S = 0.2


def remediate(
    service: Service,
    *,
    dsn: str,
    change_dsn: str,
    query: SlowQuery,
    proposal: Proposal,
    approved_by: str,
    timeout_s: float,
) -> Change:
    """Watch the system if it is not watched yet, open a case, approve this proposal, wait for its end."""
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
    change = service.machine.approve(change.id, approved_by, change.proposal.content_hash)
    give_up_at = time.monotonic() + timeout_s
    while not change.state.is_final:
        if time.monotonic() > give_up_at and not change.state.is_in_flight:
            return service.machine.reject(change.id, "trimtab", f"nothing could be done within {timeout_s:g} s")
        time.sleep(POLL_S)
        change = service.state.change(change.id)
    return change


def _moved(proposal: Proposal, system: str, fingerprint: str) -> Proposal:
    """The same change under the name that the system has here; GuardRefused where it is not what was proposed."""
    if proposal.content_hash != content_hash(proposal):
        raise GuardRefused("the proposal is not what was proposed: its hash is not the hash of its content")
    moved = replace(proposal, system=system, fingerprint=fingerprint)
    return replace(moved, content_hash=content_hash(moved))
