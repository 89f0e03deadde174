"""A person's yes: what it is bound to, and when it stops to count.

An approval is for exactly one content (the hash of what would be done, and where) **and** for the limits that were in
force when it was given. It is void when the content is another, when its time is over, and when any limit of that kind
of change on that system was set to something else since: who widens a limit does not widen another person's yes.
`autonomy` and `approval_valid_s` are no limits of what is done, and may change. A void approval is never repaired: a
person looks again.
"""

from __future__ import annotations

from dataclasses import fields
from enum import Enum

from trimtab.model.change import Change, Proposal
from trimtab.model.policy import GuardPolicy
from trimtab.sql.index_ddl import change_hash
from trimtab.store.ledger import Event
from trimtab.store.state import State

NOT_LIMITS = frozenset({"autonomy", "approval_valid_s"})
LIMITS = "limits"


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


def approval_problem(state: State, change: Change, limits: GuardPolicy, now_ms: int) -> str | None:
    """Why nobody's yes counts for this change now; None while one does."""
    expires_at_ms = change.approval_expires_at_ms
    if change.approved_by is None or expires_at_ms is None:
        return "a person has to approve it"
    if change.approved_hash != content_hash(change.proposal):
        return "the approval was for something else"
    if expires_at_ms <= now_ms:
        return f"the approval of {change.approved_by} has expired"
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
