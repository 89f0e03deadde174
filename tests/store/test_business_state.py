"""Runs of pipelines, probes and hours in the state: told twice is once, what is over stays over, old ones go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trimtab.model.pipelines import PipelineRun, RunSource, RunStatus
from trimtab.store import business_state
from trimtab.store.business_state import KeptUse, PipelineState, UseState
from trimtab.store.state_database import StateDatabase

RUN = PipelineRun(RunSource.OPENLINEAGE, "etl/load", "r1", RunStatus.RUNNING, started_at_ms=1_000)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    opened = StateDatabase(tmp_path / "state.db")
    yield opened
    opened.close()


def test_the_end_may_come_before_the_beginning(database: StateDatabase) -> None:
    state = PipelineState(database)
    over = replace(RUN, status=RunStatus.FAILED, started_at_ms=None, ended_at_ms=5_000, told="no disk")
    state.keep([over], 1)
    assert state.newest()[0].duration_ms is None
    state.keep([RUN], 2)
    [run] = state.newest()
    assert (run.status, run.started_at_ms, run.ended_at_ms, run.told) == (RunStatus.FAILED, 1_000, 5_000, "no disk")
    state.keep([over], 3)
    assert state.newest()[0].duration_ms == 4_000
    [standing] = state.standings(0)
    assert (standing["failed"], standing["success"], standing["running"], state.count()) == (1, 0, 0, 1)
    assert state.standings(5_001)[0]["failed"] == 0


def test_old_runs_and_too_many_go(database: StateDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(business_state, "RUNS_MAX", 3)
    state = PipelineState(database)
    for number in range(6):
        ended = replace(RUN, run_id=f"r{number}", status=RunStatus.SUCCESS, ended_at_ms=1_000 * (number + 1))
        state.keep([ended], 1_000 * (number + 1))
    state.forget(2_000)
    assert [run.run_id for run in state.newest()] == ["r5", "r4", "r3"]


def test_how_far_spans_were_looked_at_is_kept(database: StateDatabase) -> None:
    state = PipelineState(database)
    assert state.looked_to() is None
    state.set_looked_to(7)
    state.set_looked_to(9)
    assert PipelineState(database).looked_to() == 9


def test_an_hour_is_written_anew(database: StateDatabase) -> None:
    state = UseState(database)
    assert state.newest_ms() is None
    first = KeptUse("shop", 0, 1.0, 2.0, None, 0.5)
    state.keep([first, replace(first, hour_ms=3_600_000)])
    state.keep([replace(first, processor_s=3.0)])
    assert [use.processor_s for use in state.between(0, 3_600_000)] == [3.0]
    assert state.newest_ms() == 3_600_000
    state.forget(1)
    assert [use.hour_ms for use in state.between(0, 9_000_000)] == [3_600_000]
