"""What the ledger measured goes into the record once, and corrects what is advised next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.act.support import finding, proposal
from trimtab.advise.index.advice import Advice
from trimtab.app.advice_record import RecordKeeper
from trimtab.model.change import Change, ChangeState, Effect, Proposal
from trimtab.model.errors import StoreError
from trimtab.model.estimates import Estimate
from trimtab.store.advice_record import RECORD_FILE, AdviceRecord
from trimtab.store.ledger import Event
from trimtab.store.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db", now_ms=lambda: 5_000) as opened:
        yield opened


def ended(state: State, number: int, made: Proposal, ratio: float, final: ChangeState = ChangeState.KEPT) -> Change:
    """A change that was applied and measured."""
    case = state.open_case(finding(fingerprint=f"f{number}"), "SELECT 1")
    change = state.create_change(case.id, made)
    effect = Effect("f", ratio, (ratio / 2, ratio * 2), ratio, 10.0, 10 * ratio, 9, 9, 9, 9, 0, 1, 2, 3, 1.0, ("c",))
    detail: dict[str, object] = {"effect": msgspec.to_builtins(effect)}
    moves: list[tuple[str, ChangeState, dict[str, object]]] = [
        (Event.CHECKED, ChangeState.CHECKED, {}),
        (Event.CHECKPOINTED, ChangeState.CHECKPOINTED, {"undo": {}}),
        (Event.APPLY_INTENDED, ChangeState.APPLYING, {}),
        (Event.APPLIED, ChangeState.WATCHING, {}),
    ]
    if final is ChangeState.KEPT:
        moves.append((Event.KEPT, final, detail))
    else:
        moves.append((Event.ROLLBACK_INTENDED, ChangeState.WATCHING, {"final": final.value, "reason": "slower"}))
        moves.append((Event.UNDONE, final, detail))
    for event, to, said in moves:
        state.append(change.id, state.change(change.id).ledger_seq, event, to, "test", said)
    return state.change(change.id)


def test_what_was_kept_and_what_was_taken_back_are_in_the_record_once(state: State) -> None:
    keeper = RecordKeeper(state)
    predicted = proposal().predicted_ratio
    ended(state, 1, proposal(), predicted * 2)
    ended(state, 2, proposal(), 1.5, ChangeState.ROLLED_BACK)
    for _ in range(2):
        assert keeper.corrections().count == 2
    assert RecordKeeper(state).corrections().count == 2, "another process takes nothing in twice"
    found = {one.outcome: one for one in keeper.record.measured()}
    assert set(found) == {"kept", "rolled_back"}
    assert found["kept"].measured_ratio == pytest.approx(2 * predicted)
    assert found["kept"].measured_by == "watch"


def test_the_record_learns_from_what_the_model_said_and_not_from_its_own_correction(state: State) -> None:
    keeper = RecordKeeper(state)
    for number in range(30):
        ended(state, number, proposal(), 2 * proposal().predicted_ratio)
    raw = proposal().predicted_ratio
    advised = keeper.corrected(Advice((replace(proposal(), fingerprint="next"),)), 4_000).proposals[0]
    assert raw < 1.3 * raw < advised.predicted_ratio < 2 * raw
    assert advised.predicted_interval_90[0] <= 2 * raw <= advised.predicted_interval_90[1] * 1.001
    assert "from 30 measured cases (30 of them of the kind index/plain)" in advised.interval_source
    kept = keeper.record.of_query(advised.system, "next")
    assert [(one.raw_ratio, one.predicted_ratio, one.corrected_from) for one in kept] == [
        (raw, advised.predicted_ratio, 30)
    ]
    ended(state, 99, advised, 2 * raw)
    keeper.take_in()
    known = keeper.record.of_query(advised.system, "next")
    assert [one.raw_ratio for one in known] == [raw]
    assert known[0].measured_ratio == pytest.approx(2 * raw)


def test_a_broken_record_stops_no_advice_and_is_said(state: State, tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_bytes(b"not a database at all" * 100)
    with capture_logs() as logged:
        advised = RecordKeeper(state).corrected(Advice((proposal(),)), 4_000)
    assert advised.proposals[0] == proposal()
    assert any("moved away, it begins anew" in line["problem"] for line in logged)


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    with State.open(tmp_path / "state.db"):
        pass
    with pytest.raises(StoreError, match="another program"):
        AdviceRecord(tmp_path / "state.db").measured()


def test_the_record_is_bounded_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.store.advice_record.ROWS_MAX", 10)
    record = AdviceRecord(tmp_path / "folder" / RECORD_FILE)
    assert record.count() == 0
    assert not record.path.exists(), "to read makes no file"
    rows = [Estimate(f"k{n}", n, "s", "f", "index/plain", "t (a)", 0.5, 0.5, (0.1, float("inf")), 0) for n in range(30)]
    record.keep([replace(rows[0], measured_ratio=0.4, measured_interval_90=(0.3, 0.5), measured_at_ms=7)])
    record.keep(rows)
    assert record.count() == 10
    assert [one.key for one in record.measured()] == ["k0"], "what was measured stays"
    assert record.of_query("s", "f")[0].interval_90 == (0.1, float("inf"))
    assert record.path.stat().st_mode & 0o777 == 0o600
