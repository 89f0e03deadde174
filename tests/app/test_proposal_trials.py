"""Proposals of the loop on a clone that policy names: measured, sorted, withdrawn; said where that was not possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.act.support import proposal
from tests.conftest import Database
from trimtab.advise.index.advice import Advice
from trimtab.app.advice_record import RecordKeeper
from trimtab.app.proposal_trials import NOT_EXECUTED, tried_on_clone
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.model.policy import AdvisePolicy
from trimtab.model.query import SlowQuery
from trimtab.sql.connect import Connection, Reference
from trimtab.store.state import State

pytestmark = pytest.mark.postgres

NOW_MS = 5_000
QUERY = "SELECT id FROM skewed WHERE flag = 1 ORDER BY at LIMIT 5"
HELPS = IndexDefinition("public", "skewed", (IndexKey("flag"), IndexKey("at")))
HARMS = IndexDefinition("public", "skewed", (IndexKey("at"),))


@pytest.fixture
def clone(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Rows with the flag are the last by time: a plan that hopes for an early end reads everything, out of order."""
    database.execute(
        "CREATE TABLE skewed (id int, at int, flag int, filler text)",
        """INSERT INTO skewed SELECT i, at, (at > 29700)::int, repeat('x', 200)
             FROM (SELECT i, (i::bigint * 7919 % 30000)::int AS at FROM generate_series(1, 30000) i) s""",
        "ANALYZE skewed",
    )
    monkeypatch.setenv("CLONE_OF_SHOP", database.dsn())
    return database


@pytest.fixture
def original(clone: Database) -> Iterator[Connection]:
    """Another database, which stands for the system."""
    with Reference.parse(clone.cluster.dsn("postgres", "trimtab_watch")).connect("trimtab/advise") as connection:
        yield connection


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RecordKeeper]:
    with State.open(tmp_path / "state.db", now_ms=lambda: NOW_MS) as state:
        yield RecordKeeper(state)


def proposed(*indexes: IndexDefinition) -> Advice:
    base = replace(proposal(), fingerprint="f", not_verified=(NOT_EXECUTED, "the write cost is a model"))
    return Advice(tuple(replace(base, index=one, content_hash=str(place)) for place, one in enumerate(indexes)))


def test_what_helps_comes_first_and_what_harms_is_not_proposed(original: Connection, record: RecordKeeper) -> None:
    policy = AdvisePolicy(clone="env:CLONE_OF_SHOP", clone_time_s=60)
    advice = record.corrected(proposed(HARMS, HELPS), NOW_MS)
    found = tried_on_clone(advice, SlowQuery(QUERY, samples=(QUERY,)), original, policy, record, NOW_MS)
    assert [one.index for one in found.proposals] == [HELPS]
    assert found.proposals[0].verified[0].startswith("tried on the clone env:CLONE_OF_SHOP")
    assert NOT_EXECUTED not in found.proposals[0].not_verified
    assert "withdrawn after it was tried on a clone: public.skewed (at)" in found.notes[0]
    assert {one.outcome for one in record.record.measured()} == {"verified", "withdrawn"}
    alone = tried_on_clone(proposed(HARMS), SlowQuery(QUERY, samples=(QUERY,)), original, policy, record, NOW_MS)
    assert alone.proposals == ()
    assert str(alone.reason).startswith("What the planner promised did not hold on a clone.")


def test_a_clone_that_is_not_there_stops_nothing_and_is_said(original: Connection, record: RecordKeeper) -> None:
    query = SlowQuery(QUERY, samples=(QUERY,))
    advice = proposed(HELPS)
    assert tried_on_clone(advice, query, original, AdvisePolicy(), record, NOW_MS) == advice
    nowhere = tried_on_clone(advice, query, original, AdvisePolicy(clone="env:NOT_SET"), record, NOW_MS)
    assert nowhere.proposals[0].not_verified[0].startswith("not tried on the clone: the environment variable NOT_SET")
    unseen = tried_on_clone(advice, SlowQuery(QUERY), original, AdvisePolicy(clone="make"), record, NOW_MS)
    assert "no complete statement" in unseen.proposals[0].not_verified[0]
