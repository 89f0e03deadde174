"""The ledger's chain is walked over as it grows, and says how far and when; what is broken stays found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.act.support import FakeClock
from tests.act.world import World, new_world
from trimtab.model.change import ChangeState
from trimtab.store.chain import WHOLE_EVERY_MS


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with new_world(tmp_path) as made:
        yield made


def tamper(world: World, sql: str) -> None:
    """As somebody with the file at hand would."""
    with sqlite3.connect(world.state.database.path) as raw:
        raw.execute("DROP TRIGGER IF EXISTS ledger_is_not_updated")
        raw.execute("DROP TRIGGER IF EXISTS ledger_is_not_deleted")
        raw.execute(sql)
    raw.close()


def test_what_is_new_is_looked_at_whenever_it_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first = world.state.chain.now()
    assert (first.report.entries_count, first.broken) == (0, None)
    monkeypatch.setattr(type(world.state), "verify_chain", lambda _: pytest.fail("everything was walked over"))
    world.clock.move(10)
    world.until(world.propose(), ChangeState.WATCHING)
    then = world.state.chain.now()
    assert then.report.entries_count == len(world.state.ledger())
    assert (then.checked_at_ms, then.whole_at_ms) == (world.clock.now_ms(), first.whole_at_ms)


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("UPDATE ledger SET actor = 'mallory' WHERE seq = (SELECT max(seq) FROM ledger)", "was altered"),
        ("UPDATE changes SET approved_by = 'mallory'", "is not what its ledger entries add up to"),
        ("DELETE FROM ledger WHERE seq = 1", "what came before entry 2 is missing"),
    ],
)
def test_what_does_not_follow_is_found_at_once(world: World, sql: str, problem: str) -> None:
    change = world.propose()
    assert world.state.chain.now().report.intact
    world.machine.advance(change.id)
    tamper(world, sql)
    status = world.state.chain.now()
    assert problem in str(status.report.problem)
    assert f"broken at entry {status.report.broken_at_seq}" in str(status.broken)
    assert "put a copy of the state back" in str(status.broken)


def test_what_was_altered_long_ago_is_found_by_the_walk_over_everything(world: World) -> None:
    world.until(world.propose(), ChangeState.WATCHING)
    assert world.state.chain.now().report.intact
    tamper(world, "UPDATE ledger SET actor = 'mallory' WHERE seq = 1")
    world.clock.move(WHOLE_EVERY_MS / 1000)
    assert world.state.chain.now().report.broken_at_seq == 1


@pytest.mark.parametrize("state", [ChangeState.PROPOSED, ChangeState.CHECKPOINTED])
def test_nothing_is_applied_while_the_ledger_is_broken(world: World, state: ChangeState) -> None:
    change = world.until(world.propose(), state)
    tamper(world, "UPDATE ledger SET actor = 'mallory' WHERE seq = 1")
    world.clock.move(WHOLE_EVERY_MS / 1000)
    change = world.machine.advance(change.id)
    assert change.state is ChangeState.PROPOSED
    assert "the ledger is broken at entry 1" in str(change.reason)
    assert not world.target.indexes


def test_what_is_in_flight_is_taken_back_all_the_same(world: World) -> None:
    change = world.until(world.propose(), ChangeState.WATCHING)
    tamper(world, "UPDATE ledger SET actor = 'mallory' WHERE seq = 1")
    world.clock.move(WHOLE_EVERY_MS / 1000)
    world.machine.roll_back(change.id, "alice")
    assert world.machine.advance(change.id).state is ChangeState.ROLLED_BACK


def test_a_clock_that_went_back_makes_no_walk_late(world: World) -> None:
    assert isinstance(world.clock, FakeClock)
    world.state.chain.now()
    world.clock.move(-WHOLE_EVERY_MS / 1000)
    assert world.state.chain.now().whole_at_ms == world.clock.now_ms()
