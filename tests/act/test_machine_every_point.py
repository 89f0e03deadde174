"""Every ending of a change, killed at every single point, once and twice: it ends the same way or is undone."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.act.fake_target import Crash, FakeActuator, Fuse, MortalState, Target
from tests.act.support import SYSTEM, FakeClock, FakeJudge, effect, finding, policy, proposal
from trimtab.act.machine import Machine
from trimtab.model.change import Change, ChangeState, JudgementKind
from trimtab.model.policy import Policy, WatchPolicy

pytestmark = pytest.mark.slow

FAST_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
IS_SOAK = bool(os.environ.get("TRIMTAB_SOAK"))


@dataclass(frozen=True)
class Ending:
    """How a change ends when nobody dies, and how else it may end when somebody does."""

    name: str
    verdict: JudgementKind
    finals: frozenset[ChangeState]
    server_fails: str | None = None
    drop_fails: int = 0


ENDINGS = (
    Ending("kept", JudgementKind.KEEP, frozenset({ChangeState.KEPT})),
    Ending("rolled_back", JudgementKind.ROLL_BACK, frozenset({ChangeState.ROLLED_BACK})),
    Ending("inconclusive", JudgementKind.INCONCLUSIVE, frozenset({ChangeState.INCONCLUSIVE})),
    # Killed after the server broke off and before that was written down, it looks cut off, and is tried again.
    Ending("failed", JudgementKind.KEEP, frozenset({ChangeState.FAILED, ChangeState.KEPT}), server_fails="for good"),
    Ending("retried", JudgementKind.KEEP, frozenset({ChangeState.KEPT}), server_fails="transient"),
    Ending("stubborn", JudgementKind.ROLL_BACK, frozenset({ChangeState.ROLLED_BACK}), drop_fails=2),
)


class World:
    """A target and a state on disk; processes come and go."""

    def __init__(self, directory: Path, ending: Ending) -> None:
        self.path = directory / "state.db"
        self.clock, self.judge = FakeClock(), FakeJudge()
        self.judge.will_say(ending.verdict, effect=effect())
        self.target = Target(fails_next=ending.server_fails, drop_fails=ending.drop_fails)
        self.policy: Policy = policy(WatchPolicy(deadline_s=1e6), attempts_max=9, build_timeout_s=1e6)
        self.kills_count = self.points_count = 0
        self.start(None)
        case = self.state.open_case(finding(), "select $1")
        self.change_id = self.machine.propose(case.id, proposal()).id
        self.points_count = self.fuse.points_count

    def start(self, crash_at: int | None) -> None:
        self.fuse = Fuse(crash_at)
        MortalState.fuse, MortalState.target = self.fuse, self.target
        self.state = MortalState.open(self.path, now_ms=self.clock.now_ms)
        actuator = FakeActuator(self.target, self.state, self.fuse)
        self.machine = Machine(self.state, [actuator], self.judge, self.clock, lambda _: self.policy)

    def live(self, crash_at: int | None, steps_max: int = 60) -> bool:
        """One process: recover, then advance until the end; False when it died before."""
        self.state.close()
        self.start(crash_at)
        try:
            self.machine.recover()
            for _ in range(steps_max):
                change = self.machine.advance(self.change_id)
                if change.state.is_final:
                    return True
                self.target.building.clear()  # what an earlier process left ends, with an invalid index
                self.clock.move(5)
        except Crash:
            self.kills_count += 1
            return False
        raise AssertionError(f"no end after {steps_max} steps: {change}")

    def end(self, ending: Ending) -> Change:
        """What must be true once it is over."""
        change = self.state.change(self.change_id)
        assert change.state in ending.finals
        index = self.target.of(change.id)
        assert (index is not None and index.is_valid) == (change.state is ChangeState.KEPT)
        assert not self.target.building
        assert self.state.verify_chain().intact
        self.state.close()
        return change


@pytest.fixture
def new_world() -> Iterator[Callable[[Ending], World]]:
    numbers = itertools.count()
    with tempfile.TemporaryDirectory(prefix="trimtab-", dir=FAST_DISK) as directory:
        yield lambda ending: World(Path(directory) / str(next(numbers)), ending)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_killed_once_at_every_point(
    ending: Ending, new_world: Callable[[Ending], World], summary_lines: list[str]
) -> None:
    calm = new_world(ending)
    assert calm.live(None)
    points_count = calm.fuse.points_count
    first = calm.end(ending).state
    assert first.value in (ending.name, "kept", "rolled_back")
    for point in range(points_count):
        world = new_world(ending)
        assert not world.live(point), f"point {point} of {points_count} was not reached"
        assert world.live(None)
        world.end(ending)
    summary_lines.append(f"crash points on the way to {ending.name}: {points_count}, died at each of them")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS[:2], ids=lambda ending: ending.name)
def test_killed_again_while_recovering(ending: Ending, new_world: Callable[[Ending], World]) -> None:
    calm = new_world(ending)
    assert calm.live(None)
    points_count = calm.fuse.points_count
    calm.end(ending)
    for first, second in itertools.product(range(0, points_count, 2), range(12)):
        if (first // 2 + second) % 2 and not IS_SOAK:
            continue  # each first and each second point is there, every other pair of them
        world = new_world(ending)
        assert not world.live(first)
        if not world.live(second):
            assert world.live(None)
        world.end(ending)


def test_systems_do_not_wait_for_each_other(new_world: Callable[[Ending], World]) -> None:
    world = new_world(ENDINGS[0])
    other_case = world.state.open_case(finding("bank"), "select $1")
    other = world.machine.propose(other_case.id, proposal(system="bank"))
    for change_id in (world.change_id, other.id) * 3:
        world.machine.advance(change_id)
    assert {change.system for change in world.state.changes(in_flight=True)} == {SYSTEM, "bank"}
    world.state.close()
