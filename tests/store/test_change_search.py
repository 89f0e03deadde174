"""Looking for changes: filters, words, pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.act.support import finding, proposal
from trimtab.model.change import Change, ChangeState
from trimtab.store.change_search import Wanted, count_changes, find_changes
from trimtab.store.ledger import Event
from trimtab.store.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    clock = iter(range(1_000, 10**9))
    with State.open(tmp_path / "state.db", now_ms=lambda: next(clock)) as opened:
        yield opened


def begun(state: State, system: str, fingerprint: str, end: ChangeState, text: str = "select 1") -> Change:
    """A change that was begun, and ended so."""
    case = state.open_case(finding(system, fingerprint), text)
    change = state.create_change(case.id, proposal(system=system))
    way = [ChangeState.CHECKED, ChangeState.CHECKPOINTED, ChangeState.APPLYING, ChangeState.WATCHING, end]
    for target in way:
        event = Event.APPLY_INTENDED if target is ChangeState.APPLYING else "test"
        state.append(change.id, change.ledger_seq, event, target, "tester", {})
        change = state.change(change.id)
    return change


def test_changes_that_never_touched_anything_are_not_found(state: State) -> None:
    state.create_change(state.open_case(finding(), "select 1").id, proposal())
    assert find_changes(state.database, Wanted(), limit=10) == ()
    assert count_changes(state.database, Wanted()) == {}


def test_changes_are_filtered_counted_and_paged_newest_first(state: State) -> None:
    kept = [begun(state, "shop", f"{n:016x}", ChangeState.KEPT) for n in range(3)]
    back = begun(state, "other", "a" * 16, ChangeState.ROLLED_BACK)
    assert [c.id for c in find_changes(state.database, Wanted(), limit=2)] == [back.id, kept[2].id]
    assert [c.id for c in find_changes(state.database, Wanted(), limit=2, offset=2)] == [kept[1].id, kept[0].id]
    assert count_changes(state.database, Wanted()) == {"kept": 3, "rolled_back": 1}
    assert count_changes(state.database, Wanted(system="shop")) == {"kept": 3}
    assert [c.id for c in find_changes(state.database, Wanted(states=("rolled_back",)), limit=9)] == [back.id]


def test_words_are_all_needed_and_numbers_find_the_case(state: State) -> None:
    first = begun(state, "shop", "1" * 16, ChangeState.KEPT, "SELECT * FROM Parcels WHERE a = $1")
    second = begun(state, "shop", "2" * 16, ChangeState.KEPT, "SELECT * FROM letters")

    def found(words: str) -> set[str]:
        return {change.id for change in find_changes(state.database, Wanted(search=words), limit=10)}

    assert found("parcels SELECT") == {first.id}
    assert found("parcels letters") == set()
    assert found(f"#{second.case_id}") == {second.id}
    assert found("%") == set()
    assert found("' OR 1=1 --") == set()
    assert found("$1") == {first.id}
