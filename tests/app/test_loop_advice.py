"""When advice is asked for, and what becomes of two cases that need the same index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.act.support import finding, policy
from tests.act.world import World, new_world
from tests.app.test_loop_policy import Loop, loop_of
from trimtab.app.loop import ADVISE_RETRY_MS, BOUND_SEEN_MIN
from trimtab.model.case import CaseState
from trimtab.observe.postgres.samples import SampleKeeper


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        yield made


def looking(loop: Loop, samples: int, bound: int) -> None:
    """Let the watcher have seen so many statements with literals, and with bound parameters."""
    seen = SimpleNamespace(samples=lambda _: ("x",) * samples, bound_count=lambda _: bound)
    cast(Any, loop.watched).watcher = seen


@pytest.mark.parametrize(
    ("samples", "bound", "asks"),
    [(0, 0, False), (0, BOUND_SEEN_MIN - 1, False), (0, BOUND_SEEN_MIN, True), (1, 100, False), (100, 0, True)],
)
def test_nobody_waits_for_literals_that_will_not_come(world: World, samples: int, bound: int, asks: bool) -> None:
    loop = loop_of(world)
    looking(loop, samples, bound)
    loop.advise(world.state.open_case(finding(), "select $1"))
    assert (loop.asked_count == 1) is asks


def test_waiting_for_literals_ends(world: World) -> None:
    loop = loop_of(world)
    looking(loop, 0, 0)
    case = world.state.open_case(finding(), "select $1")
    world.clock.move(policy().advise.samples_wait_s + 1)
    loop.advise(case)
    assert loop.asked_count == 1


def test_one_index_is_proposed_once(world: World) -> None:
    loop = loop_of(world)
    first = world.state.open_case(finding(fingerprint="a" * 16), "select $1")
    second = world.state.open_case(finding(fingerprint="b" * 16), "select $1, $2")
    loop.advise(first)
    loop.advise(second)
    waiting = world.state.case(second.id)
    assert (waiting.state, waiting.change_id) == (CaseState.OPEN, None)
    assert f"case {first.id} proposes the same index" in str(waiting.reason)
    world.clock.move(ADVISE_RETRY_MS / 1000 + 1)
    loop.advise(waiting)
    assert loop.asked_count == 2, "nothing is asked again while the first is not decided"
    change_id = world.state.case(first.id).change_id
    assert change_id is not None
    world.machine.reject(change_id, "anna", "not now")
    loop.advise(waiting)
    assert loop.asked_count == 3
    assert world.state.case(second.id).change_id is not None


def test_bound_statements_are_counted_and_no_samples() -> None:
    keeper = SampleKeeper(shapes_max=2)
    for shape in ("a", "b", "b", "c"):
        keeper.count_bound(shape)
    assert [keeper.bound_count(shape) for shape in "abc"] == [0, 2, 1]
    assert keeper.samples("b") == ()
