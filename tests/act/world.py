"""A machine over a target in memory, for tests of one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.act.fake_target import FakeActuator, Fuse, MortalState, Target
from tests.act.support import BY_CUSTOMER, SYSTEM, FakeClock, FakeJudge, finding, policy, proposal
from trimtab.act.machine import Machine
from trimtab.model.change import Change, ChangeState, CheckResult
from trimtab.model.objectives import Budget
from trimtab.model.policy import Policy


@dataclass
class World:
    """Everything that the machine uses, to steer and to look at."""

    state: MortalState
    target: Target
    clock: FakeClock
    judge: FakeJudge
    policy: Policy
    actuator: FakeActuator
    calls_share: dict[tuple[str, str], float] = field(default_factory=dict)
    budgets: list[Budget] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.machine = self.another_machine()
        self.shapes_count = 0

    def another_machine(self) -> Machine:
        return Machine(
            self.state,
            [self.actuator],
            self.judge,
            self.clock,
            lambda _: self.policy,
            lambda system, relation: self.calls_share.get((system, relation)),
            lambda _system: self.budgets,
        )

    def propose(self, system: str = SYSTEM, **other: Any) -> Change:
        self.shapes_count += 1
        case = self.state.open_case(finding(system, f"{self.shapes_count:016x}"), "select $1")
        fresh = replace(
            BY_CUSTOMER, predicate=f"id > {self.shapes_count}"
        )  # each another index, so that none was tried
        return self.machine.propose(case.id, proposal(other.pop("index", fresh), system, **other))

    def until(self, change: Change, state: ChangeState) -> Change:
        for _ in range(8):
            if change.state is state:
                return change
            change = self.machine.advance(change.id)
        raise AssertionError(f"{change.state}: {change.reason}")

    def blocking(self, change: Change) -> list[Any]:
        entry = self.state.last_entry(change.id)
        assert entry is not None
        blocking = entry.detail.get("blocking")
        assert isinstance(blocking, list)
        return blocking

    def guard(self, change: Change, name: str) -> CheckResult:
        """What one guard says now."""
        return next(result for result in self.machine.guards(change.id) if result.name == name)


@contextmanager
def new_world(folder: Path) -> Iterator[World]:
    """A world whose policy allows everything."""
    clock, fuse, target = FakeClock(), Fuse(), Target()
    MortalState.fuse, MortalState.target = fuse, target
    with MortalState.open(folder / "state.db", now_ms=clock.now_ms) as state:
        yield World(state, target, clock, FakeJudge(), policy(), FakeActuator(target, state, fuse))
