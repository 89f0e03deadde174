"""Freezing after repeated rollbacks: what went wrong several times is not tried on, until a person has looked.

The rollbacks are counted from the state, so that a process that dies between a rollback and the freeze freezes later.
"""

from __future__ import annotations

from trimtab.model.change import Change
from trimtab.model.policy import GuardPolicy
from trimtab.store.freezes import Freeze, Freezes
from trimtab.store.state import State

ACTOR = "trimtab"
NAMED_MAX = 5


def freeze_if_due(state: State, change: Change, limits: GuardPolicy, now_ms: int) -> Freeze | None:
    """Freeze the kind of this change on its system if enough of its kind were rolled back; None where it is not due.

    Rollbacks from before the last thaw do not count again.
    """
    if limits.freeze_after_rollbacks == 0:
        return None
    freezes = Freezes(state.database)
    system, kind = change.system, change.proposal.kind
    last = freezes.newest(system, kind)
    if last is not None and last.is_on:
        return None
    since_ms = now_ms - round(limits.freeze_window_s * 1000)
    if last is not None and last.thawed_at_ms is not None:
        since_ms = max(since_ms, last.thawed_at_ms)
    taken_back = freezes.rolled_back(system, kind, since_ms)
    if len(taken_back) < limits.freeze_after_rollbacks:
        return None
    named = ", ".join(taken_back[-NAMED_MAX:])
    reason = (
        f"{len(taken_back)} changes were rolled back within {limits.freeze_window_s:g} s ({named}), the limit is "
        f"{limits.freeze_after_rollbacks}"
    )
    freezes.freeze(system, kind, reason, ACTOR, now_ms)
    return freezes.newest(system, kind)
