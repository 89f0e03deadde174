"""The state database: what is durable, what is refused, and what two writers may not do."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.act.support import SYSTEM, effect, finding, proposal
from trimtab.model.case import CaseState, Verdict
from trimtab.model.change import Change, ChangeState
from trimtab.model.errors import ConflictError, DsnError, InputError, NotFound, StoreError, StoreLocked
from trimtab.model.system import System
from trimtab.store.ledger import Event
from trimtab.store.state import LIMIT_MAX, State


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "state.db"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    clock = iter(range(1_000, 10**9))
    with State.open(path, now_ms=lambda: next(clock)) as opened:
        yield opened


@pytest.fixture
def change(state: State) -> Change:
    return state.create_change(state.open_case(finding(), "select $1").id, proposal())


def move(state: State, change: Change, *states: ChangeState) -> Change:
    for target in states:
        state.append(change.id, change.ledger_seq, "test", target, "tester", {})
        change = state.change(change.id)
    return change


def test_everything_is_there_after_a_restart(path: Path) -> None:
    with State.open(path) as state:
        state.add_system(System("shop", "service=shop", "service=shop_change", 5))
        case = state.open_case(finding(), "select $1")
        state.update_case(case.id, state=CaseState.PROPOSED, proposals=[proposal()])
        change = state.create_change(case.id, proposal())
        state.append(change.id, change.ledger_seq, Event.CHECKED, ChangeState.CHECKED, "trimtab", {"a": [1, 2.5, None]})
        before = (state.systems(), state.case(case.id), state.change(change.id), state.ledger())
    with State.open(path) as state:
        assert (state.systems(), state.case(case.id), state.change(change.id), state.ledger()) == before
        assert state.case(case.id).proposals == (proposal(),)
        assert state.change(change.id).proposal == proposal()
        assert state.verify_chain().intact


def test_the_file_is_durable_and_private(path: Path, state: State) -> None:
    for file in path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = state._db._writer.execute("PRAGMA synchronous").fetchone()
    assert rows[0] == 2  # FULL
    assert state._db._writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert state._db._writer.execute("PRAGMA foreign_keys").fetchone()[0] == 1


def test_a_second_process_is_turned_away(path: Path, state: State) -> None:
    with pytest.raises(StoreLocked):
        State.open(path)
    code = (
        "import sys; from pathlib import Path; from trimtab.store.state import State\n"
        "from trimtab.model.errors import StoreLocked\n"
        "try: State.open(Path(sys.argv[1]))\n"
        "except StoreLocked as error: print(error.facts['holder'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PYTHONPATH": "src"},
    )
    assert done.stdout.strip() == str(os.getpid())


def test_the_lock_goes_with_its_holder(path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from trimtab.store.state import State\n"
        "state = State.open(Path(sys.argv[1])); state.set_meta('a', 'b'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=60, check=False, env={"PYTHONPATH": "src"})
    assert done.returncode == -9
    with State.open(path) as state:
        assert state.meta("a") == "b"


def test_systems(state: State, change: Change) -> None:
    state.add_system(System("shop", "service=shop", None, 5))
    state.add_system(System("shop", "service=other", None, 6))
    assert state.system("shop") == System("shop", "service=other", None, 5)
    with pytest.raises(NotFound):
        state.system("nowhere")
    change = move(state, change, ChangeState.CHECKED, ChangeState.CHECKPOINTED)
    with pytest.raises(ConflictError, match="in flight"):
        state.remove_system("shop")
    move(state, change, ChangeState.FAILED)
    state.remove_system("shop")
    assert state.systems() == ()
    with pytest.raises(NotFound):
        state.remove_system("shop")
    assert state.ledger(change.id)  # the history stays


@pytest.mark.parametrize(
    "reference",
    [
        "postgresql://u:hunter2@h/d",
        "host=h password=hunter2",
        "host=h password = 'hunter2'",
        "postgresql://h/d?password=hunter2",
        "postgresql://h/d?sslpassword=hunter2",
    ],
)
def test_a_secret_is_not_stored(path: Path, state: State, reference: str) -> None:
    for system in (System("s", reference, None, 1), System("s", "service=s", reference, 1)):
        with pytest.raises(DsnError) as refused:
            state.add_system(system)
        assert "hunter2" not in str(refused.value)
    state.add_system(System("s", "postgresql://u:${PGPASS}@h/d", None, 1))
    assert b"hunter2" not in path.read_bytes() + path.with_name("state.db-wal").read_bytes()


def test_a_case_is_opened_once_until_it_is_closed(state: State) -> None:
    first = state.open_case(finding(), "select $1")
    assert first.id == 1
    again = state.open_case(replace(finding(), title="slower"), "select $1")
    assert (again.id, again.finding.title) == (1, "slower")
    state.update_case(1, verdict=Verdict.NO_ADVICE, reason="no index helps")
    assert state.case(1).state is CaseState.CLOSED
    second = state.open_case(finding(), "select $1")
    assert second.id == 2
    assert state.case_of_shape(SYSTEM, finding().fingerprint) == second
    assert [case.id for case in state.cases()] == [2, 1]
    assert [case.id for case in state.cases(states=[CaseState.CLOSED])] == [1]
    assert state.cases(system="bank") == ()
    with pytest.raises(ConflictError, match="closed"):
        state.update_case(1, reason="other")
    with pytest.raises(ConflictError, match="closed"):
        state.create_change(1, proposal())
    with pytest.raises(NotFound):
        state.case(99)


def test_a_case_is_not_closed_over_its_change(state: State, change: Change) -> None:
    with pytest.raises(ConflictError, match="under way"):
        state.update_case(change.case_id, verdict=Verdict.NO_ADVICE)
    with pytest.raises(ConflictError):
        state.create_change(change.case_id, proposal())  # one alive for each case
    move(state, change, ChangeState.REJECTED)
    assert state.case(change.case_id).verdict is Verdict.REJECTED


def test_a_proposal_for_another_system_is_refused(state: State) -> None:
    case = state.open_case(finding(), "select $1")
    with pytest.raises(InputError, match="bank"):
        state.create_change(case.id, proposal(system="bank"))


def test_the_ledger_cannot_be_rewritten(path: Path, state: State, change: Change) -> None:
    state.close()
    with sqlite3.connect(path) as raw:
        for statement in (
            "UPDATE ledger SET actor = 'nobody'",
            "DELETE FROM ledger",
            "INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE seq = 1",
            "INSERT INTO ledger SELECT seq + 5, change_id, case_id, at_ms, state, event, actor, detail, previous_hash,"
            " entry_hash FROM ledger",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(statement)
    raw.close()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("UPDATE ledger SET actor = 'nobody' WHERE seq = 2", "entry 2 was altered"),
        ("UPDATE ledger SET detail = '{}' WHERE seq = 1", "entry 1 was altered"),
        ("DELETE FROM ledger WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM ledger WHERE seq = 3", "is not what its ledger entries add up to"),
        ("UPDATE changes SET state = 'kept'", "is not what its ledger entries add up to"),
        ("UPDATE changes SET approved_by = 'mallory'", "is not what its ledger entries add up to"),
        ("UPDATE ledger SET previous_hash = entry_hash WHERE seq = 3", "entry 3 does not follow"),
        ("DELETE FROM changes", "0 changes are stored"),
    ],
)
def test_damage_is_found(path: Path, state: State, change: Change, damage: str, problem: str) -> None:
    move(state, change, ChangeState.CHECKED, ChangeState.CHECKPOINTED)
    assert state.verify_chain().intact
    state.close()
    with sqlite3.connect(path) as raw:
        raw.execute("DROP TRIGGER ledger_is_not_updated")
        raw.execute("DROP TRIGGER ledger_is_not_deleted")
        raw.execute(damage)
    raw.close()
    with State.open(path) as damaged:
        report = damaged.verify_chain()
        assert not report.intact
        assert problem in str(report.problem)


def test_two_writers_cannot_both_move_a_change(state: State, change: Change) -> None:
    """Threads that all saw the same entry: one moves it, the others are told."""
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        try:
            state.append(change.id, change.ledger_seq, "test", ChangeState.CHECKED, f"writer {number}", {})
            outcomes.append("moved")
        except ConflictError:
            outcomes.append("refused")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["moved"] + ["refused"] * 7
    assert [entry.event for entry in state.ledger(change.id)] == ["proposed", "test"]


def test_moves_that_are_not_drawn_are_refused(state: State, change: Change) -> None:
    with pytest.raises(ConflictError, match="cannot become watching"):
        state.append(change.id, change.ledger_seq, "test", ChangeState.WATCHING, "tester", {})
    final = move(state, change, ChangeState.REJECTED)
    for target in ChangeState:
        with pytest.raises(ConflictError):
            state.append(final.id, final.ledger_seq, "test", target, "tester", {})


def test_one_change_in_flight_for_each_system(state: State, change: Change) -> None:
    move(state, change, ChangeState.CHECKED, ChangeState.CHECKPOINTED)
    other = state.create_change(state.open_case(finding(fingerprint="b" * 16), "select $1").id, proposal())
    other = move(state, other, ChangeState.CHECKED)
    entries_count = len(state.ledger())
    with pytest.raises(ConflictError):
        move(state, other, ChangeState.CHECKPOINTED)
    assert len(state.ledger()) == entries_count  # the entry and the move go together
    assert state.change(other.id) == other
    assert state.verify_chain().intact
    assert [c.id for c in state.changes(in_flight=True)] == [change.id]
    assert [c.id for c in state.changes(alive=True, in_flight=False)] == [other.id]


def test_what_could_not_be_read_later_is_refused_now(state: State, change: Change) -> None:
    case = state.open_case(finding(fingerprint="b" * 16), "select $1")
    with pytest.raises(StoreError, match="cost_before is inf"):
        state.create_change(case.id, proposal(cost_before=float("inf")))
    with pytest.raises(StoreError, match="finite"):
        state.append(change.id, change.ledger_seq, "test", change.state, "tester", {"a": {"b": float("nan")}})
    assert len(state.changes()) == 1
    assert state.verify_chain().intact


def test_entries_tell_the_change(state: State, change: Change) -> None:
    change = move(state, change, ChangeState.CHECKED)
    steps: list[tuple[str, ChangeState, dict[str, object]]] = [
        (Event.CHECKPOINTED, ChangeState.CHECKPOINTED, {"undo": {"name": "i"}}),
        (Event.APPLY_INTENDED, ChangeState.APPLYING, {}),
        (Event.NOTED, ChangeState.APPLYING, {"undo": {"oid": 7}}),
        (Event.APPLIED, ChangeState.WATCHING, {"undo": {"oid": 7}}),
        (Event.KEPT, ChangeState.KEPT, {"reason": "faster", "effect": effect()}),
    ]
    for event, target, detail in steps:
        state.append(change.id, change.ledger_seq, event, target, "trimtab", detail)
        change = state.change(change.id)
    entries = {entry.event: entry for entry in state.ledger(change.id)}
    assert change.undo == {"name": "i", "oid": 7}
    assert change.apply_started_at_ms == entries[Event.APPLY_INTENDED].at_ms
    assert change.applied_at_ms == entries[Event.APPLIED].at_ms
    assert change.finished_at_ms == entries[Event.KEPT].at_ms
    assert (change.reason, change.effect) == ("faster", effect())
    assert state.finished_at_ms(SYSTEM) == change.finished_at_ms
    assert state.finished_at_ms(SYSTEM, excluding=change.id) == 0
    assert state.verify_chain().intact


def test_reads_are_bounded(state: State, change: Change) -> None:
    for _ in range(5):
        state.append(change.id, state.change(change.id).ledger_seq, "test", change.state, "tester", {})
    assert [entry.seq for entry in state.ledger(limit=2)] == [1, 2]
    assert [entry.seq for entry in state.ledger(after_seq=4, limit=LIMIT_MAX * 2)] == [5, 6]
    assert len(state.changes(limit=1)) == 1
    with pytest.raises(InputError):
        state.cases(limit=0)
    assert state.count_entries("test", change_id=change.id) == 5
    assert state.count_entries("test", system="bank") == 0


def test_leases(path: Path) -> None:
    now = [1_000]
    with State.open(path, now_ms=lambda: now[0]) as state:
        assert state.acquire_lease("a", "me", 100)
        assert state.acquire_lease("a", "me", 100)
        assert not state.acquire_lease("a", "you", 100)
        now[0] += 100
        assert state.acquire_lease("a", "you", 100)
        state.release_lease("a", "me")
        assert not state.acquire_lease("a", "me", 100)
        state.release_lease("a", "you")
        assert state.acquire_lease("a", "me", 10**9)
    with State.open(path, now_ms=lambda: now[0]) as state:  # its holder is dead
        assert state.acquire_lease("a", "you", 100)


def test_meta_and_kill_switch(state: State) -> None:
    assert state.kill_switch() is None
    state.set_kill_switch("incident")
    assert state.kill_switch() == "incident"
    state.set_kill_switch(None)
    assert state.kill_switch() is None
    state.set_meta("a", "1")
    state.set_meta("a", "2")
    assert state.meta("a") == "2"


def test_readers_and_writers_in_many_threads(state: State, change: Change) -> None:
    problems: list[BaseException] = []

    def write() -> None:
        for _ in range(50):
            try:
                state.append(change.id, state.change(change.id).ledger_seq, "test", change.state, "tester", {})
            except ConflictError:
                continue

    def read() -> None:
        try:
            for _ in range(50):
                entries = state.ledger(change.id)
                assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
                assert state.verify_chain().intact
        except BaseException as error:  # noqa: BLE001  (looked at in the main thread)
            problems.append(error)

    threads = [threading.Thread(target=target) for target in (write, write, write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len(state.ledger(change.id)) > 50


def test_a_closed_state_says_so(path: Path) -> None:
    state = State.open(path)
    state.close()
    state.close()
    with pytest.raises(StoreError, match="closed"):
        state.systems()
    with pytest.raises(StoreError, match="closed"):
        state.set_meta("a", "b")
