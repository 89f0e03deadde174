"""How far the loop goes by itself: what each autonomy does with a finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from tests.act.support import SYSTEM, finding, policy, proposal
from tests.act.world import World, new_world
from trimtab.app.loop import ONLY_LOOK, SystemLoop
from trimtab.model.case import Case, CaseState
from trimtab.model.change import Autonomy, ChangeState


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        yield made


class Loop(SystemLoop):
    """A loop whose advice is always the same."""

    asked_count = 0

    def _slow_query(self, case: Case, *_: object) -> Any:
        return case

    def _asked(self, case: Case, *_: object) -> Any:
        self.asked_count += 1
        made = replace(proposal(), fingerprint=case.fingerprint)
        return SimpleNamespace(proposals=(made,), reason=None)


def loop_of(world: World) -> Loop:
    """A loop over the world's state and machine; nothing is watched."""
    watched = SimpleNamespace(
        system=SimpleNamespace(name=SYSTEM), watcher=SimpleNamespace(samples=lambda _: ("x",) * 100)
    )
    nothing = cast(Any, SimpleNamespace(before=lambda *_: None))
    return Loop(
        cast(Any, watched),
        cast(Any, None),
        world.state,
        world.machine,
        lambda _: world.policy,
        world.clock,
        nothing,
        nothing,
    )


def test_observe_finds_and_asks_for_no_advice_until_policy_lets_it(world: World) -> None:
    loop = loop_of(world)
    case = world.state.open_case(finding(), "select $1")
    world.policy = policy(autonomy=Autonomy.OBSERVE)
    for _ in range(2):
        loop.advise(world.state.case(case.id))
    case = world.state.case(case.id)
    assert (case.state, case.reason, case.proposals, case.change_id) == (CaseState.OPEN, ONLY_LOOK, (), None)
    assert loop.asked_count == 0
    world.policy = policy(autonomy=Autonomy.SUGGEST)
    loop.advise(case)
    assert world.state.case(case.id).change_id is not None


@pytest.mark.parametrize("autonomy", [Autonomy.SUGGEST, Autonomy.APPROVE, Autonomy.AUTO])
def test_only_approve_asks_a_person(world: World, autonomy: Autonomy) -> None:
    loop = loop_of(world)
    world.policy = policy(autonomy=autonomy)
    case = world.state.open_case(finding(), "select $1")
    with capture_logs() as logs:
        loop.advise(case)
    case = world.state.case(case.id)
    assert case.change_id is not None
    assert [entry["event"] for entry in logs] == (["needs_your_yes"] if autonomy is Autonomy.APPROVE else [])


def test_a_policy_that_changes_counts_for_the_next_case(world: World) -> None:
    loop = loop_of(world)
    world.policy = policy(autonomy=Autonomy.OBSERVE)
    first = world.state.open_case(finding(fingerprint="a" * 16), "select $1")
    loop.advise(first)
    world.policy = policy(autonomy=Autonomy.AUTO)
    second = world.state.open_case(finding(fingerprint="b" * 16), "select $1")
    loop.advise(second)
    assert [world.state.case(case.id).change_id is None for case in (first, second)] == [True, False]


def test_what_was_refused_is_asked_for_under_auto_and_says_who_refused_it(world: World) -> None:
    loop = loop_of(world)
    assert world.policy.create_index.autonomy is Autonomy.AUTO
    first = world.state.open_case(finding(fingerprint="a" * 16), "select $1")
    loop.advise(first)
    change_id = world.state.case(first.id).change_id
    assert change_id is not None
    world.machine.reject(change_id, "anna", "not on this table")
    second = world.state.open_case(finding(fingerprint="a" * 16), "select $1")
    with capture_logs() as logs:
        loop.advise(second)
    assert [entry["case"] for entry in logs if entry["event"] == "needs_your_yes"] == [second.id]
    case = world.state.case(second.id)
    assert "rejected by anna: not on this table" in case.proposals[0].risk_reasons[0]
    assert case.change_id is not None
    assert world.machine.advance(case.change_id).state is ChangeState.PROPOSED
    assert "rejected by anna: not on this table" in str(world.state.case(second.id).reason)
