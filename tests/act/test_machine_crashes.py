"""The machine under a hostile scheduler: it dies between any two writes, and everything is still finished or undone."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.act.fake_target import Crash, FakeActuator, Fuse, MortalState, Target
from tests.act.support import BY_CUSTOMER, FakeClock, FakeJudge, effect, finding, policy, proposal
from trimtab.act.machine import Machine
from trimtab.model.change import Autonomy, Change, ChangeState, JudgementKind, LedgerEntry
from trimtab.model.errors import ConflictError, GuardRefused
from trimtab.model.policy import WatchPolicy
from trimtab.store.freezes import Freezes
from trimtab.store.ledger import ALLOWED_MOVES, Event

pytestmark = pytest.mark.slow

SYSTEMS = ("shop", "bank")
FAST_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
COUNTS: Counter[str] = Counter()
CRASHES = st.sampled_from([*range(20), *[None] * 10])


def only_drawn_moves(entries: Sequence[LedgerEntry]) -> None:
    for before, after in pairwise(entries):
        assert after.state in ALLOWED_MOVES[before.state]


def the_undo_comes_before_the_do(entries: Sequence[LedgerEntry]) -> None:
    undo_known = False
    for entry in entries:
        undo_known = undo_known or (entry.event == Event.CHECKPOINTED and "undo" in entry.detail)
        assert undo_known or entry.event not in (Event.APPLY_INTENDED, Event.APPLIED, Event.NOTED)


def what_was_refused_or_failed_is_begun_only_with_a_yes(
    changes: Mapping[str, Change], ledger: Sequence[LedgerEntry]
) -> None:
    unwanted: set[str] = set()
    approved: set[str] = set()
    for entry in ledger:
        if entry.event == Event.APPROVED:
            approved.add(entry.change_id)
        content = changes[entry.change_id].proposal.content_hash
        if entry.event == Event.APPLY_INTENDED:
            assert content not in unwanted or entry.change_id in approved
        if entry.state in (ChangeState.REJECTED, ChangeState.ROLLED_BACK, ChangeState.INCONCLUSIVE):
            unwanted.add(content)


class MachineUnderCrashes(RuleBasedStateMachine):
    """One target per run; the process comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="trimtab-crash-", dir=FAST_DISK))
        self.clock, self.judge, self.target = FakeClock(), FakeJudge(), Target()
        self.policy = policy()
        self.shapes_count = 0
        self.thaws: list[tuple[str, int]] = []
        self.starts_count = 0
        self.checked: tuple[int, int] | None = None
        self.start()

    @initialize(
        autonomy=st.sampled_from([Autonomy.AUTO, Autonomy.AUTO, Autonomy.SUGGEST]),
        keep=st.booleans(),
        freeze_after=st.sampled_from([0, 0, 1, 2]),
        windows=st.sampled_from([(), (), ("00:00-12:00", "12:30-24:00")]),
    )
    def configure(self, autonomy: Autonomy, keep: bool, freeze_after: int, windows: tuple[str, ...]) -> None:
        """The policy of this run; two proposals to begin with."""
        watch = WatchPolicy(deadline_s=600.0, keep_when_inconclusive=keep)
        self.policy = policy(
            watch,
            autonomy=autonomy,
            attempts_max=2,
            build_timeout_s=300.0,
            freeze_after_rollbacks=freeze_after,
            freeze_window_s=1e7,
            change_windows=windows,
        )
        for system in SYSTEMS:
            self.propose(system, None)

    def start(self) -> None:
        """A new process."""
        self.starts_count += 1
        self.fuse = Fuse()
        MortalState.fuse, MortalState.target = self.fuse, self.target
        self.state = MortalState.open(self.directory / "state.db", now_ms=self.clock.now_ms)
        self.actuator = FakeActuator(self.target, self.state, self.fuse)
        self.machine = Machine(self.state, [self.actuator], self.judge, self.clock, lambda _: self.policy)

    def may_die(self, what: object, crash_at: int | None) -> None:
        """Do it; the process may die at the given point, and is then started again."""
        assert callable(what)
        self.fuse.left = crash_at
        try:
            what()
        except ConflictError:
            pass
        except Crash:
            COUNTS["crashes"] += 1
            self.state.close()
            self.start()
            return
        self.fuse.left = None

    def alive(self) -> list[Change]:
        return list(self.state.changes(alive=True))

    @rule(system=st.sampled_from(SYSTEMS), crash_at=CRASHES)
    def propose_more(self, system: str, crash_at: int | None) -> None:
        self.propose(system, crash_at)

    def propose(self, system: str, crash_at: int | None) -> None:
        """A new case and a change for it."""
        self.shapes_count += 1
        case = self.state.open_case(finding(system, f"{self.shapes_count:016x}"), "select $1")
        index = replace(
            BY_CUSTOMER, predicate=f"id > {self.shapes_count % 5}"
        )  # some come again, most were never tried
        made = replace(proposal(index, system), fingerprint=case.fingerprint)
        self.may_die(lambda: self.machine.propose(case.id, made), crash_at)

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), says=st.sampled_from(["yes", "yes", "yes", "no", "back"]))
    def a_person_decides(self, data: st.DataObject, says: str) -> None:
        change = data.draw(st.sampled_from(self.alive()))
        try:
            if says == "yes":
                self.machine.approve(change.id, "alice", change.proposal.content_hash)
            elif says == "no":
                self.machine.reject(change.id, "alice")
            else:
                self.machine.roll_back(change.id, "alice")
        except GuardRefused:
            pass

    @precondition(lambda self: self.alive())
    @rule(data=st.data(), crash_at=CRASHES, steps=st.integers(1, 6))
    def advance_one(self, data: st.DataObject, crash_at: int | None, steps: int) -> None:
        change = data.draw(st.sampled_from(self.alive()))
        self.may_die(lambda: [self.machine.advance(change.id) for _ in range(steps)], crash_at)

    @precondition(lambda self: self.alive())
    @rule(crash_at=CRASHES, steps=st.integers(1, 6))
    def advance_all(self, crash_at: int | None, steps: int) -> None:
        alive = self.alive()
        self.may_die(lambda: [self.machine.advance(change.id) for _ in range(steps) for change in alive], crash_at)

    @rule(crash_at=CRASHES)
    def restart(self, crash_at: int | None) -> None:
        self.state.close()
        self.start()
        self.may_die(self.machine.recover, crash_at)

    @rule(crash_at=CRASHES)
    def reap(self, crash_at: int | None) -> None:
        self.may_die(self.machine.reap, crash_at)

    @rule(seconds=st.sampled_from([1, 20, 40, 70, 400, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds)

    @rule(system=st.sampled_from(SYSTEMS))
    def a_person_thaws(self, system: str) -> None:
        self.clock.move(1)
        if Freezes(self.state.database).thaw(system, "create_index", "alice", self.clock.now_ms()):
            newest = self.state.newest_entries(1)
            self.thaws.append((system, newest[0].seq if newest else 0))
        self.clock.move(1)

    @rule(seconds=st.sampled_from([0.0, 10.0]))
    def a_limit_is_set_anew(self, seconds: float) -> None:
        limits = replace(self.policy.create_index, cool_down_s=seconds)
        self.policy = replace(self.policy, create_index=limits)

    @rule(kind=st.sampled_from(list(JudgementKind)))
    def the_judge_thinks(self, kind: JudgementKind) -> None:
        self.judge.will_say(kind, effect=effect())

    @rule(
        how=st.sampled_from([None, None, "transient", "for good"]),
        drops=st.sampled_from([0, 0, 1, 2]),
        kill_switch=st.sampled_from([*[None] * 6, "no changes today"]),
        somebody_drops=st.sampled_from([False, False, False, True]),
    )
    def trouble(self, how: str | None, drops: int, kill_switch: str | None, somebody_drops: bool) -> None:
        self.target.fails_next, self.target.drop_fails = how, drops
        self.state.set_kill_switch(kill_switch)
        if somebody_drops and self.target.indexes:
            self.target.indexes.popitem()

    @precondition(lambda self: self.target.building)
    @rule(succeeds=st.booleans())
    def an_orphaned_build_ends(self, succeeds: bool) -> None:
        for oid in self.target.building.values():
            if oid in self.target.indexes:
                self.target.indexes[oid].is_valid = succeeds
        self.target.building.clear()

    @invariant()
    def the_ledger_holds(self) -> None:
        """Looked at after each step that wrote something, or came back from the dead."""
        newest = self.state.newest_entries(1)
        written = self.starts_count, newest[0].seq if newest else 0
        if written == self.checked:
            return
        report = self.state.verify_chain()
        assert report.intact, report.problem
        changes, ledger = {change.id: change for change in self.state.changes()}, self.state.ledger()
        of_change: dict[str, list[LedgerEntry]] = {change_id: [] for change_id in changes}
        for entry in ledger:
            of_change[entry.change_id].append(entry)
        for entries in of_change.values():
            only_drawn_moves(entries)
            the_undo_comes_before_the_do(entries)
        self.nothing_is_begun_while_frozen(changes, ledger)
        what_was_refused_or_failed_is_begun_only_with_a_yes(changes, ledger)
        self.checked = written

    def nothing_is_begun_while_frozen(self, changes: Mapping[str, Change], ledger: Sequence[LedgerEntry]) -> None:
        limit = self.policy.create_index.freeze_after_rollbacks
        for system in SYSTEMS if limit else ():
            thawed = [seq for name, seq in self.thaws if name == system]
            rollbacks = 0
            for entry in ledger:
                if changes[entry.change_id].system != system:
                    continue
                while thawed and thawed[0] < entry.seq:
                    thawed.pop(0)
                    rollbacks = 0
                assert entry.event != Event.APPLY_INTENDED or rollbacks < limit
                rollbacks += entry.state is ChangeState.ROLLED_BACK

    @invariant()
    def one_in_flight_for_each_system(self) -> None:
        for system in SYSTEMS:
            assert len(self.state.changes(in_flight=True, system=system)) <= 1

    @invariant()
    def nothing_is_left_behind(self) -> None:
        states = {change.id: change for change in self.state.changes()}
        for index in self.target.indexes.values():
            change = states[index.change_id]
            left = change.state is ChangeState.INCONCLUSIVE and self.policy.watch.keep_when_inconclusive
            assert change.state in (ChangeState.APPLYING, ChangeState.WATCHING, ChangeState.KEPT) or left
            assert index.is_valid or change.state in (ChangeState.APPLYING, ChangeState.WATCHING)

    def teardown(self) -> None:
        """Whatever happened: a calm restart finishes or undoes everything."""
        self.state.close()
        self.start()
        self.target.drop_fails = 0
        self.judge.will_say(JudgementKind.KEEP, effect=effect())
        self.machine.recover()
        self.an_orphaned_build_ends(True)
        for _ in range(6):
            for change in self.state.changes(in_flight=True):
                self.machine.advance(change.id)
            self.clock.move(400)
        assert not self.state.changes(in_flight=True)
        self.the_ledger_holds()
        self.nothing_is_left_behind()
        assert all(index.is_valid for index in self.target.indexes.values())
        COUNTS["runs"] += 1
        COUNTS.update(change.state.value for change in self.state.changes())
        self.state.close()
        shutil.rmtree(self.directory)


TestMachineUnderCrashes = MachineUnderCrashes.TestCase
TestMachineUnderCrashes.settings = settings(
    max_examples=400 if os.environ.get("TRIMTAB_SOAK") else 40,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_the_walk_crashed_often(summary_lines: list[str]) -> None:
    """Runs after the walk (tests of a file run in order): a walk that never dies or never ends proves nothing."""
    if not COUNTS["runs"]:
        pytest.skip("the walk itself was not selected")
    summary_lines.append("crash walk: " + " ".join(f"{name}={count}" for name, count in sorted(COUNTS.items())))
    assert COUNTS["crashes"] > 20
    assert sum(COUNTS[state] for state in ("kept", "rolled_back", "inconclusive", "failed")) > 5
