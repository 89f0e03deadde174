"""When the loop takes plans: before a change is proposed, and while it is watched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.act.support import SYSTEM, finding, policy, proposal
from tests.act.world import World, new_world
from tests.observe.support import RealClock, Recorder
from trimtab.app.loop import SystemLoop
from trimtab.app.own.keeper import Own
from trimtab.app.own.logs import LogRing
from trimtab.app.plans import PlanBook
from trimtab.model.case import Case
from trimtab.model.change import Autonomy, Change, ChangeState
from trimtab.model.errors import ServerUnreachable
from trimtab.model.policy import PlansPolicy
from trimtab.sql.fingerprint import shape_of

AUTO = policy(autonomy=Autonomy.AUTO)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        made.policy = AUTO
        yield made


class Spy:
    """Writes down when it was asked, and what the case's change was then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: list[tuple[str, object]] = []

    def before(self, _watched: object, _fingerprint: str) -> None:
        [case] = self.world.state.cases()
        self.asked.append(("before", case.change_id))

    def after(self, _watched: object, change: Change) -> None:
        self.asked.append(("after", change.state))


class Loop(SystemLoop):
    """A loop whose advice is always the same."""

    def _slow_query(self, case: Case, *_: object) -> Any:
        return case

    def _asked(self, case: Case, *_: object) -> Any:
        return SimpleNamespace(proposals=(replace(proposal(), fingerprint=case.fingerprint),), reason=None)


def loop_of(world: World, plans: Any) -> Loop:
    def away(*_: object) -> None:
        raise ServerUnreachable("the server is away")

    watched = SimpleNamespace(
        system=SimpleNamespace(name=SYSTEM),
        watcher=SimpleNamespace(samples=lambda _: ("SELECT 1",) * 100),
        shapes=lambda: {finding().fingerprint: shape_of(SYSTEM, "SELECT 1")},
        connect_to_plan=away,
    )
    own = Own(Recorder(), RealClock(), LogRing())
    return Loop(
        cast(Any, watched), Recorder(), world.state, world.machine, lambda _: world.policy, world.clock, plans, own
    )


def carried_on(world: World, loop: Loop, steps: int = 8) -> Change:
    """The change after some steps of the loop."""
    case = world.state.open_case(finding(), "select $1")
    loop.advise(case)
    for _ in range(steps):
        loop.act()
        world.clock.sleep(1.0)
    [change] = world.state.changes(system=SYSTEM)
    return change


def test_before_it_is_proposed_and_while_it_is_watched(world: World) -> None:
    spy = Spy(world)
    change = carried_on(world, loop_of(world, spy))
    assert change.state is ChangeState.WATCHING
    assert spy.asked[0] == ("before", None), "nothing was proposed yet"
    assert ("after", ChangeState.WATCHING) in spy.asked
    assert set(spy.asked[1:]) == {("after", ChangeState.WATCHING)}


def test_a_server_that_gives_no_plan_stops_nothing_and_is_said(world: World) -> None:
    """Nor does a fault of ours: the store of this test cannot be asked anything."""
    book = PlanBook(Recorder(), RealClock(), lambda _: PlansPolicy())
    loop = loop_of(world, book)
    book.before(loop.watched, finding().fingerprint)
    assert str(book.problem(SYSTEM)).endswith("the server is away")
    change = carried_on(world, loop)
    assert change.state is ChangeState.WATCHING
    book.settle(20)
    assert str(book.problem(SYSTEM)).endswith("internal error (NotImplementedError)")


def test_the_watch_goes_on_while_a_plan_is_being_taken(world: World) -> None:
    go_on, begun = threading.Event(), threading.Event()
    book = PlanBook(Recorder(), RealClock(), lambda _: PlansPolicy())
    loop = loop_of(world, book)

    def waits(*_: object) -> None:
        begun.set()
        go_on.wait(20)
        raise ServerUnreachable("the server is away")

    cast(Any, book)._has_after = waits
    change = carried_on(world, loop)
    assert begun.wait(5)
    assert change.state is ChangeState.WATCHING
    loop.act()
    go_on.set()
    book.settle(20)
    assert str(book.problem(SYSTEM)).endswith("the server is away")
