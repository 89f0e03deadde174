"""Writes to the state are told once they are durable, outside the lock, and never when they were rolled back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.act.support import finding, proposal
from trimtab.model.change import ChangeState
from trimtab.model.errors import ConflictError
from trimtab.model.system import System
from trimtab.store.news import News
from trimtab.store.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


def test_each_write_says_what_it_was_about(state: State) -> None:
    heard: list[News] = []
    state.listen(heard.append)
    state.add_system(System("shop", "service=shop", None, 5))
    case = state.open_case(finding(), "select $1")
    change = state.create_change(case.id, proposal())
    state.append(change.id, change.ledger_seq, "test", ChangeState.CHECKED, "tester", {})
    state.set_kill_switch("stop")
    state.set_meta("anything", "else")
    told_case = News("case", (("id", case.id),))

    def moved(to: str) -> News:
        return News("change", (("id", change.id), ("case_id", case.id), ("state", to)))

    assert heard == [
        News("system", (("name", "shop"),)),
        told_case,
        moved("proposed"),
        told_case,
        moved("checked"),
        told_case,
        News("status"),
    ]


def test_what_is_rolled_back_is_never_told(state: State) -> None:
    case = state.open_case(finding(), "select $1")
    heard: list[News] = []
    state.listen(heard.append)

    def half_way() -> None:
        with state.database.transaction():
            state.update_case(case.id, reason="half way")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_way()
    change = state.create_change(case.id, proposal())
    heard.clear()
    with pytest.raises(ConflictError):
        state.append(change.id, change.ledger_seq - 1, "test", ChangeState.CHECKED, "tester", {})
    assert heard == []
    state.set_kill_switch(None)
    assert heard == [News("status")], "nothing of the failed ones is left over"


def test_who_listens_finds_the_write_and_may_write_himself(state: State) -> None:
    seen: list[object] = []

    def look(news: News) -> None:
        reader = threading.Thread(target=lambda: seen.append(state.kill_switch()))
        reader.start()
        reader.join(5)
        if state.meta("echo") is None:
            state.set_meta("echo", news.kind)

    state.listen(look)
    state.set_kill_switch("stop")
    assert seen == ["stop"]
    assert state.meta("echo") == "status"
