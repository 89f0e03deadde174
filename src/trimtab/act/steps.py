"""What the machine does in each state: an entry that intends, the effect, an entry that tells. See `STEPS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from trimtab.act.approvals import void
from trimtab.act.freezing import freeze_if_due
from trimtab.act.guards import BudgetsOf, CallsShare, Question, limits_of, no_budgets, run_guards, run_standing
from trimtab.act.journal import Journal
from trimtab.act.plain import effect_detail, judgement_detail, results_detail
from trimtab.extend.contracts import Actuator, Clock, Judge, TargetState
from trimtab.model.change import Change, ChangeState, CheckResult, Judgement, JudgementKind
from trimtab.model.change_window import moment, opening
from trimtab.model.errors import ActError, ConfigError, ConflictError, MissingError, OtherTarget, TrimtabError
from trimtab.model.policy import GuardPolicy, Policy
from trimtab.store.ledger import Event
from trimtab.store.state import State

CHECKS_VALID_MS = 60_000
"""Checks that are older than this are made again before anything is applied."""
RETRY_S = 30.0
ROLLBACK_RETRY_S = 5.0
RETRY_S_MAX = 300.0
"""Back-off of attempts and of rollbacks: doubled each time up to the maximum."""
INSPECT_EVERY_MS = 30_000
"""While the judge is undecided the target is looked at this often; before anything is decided it always is."""
REMEMBERED_MAX = 1000
RECENT_CHANGES_MAX = 50


@dataclass
class Steps:
    """The steps, with what they need. `latest` is the last look at each change under watch."""

    state: State
    journal: Journal
    actuators: Mapping[str, Actuator]
    judge: Judge
    clock: Clock
    policy_of: Callable[[str], Policy]
    calls_share: CallsShare
    budgets_of: BudgetsOf = no_budgets
    latest: dict[str, Judgement] = field(default_factory=dict)
    _inspected_at_ms: dict[str, int] = field(default_factory=dict)

    def check(self, change: Change) -> None:
        """proposed: ask the guards, then look at the target."""
        now_ms = self.clock.now_ms()
        expires_at_ms = change.approval_expires_at_ms
        if expires_at_ms is not None and expires_at_ms <= now_ms:
            reason = (
                f"the approval of {change.approved_by} expired unused ({moment(expires_at_ms)}): "
                "a person has to approve it again"
            )
            self.journal.append(change, Event.APPROVAL_EXPIRED, ChangeState.PROPOSED, {"reason": reason})
            return
        if self.void_approval(change):
            return
        question = self.question(change)
        freeze_if_due(self.state, change, question.limits, now_ms)
        results = run_guards(question)
        if _allowed(results):
            try:
                results += self.actuator(change).checks(change, question.policy)
            except (MissingError, ActError) as error:
                results += (CheckResult("target", False, "not readable", "readable", error.message),)
        if _allowed(results):
            self.journal.append(change, Event.CHECKED, ChangeState.CHECKED, {"checks": results_detail(results)})
            return
        blocking = [result for result in results if result.passed is False]
        names = [result.name for result in blocking]
        last = self.state.last_entry(change.id)
        if last is not None and last.event == Event.BLOCKED and last.detail.get("blocking") == names:
            return  # it was said; nothing new
        reason = "; ".join(result.message for result in blocking)
        detail = {"reason": reason, "blocking": names, "checks": results_detail(results)}
        self.journal.append(change, Event.BLOCKED, ChangeState.PROPOSED, detail)

    def void_approval(self, change: Change) -> bool:
        """Where the limits are others than a yes was given for: write that down, so that it stays void."""
        reason = void(self.state, change, self.limits(change))
        if reason is not None:
            self.journal.append(change, Event.APPROVAL_VOIDED, ChangeState.PROPOSED, {"reason": reason})
        return reason is not None

    def checkpoint(self, change: Change) -> None:
        """checked: read and write down how to take it back."""
        if self._withdrawn(change):
            return
        try:
            undo = self.actuator(change).checkpoint(change)
        except ActError as error:
            self._withdraw(change, error.message)
            return
        try:
            self.journal.append(change, Event.CHECKPOINTED, ChangeState.CHECKPOINTED, {"undo": undo})
        except ConflictError as error:
            if not self.journal.undisturbed(change.id):
                raise
            self._withdraw(change, error.message)  # another change of this system came first

    def apply(self, change: Change) -> None:
        """checkpointed: say that it will be done, do it, say that it was done."""
        if self._withdrawn(change):
            return
        there = self.actuator(change).inspect(change, change.undo or {}).presence
        if there != "absent":
            reason = f"something is in its place already ({there}); nothing was touched"
            self.journal.append(change, Event.FAILED, ChangeState.FAILED, {"reason": reason})
            return
        attempt = self.state.count_entries(Event.APPLY_INTENDED, change_id=change.id) + 1
        self.journal.append(change, Event.APPLY_INTENDED, ChangeState.APPLYING, {"attempt": attempt})
        self._finish_apply(self.state.change(change.id))

    def resume(self, change: Change) -> None:
        """applying, and nobody is at it any more: the target says how far it came."""
        if self.journal.pending_rollback(change) is not None:
            self.roll_back(change)
            return
        there = self._target(change).presence
        if there == "building":
            last = self.state.last_entry(change.id, (Event.APPLY_INTENDED, Event.ADOPTED))
            overdue = self.overdue(change)
            if overdue is not None:
                self.take_back(change, ChangeState.FAILED, overdue)
            elif last is not None and last.event == Event.APPLY_INTENDED:
                reason = "the server still builds what a dead process began"
                self.journal.append(change, Event.ADOPTED, ChangeState.APPLYING, {"reason": reason})
        elif there == "present":
            self._finish_apply(change)
        else:
            self._attempt_failed(change, f"the attempt was cut off; on the target it is {there}", transient=True)

    def watch(self, change: Change) -> None:
        """watching: ask the judge, and do what he says."""
        if self.journal.pending_rollback(change) is not None:
            self.roll_back(change)
            return
        judgement = self._look(change)
        now_ms = self.clock.now_ms()
        seen_at_ms = self._inspected_at_ms.get(change.id, 0)
        if judgement.kind is JudgementKind.UNDECIDED and now_ms - seen_at_ms < INSPECT_EVERY_MS:
            return
        target = self._target(change)
        _remember(self._inspected_at_ms, change.id, now_ms)
        if target.presence == "absent":
            stranger = getattr(target, "stranger", None)
            reason = f"somebody else removed it while it was watched{f': {stranger}' if stranger else ''}"
            self.journal.append(change, Event.FAILED, ChangeState.FAILED, {"reason": reason})
        elif target.presence == "invalid":
            self.take_back(change, ChangeState.FAILED, "it became invalid while it was watched")
        elif target.presence == "present":
            self._decide(change, judgement)

    def settle(self, change: Change) -> None:
        """watching, on start: end a rollback that was begun; else there is nothing to settle."""
        if self.journal.pending_rollback(change) is not None:
            self.roll_back(change)

    def start_over(self, change: Change) -> None:
        """checked or checkpointed, on start: nothing was touched, and what was checked is old."""
        self._withdraw(change, "trimtab was restarted before it was applied")

    def take_back(
        self, change: Change, final: ChangeState, reason: str, detail: Mapping[str, object] | None = None
    ) -> None:
        """Say that it will be taken back, and do it; afterwards the change is `final`."""
        self.journal.intend_rollback(change, final, reason, detail or {})
        self.roll_back(change)

    def roll_back(self, change: Change) -> None:
        """Take it back as the last intention says; safe to repeat, and waits between tries."""
        intent = self.state.last_entry(change.id, (Event.ROLLBACK_INTENDED,))
        pending = self.journal.pending_rollback(change)
        if intent is None or pending is None:
            raise ActError(f"change {change.id} is rolled back without an intention in the ledger")
        failures = _whole(pending.detail.get("failures")) or 0
        if failures and (_whole(pending.detail.get("retry_at_ms")) or 0) > self.clock.now_ms():
            return
        undo = self.state.change(change.id).undo or {}
        try:
            facts = self.actuator(change).roll_back(change, undo, self.policy_of(change.system))
            there = self.actuator(change).inspect(change, undo).presence
            if facts.get("outcome") != "left" and there != "absent":
                raise ActError(f"after the rollback it is still {there}")
        except TrimtabError as error:
            retry_at_ms = self.clock.now_ms() + _back_off_ms(ROLLBACK_RETRY_S, failures + 1)
            failed = {"reason": error.message, "failures": failures + 1, "retry_at_ms": retry_at_ms}
            self.journal.append(change, Event.ROLLBACK_FAILED, change.state, failed)
            return
        final = ChangeState(str(intent.detail["final"]))
        detail = {**{key: value for key, value in intent.detail.items() if key != "final"}, "rollback": facts}
        if facts.get("outcome") == "left":
            final = ChangeState.FAILED
            detail["reason"] = f"{detail['reason']}; it was left on the target: {facts.get('reason')}"
        self.journal.append(change, Event.UNDONE, final, detail)
        if final is ChangeState.ROLLED_BACK:
            freeze_if_due(self.state, change, self.limits(change), self.clock.now_ms())

    def overdue(self, change: Change, grace_s: float = 0.0) -> str | None:
        """Why the time of a change in flight is up, None while it is not."""
        if change.state is ChangeState.APPLYING:
            since_ms, limit_s, what = change.apply_started_at_ms, self.limits(change).build_timeout_s, "the build"
        elif change.state is ChangeState.WATCHING:
            since_ms, limit_s, what = change.applied_at_ms, self.policy_of(change.system).watch.deadline_s, "the watch"
        else:
            return None
        now_ms = self.clock.now_ms()
        if since_ms is None:
            return None
        if now_ms - since_ms > (limit_s + grace_s) * 1000:
            return f"{what} outlived its deadline of {limit_s:g} s"
        if change.state is ChangeState.APPLYING:
            return self._window_closed(change, since_ms, now_ms - round(grace_s * 1000))
        return None

    def question(self, change: Change) -> Question:
        """What the guards may use, as it is now."""
        policy = self.policy_of(change.system)
        limits = limits_of(policy, change.proposal.kind)
        return Question(
            self.state, self.judge, change, policy, limits, self.clock.now_ms(), self.calls_share, self.budgets_of
        )

    def actuator(self, change: Change) -> Actuator:
        """Who does this kind of change."""
        actuator = self.actuators.get(change.proposal.kind)
        if actuator is None:
            raise ConfigError(
                f"nothing here can do a change of kind {change.proposal.kind!r}", kind=change.proposal.kind
            )
        return actuator

    def limits(self, change: Change) -> GuardPolicy:
        """The limits in force now."""
        return limits_of(self.policy_of(change.system), change.proposal.kind)

    def _target(self, change: Change) -> TargetState:
        """How the target is now. Another database than the one it was made in is told by the ledger, once."""
        try:
            return self.actuator(change).inspect(change, change.undo or {})
        except OtherTarget as error:
            last = self.state.last_entry(change.id)
            if last is None or error.message not in str(last.detail.get("reason")):
                self.journal.append(change, Event.NOTED, change.state, {"reason": error.message})
            raise

    def _look(self, change: Change) -> Judgement:
        """Ask the judge; after the deadline what is undecided is inconclusive."""
        judgement = self.judge.judge(change, self.policy_of(change.system), self.clock.now_ms())
        overdue = self.overdue(change)
        if judgement.kind is JudgementKind.UNDECIDED and overdue is not None:
            reason = f"{overdue}: {judgement.reason}"
            judgement = replace(judgement, kind=JudgementKind.INCONCLUSIVE, reason=reason)
        _remember(self.latest, change.id, judgement)
        return judgement

    def _decide(self, change: Change, judgement: Judgement) -> None:
        """Do what the judge says; undecided: nothing."""
        policy = self.policy_of(change.system)
        detail = {**effect_detail(judgement), "judgement": judgement_detail(judgement)}
        if judgement.kind is JudgementKind.KEEP:
            kept = {**detail, "reason": judgement.reason}
            self.journal.append(change, Event.KEPT, ChangeState.KEPT, kept)
        elif judgement.kind is JudgementKind.ROLL_BACK:
            self.take_back(change, ChangeState.ROLLED_BACK, judgement.reason, detail)
        elif judgement.kind is JudgementKind.INCONCLUSIVE and policy.watch.keep_when_inconclusive:
            left = {**detail, "reason": f"{judgement.reason}; left in place, as policy says"}
            self.journal.append(change, Event.KEPT, ChangeState.INCONCLUSIVE, left)
        elif judgement.kind is JudgementKind.INCONCLUSIVE:
            self.take_back(change, ChangeState.INCONCLUSIVE, f"{judgement.reason}; taken back", detail)

    def _window_closed(self, change: Change, since_ms: int, now_ms: int) -> str | None:
        """Why a build that was begun at `since_ms` has to stop: the change window it was begun in is over."""
        windows = self.limits(change).change_windows
        closes_at_ms = opening(windows, since_ms).closes_at_ms
        if closes_at_ms is None or now_ms < closes_at_ms:
            return None
        return f"the change window closed at {moment(closes_at_ms, windows)} while it was built"

    def _within_window(self, change: Change) -> Policy:
        """The policy with a build's time cut to what is left of the change window."""
        policy = self.policy_of(change.system)
        limits = limits_of(policy, change.proposal.kind)
        closes_at_ms = opening(limits.change_windows, self.clock.now_ms()).closes_at_ms
        if closes_at_ms is None:
            return policy
        left_s = max(1.0, (closes_at_ms - self.clock.now_ms()) / 1000)
        cut: dict[str, Any] = {
            change.proposal.kind: replace(limits, build_timeout_s=min(limits.build_timeout_s, left_s))
        }
        return replace(policy, **cut)

    def _finish_apply(self, change: Change) -> None:
        begun_at_ms = self.clock.now_ms()
        try:
            facts = self.actuator(change).apply(change, change.undo or {}, self._within_window(change))
        except ConflictError:
            raise
        except TrimtabError as error:
            if not self.journal.undisturbed(change.id):
                raise ConflictError(f"change {change.id} moved on while it was applied", change_id=change.id) from error
            closed = self._window_closed(change, begun_at_ms, self.clock.now_ms())
            transient = isinstance(error, MissingError) or bool(error.facts.get("transient")) or closed is not None
            self._attempt_failed(change, f"{closed}: {error.message}" if closed else error.message, transient=transient)
            return
        self.journal.append(change, Event.APPLIED, ChangeState.WATCHING, facts)

    def _attempt_failed(self, change: Change, reason: str, *, transient: bool) -> None:
        """Remove what is left of an attempt; then it may be tried again later, or has failed."""
        tried = self.state.count_entries(Event.APPLY_INTENDED, change_id=change.id)
        if transient and tried < self.limits(change).attempts_max:
            retry_at_ms = self.clock.now_ms() + _back_off_ms(RETRY_S, tried)
            self.take_back(change, ChangeState.PROPOSED, reason, {"retry_at_ms": retry_at_ms})
        else:
            self.take_back(change, ChangeState.FAILED, f"{reason} (attempt {tried})")

    def _withdrawn(self, change: Change) -> bool:
        """What stands against it now, or checks that say nothing any more: back to `proposed`, nothing was touched."""
        if self.void_approval(change):
            return True
        against = [result.message for result in run_standing(self.question(change)) if result.passed is False]
        if against:
            self._withdraw(change, "; ".join(against))
            return True
        checked = self.state.last_entry(change.id, (Event.CHECKED,))
        if checked is None or self.clock.now_ms() - checked.at_ms > CHECKS_VALID_MS:
            self._withdraw(change, "the checks are too old and are made again")
            return True
        others = self.state.changes(system=change.system, limit=RECENT_CHANGES_MAX)
        if any(c.id != change.id and c.apply_started_at_ms and c.ledger_seq > checked.seq for c in others):
            self._withdraw(change, "another change came in between: the checks and the baseline are made again")
            return True
        return False

    def _withdraw(self, change: Change, reason: str) -> None:
        self.journal.append(change, Event.WITHDRAWN, ChangeState.PROPOSED, {"reason": reason})


T = TypeVar("T")


def _remember(memory: dict[str, T], name: str, value: T) -> None:
    """Put the newest last; the oldest go."""
    memory.pop(name, None)
    memory[name] = value
    while len(memory) > REMEMBERED_MAX:
        memory.pop(next(iter(memory)))


def _allowed(results: Iterable[CheckResult]) -> bool:
    return not any(result.passed is False for result in results)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _back_off_ms(first_s: float, times: int) -> int:
    return round(min(RETRY_S_MAX, first_s * 2.0 ** min(times - 1, 10)) * 1000)


Step = Callable[[Steps, Change], None]
STEPS: Mapping[ChangeState, Step] = {
    ChangeState.PROPOSED: Steps.check,
    ChangeState.CHECKED: Steps.checkpoint,
    ChangeState.CHECKPOINTED: Steps.apply,
    ChangeState.APPLYING: Steps.resume,
    ChangeState.WATCHING: Steps.watch,
}
"""What `Machine.advance` does in each state."""

RECOVERY: Mapping[ChangeState, Step] = {
    ChangeState.CHECKED: Steps.start_over,
    ChangeState.CHECKPOINTED: Steps.start_over,
    ChangeState.APPLYING: Steps.resume,
    ChangeState.WATCHING: Steps.settle,
}
"""What `Machine.recover` does in each state; a change that is only proposed has nothing to recover."""
