"""A segment of many spans is decoded a piece at a time, and stored as one block."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.store.traces.otlp import Made, request
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces import sink

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(spans_load_interval_s=3600)


def test_pieces_become_one_part_and_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "_BATCH_ROWS", 3)
    with EmbeddedTelemetry.open(tmp_path, LIMITS) as store:
        for trace in range(1, 11):
            spans = [Made(trace, span, took_ms=trace) for span in (1, 2)]
            store.append_otlp_traces(request(spans).SerializeToString())
        store.flush(60)
        rows = store.query(
            "SELECT trace_id, count() AS n, max(duration_ms) AS took_ms, uniqExact(_part) AS parts FROM spans"
            " GROUP BY trace_id ORDER BY trace_id"
        ).to_pylist()
        assert [(row["n"], row["took_ms"], row["parts"]) for row in rows] == [(2, n, 1) for n in range(1, 11)]
        assert store.query("SELECT uniqExact(_part) AS n FROM spans")["n"].to_pylist() == [1]
        assert store._parts.traces.red.counts.spans_count == 20
