"""A person's yes: what it is bound to, and when it stops to count.

An approval is for exactly one content (the hash of what would be done, and where) **and** for the limits that were in
force when it was given. It is void when the content is another, when its time is over, and when any limit of that kind
of change on that system was set to something else since: who widens a limit does not widen another person's yes.
`autonomy`, `approval_valid_s` and `retry_measured_after_s` are no limits of what is done, and may change. A void
approval is never repaired, not even when the limit is set back: that it is void is written into the ledger as soon as
it is seen (`Machine.void_approvals`, and before every step), and a person looks again.
"""

from __future__ import annotations

import re
from dataclasses import fields
from enum import Enum

from trimtab.model.change import Change, Proposal
from trimtab.model.errors import ConflictError, InputError
from trimtab.model.policy import GuardPolicy
from trimtab.sql.index_ddl import change_hash
from trimtab.store.ledger import Event
from trimtab.store.state import State

NOT_LIMITS = frozenset({"autonomy", "approval_valid_s", "retry_measured_after_s"})
LIMITS = "limits"
_HASH = re.compile("[0-9a-f]{64}")


def content_hash(proposal: Proposal) -> str:
    """64 hex digits of what would be done, and where. An approval is for exactly this."""
    return change_hash(proposal.system, proposal.kind, proposal.index)


def limits_told(limits: GuardPolicy) -> dict[str, object]:
    """The limits that an approval is bound to, for the ledger.

    >>> limits_told(GuardPolicy())["attempts_max"], "autonomy" in limits_told(GuardPolicy())
    (3, False)
    """
    told: dict[str, object] = {}
    for field in fields(limits):
        value = getattr(limits, field.name)
        if field.name not in NOT_LIMITS:
            told[field.name] = value.value if isinstance(value, Enum) else list(value) if _is_list(value) else value
    return told


def check_seen(state: State, case_id: int, change: Change, seen: str) -> None:
    """Whether the hash that somebody saw is that of the change of this case now.

    The right hash is never told: who pastes it has not looked at what it stands for.
    """
    if seen == change.proposal.content_hash:
        return
    if not _HASH.fullmatch(seen):
        raise InputError(
            f"a hash has 64 hex digits (0-9, a-f), this has {len(seen)} characters: 'trimtab case {case_id}' shows "
            "the change with its whole hash",
            field="content_hash",
            observed=len(seen),
        )
    look = f"look at it ('trimtab case {case_id}'), and approve what you see there"
    earlier = (other.proposal.content_hash for other in state.changes(case_id=case_id))
    if seen in earlier:
        raise ConflictError(
            f"case {case_id} proposed that before, and proposes another change by now: {look}", case_id=case_id
        )
    raise ConflictError(
        f"case {case_id} proposes another change by now, or the hash is mistyped: {look}", case_id=case_id
    )


def approval_problem(state: State, change: Change, limits: GuardPolicy, now_ms: int) -> str | None:
    """Why nobody's yes counts for this change now; None while one does."""
    expires_at_ms = change.approval_expires_at_ms
    if change.approved_by is None or expires_at_ms is None:
        return ended(state, change) or "a person has to approve it"
    if expires_at_ms <= now_ms:
        return f"the approval of {change.approved_by} has expired"
    return void(state, change, limits)


def ended(state: State, change: Change) -> str | None:
    """Why a yes that was given does not count any more; None where none was given, or where it may still count."""
    last = state.last_entry(change.id, (Event.APPROVED, Event.APPROVAL_EXPIRED, Event.APPROVAL_VOIDED))
    return None if last is None or last.event == Event.APPROVED else str(last.detail.get("reason"))


def void(state: State, change: Change, limits: GuardPolicy) -> str | None:
    """Why the yes that stands beside this change is for something else than would be done now; None where it is not."""
    if change.approved_by is None:
        return None
    if change.approved_hash != content_hash(change.proposal):
        return "the approval was for something else"
    given = state.last_entry(change.id, (Event.APPROVED,))
    then = given.detail.get(LIMITS) if given is not None else None
    if isinstance(then, dict):
        now = limits_told(limits)
        differ = sorted(name for name in {*then, *now} if then.get(name) != now.get(name))
        if differ:
            return (
                f"{change.approved_by} approved it under other limits ({', '.join(differ)} changed since): "
                "a person has to approve it again"
            )
    return None


def _is_list(value: object) -> bool:
    return isinstance(value, tuple)
