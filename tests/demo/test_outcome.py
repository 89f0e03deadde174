"""What the demo makes of trimtab's answers: goals, demo.json, lines."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from demo.faults.fault import FaultKind
from demo.outcome import document, fault_of, goals
from demo.show.live import LiveScreen
from demo.show.plain import PlainScreen
from demo.show.report import print_report
from demo.show.view import Suffering, View
from tests.demo.recorded import ANSWERED_AT_MS, BY_KIND, EFFECT, FAULTS, case, done

CONTRACT = {
    "id",
    "kind",
    "verdict",
    "change",
    "reason",
    "p95_before_ms",
    "p95_after_ms",
    "predicted_ratio",
    "predicted_interval_90",
    "measured_ratio",
    "measured_interval_90",
}


def view(elapsed_s: float = 42.0) -> View:
    ledger = [{"seq": 1, "case_id": 1, "state": "proposed", "event": "proposed"}]
    sufferings = tuple(Suffering(fault, 12.0, 90.0) for fault in FAULTS)
    return View(elapsed_s, "a title", done(), ledger, sufferings, 101.0, 0, {"postgres": 0.5}, ("a note",))


def test_all_goals_are_reached() -> None:
    assert goals(done(), FAULTS).all_reached
    assert goals(done(), FAULTS).missing() == ""


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_each_goal_counts(absent: int) -> None:
    cases = done()
    del cases[absent]
    assert not goals(cases, FAULTS).all_reached
    assert goals(cases, FAULTS).missing()


def test_another_case_that_ends_so_is_no_proof() -> None:
    wrong = [
        case(1, FaultKind.LIE, "kept", EFFECT),
        case(2, FaultKind.HOPELESS, "rolled_back", EFFECT),
        case(3, FaultKind.MISSING_SPECIAL, "no_advice"),
    ]
    reached = goals(wrong, FAULTS)
    assert [reached.kept, reached.rolled_back, reached.no_advice] == [False, False, False]


@pytest.mark.parametrize("after", [8.1, None])
def test_a_kept_change_must_have_brought_p95_down_ten_times(after: float | None) -> None:
    kept = case(1, FaultKind.MISSING_COMPOSITE, "kept", {**EFFECT, "p95_after_ms": after})
    assert not goals([kept], FAULTS).kept


def test_demo_json_has_the_fields_of_the_contract() -> None:
    made = json.loads(json.dumps(document(done(), FAULTS, ANSWERED_AT_MS)))
    assert made["seconds_to_first_kept"] == 107.0
    assert [row["verdict"] for row in made["cases"]] == ["kept", "rolled_back", "no_advice"]
    assert all(set(row) >= CONTRACT for row in made["cases"])
    kept, _, hopeless = made["cases"]
    assert kept["measured_ratio"] == 0.004
    assert kept["p95_after_ms"] == 1.0
    assert kept["predicted_interval_90"] == [0.005, 0.02]
    assert kept["fault"].startswith("missing_composite:")
    assert hopeless["measured_ratio"] is None
    assert hopeless["windows"] is None
    assert made["open_cases"] == [{"id": 4, "kind": "objective_broken", "state": "open"}]


def test_nothing_kept_has_no_first_moment() -> None:
    assert document([], FAULTS, ANSWERED_AT_MS) == {"seconds_to_first_kept": None, "cases": [], "open_cases": []}


def test_cases_find_their_fault_by_the_shape_of_the_text() -> None:
    assert [fault_of(found, FAULTS) for found in done()] == [
        BY_KIND[kind]
        for kind in (FaultKind.MISSING_COMPOSITE, FaultKind.LIE, FaultKind.HOPELESS, FaultKind.MISSING_SPECIAL)
    ]
    assert fault_of({"fingerprint": "x", "query_text": "SELECT 1"}, FAULTS) is None


def test_plain_lines_come_once_for_each_event(capsys: pytest.CaptureFixture[str]) -> None:
    screen = PlainScreen()
    screen.show(view())
    first = capsys.readouterr().out
    assert "ledger 1" in first
    assert "case 1 kept" in first
    assert "p95 80 ms -> 1.0 ms" in first
    assert "a note" in first
    screen.show(view(43.0))
    assert capsys.readouterr().out == ""


def test_the_live_page_shows_everything() -> None:
    console = Console(width=200, height=60, force_terminal=True, record=True)
    screen = LiveScreen(console)
    screen.show(view())
    screen.close()
    shown = console.export_text()
    for text in ("a title", "rolled_back", "no_advice", "x0.004", "a note", "postgres 50 %"):
        assert text in shown


def test_the_report_has_predicted_and_measured(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(document(done(), FAULTS, ANSWERED_AT_MS))
    shown = capsys.readouterr().out
    assert "x0.01" in shown
    assert "x0.004" in shown
    assert "107.0 s after" in shown
