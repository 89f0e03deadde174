"""Policy at work: change windows, blast radius, freezes, and what an approval is bound to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.act.support import SYSTEM, policy
from tests.act.world import World, new_world
from trimtab.act.approvals import NOT_LIMITS
from trimtab.act.machine import GRACE_S
from trimtab.model.change import Autonomy, Change, ChangeState, JudgementKind
from trimtab.model.errors import ApplyFailed, GuardRefused
from trimtab.model.objectives import Budget, BudgetState, SliceCounts
from trimtab.model.policy import GuardPolicy, Policy, WatchPolicy
from trimtab.store.freezes import Freezes
from trimtab.store.ledger import Event

NIGHT = "22:00-06:00"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        yield made


def set_clock(world: World, hour: int, minute: int = 0) -> None:
    """Put the clock to a time of a Tuesday (UTC)."""
    world.clock.at_ms = round(datetime(2026, 11, 24, hour, minute, tzinfo=UTC).timestamp() * 1000)


# --- change windows


def test_without_a_window_it_is_not_configured_and_not_passed(world: World) -> None:
    result = world.guard(world.propose(), "change_window")
    assert (result.passed, result.observed) == (None, "not configured")


def test_outside_of_its_window_nothing_is_begun_approved_or_not(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.APPROVE, change_windows=(NIGHT,))
    set_clock(world, 21, 59)
    change = world.propose()
    world.machine.approve(change.id, "alice", change.proposal.content_hash)
    change = world.machine.advance(change.id)
    assert world.blocking(change) == ["change_window"]
    assert change.reason == "the change window is closed; it opens Tue 2026-11-24 22:00 UTC"
    set_clock(world, 22)
    assert world.machine.advance(change.id).state is ChangeState.CHECKED


def test_a_build_that_would_not_end_in_time_is_not_begun(world: World) -> None:
    world.policy = policy(change_windows=(NIGHT,), window_build_factor=3.0, window_margin_s=120.0)
    change = world.propose(build_time_s=100.0)
    set_clock(world, 5, 53)  # 420 s before the end: 3 x 100 s and 120 s
    assert world.guard(change, "window_time_left").passed is True
    world.clock.move(1)
    result = world.guard(change, "window_time_left")
    assert (result.passed, result.observed, result.limit) == (False, "419 s", "420 s")
    change = world.machine.advance(change.id)
    assert world.blocking(change) == ["window_time_left"]
    assert "3 x the predicted build of 100 s, and 120 s" in str(change.reason)


def test_a_window_that_closes_between_check_and_change_stops_it(world: World) -> None:
    world.policy = policy(change_windows=(NIGHT,), window_margin_s=1.0)
    set_clock(world, 5, 59)
    change = world.until(world.propose(), ChangeState.CHECKPOINTED)
    set_clock(world, 6)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert str(change.reason).startswith("the change window is closed")
    assert not world.target.indexes
    assert world.state.count_entries(Event.APPLY_INTENDED, change_id=change.id) == 0


def test_watching_goes_on_and_taking_back_too_when_the_window_has_closed(world: World) -> None:
    world.policy = policy(WatchPolicy(deadline_s=1e6), change_windows=(NIGHT,))
    set_clock(world, 23)
    kept, undone = (world.propose(system) for system in (SYSTEM, "bank"))
    for change in (kept, undone):
        world.until(change, ChangeState.WATCHING)
    set_clock(world, 12)
    assert world.machine.advance(kept.id).state is ChangeState.WATCHING
    world.judge.will_say(JudgementKind.KEEP)
    assert world.machine.advance(kept.id).state is ChangeState.KEPT
    world.judge.will_say(JudgementKind.ROLL_BACK)
    assert world.machine.advance(undone.id).state is ChangeState.ROLLED_BACK
    assert world.target.of(undone.id) is None


def test_a_build_gets_only_the_time_that_is_left_and_is_tried_again_in_the_next_window(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.policy = policy(change_windows=(NIGHT,), build_timeout_s=36_000.0)
    set_clock(world, 5, 50)
    change = world.until(world.propose(), ChangeState.CHECKPOINTED)
    given_s: list[float] = []
    apply = world.actuator.apply

    def slow(change: Change, undo: dict[str, object], now: Policy) -> dict[str, object]:
        given_s.append(now.create_index.build_timeout_s)
        set_clock(world, 6)
        raise ApplyFailed("canceling statement due to statement timeout", transient=False)

    monkeypatch.setattr(world.actuator, "apply", slow)
    change = world.machine.advance(change.id)
    assert given_s == [600.0]
    assert change.state is ChangeState.PROPOSED
    assert str(change.reason).startswith("the change window closed at Tue 2026-11-24 06:00 UTC while it was built: ")
    monkeypatch.setattr(world.actuator, "apply", apply)
    set_clock(world, 22)
    assert world.until(change, ChangeState.WATCHING).state is ChangeState.WATCHING


def test_a_build_that_nobody_waits_for_any_more_is_stopped_when_its_window_closes(world: World) -> None:
    world.policy = policy(change_windows=(NIGHT,), build_timeout_s=360_000.0, attempts_max=1)
    set_clock(world, 5, 30)
    change = world.until(world.propose(), ChangeState.CHECKPOINTED)
    world.actuator.note = _die
    with pytest.raises(RuntimeError):
        world.machine.advance(change.id)
    machine = world.another_machine()
    machine.recover()
    set_clock(world, 6)
    world.clock.move(GRACE_S + 1)
    (reaped,) = machine.reap()
    assert reaped.state is ChangeState.FAILED
    assert reaped.reason == "the change window closed at Tue 2026-11-24 06:00 UTC while it was built"
    assert not world.target.indexes


def _die(_change_id: str, _detail: dict[str, object]) -> None:
    raise RuntimeError("the process is gone")


# --- blast radius


def test_a_table_that_too_many_calls_name_is_not_touched(world: World) -> None:
    change = world.propose()
    assert world.guard(change, "blast_radius_calls").passed is None
    world.calls_share[(SYSTEM, change.proposal.target)] = 0.5
    assert world.guard(change, "blast_radius_calls").passed is True, "by default there is no limit"
    world.policy = policy(blast_radius_calls_share_max=0.4)
    result = world.guard(change, "blast_radius_calls")
    assert (result.passed, result.observed, result.limit) == (False, "50%", "40%")
    assert world.blocking(world.machine.advance(change.id)) == ["blast_radius_calls"]


# --- error budgets


def budget(left: float | None) -> Budget:
    """An error budget with so much left."""
    consumed = None if left is None else 1.0 - left
    counts = SliceCounts(990.0, 1000.0, 60, 60)
    return Budget("search", 0, 0, 0, counts, 1000.0, consumed, 1.0, 3_600_000, BudgetState.KEPT)


def test_without_budget_left_nothing_is_changed_without_a_persons_yes(world: World) -> None:
    change = world.propose()
    assert world.guard(change, "error_budget").passed is None, "no objective names the system"
    world.budgets = [budget(None)]
    assert world.guard(change, "error_budget").passed is None, "nothing was measured"
    world.budgets = [budget(0.4), budget(0.12)]
    assert world.guard(change, "error_budget").passed is True
    world.budgets = [budget(0.4), budget(0.05)]
    result = world.guard(change, "error_budget")
    assert (result.passed, result.observed, result.limit) == (False, "5.0%", "10%")
    assert world.blocking(world.machine.advance(change.id)) == ["error_budget"]
    approved = world.machine.approve(change.id, "ann", change.proposal.content_hash)
    assert world.guard(approved, "error_budget").passed is True
    world.policy = policy(error_budget_left_min=0.0)
    world.budgets = [budget(0.0)]
    assert world.guard(world.propose(), "error_budget").passed is True
    world.budgets = [budget(-0.2)]
    assert world.guard(world.propose(), "error_budget").passed is False


# --- freezes


def roll_back(world: World, times: int) -> None:
    """So many changes that prove harmful."""
    for _ in range(times):
        world.judge.will_say(JudgementKind.ROLL_BACK, "proven slower")
        change = world.until(world.propose(), ChangeState.WATCHING)
        assert world.machine.advance(change.id).state is ChangeState.ROLLED_BACK


def test_repeated_rollbacks_freeze_the_kind_on_that_system_until_a_person_thaws_it(world: World) -> None:
    world.policy = policy(freeze_after_rollbacks=2, freeze_window_s=3600.0)
    freezes = Freezes(world.state.database)
    roll_back(world, 1)
    assert freezes.on() == ()
    roll_back(world, 1)
    (freeze,) = freezes.on()
    assert (freeze.system, freeze.kind, freeze.frozen_by) == (SYSTEM, "create_index", "trimtab")
    assert freeze.reason.startswith("2 changes were rolled back within 3600 s (c1-")
    change = world.machine.advance(world.propose().id)
    assert world.blocking(change) == ["frozen"]
    assert str(change.reason).startswith("create_index is frozen on shop since ")
    world.clock.move(10_000)
    assert world.machine.advance(change.id).state is ChangeState.PROPOSED, "time does not thaw it"
    elsewhere = world.propose("bank")
    assert world.until(elsewhere, ChangeState.WATCHING).state is ChangeState.WATCHING
    assert freezes.thaw(SYSTEM, "create_index", "alice", world.clock.now_ms())
    assert world.until(change, ChangeState.WATCHING).state is ChangeState.WATCHING
    thawed = freezes.newest(SYSTEM, "create_index")
    assert thawed is not None
    assert (thawed.is_on, thawed.thawed_by) == (False, "alice")


def test_rollbacks_from_before_a_thaw_do_not_count_again(world: World) -> None:
    world.policy = policy(freeze_after_rollbacks=2, freeze_window_s=86_400.0)
    freezes = Freezes(world.state.database)
    roll_back(world, 2)
    world.clock.move(1)
    freezes.thaw(SYSTEM, "create_index", "alice", world.clock.now_ms())
    world.clock.move(1)
    roll_back(world, 1)
    assert freezes.on() == ()
    roll_back(world, 1)
    assert len(freezes.on()) == 1


def test_rollbacks_that_lie_far_apart_do_not_freeze(world: World) -> None:
    world.policy = policy(freeze_after_rollbacks=2, freeze_window_s=3600.0)
    roll_back(world, 1)
    world.clock.move(3601)
    roll_back(world, 1)
    assert Freezes(world.state.database).on() == ()


def test_zero_never_freezes(world: World) -> None:
    world.policy = policy(freeze_after_rollbacks=0)
    roll_back(world, 4)
    assert Freezes(world.state.database).on() == ()


def test_a_person_who_takes_back_counts_too(world: World) -> None:
    world.policy = policy(freeze_after_rollbacks=1)
    change = world.until(world.propose(), ChangeState.WATCHING)
    world.machine.roll_back(change.id, "alice")
    assert world.machine.advance(change.id).state is ChangeState.ROLLED_BACK
    assert len(Freezes(world.state.database).on()) == 1


def test_a_process_that_died_before_it_froze_freezes_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.policy = policy(freeze_after_rollbacks=1)
    change = world.until(world.propose(), ChangeState.WATCHING)
    waiting = world.propose()
    world.judge.will_say(JudgementKind.ROLL_BACK)

    def die(*_: object) -> None:
        raise RuntimeError("the process is gone")

    with monkeypatch.context() as patched:
        patched.setattr("trimtab.act.steps.freeze_if_due", die)
        with pytest.raises(RuntimeError):
            world.machine.advance(change.id)
    assert world.state.change(change.id).state is ChangeState.ROLLED_BACK
    assert Freezes(world.state.database).on() == ()
    assert world.blocking(world.another_machine().advance(waiting.id)) == ["frozen"]


@pytest.mark.parametrize("kind", ["", "create_index"])
def test_a_person_freezes_one_system_and_what_is_applied_is_still_taken_back(world: World, kind: str) -> None:
    watched = world.until(world.propose(), ChangeState.WATCHING)
    checkpointed = world.until(world.propose("bank"), ChangeState.CHECKPOINTED)
    freezes = Freezes(world.state.database)
    for system in (SYSTEM, "bank"):
        freezes.freeze(system, kind, "quarter end", "alice", world.clock.now_ms())
    assert world.machine.advance(checkpointed.id).state is ChangeState.PROPOSED
    assert "quarter end" in str(world.machine.advance(checkpointed.id).reason)
    world.judge.will_say(JudgementKind.ROLL_BACK)
    assert world.machine.advance(watched.id).state is ChangeState.ROLLED_BACK


def test_another_kind_of_change_is_not_frozen(world: World) -> None:
    Freezes(world.state.database).freeze(SYSTEM, "another_kind", "x", "alice", 1)
    assert world.guard(world.propose(), "frozen").passed is True


# --- approvals


def test_an_approval_is_void_once_a_limit_is_another(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST, cool_down_s=60.0)
    change = world.propose()
    change = world.machine.approve(change.id, "alice", change.proposal.content_hash)
    assert world.machine.is_approved(change)
    world.policy = policy(autonomy=Autonomy.SUGGEST, cool_down_s=0.0, index_size_bytes_max=2**50)
    assert not world.machine.is_approved(change)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert change.approved_by is None
    assert change.reason == (
        "alice approved it under other limits (cool_down_s, index_size_bytes_max changed since): "
        "a person has to approve it again"
    )
    change = world.machine.approve(change.id, "bob", change.proposal.content_hash)
    assert world.machine.advance(change.id).state is ChangeState.CHECKED


@pytest.mark.parametrize("how", ["a step", "told at once"])
@pytest.mark.parametrize("state", [ChangeState.PROPOSED, ChangeState.CHECKED, ChangeState.CHECKPOINTED])
def test_a_void_approval_stays_void_when_the_limit_is_set_back(world: World, how: str, state: ChangeState) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    change = world.propose()
    world.machine.approve(change.id, "alice", change.proposal.content_hash)
    world.until(world.state.change(change.id), state)
    world.policy = policy(autonomy=Autonomy.SUGGEST, lock_timeout_s=5.5)
    if how == "a step":
        world.machine.advance(change.id)
    else:
        assert [one.id for one in world.machine.void_approvals()] == [change.id]
        assert world.machine.void_approvals() == ()
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    change = world.machine.advance(change.id)
    assert (change.state, change.approved_by) == (ChangeState.PROPOSED, None)
    assert not world.machine.is_approved(change)
    assert "alice approved it under other limits (lock_timeout_s changed since)" in str(world.machine.why_void(change))
    assert world.guard(change, "autonomy").message == world.machine.why_void(change)
    events = [entry.event for entry in world.state.ledger(change.id)]
    assert events.count("approval_voided") == 1
    world.machine.approve(change.id, "bob", change.proposal.content_hash)
    assert world.machine.advance(change.id).state is ChangeState.CHECKED


OTHER_VALUES: dict[str, Any] = {"change_windows": ("Sat 00:00-24:00",)}


@pytest.mark.parametrize("name", list(GuardPolicy.__dataclass_fields__))
def test_every_limit_is_part_of_what_was_approved(world: World, name: str) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    change = world.propose()
    change = world.machine.approve(change.id, "alice", change.proposal.content_hash)
    limits = world.policy.create_index
    other = OTHER_VALUES.get(name, Autonomy.APPROVE if name == "autonomy" else None)
    other = getattr(limits, name) + 1 if other is None else other
    world.policy = replace(world.policy, create_index=replace(limits, **{name: other}))
    assert world.machine.is_approved(change) == (name in NOT_LIMITS)


def test_how_an_applied_change_is_judged_is_no_limit_of_the_approval(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    change = world.propose()
    change = world.machine.approve(change.id, "alice", change.proposal.content_hash)
    world.policy = policy(WatchPolicy(watch_slices_max=60), autonomy=Autonomy.SUGGEST)
    assert world.machine.is_approved(change)


def test_an_approval_that_is_void_between_check_and_change_stops_it(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    change = world.propose()
    world.machine.approve(change.id, "alice", change.proposal.content_hash)
    change = world.until(change, ChangeState.CHECKPOINTED)
    world.policy = policy(autonomy=Autonomy.SUGGEST, lock_timeout_s=600.0)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert "approved it under other limits (lock_timeout_s changed since)" in str(change.reason)
    assert not world.target.indexes


@pytest.mark.parametrize("state", [ChangeState.CHECKED, ChangeState.CHECKPOINTED])
def test_policy_that_turns_to_observe_stops_what_is_not_applied(world: World, state: ChangeState) -> None:
    change = world.until(world.propose(), state)
    world.policy = policy(autonomy=Autonomy.OBSERVE)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert change.reason == "policy lets trimtab only look"
    with pytest.raises(GuardRefused, match="only look"):
        world.machine.approve(change.id, "alice", change.proposal.content_hash)


def test_asking_the_guards_writes_nothing(world: World) -> None:
    change = world.propose()
    names = [result.name for result in world.machine.guards(change.id)]
    assert names == [
        "kill_switch",
        "ledger_intact",
        "frozen",
        "autonomy",
        "earlier_tries",
        "content",
        "change_window",
        "one_at_a_time",
        "changes_per_hour",
        "cool_down",
        "attempts",
        "blast_radius_calls",
        "error_budget",
        "baseline",
    ]
    assert len(world.state.ledger(change.id)) == 1
