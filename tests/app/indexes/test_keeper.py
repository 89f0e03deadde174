"""Indexes of many systems: a standby's reads count for its primary, gaps are no observation, silence is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.advise.drops.test_drops import NOW_MS, facts, look
from trimtab.advise.drops.judge import DAY_MS, IndexVerdict
from trimtab.app.indexes import keeper as module
from trimtab.app.indexes.keeper import IndexKeeper
from trimtab.model.errors import ServerUnreachable
from trimtab.model.policy import Policy
from trimtab.model.system import System
from trimtab.observe.postgres.indexes import IndexLook
from trimtab.store.index_reads import GAP_MS, note_reads, reads_of
from trimtab.store.state import State


class Around:
    """A keeper over systems whose looks a test sets; None does not answer."""

    def __init__(self, state: State) -> None:
        self.now_ms_ = NOW_MS
        self.looks: dict[str, IndexLook | None] = {}
        self.asked: list[str] = []
        self.state = state
        self.watched: dict[str, Any] = {}
        clock = SimpleNamespace(now_ms=lambda: self.now_ms_)
        self.keeper = IndexKeeper(state, self.watched, lambda _: Policy(), cast(Any, clock))

    def add(self, name: str, found: IndexLook | None) -> None:
        self.state.add_system(System(name, f"service={name}", None, 1))
        self.looks[name] = found

        @contextmanager
        def connect() -> Iterator[str]:
            self.asked.append(name)
            if self.looks[name] is None:
                raise ServerUnreachable(f"could not connect to {name}")
            yield name

        self.watched[name] = SimpleNamespace(system=SimpleNamespace(name=name), connect_to_advise=connect)


@pytest.fixture
def around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Around]:
    with State.open(tmp_path / "state.db", now_ms=lambda: NOW_MS) as state:
        made = Around(state)
        monkeypatch.setattr(module, "look_at_indexes", lambda name: made.looks[name])
        monkeypatch.setattr(module, "fresh_sizes", lambda _name, _look: {})
        yield made


def standby(found: IndexLook) -> IndexLook:
    return replace(found, identity=replace(found.identity, in_recovery=True, started_at_us=2), standbys=0)


def test_a_watched_standby_is_found_by_its_cluster(around: Around) -> None:
    primary = look(facts("a", 1), facts("b", 2), standbys=1)
    around.add("shop", primary)
    alone = around.keeper.all("shop")[0]
    assert (alone.standbys, alone.standbys_watched) == (1, 0)
    assert {one.verdict for one in alone.indexes} == {IndexVerdict.WAIT}
    around.add("shop-2", standby(look(facts("a", 1), facts("b", 2, scans=40))))
    found = {one.facts.name: one for one in around.keeper.all()[0].indexes}
    assert found["a"].verdict is IndexVerdict.DROP
    assert "nor on 1 standby" in found["a"].reason
    assert found["b"].verdict is IndexVerdict.KEEP
    assert found["b"].scans == 40
    there = {one.facts.name: one for one in around.keeper.all("shop-2")[0].indexes}
    assert there["a"].ddl == "", "nothing is dropped on a standby"
    assert "on the primary" in there["a"].reason


def test_one_that_does_not_answer_is_said_and_not_asked_for_each_page(around: Around) -> None:
    around.add("gone", None)
    around.add("shop", look(facts("a", 1)))
    first, second = around.keeper.all()
    assert (first.system, first.problem, first.at_ms) == ("gone", "could not connect to gone", None)
    assert second.problem is None
    around.keeper.all()
    assert sorted(around.asked) == ["gone", "shop"]
    around.now_ms_ += module.FRESH_MS + 1
    around.looks["shop"] = None
    late = around.keeper.all("shop")[0]
    assert late.problem == "could not connect to shop"
    assert late.indexes, "what was seen before is still shown"
    around.watched.clear()
    around.keeper.look()
    assert around.keeper.all("shop")[0].indexes == ()


def test_counts_that_move_and_gaps_between_looks(around: Around) -> None:
    database, start = around.state.database, NOW_MS
    for days, scans in ((0, 5), (1, 5), (2, 7), (3, 0), (4, 0)):
        note_reads(database, "shop", "s/1", {1: scans}, start + days * DAY_MS)
    known = reads_of(database, "shop", "s/1")[1]
    assert (known.first_ms, known.moved_ms) == (start, start + 2 * DAY_MS), "a reset is no read"
    after = start + 4 * DAY_MS + GAP_MS + 1
    note_reads(database, "shop", "s/1", {1: 0}, after)
    assert reads_of(database, "shop", "s/1")[1].first_ms == after, "nobody looked meanwhile"
    note_reads(database, "shop", "s/2", {9: 1}, after)
    assert reads_of(database, "shop", "s/1") == {}, "another server has other numbers"
