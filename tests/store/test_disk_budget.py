"""Where all signals together take too much, their oldest days go; what went is counted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.facts_of_a_shop import trace_request
from trimtab.store.disk_budget import DiskBudget
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store

DAY_NS = 86_400_000_000_000
LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05)


def days(telemetry: EmbeddedTelemetry) -> list[int]:
    """Days that have spans, as ages."""
    found = telemetry.query("SELECT DISTINCT intDiv(started_at_ns, 86400000000000) AS day FROM spans ORDER BY day DESC")
    today = time.time_ns() // DAY_NS
    return [today - day for day in found["day"].to_pylist()]


def test_the_oldest_days_go_and_the_newest_stays(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as telemetry:
        for age in (0, 1, 2, 3):
            start_ns = time.time_ns() - age * DAY_NS - 1000 * (3 - age)
            telemetry.append_otlp_traces(trace_request([f"span {n}" for n in range(500)], start_ns=start_ns))
        telemetry.flush(60)
        assert days(telemetry) == [0, 1, 2, 3]
        nothing = DiskBudget(telemetry._engine, 0)
        nothing.keep()
        total = nothing.bytes_by_signal["traces"]
        assert total > 10_000
        assert days(telemetry) == [0, 1, 2, 3]
        budget = DiskBudget(telemetry._engine, total * 6 // 10)
        budget.keep()
        assert days(telemetry) == [0, 1]
        assert (budget.dropped_days_count, budget.dropped_rows["traces"]) == (2, 1000)
        assert budget.bytes_by_signal["traces"] <= total * 6 // 10
        tiny = DiskBudget(telemetry._engine, 1)
        tiny.keep()
        assert days(telemetry) == [0]
        assert tiny.dropped_rows == {"traces": 500, "logs": 0, "metrics": 0}
