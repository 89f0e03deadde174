"""Guards, approvals, deadlines and leases of the machine, on a target in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.act.fake_target import Crash
from tests.act.support import effect, finding, policy, proposal
from tests.act.world import World, new_world
from trimtab.act.machine import GRACE_S, Machine
from trimtab.act.steps import CHECKS_VALID_MS
from trimtab.model.case import CaseState
from trimtab.model.change import Autonomy, ChangeState, Effect, Judgement, JudgementKind
from trimtab.model.errors import ConfigError, ConflictError, GuardRefused
from trimtab.model.policy import WatchPolicy


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        yield made


def test_each_advance_is_one_step(world: World) -> None:
    change = world.propose()
    seen = [change.state]
    world.judge.will_say(JudgementKind.KEEP, effect=effect())
    while not change.state.is_final:
        change = world.machine.advance(change.id)
        seen.append(change.state)
    assert seen == ["proposed", "checked", "checkpointed", "watching", "kept"]
    assert change.effect == effect()
    assert world.machine.advance(change.id) == change


@pytest.mark.parametrize("autonomy", [Autonomy.SUGGEST, Autonomy.APPROVE])
def test_a_person_has_to_approve(world: World, autonomy: Autonomy) -> None:
    world.policy = policy(autonomy=autonomy)
    change = world.machine.advance(world.propose().id)
    assert change.reason == "a person has to approve it"
    change = world.machine.approve(change.id, "alice", change.proposal.content_hash)
    assert (change.approved_by, change.approved_hash) == ("alice", change.proposal.content_hash)
    assert world.machine.advance(change.id).state is ChangeState.CHECKED


def test_observe_refuses_everything(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.OBSERVE)
    change = world.machine.advance(world.propose().id)
    assert world.blocking(change) == ["autonomy"]
    with pytest.raises(GuardRefused, match="only look"):
        world.machine.approve(change.id, "alice", change.proposal.content_hash)


def test_an_approval_is_for_exactly_this(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    change = world.propose()
    with pytest.raises(GuardRefused, match="not what was approved") as refused:
        world.machine.approve(change.id, "alice", "0" * 64)
    assert refused.value.facts["content_hash"] == change.proposal.content_hash


def test_an_approval_expires(world: World) -> None:
    world.policy = policy(autonomy=Autonomy.SUGGEST, approval_valid_s=100.0)
    world.judge.waiting_for = "the baseline is too short"
    change = world.propose()
    world.machine.approve(change.id, "alice", change.proposal.content_hash)
    world.clock.move(99)
    assert world.machine.advance(change.id).state is ChangeState.PROPOSED
    world.clock.move(1)
    change = world.machine.advance(change.id)
    assert (change.state, change.approved_by, change.approved_hash) == (ChangeState.PROPOSED, None, None)
    assert str(change.reason).startswith("the approval of alice expired unused (")
    assert world.state.case(change.case_id).verdict is None
    change = world.machine.advance(change.id)
    assert world.blocking(change)[0] == "autonomy"
    assert "the approval of alice expired unused (" in str(change.reason)
    world.judge.waiting_for = None
    world.machine.approve(change.id, "bob", change.proposal.content_hash)
    assert world.until(change, ChangeState.WATCHING).approved_by == "bob"
    assert world.state.verify_chain().intact


def test_an_approval_before_its_window_loses_nothing_and_is_warned_about(world: World) -> None:
    world.policy = policy(
        autonomy=Autonomy.APPROVE, approval_valid_s=3600.0, change_windows=("Sat 00:00-06:00",)
    )  # it is a Tuesday
    change = world.propose()
    assert world.machine.approval_warning(change) is None
    change = world.machine.approve(change.id, "alice", change.proposal.content_hash)
    said = (
        "the approval expires (Tue 2023-11-14 23:13 UTC) before the next change window opens (Sat 2023-11-18 00:00 UTC)"
    )
    assert str(world.machine.approval_warning(change)).startswith(said)
    assert said in world.guard(change, "change_window").message
    world.clock.move(75 * 3600)  # Saturday, 01:13
    for _ in range(3):
        change = world.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert world.state.case(change.case_id).verdict is None
    change = world.machine.approve(change.id, "bob", change.proposal.content_hash)
    assert world.machine.approval_warning(change) is None


def test_reject_before_and_roll_back_after(world: World) -> None:
    change = world.machine.reject(world.propose().id, "alice", "too big")
    assert change.state is ChangeState.REJECTED
    assert change.reason == "rejected by alice: too big"
    assert world.state.case(change.case_id).verdict == "rejected"
    with pytest.raises(GuardRefused):
        world.machine.roll_back(change.id, "alice")
    change = world.until(world.propose(), ChangeState.WATCHING)
    with pytest.raises(GuardRefused, match="cannot be rejected"):
        world.machine.reject(change.id, "alice")
    with pytest.raises(GuardRefused, match="nothing to approve"):
        world.machine.approve(change.id, "alice", change.proposal.content_hash)
    world.machine.roll_back(change.id, "alice", "changed my mind")
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.ROLLED_BACK
    assert change.reason == "rolled back by alice: changed my mind"
    assert not world.target.indexes


def test_a_proposal_must_hash_to_what_it_says(world: World) -> None:
    case = world.state.open_case(finding(), "select $1")
    with pytest.raises(GuardRefused, match="hash"):
        world.machine.propose(case.id, replace(proposal(), content_hash="0" * 64))
    with pytest.raises(ConfigError, match="drop_table"):
        world.machine.propose(case.id, proposal(kind="drop_table"))


def test_one_change_at_a_time_for_each_system(world: World) -> None:
    first = world.until(world.propose(), ChangeState.WATCHING)
    second = world.machine.advance(world.propose().id)
    assert world.blocking(second) == ["one_at_a_time"]
    elsewhere = world.propose("bank")
    assert world.until(elsewhere, ChangeState.WATCHING).state is ChangeState.WATCHING
    world.judge.will_say(JudgementKind.KEEP)
    world.machine.advance(first.id)
    assert world.until(second, ChangeState.WATCHING).state is ChangeState.WATCHING


def test_two_that_were_checked_together_do_not_both_go_on(world: World) -> None:
    first, second = (world.machine.advance(world.propose().id) for _ in range(2))
    assert (first.state, second.state) == (ChangeState.CHECKED, ChangeState.CHECKED)
    assert world.machine.advance(first.id).state is ChangeState.CHECKPOINTED
    assert world.machine.advance(second.id).state is ChangeState.PROPOSED


def test_checks_from_before_another_change_are_made_again(world: World) -> None:
    first, second = (world.machine.advance(world.propose().id) for _ in range(2))
    world.judge.will_say(JudgementKind.KEEP)
    world.until(first, ChangeState.KEPT)
    change = world.machine.advance(second.id)
    assert change.state is ChangeState.PROPOSED
    assert "another change came in between" in str(change.reason)
    assert world.until(change, ChangeState.KEPT).state is ChangeState.KEPT


def test_changes_per_hour(world: World) -> None:
    world.policy = policy(changes_per_hour_max=2)
    world.judge.will_say(JudgementKind.KEEP)
    for _ in range(2):
        world.until(world.propose(), ChangeState.KEPT)
    change = world.machine.advance(world.propose().id)
    assert world.blocking(change) == ["changes_per_hour"]
    world.clock.move(3601)
    assert world.machine.advance(change.id).state is ChangeState.CHECKED


def test_cool_down(world: World) -> None:
    world.policy = policy(cool_down_s=60.0)
    world.judge.will_say(JudgementKind.KEEP)
    world.until(world.propose(), ChangeState.KEPT)
    change = world.machine.advance(world.propose().id)
    assert world.blocking(change) == ["cool_down"]
    world.clock.move(60)
    assert world.machine.advance(change.id).state is ChangeState.CHECKED


def test_the_baseline_must_be_long_enough(world: World) -> None:
    world.judge.waiting_for = "the baseline has 3 slices, 120 are needed"
    change = world.machine.advance(world.propose().id)
    assert change.reason == world.judge.waiting_for
    world.judge.waiting_for = None
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.CHECKED


def test_the_kill_switch_stops_what_is_new_and_not_what_undoes(world: World) -> None:
    watched = world.until(world.propose(), ChangeState.WATCHING)
    elsewhere = world.until(world.propose("bank"), ChangeState.CHECKPOINTED)
    world.state.set_kill_switch("incident")
    assert world.machine.advance(elsewhere.id).state is ChangeState.PROPOSED
    assert world.machine.advance(elsewhere.id).reason == "the kill switch is on: incident"
    world.judge.will_say(JudgementKind.ROLL_BACK)
    assert world.machine.advance(watched.id).state is ChangeState.ROLLED_BACK


def test_checks_that_are_old_are_made_again(world: World) -> None:
    change = world.until(world.propose(), ChangeState.CHECKPOINTED)
    world.clock.move(CHECKS_VALID_MS / 1000 + 1)
    assert world.machine.advance(change.id).state is ChangeState.PROPOSED


def test_attempts_are_counted(world: World) -> None:
    world.policy = policy(attempts_max=2)
    world.target.fails_next = "transient"
    change = world.until(world.propose(), ChangeState.CHECKPOINTED)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert world.blocking(world.machine.advance(change.id)) == ["retry_wait"]
    world.clock.move(31)
    world.target.fails_next = "transient"
    change = world.until(change, ChangeState.FAILED)
    assert change.reason == "the server broke off (attempt 2)"
    assert not world.target.indexes


def test_the_watch_has_a_deadline(world: World) -> None:
    world.policy = policy(WatchPolicy(deadline_s=100.0))
    change = world.until(world.propose(), ChangeState.WATCHING)
    world.clock.move(100)
    assert world.machine.advance(change.id).state is ChangeState.WATCHING
    world.clock.move(1)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.INCONCLUSIVE
    assert "outlived its deadline of 100 s: too early; taken back" in str(change.reason)
    assert not world.target.indexes


def test_an_inconclusive_change_may_be_left_by_policy(world: World) -> None:
    world.policy = policy(WatchPolicy(keep_when_inconclusive=True))
    change = world.until(world.propose(), ChangeState.WATCHING)
    world.judge.will_say(JudgementKind.INCONCLUSIVE, "no effect could be proven")
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.INCONCLUSIVE
    assert change.reason == "no effect could be proven; left in place, as policy says"
    assert world.target.of(change.id)


def test_the_reaper_ends_what_nobody_judges(world: World) -> None:
    world.policy = policy(WatchPolicy(deadline_s=100.0))
    change = world.until(world.propose(), ChangeState.WATCHING)
    world.clock.move(100 + GRACE_S)
    assert world.machine.reap() == ()
    world.clock.move(1)
    (reaped,) = world.machine.reap()
    assert reaped.state is ChangeState.INCONCLUSIVE
    assert not world.target.indexes
    assert world.machine.reap() == ()
    assert change.id == reaped.id


def test_an_orphaned_build_is_adopted_and_ended_at_its_deadline(world: World) -> None:
    world.policy = policy(build_timeout_s=100.0, attempts_max=1)
    change = world.until(world.propose(), ChangeState.CHECKPOINTED)
    note = world.actuator.note

    def die(_change_id: str, _detail: dict[str, object]) -> None:
        raise Crash

    world.actuator.note = die
    with pytest.raises(Crash):
        world.machine.advance(change.id)
    world.actuator.note = note
    machine = world.another_machine()
    assert [(c.id, c.state) for c in machine.recover()] == [(change.id, ChangeState.APPLYING)]
    change = machine.advance(change.id)
    assert change.reason == "the server still builds what a dead process began"
    world.clock.move(101)
    change = machine.advance(change.id)
    assert change.state is ChangeState.FAILED
    assert change.reason == "the build outlived its deadline of 100 s"
    assert not world.target.indexes
    assert not world.target.building


def test_two_machines_share_a_state(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is at work on a change, the other is turned away; afterwards it may go on."""
    change = world.until(world.propose(), ChangeState.CHECKPOINTED)
    inside, go_on = threading.Event(), threading.Event()
    refused: list[ConflictError] = []
    inner = world.actuator.apply

    def slow(*arguments: Any) -> dict[str, object]:
        inside.set()
        assert go_on.wait(10)
        return inner(*arguments)

    monkeypatch.setattr(world.actuator, "apply", slow)
    other = Machine(world.state, [], world.judge, world.clock, lambda _: world.policy)
    working = threading.Thread(target=world.machine.advance, args=(change.id,))
    working.start()
    assert inside.wait(10)
    try:
        other.advance(change.id)
    except ConflictError as error:
        refused.append(error)
    assert other.recover() == (world.state.change(change.id),)  # left to the one who is at it
    assert other.reap() == ()
    go_on.set()
    working.join(10)
    assert "being moved by somebody else" in refused[0].message
    assert world.state.change(change.id).state is ChangeState.WATCHING


def test_a_case_follows_its_change(world: World) -> None:
    change = world.propose()
    assert world.state.case(change.case_id).state is CaseState.PROPOSED
    world.machine.advance(change.id)
    assert world.state.case(change.case_id).state is CaseState.CHANGING
    world.judge.will_say(JudgementKind.KEEP, "proven faster")
    world.until(change, ChangeState.KEPT)
    case = world.state.case(change.case_id)
    assert (case.state, case.verdict, case.reason) == (CaseState.CLOSED, "kept", "proven faster")


def test_an_effect_that_json_cannot_hold_does_not_hold_up_the_verdict(world: World) -> None:
    change = world.until(world.propose(), ChangeState.WATCHING)
    endless: Effect = effect(float("inf"))
    world.judge.verdict = Judgement(JudgementKind.KEEP, "strange", endless)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.KEPT
    assert change.effect is None


def test_the_latest_look_is_remembered(world: World) -> None:
    change = world.until(world.propose(), ChangeState.WATCHING)
    assert world.machine.latest(change.id) is None
    world.machine.advance(change.id)
    assert world.machine.latest(change.id) == world.judge.verdict
