"""What is said of the way back: what it would be before there is anything, and what really happened afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.stories import Stories
from trimtab.app.reading.rows import change_row
from trimtab.model.change import Change, ChangeState
from trimtab.store.ledger import Event
from trimtab.store.state import State

GONE = "it was no longer there; trimtab dropped nothing"


@pytest.fixture
def stories(tmp_path: Path) -> Iterator[Stories]:
    with State.open(tmp_path / "state.db", now_ms=lambda: 1_790_000_000_000) as state:
        yield Stories(state, 1_790_000_000_000)


def said(stories: Stories, change: Change) -> str:
    return change_row(stories.state, change).undo.what


def ended(stories: Stories, state: ChangeState, outcome: str) -> Change:
    change = stories.watching()
    stories.move(change, Event.ROLLBACK_INTENDED, ChangeState.WATCHING, final=state.value, reason="r")
    return stories.move(change, Event.UNDONE, state, reason="r", rollback={"outcome": outcome})


def test_the_way_back_is_known_before_there_is_anything_to_take_back(stories: Stories) -> None:
    undo = change_row(stories.state, stories.proposed()).undo
    assert undo.state == "none_needed"
    assert undo.statement is not None
    assert undo.statement.startswith("DROP INDEX CONCURRENTLY public.trimtab_orders_customer_id")


@pytest.mark.parametrize(
    ("state", "outcome", "words"),
    [
        (ChangeState.ROLLED_BACK, "removed", "the index was dropped again"),
        (ChangeState.ROLLED_BACK, "absent", GONE),
        (ChangeState.INCONCLUSIVE, "removed", "nothing was proven, and the index was dropped again"),
        (ChangeState.INCONCLUSIVE, "absent", f"nothing was proven, and {GONE}"),
        (ChangeState.FAILED, "absent", GONE),
        (ChangeState.FAILED, "removed", "what was there of the index was removed"),
    ],
)
def test_what_is_told_is_what_the_ledger_says(stories: Stories, state: ChangeState, outcome: str, words: str) -> None:
    assert said(stories, ended(stories, state, outcome)) == words


def test_what_somebody_removed_under_the_watch_was_not_removed_by_trimtab(stories: Stories) -> None:
    change = stories.watching()
    change = stories.move(change, Event.FAILED, ChangeState.FAILED, reason="somebody else removed it")
    assert said(stories, change) == GONE


def test_a_build_that_was_stopped_left_nothing_because_trimtab_removed_it(stories: Stories) -> None:
    change = stories.applying()
    stories.move(change, Event.ROLLBACK_INTENDED, ChangeState.APPLYING, final="rolled_back", reason="r")
    change = stories.move(change, Event.UNDONE, ChangeState.ROLLED_BACK, reason="r", rollback={"outcome": "absent"})
    assert said(stories, change) == "the index was dropped again"
