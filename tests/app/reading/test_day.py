"""The day that reads are measured on: the same seed and end give the same facts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.day_of_data import fill_day
from tests.empty_store import make_tables
from trimtab.store.shape_sums import observed_ms, shape_sums
from trimtab.store.state import State
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]


def facts_of(data_dir: Path, end_ms: int, seed: int) -> list[object]:
    day = fill_day(
        make_tables(data_dir),
        seed=seed,
        end_ms=end_ms,
        hours=0.2,
        shapes_count=60,
        hot_count=12,
        spans_per_s=1,
        history_count=3,
    )
    with EmbeddedTelemetry.open(data_dir) as telemetry:
        sums = shape_sums(telemetry, day.start_ms, day.end_ms)
        spans = telemetry.query("SELECT count() AS n, round(sum(duration_ms), 3) AS ms FROM spans").to_pylist()
        facts: list[object] = [sums.fingerprints, sums.calls.tolist(), sums.total_exec_time_ms.round(6).tolist(), spans]
        facts.append(observed_ms(telemetry, day.start_ms, day.end_ms))
    with State.open(data_dir / "state.db") as state:
        facts.append(
            [(case.fingerprint, case.verdict, case.opened_at_ms, case.finding.title) for case in state.cases()]
        )
        assert state.verify_chain().intact
    return facts


def test_the_day_is_the_same_again(tmp_path: Path) -> None:
    end_ms = time.time_ns() // 1_000_000
    first = facts_of(tmp_path / "first", end_ms, 7)
    assert facts_of(tmp_path / "second", end_ms, 7) == first
    assert facts_of(tmp_path / "third", end_ms, 8) != first
