"""What became of exactly this change before: a person's no holds, and what was measured is not forgotten.

The same content hash is the same change on the same system, whichever query asks for it and in whichever case. A change
that a person rejected or took back is never applied by itself again; one that was measured and rolled back, or stayed
inconclusive, is not within `GuardPolicy.retry_measured_after_s`. Both may be proposed again, and then wait for a
person's yes, with what happened said beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from trimtab.act.journal import ACTOR
from trimtab.model.change import Change, ChangeState, Proposal, Risk
from trimtab.model.change_window import moment
from trimtab.model.policy import GuardPolicy
from trimtab.store.change_search import ended_with_hash
from trimtab.store.ledger import Event
from trimtab.store.state import State

_UNWANTED = (ChangeState.REJECTED, ChangeState.ROLLED_BACK, ChangeState.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class EarlierTry:
    """How it ended. `said_no` is the person who did not want it, None where a measurement (or nothing) spoke."""

    change: Change
    said_no: str | None

    @property
    def ended_at_ms(self) -> int:
        """When it ended."""
        return self.change.finished_at_ms or self.change.updated_at_ms

    def holds(self, limits: GuardPolicy, now_ms: int) -> bool:
        """Whether it still keeps this change from being applied by itself."""
        return self.said_no is not None or now_ms - self.ended_at_ms < limits.retry_measured_after_s * 1000

    def __str__(self) -> str:
        when, change = moment(self.ended_at_ms), self.change
        if self.said_no is not None:
            return f"exactly this was {change.reason or f'refused by {self.said_no}'} ({when}, case {change.case_id})"
        how = "rolled back" if change.state is ChangeState.ROLLED_BACK else "inconclusive"
        if change.effect is None:
            return (
                f"exactly this was tried ({when}, case {change.case_id}): {how}, {change.reason or 'without a reason'}"
            )
        low, high = change.effect.interval_90
        return (
            f"exactly this was tried ({when}, case {change.case_id}): measured x{change.effect.ratio:.3g} "
            f"(x{low:.3g} to x{high:.3g}) where x{change.proposal.predicted_ratio:.3g} was predicted, {how}"
        )


def earlier_tries(state: State, system: str, content_hash: str) -> tuple[EarlierTry, ...]:
    """Changes with this hash that somebody did not want, or that did not prove good; newest first."""
    found = []
    for change in ended_with_hash(state.database, system, content_hash, _UNWANTED):
        said_no = _said_no(state, change)
        if change.state is not ChangeState.REJECTED or said_no is not None:  # else nobody decided anything
            found.append(EarlierTry(change, said_no))
    return tuple(found)


def holding(state: State, proposal: Proposal, limits: GuardPolicy, now_ms: int) -> EarlierTry | None:
    """What keeps a change from being applied without a person's yes: a no first, then the newest; or nothing."""
    tries = [one for one in earlier_tries(state, proposal.system, proposal.content_hash) if one.holds(limits, now_ms)]
    return next((one for one in tries if one.said_no is not None), tries[0] if tries else None)


def remember(state: State, proposals: Iterable[Proposal]) -> tuple[Proposal, ...]:
    """The proposals with what is known of them from earlier, those that were never refused nor failed first."""
    made = []
    for proposal in proposals:
        tries = earlier_tries(state, proposal.system, proposal.content_hash)
        failed = any(one.said_no is not None or one.change.state is ChangeState.ROLLED_BACK for one in tries)
        told = tuple(str(one) for one in tries)
        if failed:
            told_of = replace(proposal, risk=Risk.HIGH, risk_reasons=(*told, *proposal.risk_reasons))
        else:
            told_of = replace(proposal, not_verified=(*told, *proposal.not_verified))
        made.append((2 if failed else 1 if tries else 0, told_of))
    return tuple(proposal for _, proposal in sorted(made, key=lambda one: one[0]))


def _said_no(state: State, change: Change) -> str | None:
    """The person who rejected it, or asked for it to be taken back."""
    if change.state is ChangeState.INCONCLUSIVE:
        return None
    event = Event.REJECTED if change.state is ChangeState.REJECTED else Event.ROLLBACK_INTENDED
    entry = state.last_entry(change.id, (event,))
    return None if entry is None or entry.actor == ACTOR else entry.actor
