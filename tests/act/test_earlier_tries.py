"""A person's no holds, and what was measured is not forgotten: the same change is not applied by itself again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.act.support import BY_CUSTOMER, SYSTEM, effect, policy, proposal
from tests.act.world import World, new_world
from trimtab.act.earlier_tries import remember
from trimtab.model.change import Autonomy, Change, ChangeState, JudgementKind, Risk

DAY_S = 86_400.0
OTHER = replace(BY_CUSTOMER, predicate="id > 7")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        yield made


def ended(world: World, kind: JudgementKind, ratio: float = 3.56) -> Change:
    """A change that was applied by itself and measured."""
    change = world.until(world.propose(index=BY_CUSTOMER), ChangeState.WATCHING)
    world.judge.will_say(kind, "measured", effect(ratio))
    return world.machine.advance(change.id)


def test_a_persons_no_holds_for_ever_until_a_person_says_yes(world: World) -> None:
    assert world.policy.create_index.autonomy is Autonomy.AUTO
    world.machine.reject(world.propose(index=BY_CUSTOMER).id, "anna", "the table is going away")
    world.clock.move(400 * DAY_S)
    again = world.machine.advance(world.propose(index=BY_CUSTOMER).id)
    assert (again.state, world.blocking(again)) == (ChangeState.PROPOSED, ["earlier_tries"])
    said = "exactly this was rejected by anna: the table is going away (Tue 2023-11-14 22:13 UTC, case 1)"
    assert said in str(again.reason)
    assert said in str(world.state.case(again.case_id).reason)
    world.clock.move(400 * DAY_S)
    assert world.machine.advance(again.id).state is ChangeState.PROPOSED
    world.machine.approve(again.id, "bob", again.proposal.content_hash)
    assert f"{said}; bob approved it all the same" in world.guard(again, "earlier_tries").message
    assert world.until(again, ChangeState.WATCHING).approved_by == "bob"


def test_another_change_and_another_system_are_not_meant(world: World) -> None:
    world.machine.reject(world.propose(index=BY_CUSTOMER).id, "anna")
    for other in (world.propose(index=OTHER), world.propose("bank", index=BY_CUSTOMER)):
        assert world.until(other, ChangeState.WATCHING).state is ChangeState.WATCHING


def test_what_a_person_took_back_is_a_no(world: World) -> None:
    change = world.until(world.propose(index=BY_CUSTOMER), ChangeState.WATCHING)
    world.machine.roll_back(change.id, "anna", "it hurts")
    world.machine.advance(change.id)
    world.clock.move(400 * DAY_S)
    again = world.machine.advance(world.propose(index=BY_CUSTOMER).id)
    assert world.blocking(again) == ["earlier_tries"]
    assert "rolled back by anna: it hurts" in str(again.reason)


def test_what_nobody_decided_is_no_no(world: World) -> None:
    world.machine.reject(world.propose(index=BY_CUSTOMER).id, "trimtab", "nothing could be done in time")
    again = world.propose(index=BY_CUSTOMER)
    assert world.until(again, ChangeState.WATCHING).state is ChangeState.WATCHING


@pytest.mark.parametrize("kind", [JudgementKind.ROLL_BACK, JudgementKind.INCONCLUSIVE])
def test_what_was_measured_and_not_good_waits_long(world: World, kind: JudgementKind) -> None:
    ended(world, kind)
    world.clock.move(29 * DAY_S)
    again = world.machine.advance(world.propose(index=BY_CUSTOMER).id)
    assert world.blocking(again) == ["earlier_tries"]
    assert "measured x3.56 (x2.85 to x4.27) where x0.1 was predicted" in str(again.reason)
    world.clock.move(2 * DAY_S)
    assert world.until(again, ChangeState.WATCHING).state is ChangeState.WATCHING


def test_what_was_kept_may_come_again(world: World) -> None:
    assert ended(world, JudgementKind.KEEP).state is ChangeState.KEPT
    world.target.indexes.clear()
    again = world.propose(index=BY_CUSTOMER)
    assert world.until(again, ChangeState.WATCHING).state is ChangeState.WATCHING


def test_how_long_is_a_setting(world: World) -> None:
    ended(world, JudgementKind.ROLL_BACK)
    world.policy = policy(retry_measured_after_s=0.0)
    again = world.propose(index=BY_CUSTOMER)
    assert world.until(again, ChangeState.WATCHING).state is ChangeState.WATCHING


def test_a_yes_that_expires_while_it_waits_gives_nothing_free(world: World) -> None:
    world.machine.reject(world.propose(index=BY_CUSTOMER).id, "anna")
    again = world.propose(index=BY_CUSTOMER)
    world.judge.waiting_for = "the baseline is too short"
    world.machine.approve(again.id, "bob", again.proposal.content_hash)
    world.clock.move(2 * DAY_S)
    world.judge.waiting_for = None
    for _ in range(3):
        again = world.machine.advance(again.id)
    assert (again.state, world.blocking(again)) == (ChangeState.PROPOSED, ["earlier_tries"])


def test_a_proven_failure_is_told_and_is_not_the_first_choice(world: World) -> None:
    ended(world, JudgementKind.ROLL_BACK)
    best, second = proposal(BY_CUSTOMER, gain_ms_per_s=900.0), proposal(OTHER, gain_ms_per_s=10.0)
    first, last = remember(world.state, (best, second))
    assert first == second
    assert last.content_hash == best.content_hash
    assert last.risk is Risk.HIGH
    assert "measured x3.56" in last.risk_reasons[0]
    assert "rolled back" in last.risk_reasons[0]
    assert remember(world.state, (best,))[0].content_hash == best.content_hash


def test_what_was_inconclusive_is_told_among_what_is_not_verified(world: World) -> None:
    ended(world, JudgementKind.INCONCLUSIVE, 1.01)
    (told,) = remember(world.state, (proposal(BY_CUSTOMER, system=SYSTEM),))
    assert told.risk is Risk.LOW
    assert "measured x1.01" in told.not_verified[0]
    assert told.not_verified[0].endswith("inconclusive")
