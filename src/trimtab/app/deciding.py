"""What people decide about proposed changes: what waits for a yes, why, and the yes and no themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from trimtab.act.approvals import check_seen
from trimtab.act.guards import limits_of
from trimtab.act.machine import Machine
from trimtab.app.closed_cases import check_not_by_hand, when_again
from trimtab.app.reading.rows import change_row
from trimtab.model.case import Case
from trimtab.model.change import Autonomy, Change, ChangeState
from trimtab.model.errors import ConflictError, GuardRefused, NotFound
from trimtab.model.policy import Policy
from trimtab.store.state import State

LEDGER_PER_CASE_MAX = 500
WAITING_MAX = 1000

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deciding:
    """Thread-safe."""

    state: State
    machine: Machine
    policy_of: Callable[[str], Policy]

    # --- what waits

    def waits_for_yes(self, change: Change) -> bool:
        """Whether a person could approve this change now, and it waits for that.

        The same under `suggest` and `approve`; under `approve` it was also told in the log. Under `auto` what a person
        refused, or what was measured and did not prove good, waits for one, too.
        """
        return change.state is ChangeState.PROPOSED and self._wants_yes(change, self._changeable())

    def _changeable(self) -> frozenset[str]:
        """The systems with a connection for changes."""
        return frozenset(system.name for system in self.state.systems() if system.change_reference is not None)

    def _wants_yes(self, change: Change, changeable: frozenset[str]) -> bool:
        if change.system not in changeable or self.machine.is_approved(change):
            return False
        autonomy = limits_of(self.policy_of(change.system), change.proposal.kind).autonomy
        if autonomy is Autonomy.AUTO:
            return self.machine.earlier(change) is not None
        return autonomy in (Autonomy.SUGGEST, Autonomy.APPROVE)

    def needs_yes(self) -> list[Json]:
        """What waits for a person's yes, most saved first."""
        changeable = self._changeable()
        proposed = [c for c in self.state.changes(alive=True, limit=WAITING_MAX) if c.state is ChangeState.PROPOSED]
        waiting = [change for change in proposed if self._wants_yes(change, changeable)]
        return [
            {
                "case_id": change.case_id,
                "change_id": change.id,
                "system": change.system,
                "summary": change.proposal.summary,
                "gain_ms_per_s": change.proposal.gain_ms_per_s,
            }
            for change in sorted(waiting, key=lambda change: -change.proposal.gain_ms_per_s)
        ]

    def ready_to_start(self) -> tuple[Change, ...]:
        """What begins when nothing is frozen and guards and checks agree: approved, or policy lets trimtab do it."""
        changeable = self._changeable()
        alive = self.state.changes(alive=True, in_flight=False, limit=WAITING_MAX)
        return tuple(
            change
            for change in alive
            if change.system in changeable
            and not self._wants_yes(change, changeable)
            and limits_of(self.policy_of(change.system), change.proposal.kind).autonomy is not Autonomy.OBSERVE
        )

    def waits_for(self, case: Case) -> str | None:
        """What keeps a proposed change from being applied now, asked afresh; None where nothing or no change waits."""
        change = None if case.change_id is None else self.state.change(case.change_id)
        if change is None or change.state.is_final or change.state.is_in_flight:
            return None
        system = next((known for known in self.state.systems() if known.name == case.system), None)
        if system is None:
            return f"{case.system} to be watched again"
        if system.change_reference is None:
            return "no connection for changes was given: trimtab watch DSN --change-dsn DSN"
        autonomy = limits_of(self.policy_of(case.system), change.proposal.kind).autonomy
        earlier = self.machine.earlier(change)
        asks = autonomy in (Autonomy.SUGGEST, Autonomy.APPROVE) or (autonomy is Autonomy.AUTO and earlier is not None)
        if asks and change.approved_by is None:
            said = "; ".join(str(why) for why in (self.machine.why_void(change), earlier) if why is not None)
            return f"a person's yes: trimtab approve {case.id}{f' ({said})' if said else ''}"
        blocking = [result.message for result in self.machine.guards(change.id) if result.passed is False]
        return "; ".join(blocking) or change.reason

    # --- cases

    def case(self, case_id: int) -> Json:
        """One case with its change and ledger."""
        case = self.state.case(case_id)
        entries = (
            [] if case.change_id is None else self.state.ledger(change_id=case.change_id, limit=LEDGER_PER_CASE_MAX)
        )
        undo = None if case.change_id is None else change_row(self.state, self.state.change(case.change_id)).undo
        return {
            **self.with_change(case),
            "waits_for": self.waits_for(case),
            "undo": msgspec.to_builtins(undo),
            "ledger": msgspec.to_builtins(entries),
        }

    def with_change(self, case: Case) -> Json:
        """A case as JSON has it, with its change."""
        change = None if case.change_id is None else self.state.change(case.change_id)
        return {**msgspec.to_builtins(case), "change": None if change is None else msgspec.to_builtins(change)}

    # --- yes and no

    def approve(self, case_id: int, by: str, content_hash: str) -> Json:
        """Approve the proposed change of a case: the one with this hash, until the approval expires.

        `warning` in the answer says that it expires before the next change window opens; None where it does not.
        """
        change = self._proposed(case_id)
        if change.state.is_final:
            raise GuardRefused(
                when_again(self.state.case(case_id), change, self.policy_of(change.system)), case_id=case_id
            )
        if change.state is ChangeState.PROPOSED and self.machine.is_approved(change):
            raise ConflictError(f"case {case_id} was approved by {change.approved_by} already", case_id=case_id)
        check_seen(self.state, case_id, change, content_hash)
        approved = self.machine.approve(change.id, by, change.proposal.content_hash)
        return {**self.case(case_id), "warning": self.machine.approval_warning(approved)}

    def reject(self, case_id: int, by: str, reason: str | None) -> Json:
        """Reject the proposed change of a case."""
        self.machine.reject(self._proposed(case_id).id, by, reason or "rejected by a person")
        return self.case(case_id)

    def roll_back(self, case_id: int, by: str, reason: str | None) -> Json:
        """Ask for the change of a case to be taken back: written down now, done by the loop's next step."""
        check_not_by_hand(self._proposed(case_id))
        self.machine.roll_back(self._proposed(case_id).id, by, reason or "")
        return self.case(case_id)

    def _proposed(self, case_id: int) -> Change:
        case = self.state.case(case_id)
        if case.change_id is None:
            raise NotFound(f"case {case_id} proposes no change", case_id=case_id)
        return self.state.change(case.change_id)
