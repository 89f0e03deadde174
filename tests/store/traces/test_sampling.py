"""Tail sampling keeps what matters, a share of the rest, and says for how many each stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.traces.otlp import Made, request
from trimtab.store.intake import Intake
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.sampling_rules import SamplingRules

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, retry_s_max=0.2)


def open_with(path: Path, rules: SamplingRules) -> EmbeddedTelemetry:
    """A store that samples."""
    return EmbeddedTelemetry.open(make_tables(path), LIMITS, intake=Intake(sampling=rules))


def stored(telemetry: EmbeddedTelemetry) -> dict[int, tuple[int, float]]:
    """Spans of each trace, and their weight."""
    rows = telemetry.query("SELECT trace_id, count() AS n, any(sample_weight) AS w FROM spans GROUP BY trace_id")
    return {int(row["trace_id"], 16): (row["n"], row["w"]) for row in rows.to_pylist()}


def put(telemetry: EmbeddedTelemetry, spans: list[Made]) -> None:
    """Send them."""
    telemetry.append_otlp_traces(request(spans).SerializeToString())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedTelemetry]:
    """One in ten, errors, and what takes a second."""
    with open_with(tmp_path, SamplingRules(one_in=10, slower_ms=1000, wait_s=600)) as telemetry:
        yield telemetry


def test_errors_and_slow_ones_whole_one_in_ten_of_the_rest(store: EmbeddedTelemetry) -> None:
    usual = [Made(n, 10 * n + k, took_ms=5) for n in range(1, 2001) for k in (1, 2, 3)]
    failed = [Made(5000, 1), Made(5000, 2, status="error"), Made(5001, 3), Made(5001, 4, took_ms=1000)]
    put(store, usual + failed)
    store.flush(60)
    found = stored(store)
    assert found.pop(5000) == (2, 1.0)
    assert found.pop(5001) == (2, 1.0)
    assert set(found.values()) == {(3, 10.0)}  # whole, or not at all
    assert 140 <= len(found) <= 260  # 200 ± 4.5 standard deviations
    dropped = store.status().sampled_out_spans_count
    assert dropped == 6000 - 3 * len(found)
    assert store._parts.traces.red.counts.spans_count == 6004  # before anything is left out


def test_what_comes_later_and_came_before_saves_a_trace(store: EmbeddedTelemetry) -> None:
    """Three segments: the middle one has the errors."""
    put(store, [Made(n, 10 * n, took_ms=5) for n in range(1, 101)])
    store._spool._seal("spans")
    put(store, [Made(n, 10 * n + 1, status="error") for n in range(1, 101)])
    store._spool._seal("spans")
    put(store, [Made(n, 10 * n + 2, took_ms=5) for n in range(1, 101)])
    store.flush(60)
    assert stored(store) == dict.fromkeys(range(1, 101), (3, 1.0))


def test_segments_wait_unless_somebody_flushes(store: EmbeddedTelemetry) -> None:
    put(store, [Made(1, 1, status="error")])
    give_up_at_s = time.monotonic() + 1.0
    while time.monotonic() < give_up_at_s:
        assert not stored(store)
        time.sleep(0.1)
    store.flush(60)
    assert stored(store) == {1: (1, 1.0)}


def test_a_service_has_its_own_share_and_decisions_last(tmp_path: Path) -> None:
    rules = SamplingRules(one_in=1_000_000, one_in_of={"checkout": 1}, wait_s=1)
    with open_with(tmp_path, rules) as telemetry:
        put(telemetry, [Made(n, 10 * n, service="shop") for n in range(1, 51)])
        put(telemetry, [Made(n, 10 * n + 1, service="checkout") for n in range(1, 11)])
        telemetry.flush(60)
        assert stored(telemetry) == dict.fromkeys(range(1, 11), (2, 1.0))
    with open_with(tmp_path, SamplingRules(one_in=2, wait_s=1)) as telemetry:
        put(telemetry, [Made(n, 1) for n in range(100, 300)])
        telemetry.flush(60)
        first = set(stored(telemetry))
    with open_with(tmp_path, SamplingRules(one_in=2, wait_s=1)) as telemetry:
        put(telemetry, [Made(n, 2) for n in range(100, 300)])
        telemetry.flush(60)
        assert set(stored(telemetry)) == first
