"""Rate, errors and durations of operations are series that PromQL sees, with exemplars that lead to a trace."""

from __future__ import annotations

import math
import time

import pytest

from tests.store.traces.otlp import Made, request, span_id, trace_id
from trimtab.store.intake import Intake
from trimtab.store.metrics.block import Matcher
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.red import OVERFLOW, RedCounts

pytestmark = pytest.mark.store


def values(telemetry: EmbeddedTelemetry, metric: str) -> dict[tuple[str, ...], float]:
    """The last value of each series, by service, span, status and bound."""
    now_ms = time.time_ns() // 1_000_000
    block = telemetry.metrics.select([[Matcher("__name__", "=", metric)]], now_ms - 60_000, now_ms + 60_000)
    found = {}
    for place, labels in enumerate(block.labels):
        named = dict(labels)
        key = tuple(named.get(name, "") for name in ("service_name", "span_name", "status_code", "le"))
        start, end = block.offsets[place], block.offsets[place + 1]
        found[key] = float(block.values[end - 1]) if end > start else math.nan
    return found


def test_calls_errors_and_durations(telemetry: EmbeddedTelemetry) -> None:
    spans = [Made(n, n, service="shop", name="GET /", kind="server", took_ms=3) for n in range(1, 11)]
    spans += [Made(20, 20, service="shop", name="GET /", kind="server", took_ms=700, status="error")]
    spans += [Made(21, 21, service="bank", name="pay", kind="client", took_ms=20_000)]
    telemetry.append_otlp_traces(request(spans).SerializeToString())
    telemetry.flush(60)
    telemetry._parts.traces.red.flush()
    calls = values(telemetry, "traces_span_metrics_calls_total")
    assert calls == {
        ("shop", "GET /", "STATUS_CODE_UNSET", ""): 10,
        ("shop", "GET /", "STATUS_CODE_ERROR", ""): 1,
        ("bank", "pay", "STATUS_CODE_UNSET", ""): 1,
    }
    buckets = values(telemetry, "traces_span_metrics_duration_seconds_bucket")
    assert buckets["shop", "GET /", "STATUS_CODE_UNSET", "0.002"] == 0
    assert buckets["shop", "GET /", "STATUS_CODE_UNSET", "0.004"] == 10
    assert buckets["bank", "pay", "STATUS_CODE_UNSET", "15"] == 0
    assert buckets["bank", "pay", "STATUS_CODE_UNSET", "+Inf"] == 1
    sums = values(telemetry, "traces_span_metrics_duration_seconds_sum")
    assert sums["shop", "GET /", "STATUS_CODE_UNSET", ""] == pytest.approx(0.03)
    telemetry.append_otlp_traces(request(spans[:1]).SerializeToString())
    telemetry.flush(60)
    telemetry._parts.traces.red.flush()
    assert values(telemetry, "traces_span_metrics_calls_total")["shop", "GET /", "STATUS_CODE_UNSET", ""] == 11


def test_the_slowest_is_the_exemplar(telemetry: EmbeddedTelemetry) -> None:
    spans = [Made(n, n, kind="server", took_ms=took) for n, took in ((1, 3.0), (2, 250.0), (3, 4.0))]
    telemetry.append_otlp_traces(request(spans).SerializeToString())
    telemetry.flush(60)
    telemetry._parts.traces.red.flush()
    metric = [[Matcher("__name__", "=", "traces_span_metrics_duration_seconds_bucket")]]
    now_ms = time.time_ns() // 1_000_000
    [series] = telemetry.metrics.exemplars(metric, now_ms - 6 * 3_600_000, now_ms + 3_600_000)
    [one] = series.exemplars
    assert dict(series.series)["le"] == "0.4"
    assert dict(one.labels) == {"trace_id": trace_id(2).hex(), "span_id": span_id(2).hex()}
    assert one.value == 0.25


class TestFewOperations:
    """What is beyond the bound is counted in one series."""

    def test_overflow(self, telemetry: EmbeddedTelemetry) -> None:
        telemetry.append_otlp_traces(request([Made(n, n, name=f"op {n}") for n in range(1, 8)]).SerializeToString())
        telemetry.flush(60)
        counts = RedCounts(operations_max=3)
        table = telemetry.query("SELECT * FROM spans ORDER BY trace_id")
        counts.count(table, 1000, 0)
        rows = counts.take(0)
        assert len(rows) == 4
        assert rows[OVERFLOW].counts.sum() == 4
        assert (counts.overflow_count, counts.spans_count) == (4, 7)
        assert Intake().operations_max == 1000
        assert TelemetryLimits().span_ahead_s_max == 3600
