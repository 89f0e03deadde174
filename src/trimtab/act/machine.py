"""The state machine of a change: one step at a time, each one survivable.

    advance   one step: an entry that says what is intended, the effect, an entry that says what came of it
    recover   on start: everything in flight is finished or undone
    reap      rolls back what outlives its deadline

Before every step the target is read again; the ledger says what was meant, the target says what is. Whatever dies
between two entries is therefore found again: an intended effect is either there (then it is taken up), half there
(then it is removed) or not there (then it may be tried again). What is done in each state is in `trimtab.act.steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

from trimtab.act.approvals import LIMITS, approval_problem, ended, limits_told
from trimtab.act.approvals import content_hash as hash_of
from trimtab.act.earlier_tries import EarlierTry, holding
from trimtab.act.guards import BudgetsOf, CallsShare, late_window, limits_of, no_budgets, run_guards
from trimtab.act.journal import ACTOR, Journal
from trimtab.act.steps import RECOVERY, STEPS, Steps
from trimtab.act.told import tell
from trimtab.extend.contracts import Actuator, Clock, Judge
from trimtab.model.change import Autonomy, Change, ChangeState, CheckResult, Judgement, Proposal
from trimtab.model.errors import ConfigError, ConflictError, GuardRefused, TrimtabError
from trimtab.model.free_text import reason_of
from trimtab.model.policy import Policy
from trimtab.store.ledger import Event
from trimtab.store.state import State

GRACE_S = 60.0
"""The reaper comes this long after a deadline: `advance` had its chance."""
LEASE_MARGIN_S = 600.0
"""A lease outlives the longest build by this much."""

_UNTOUCHED = frozenset({ChangeState.PROPOSED, ChangeState.CHECKED, ChangeState.CHECKPOINTED})
_TOUCHED = frozenset({ChangeState.APPLYING, ChangeState.WATCHING})
_ASK_TRIES = 5
_WAITING_MAX = 1000


@runtime_checkable
class Reporting(Protocol):
    """An actuator that has something for the ledger while `apply` is still at work."""

    def report_to(self, note: Callable[[str, dict[str, object]], None], wanted: Callable[[str], bool]) -> None:
        """Take the callbacks."""
        ...


def unknown_share(_system: str, _relation: str) -> float | None:
    """Nobody knows how many calls name a table."""
    return None


class Machine:
    """Moves changes. Machines may share one `State` (a lease keeps each change to one), but not their actuators.

    `policy_of(system)` gives the policy in force now, and is asked each time; `calls_share(system, relation)` the
    share of a system's calls that names a relation, `budgets_of(system)` the error budgets of its objectives.
    """

    def __init__(
        self,
        state: State,
        actuators: Iterable[Actuator],
        judge: Judge,
        clock: Clock,
        policy_of: Callable[[str], Policy],
        calls_share: CallsShare = unknown_share,
        budgets_of: BudgetsOf = no_budgets,
    ) -> None:
        self._state = state
        self._clock = clock
        self._policy_of = policy_of
        self._journal = Journal(state)
        by_kind = {actuator.kind: actuator for actuator in actuators}
        self._steps = Steps(state, self._journal, by_kind, judge, clock, policy_of, calls_share, budgets_of)
        for actuator in by_kind.values():
            if isinstance(actuator, Reporting):
                actuator.report_to(self._journal.note, self._journal.undisturbed)

    def propose(self, case_id: int, proposal: Proposal, *, actor: str = ACTOR) -> Change:
        """Begin a change; the proposal's content hash must be the hash of what it says."""
        limits_of(self._policy_of(proposal.system), proposal.kind)
        if proposal.kind not in self._steps.actuators:
            raise ConfigError(f"nothing here can do a change of kind {proposal.kind!r}", kind=proposal.kind)
        if proposal.content_hash != hash_of(proposal):
            raise GuardRefused(
                "the proposal's hash is not the hash of its content",
                content_hash=proposal.content_hash,
                expected=hash_of(proposal),
            )
        return self._state.create_change(case_id, proposal, actor=actor)

    def approve(self, change_id: str, by: str, content_hash: str) -> Change:
        """A person's yes to exactly this content under today's limits; it expires after `approval_valid_s`.

        Nothing is done yet. See `trimtab.act.approvals` for when it stops to count.
        """
        change = self._state.change(change_id)
        limits = limits_of(self._policy_of(change.system), change.proposal.kind)
        if change.state is not ChangeState.PROPOSED:
            raise GuardRefused(f"change {change_id} is {change.state}: there is nothing to approve", state=change.state)
        if limits.autonomy is Autonomy.OBSERVE:
            raise GuardRefused("policy lets trimtab only look; an approval does not change that", autonomy="observe")
        if content_hash != change.proposal.content_hash:
            raise GuardRefused(
                f"change {change_id} is not what was approved: look at it again",
                approved=content_hash,
                content_hash=change.proposal.content_hash,
            )
        expires_at_ms = self._clock.now_ms() + round(limits.approval_valid_s * 1000)
        detail = {"content_hash": content_hash, "expires_at_ms": expires_at_ms, LIMITS: limits_told(limits)}
        tell(change, self._state.append(change_id, change.ledger_seq, Event.APPROVED, change.state, by, detail))
        return self._state.change(change_id)

    def void_approvals(self) -> tuple[Change, ...]:
        """After limits were changed: whose yes is void by that stays without it, also when they are set back."""
        voided = []
        for change in self._state.changes(alive=True, limit=_WAITING_MAX):
            if change.approved_by is None or change.state not in _UNTOUCHED:
                continue
            try:
                with self._step(change.id) as held:
                    if held.state in _UNTOUCHED and self._steps.void_approval(held):
                        voided.append(self._state.change(change.id))
            except ConflictError:  # somebody is at it, and looks at the limits himself before he touches anything
                continue
        return tuple(voided)

    def reject(self, change_id: str, by: str, reason: str = "") -> Change:
        """A person's no, before anything was touched; afterwards ask for `roll_back`."""
        reason = reason_of(reason) or ""
        change = self._state.change(change_id)
        if change.state not in _UNTOUCHED:
            raise GuardRefused(f"change {change_id} is {change.state}: it cannot be rejected", state=change.state)
        said = f"rejected by {by}{': ' + reason if reason else ''}"
        told = {"reason": said}
        tell(change, self._state.append(change_id, change.ledger_seq, Event.REJECTED, ChangeState.REJECTED, by, told))
        return self._state.change(change_id)

    def roll_back(self, change_id: str, by: str, reason: str = "") -> Change:
        """A person wants it back: written down now, done by the next `advance` (a build that runs is stopped)."""
        reason = reason_of(reason) or ""
        said = f"rolled back by {by}{': ' + reason if reason else ''}"
        for attempt in range(_ASK_TRIES):
            change = self._state.change(change_id)
            if change.state not in _TOUCHED:
                raise GuardRefused(f"change {change_id} is {change.state}: nothing to roll back", state=change.state)
            told = {"reason": said, "final": ChangeState.ROLLED_BACK.value}
            try:
                self._state.append(change_id, change.ledger_seq, Event.ROLLBACK_INTENDED, change.state, by, told)
            except ConflictError:  # the machine wrote a note in between
                if attempt == _ASK_TRIES - 1:
                    raise
                continue
            break
        return self._state.change(change_id)

    def advance(self, change_id: str) -> Change:
        """One step. A final change stays as it is.

        `ConflictError`: somebody else moves it now. Other `TrimtabError`s (the target does not answer) leave it
        where it is: call again, or let `reap` end it.
        """
        if not self._state.change(change_id).state.is_final:
            with self._step(change_id) as change:
                if not change.state.is_final:
                    STEPS[change.state](self._steps, change)
        return self._state.change(change_id)

    def recover(self) -> tuple[Change, ...]:
        """On start: take up or undo what a dead process left in flight; what was not applied yet starts over.

        A build that still runs on the server is adopted: `advance` waits for it. What cannot be settled now (the
        server does not answer) is noted in the ledger and left to `advance` and `reap`.
        """
        found = [change for change in self._state.changes(alive=True) if change.state in RECOVERY]
        for change in found:
            try:
                with self._step(change.id) as held:
                    self._recover(held)
            except ConflictError:  # somebody is at it already
                continue
        return tuple(self._state.change(change.id) for change in found)

    def _recover(self, change: Change) -> None:
        try:
            RECOVERY[change.state](self._steps, change)
        except ConflictError:
            raise
        except TrimtabError as error:
            now = self._state.change(change.id)
            reason = f"could not be settled on start: {error.message}"
            self._journal.append(now, Event.NOTED, now.state, {"reason": reason})

    def reap(self) -> tuple[Change, ...]:
        """Roll back what is in flight beyond its deadline, judged or not. What somebody works on is left to him."""
        reaped = []
        for change in self._state.changes(in_flight=True):
            if self._steps.overdue(change, GRACE_S) is None:
                continue
            try:
                with self._step(change.id) as held:
                    reason = self._steps.overdue(held, GRACE_S)
                    if reason is None:
                        continue
                    watched = held.state is ChangeState.WATCHING
                    if self._journal.pending_rollback(held) is not None:
                        self._steps.roll_back(held)
                    else:
                        final = ChangeState.INCONCLUSIVE if watched else ChangeState.FAILED
                        self._steps.take_back(held, final, reason)
            except ConflictError:  # somebody is at it
                continue
            reaped.append(self._state.change(change.id))
        return tuple(reaped)

    def is_approved(self, change: Change) -> bool:
        """Whether a person's yes counts for it now."""
        limits = self._steps.limits(change)
        return approval_problem(self._state, change, limits, self._clock.now_ms()) is None

    def why_void(self, change: Change) -> str | None:
        """Why a yes that was given to it does not count any more; None where there is nothing to tell."""
        return ended(self._state, change)

    def earlier(self, change: Change) -> EarlierTry | None:
        """What keeps exactly this from being applied without a person's yes, whatever autonomy says; None: nothing."""
        return holding(self._state, change.proposal, self._steps.limits(change), self._clock.now_ms())

    def approval_warning(self, change: Change) -> str | None:
        """That the approval of a change will expire before it can be used; None where it will not."""
        return late_window(change, self._steps.limits(change), self._clock.now_ms())

    def guards(self, change_id: str) -> tuple[CheckResult, ...]:
        """What the guards say of a change now. Asks, and writes nothing."""
        return run_guards(self._steps.question(self._state.change(change_id)))

    def latest(self, change_id: str) -> Judgement | None:
        """The last look at a change under watch, None before the first."""
        return self._steps.latest.get(change_id)

    @contextmanager
    def _step(self, change_id: str) -> Iterator[Change]:
        change = self._state.change(change_id)
        ttl_s = self._steps.limits(change).build_timeout_s + LEASE_MARGIN_S
        with self._journal.step(change_id, ttl_s) as held:
            yield held
