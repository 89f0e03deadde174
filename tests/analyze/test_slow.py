"""Which shapes become findings, and which do not."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.analyze.queries.slow import find_slow_shapes, shape_loads
from trimtab.model.finding import FindingKind
from trimtab.model.policy import DetectPolicy
from trimtab.sql.fingerprint import shape_of
from trimtab.store.facts import SliceTable

POLICY = DetectPolicy(latency_objective_ms=50.0, load_share_min=0.2, load_mean_ms_min=5.0, calls_min=20, slices_min=12)


def table(**shapes: tuple[int, float]) -> SliceTable:
    """Thirty slices of one second; each shape runs `calls` times a slice at a mean of `ms` (with 10 % noise)."""
    rng = np.random.default_rng(1)
    start = np.arange(30, dtype=np.int64) * 1000
    calls = np.array([[n] * 30 for n, _ in shapes.values()], dtype=np.int64)
    means = np.array([[ms] * 30 for _, ms in shapes.values()]) * rng.normal(1.0, 0.1, calls.shape)
    return SliceTable(tuple(shapes), start, start + 1000, calls, calls * means, calls)


def found(slices: SliceTable, **kwargs: object) -> list[tuple[str, FindingKind]]:
    shapes = {name: shape_of("shop", "SELECT * FROM orders WHERE id = 1") for name in slices.fingerprints}
    return [(f.fingerprint, f.kind) for f in find_slow_shapes("shop", slices, shapes, POLICY, 30_000)]


def test_a_broken_objective_and_a_heavy_load_are_found_heaviest_first() -> None:
    slices = table(slow=(2, 120.0), heavy=(40, 8.0), fine=(100, 0.2))
    assert found(slices) == [("heavy", FindingKind.CARRIES_LOAD), ("slow", FindingKind.OBJECTIVE_BROKEN)]


def test_just_at_the_objective_is_not_found_because_the_samples_do_not_agree() -> None:
    assert found(table(edge=(2, 50.0), busy=(500, 4.0))) == []


@pytest.mark.parametrize("calls_sql", ["VACUUM orders", "not sql at all"])
def test_utility_statements_are_left_alone(calls_sql: str) -> None:
    slices = table(slow=(2, 120.0))
    shapes = {"slow": shape_of("shop", calls_sql, fallback_id="1")}
    assert find_slow_shapes("shop", slices, shapes, POLICY, 30_000) == ()


def test_too_few_calls_or_slices_say_nothing() -> None:
    slices = table(slow=(2, 120.0))
    few = SliceTable(
        slices.fingerprints,
        slices.started_at_ms[:5],
        slices.ended_at_ms[:5],
        slices.calls[:, :5],
        slices.total_exec_time_ms[:, :5],
        slices.rows[:, :5],
    )
    assert found(few) == []


def test_evidence_has_the_window_an_interval_and_a_source() -> None:
    slices = table(slow=(2, 120.0))
    shapes = {"slow": shape_of("shop", "SELECT * FROM orders WHERE id = 1")}
    (finding,) = find_slow_shapes("shop", slices, shapes, POLICY, 30_000)
    mean = finding.evidence[0]
    assert mean.interval_90 is not None
    assert mean.interval_90[0] < mean.value < mean.interval_90[1]
    assert (mean.window_start_ms, mean.window_end_ms, mean.samples_count) == (0, 30_000, 30)
    assert "query_executions" in mean.source
    assert finding.confidence > 0.99


def test_loads_add_up_to_one() -> None:
    loads = shape_loads(table(a=(2, 120.0), b=(40, 8.0)))
    assert sum(load.load_share for load in loads) == pytest.approx(1.0)
