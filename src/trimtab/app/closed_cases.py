"""What a person is told who wants something of a change that has ended: what can still be done, and when."""

from __future__ import annotations

from trimtab.app.reading.undo import undo_of
from trimtab.model.case import Case
from trimtab.model.change import Change, ChangeState
from trimtab.model.change_window import moment
from trimtab.model.errors import GuardRefused
from trimtab.model.policy import Policy


def when_again(case: Case, change: Change, policy: Policy) -> str:
    """Why an ended change cannot be approved, and from when its query can get another proposal."""
    ended = change.state.value.replace("_", " ")
    why = f" ({change.reason})" if change.reason else ""
    if change.state is ChangeState.KEPT:
        return f"case {case.id} has ended: its change was applied and kept; there is nothing to approve"
    again = moment(case.updated_at_ms + round(policy.advise.reopen_after_s * 1000))
    return (
        f"case {case.id} has ended, its change is {ended}{why}: there is nothing to approve. If its query is slow "
        f"still, it gets a new case, with a proposal of its own, from {again} on (advise.reopen_after_s): approve that "
        "one then, or make the time shorter"
    )


def check_not_by_hand(change: Change) -> None:
    """GuardRefused, with the statement, where only a person can take the change back."""
    undo = undo_of(change)
    if undo.state in ("by_hand", "left") and undo.statement is not None:
        raise GuardRefused(
            f"change {change.id} is {change.state}, and trimtab takes back only what it builds or watches: to drop its "
            f"index, run by hand: {undo.statement}",
            change_id=change.id,
            state=change.state,
            sql=undo.statement,
        )
