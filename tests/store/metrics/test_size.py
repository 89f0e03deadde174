"""What a sample takes on disk: 3 bytes at most, in all, with milliseconds of jitter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.empty_store import make_tables
from tests.store.metrics.scrapes import now_ms
from trimtab.model.retention import RetentionPolicy
from trimtab.store.metrics.contract import Samples
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = [pytest.mark.store, pytest.mark.slow]
SERIES, SCRAPES, STEP_MS = 10_000, 1000, 15_000
BYTES_A_SAMPLE_MAX = 3.0


def test_a_sample_takes_three_bytes_at_most(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw = np.random.default_rng(5)
    labels = [
        (("__name__", f"metric_{number % 50}"), ("instance", f"10.0.{number // 250}.1:9100"), ("n", str(number)))
        for number in range(SERIES)
    ]
    is_counter = np.arange(SERIES) % 10 < 8
    rates = draw.gamma(2, 20, SERIES)
    counters, gauges = np.zeros(SERIES), draw.random(SERIES) * 1e9
    begin_ms = now_ms() - SCRAPES * STEP_MS + draw.integers(0, STEP_MS, SERIES)
    with EmbeddedTelemetry.open(make_tables(tmp_path), None, RetentionPolicy(), MetricLimits()) as telemetry:
        slots = telemetry.metrics.register(labels).slots
        for scrape in range(SCRAPES):
            counters += draw.poisson(rates)
            counters[draw.random(SERIES) < 0.0005] = 0.0  # resets
            gauges += draw.normal(0, 1e6, SERIES)
            at_ms = begin_ms + scrape * STEP_MS + draw.integers(-5, 6, SERIES)
            appended = telemetry.metrics.append(Samples(slots, at_ms, np.where(is_counter, counters, gauges.round())))
            assert appended.accepted_count == SERIES
        telemetry.flush(60)
        telemetry._engine.write("OPTIMIZE TABLE metric_samples FINAL")
        sql = "SELECT sum(bytes_on_disk) / sum(rows) AS n FROM system.parts WHERE active AND table = 'metric_samples'"
        bytes_a_sample = telemetry.query(sql)["n"][0].as_py()
    with capsys.disabled():
        print(f"\nmetrics: {bytes_a_sample:.2f} bytes a sample ({SERIES} series x {SCRAPES} scrapes)")
    assert bytes_a_sample <= BYTES_A_SAMPLE_MAX
