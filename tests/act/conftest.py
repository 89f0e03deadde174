"""Fixtures of `act`: a machine on the real database, and the kill test's counts in the terminal summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.act.support import FakeClock, FakeJudge, Rig, changing, finding, make_table, policy
from tests.conftest import Database
from trimtab.act.create_index import CreateIndex
from trimtab.store.state import State

SUMMARY_LINES: list[str] = []


@pytest.fixture
def rig(database: Database, tmp_path: Path) -> Iterator[Rig]:
    """A machine that may do everything by itself, over a table of 1,000 orders."""
    make_table(database)
    clock, judge = FakeClock(), FakeJudge()
    with State.open(tmp_path / "state.db", now_ms=clock.now_ms) as state:
        actuator = CreateIndex(changing(database), drop_back_off_s=0.01)
        case = state.open_case(finding(), "select $1")
        yield Rig(database, state, actuator, judge, clock, case.id, policy())


@pytest.fixture
def summary_lines() -> list[str]:
    """Lines for the end of pytest's output, where also a passing test can say something."""
    return SUMMARY_LINES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in SUMMARY_LINES:
        terminalreporter.write_line(line)
