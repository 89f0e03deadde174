"""Guards: who may change what, how often, and when. They ask the state and the judge, never the target.

Each is a `CheckResult`; `passed=None` means "not configured" and is shown as such, never as a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from trimtab.act.approvals import approval_problem, content_hash
from trimtab.act.earlier_tries import holding
from trimtab.extend.contracts import Judge
from trimtab.model.change import Autonomy, Change, CheckResult
from trimtab.model.change_window import moment, opening
from trimtab.model.errors import ConfigError
from trimtab.model.objectives import Budget
from trimtab.model.policy import GuardPolicy, Policy
from trimtab.store.freezes import Freezes
from trimtab.store.ledger import Event
from trimtab.store.state import State

HOUR_MS = 3_600_000

CallsShare = Callable[[str, str], float | None]
"""Which share (0..1) of a system's calls names a relation (`schema.table`); None where it is not known."""
BudgetsOf = Callable[[str], Sequence[Budget]]
"""The error budgets of the objectives that name a system."""


def no_budgets(_system: str) -> Sequence[Budget]:
    """There are no objectives."""
    return ()


@dataclass(frozen=True, slots=True)
class Question:
    """What a guard may use."""

    state: State
    judge: Judge
    change: Change
    policy: Policy
    limits: GuardPolicy
    now_ms: int
    calls_share: CallsShare
    budgets_of: BudgetsOf = no_budgets


def limits_of(policy: Policy, kind: str) -> GuardPolicy:
    """The limits for one kind of action; `ConfigError` where the policy has none."""
    limits = getattr(policy, kind, None)
    if not isinstance(limits, GuardPolicy):
        raise ConfigError(f"the policy has no limits for the action {kind!r}", kind=kind)
    return limits


def run_guards(question: Question) -> tuple[CheckResult, ...]:
    """All of `GUARDS`, in order."""
    return tuple(result for guard in GUARDS for result in guard(question))


def run_standing(question: Question) -> tuple[CheckResult, ...]:
    """Those of `STANDING`: asked once more right before anything is touched."""
    return tuple(result for guard in STANDING for result in guard(question))


def _kill_switch(q: Question) -> Iterator[CheckResult]:
    reason = q.state.kill_switch()
    message = "the kill switch is off" if reason is None else f"the kill switch is on: {reason}"
    yield CheckResult("kill_switch", reason is None, "off" if reason is None else "on", "off", message)


def _ledger_intact(q: Question) -> Iterator[CheckResult]:
    """Who cannot trust what was written down about earlier changes makes no new one; undoing goes on."""
    status = q.state.chain.now()
    broken = status.broken
    entries = f"{status.report.entries_count} entries"
    message = broken or f"each of the {entries} of the ledger follows the one before"
    yield CheckResult("ledger_intact", broken is None, "intact" if broken is None else "broken", "intact", message)


def _autonomy(q: Question) -> Iterator[CheckResult]:
    autonomy = q.limits.autonomy
    if autonomy is Autonomy.AUTO:
        yield CheckResult("autonomy", True, autonomy.value, "auto", "policy lets trimtab do this by itself")
        return
    if autonomy is Autonomy.OBSERVE:
        yield CheckResult("autonomy", False, autonomy.value, "suggest", "policy lets trimtab only look")
        return
    problem = approval_problem(q.state, q.change, q.limits, q.now_ms)
    observed = "not approved" if problem else "approved"
    yield CheckResult(
        "autonomy", problem is None, observed, autonomy.value, problem or f"approved by {q.change.approved_by}"
    )


def _frozen(q: Question) -> Iterator[CheckResult]:
    freeze = Freezes(q.state.database).stopping(q.change.system, q.change.proposal.kind)
    if freeze is None:
        yield CheckResult("frozen", True, "not frozen", "not frozen", "nothing is frozen here")
        return
    what = f"{freeze.kind} is" if freeze.kind else "all changes are"
    message = f"{what} frozen on {freeze.system} since {moment(freeze.frozen_at_ms)}: {freeze.reason}"
    yield CheckResult("frozen", False, f"frozen by {freeze.frozen_by}", "not frozen", message)


def _change_window(q: Question) -> Iterator[CheckResult]:
    windows = q.limits.change_windows
    if not windows:
        message = "no change window is configured: a change may be begun at any time"
        yield CheckResult("change_window", None, "not configured", "not configured", message)
        return
    limit = "; ".join(windows)
    now = opening(windows, q.now_ms)
    if not now.is_open:
        opens = "it does not open soon" if now.opens_at_ms is None else f"it opens {moment(now.opens_at_ms, windows)}"
        late = late_window(q.change, q.limits, q.now_ms)
        message = f"the change window is closed; {opens}{f'; {late}' if late else ''}"
        yield CheckResult("change_window", False, "closed", limit, message)
        return
    if now.closes_at_ms is None:
        yield CheckResult("change_window", True, "open", limit, "the change window is open")
        return
    yield CheckResult(
        "change_window", True, "open", limit, f"the change window is open until {moment(now.closes_at_ms, windows)}"
    )
    left_s = (now.closes_at_ms - q.now_ms) / 1000
    build_s = q.change.proposal.build_time_s
    needed_s = build_s * q.limits.window_build_factor + q.limits.window_margin_s
    message = (
        f"{left_s:.0f} s are left in the window, {needed_s:.0f} s are needed ({q.limits.window_build_factor:g} x the "
        f"predicted build of {build_s:.0f} s, and {q.limits.window_margin_s:g} s)"
    )
    yield CheckResult("window_time_left", left_s >= needed_s, f"{left_s:.0f} s", f"{needed_s:.0f} s", message)


def late_window(change: Change, limits: GuardPolicy, now_ms: int) -> str | None:
    """That the yes to a change expires before its next window opens; None where it does not."""
    expires_at_ms, windows = change.approval_expires_at_ms, limits.change_windows
    if expires_at_ms is None or not windows:
        return None
    now = opening(windows, now_ms)
    if now.is_open or (now.opens_at_ms is not None and now.opens_at_ms < expires_at_ms):
        return None
    opens = "opens" if now.opens_at_ms is None else f"opens ({moment(now.opens_at_ms, windows)})"
    return (
        f"the approval expires ({moment(expires_at_ms, windows)}) before the next change window {opens}, and the "
        "change then waits for another: approve it later, or let approvals be valid for longer (approval_valid_s)"
    )


def _earlier_tries(q: Question) -> Iterator[CheckResult]:
    """A person's no holds for ever, a measured failure for long; another person's yes stands above both."""
    limit = "a person's yes"
    earlier = holding(q.state, q.change.proposal, q.limits, q.now_ms)
    if earlier is None:
        yield CheckResult("earlier_tries", True, "none", limit, "nothing speaks against exactly this from earlier")
    elif approval_problem(q.state, q.change, q.limits, q.now_ms) is None:
        message = f"{earlier}; {q.change.approved_by} approved it all the same"
        yield CheckResult("earlier_tries", True, "approved", limit, message)
    else:
        message = f"{earlier}; it is not applied again without a person's yes"
        yield CheckResult("earlier_tries", False, "not approved", limit, message)


def _content(q: Question) -> Iterator[CheckResult]:
    same = q.change.proposal.content_hash == content_hash(q.change.proposal)
    message = "the change is what was proposed" if same else "the stored change does not match its own hash"
    yield CheckResult("content", same, "same" if same else "other", "same", message)


def _one_at_a_time(q: Question) -> Iterator[CheckResult]:
    others = [c for c in q.state.changes(in_flight=True, system=q.change.system, limit=10) if c.id != q.change.id]
    message = f"change {others[0].id} is {others[0].state}" if others else "no other change is in flight here"
    yield CheckResult("one_at_a_time", not others, f"{len(others)} others", "0 others", message)


def _changes_per_hour(q: Question) -> Iterator[CheckResult]:
    limit = q.limits.changes_per_hour_max
    done = q.state.count_entries(Event.APPLY_INTENDED, system=q.change.system, since_ms=q.now_ms - HOUR_MS)
    message = f"{done} changes were begun in the last hour, the limit is {limit}"
    yield CheckResult("changes_per_hour", done < limit, f"{done} begun", f"{limit}", message)


def _cool_down(q: Question) -> Iterator[CheckResult]:
    limit_s = q.limits.cool_down_s
    settled_at_ms = q.state.finished_at_ms(q.change.system, excluding=q.change.id)
    since_s = (q.now_ms - settled_at_ms) / 1000.0
    passed = settled_at_ms == 0 or since_s >= limit_s
    observed = "none before" if settled_at_ms == 0 else f"{since_s:.0f} s"
    message = f"last change here: {observed}{'' if settled_at_ms == 0 else ' ago'}; cool-down {limit_s:g} s"
    yield CheckResult("cool_down", passed, observed, f"{limit_s:g} s", message)


def _attempts(q: Question) -> Iterator[CheckResult]:
    limit = q.limits.attempts_max
    tried = q.state.count_entries(Event.APPLY_INTENDED, change_id=q.change.id)
    yield CheckResult(
        "attempts", tried < limit, f"{tried} tried", f"{limit}", f"{tried} of at most {limit} attempts were made"
    )
    last = q.state.last_entry(q.change.id, (Event.UNDONE,))
    retry_at_ms = last.detail.get("retry_at_ms") if last else None
    if isinstance(retry_at_ms, int):
        wait_s = max(0.0, (retry_at_ms - q.now_ms) / 1000.0)
        message = f"the next attempt is due in {wait_s:.0f} s" if wait_s else "the next attempt is due"
        yield CheckResult("retry_wait", not wait_s, f"{wait_s:.0f} s", "0 s", message)


def _blast_radius(q: Question) -> Iterator[CheckResult]:
    limit = q.limits.blast_radius_calls_share_max
    target = q.change.proposal.target
    share = q.calls_share(q.change.system, target)
    if share is None:
        message = f"it is not known yet which share of the calls names {target}"
        yield CheckResult("blast_radius_calls", None, "not known", f"{limit:.0%}", message)
        return
    message = f"{target} is named by {share:.0%} of the calls on this system, the limit is {limit:.0%}"
    yield CheckResult("blast_radius_calls", share <= limit, f"{share:.0%}", f"{limit:.0%}", message)


def _error_budget(q: Question) -> Iterator[CheckResult]:
    """What is left of an error budget is permission to change; a person may say yes without."""
    limit = f"{q.limits.error_budget_left_min:.0%}"
    budgets = q.budgets_of(q.change.system)
    least = min(((b.left_ratio, b.objective) for b in budgets if b.left_ratio is not None), default=None)
    if least is None:
        message = "no objective that is measured names this system: there is no error budget to ask"
        yield CheckResult("error_budget", None, "none", limit, message)
        return
    left, name = least
    message = f"objective {name} has {left:.1%} of its error budget left, the limit is {limit}"
    enough = left >= q.limits.error_budget_left_min
    if not enough and q.change.approved_by and approval_problem(q.state, q.change, q.limits, q.now_ms) is None:
        message = f"{message}; {q.change.approved_by} approved it all the same"
        yield CheckResult("error_budget", True, "approved", limit, message)
        return
    yield CheckResult("error_budget", enough, f"{left:.1%}", limit, message)


def _baseline(q: Question) -> Iterator[CheckResult]:
    missing = q.judge.ready(q.change.proposal, q.policy, q.now_ms)
    message = "there is enough of a baseline to judge by" if missing is None else missing
    yield CheckResult("baseline", missing is None, "ready" if missing is None else "not ready", "ready", message)


STANDING: tuple[Callable[[Question], Iterator[CheckResult]], ...] = (
    _kill_switch,
    _ledger_intact,
    _frozen,
    _autonomy,
    _earlier_tries,
    _content,
    _change_window,
)
"""Whether it may be done at all, and now: asked again before every step up to the change itself."""

GUARDS: tuple[Callable[[Question], Iterator[CheckResult]], ...] = (
    *STANDING,
    _one_at_a_time,
    _changes_per_hour,
    _cool_down,
    _attempts,
    _blast_radius,
    _error_budget,
    _baseline,
)
