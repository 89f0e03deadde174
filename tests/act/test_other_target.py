"""The target is another database than the one a change was made in: nothing is done, and the ledger says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.act.support import Rig, changing, make_table, ours
from tests.conftest import Database
from trimtab.act.create_index import CreateIndex
from trimtab.model.change import ChangeState, JudgementKind
from trimtab.model.errors import ConflictError, OtherTarget
from trimtab.model.system import System
from trimtab.store.ledger import Event

pytestmark = pytest.mark.postgres


@pytest.fixture
def other(rig: Rig) -> Any:
    """Another database with the very same table."""
    rig.database.cluster.execute("CREATE DATABASE other_target")
    made = Database(rig.database.cluster, "other_target")
    make_table(made)
    yield made
    rig.database.cluster.execute("DROP DATABASE other_target WITH (FORCE)")


def restarted(rig: Rig, database: Database) -> None:
    """A new process, whose reference for changes leads to another database."""
    rig.actuator = CreateIndex(changing(database), drop_back_off_s=0.01)
    rig.__post_init__()


def test_the_target_is_written_down_before_anything_is_touched(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    assert change.undo is not None
    target = change.undo["target"]
    assert isinstance(target, dict)
    assert target["database"] == rig.database.name
    assert str(target["system_identifier"]).isdigit()


def test_nobody_removed_it_when_the_connection_leads_elsewhere(rig: Rig, other: Database) -> None:
    change = rig.until(rig.propose().id, "watching")
    restarted(rig, other)
    rig.machine.recover()
    rig.judge.will_say(JudgementKind.KEEP)
    for _ in range(3):
        with pytest.raises(OtherTarget, match="refused: the change was made in database"):
            rig.machine.advance(change.id)
    change = rig.state.change(change.id)
    assert change.state is ChangeState.WATCHING
    assert "leads to database 'other_target'" in str(change.reason)
    assert rig.events(change.id).count(Event.NOTED) == 2, "the OID, and this once"
    rig.machine.roll_back(change.id, "alice")
    change = rig.machine.advance(change.id)
    assert (change.state, rig.events(change.id)[-1]) == (ChangeState.WATCHING, Event.ROLLBACK_FAILED)
    assert "refused: the change was made in database" in str(change.reason)
    restarted(rig, rig.database)
    rig.clock.move(600)
    assert rig.machine.advance(change.id).state is ChangeState.ROLLED_BACK
    assert ours(rig.database) == ours(other) == []
    assert rig.state.verify_chain().intact


def test_what_a_dead_process_left_is_not_looked_for_elsewhere(rig: Rig, other: Database) -> None:
    change = rig.until(rig.propose().id, "checkpointed")
    rig.state.append(change.id, change.ledger_seq, Event.APPLY_INTENDED, ChangeState.APPLYING, "trimtab", {})
    restarted(rig, other)
    (change,) = rig.machine.recover()
    assert change.state is ChangeState.APPLYING
    assert "could not be settled on start: refused: the change was made in" in str(change.reason)
    assert ours(other) == []


def test_a_record_of_an_older_version_names_no_target(rig: Rig) -> None:
    change = rig.until(rig.propose().id, "watching")
    older = {key: value for key, value in (change.undo or {}).items() if key != "target"}
    assert rig.actuator.inspect(change, older).presence == "present"


def test_the_connection_for_changes_stays_while_a_change_is_in_flight(rig: Rig, other: Database) -> None:
    here = System("shop", "service=shop", rig.database.dsn("trimtab_change"), 1)
    there = replace(here, change_reference=other.dsn("trimtab_change"))
    rig.state.add_system(here)
    change = rig.until(rig.propose().id, "watching")
    with pytest.raises(ConflictError, match=f"change {change.id} in flight"):
        rig.state.add_system(there)
    rig.state.add_system(here)
    rig.judge.will_say(JudgementKind.KEEP)
    rig.machine.advance(change.id)
    rig.state.add_system(there)
    with psycopg.connect(other.dsn(), autocommit=True) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
