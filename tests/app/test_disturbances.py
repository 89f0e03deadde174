"""Which spans of the past are no baseline, read from a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.act.support import finding, proposal
from trimtab.app.disturbances import disturbances
from trimtab.model.change import Change, ChangeState
from trimtab.store.ledger import Event
from trimtab.store.state import State


class Clock:
    """A moment that the test sets."""

    now = 0


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db", now_ms=lambda: Clock.now) as opened:
        yield opened


def play(state: State, number: int, moves: list[tuple[int, str, ChangeState, dict[str, object]]]) -> Change:
    """A change of its own case, moved at these moments."""
    Clock.now = moves[0][0] - 1
    case = state.open_case(finding(fingerprint=f"f{number}"), "SELECT 1")
    change = state.create_change(case.id, proposal())
    for at_ms, event, to, detail in moves:
        Clock.now = at_ms
        state.append(change.id, state.change(change.id).ledger_seq, event, to, "test", detail)
    return state.change(change.id)


def applied(at_ms: int, build_ms: int) -> list[tuple[int, str, ChangeState, dict[str, object]]]:
    return [
        (at_ms - 2, Event.CHECKED, ChangeState.CHECKED, {}),
        (at_ms - 1, Event.CHECKPOINTED, ChangeState.CHECKPOINTED, {"undo": {}}),
        (at_ms, Event.APPLY_INTENDED, ChangeState.APPLYING, {}),
        (at_ms + build_ms, Event.APPLIED, ChangeState.WATCHING, {}),
    ]


def test_builds_and_rollbacks_are_spans_and_a_later_change_is_none_of_an_earlier_ones(state: State) -> None:
    system = proposal().system
    kept = play(state, 1, [*applied(1000, 50), (2000, Event.KEPT, ChangeState.KEPT, {})])
    back = play(
        state,
        2,
        [
            *applied(3000, 70),
            (4000, Event.ROLLBACK_INTENDED, ChangeState.WATCHING, {"final": "rolled_back", "reason": "slower"}),
            (4100, Event.UNDONE, ChangeState.ROLLED_BACK, {}),
        ],
    )
    play(state, 3, [(5000, Event.REJECTED, ChangeState.REJECTED, {"reason": "no"})])
    assert disturbances(state, system, None) == ((1000, 1050), (3000, 3070), (4000, 4100))
    assert disturbances(state, system, back.id) == ((1000, 1050),)
    assert disturbances(state, system, kept.id) == ()
    assert disturbances(state, "another", None) == ()
