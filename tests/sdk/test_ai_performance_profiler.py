"""`AIPerformanceProfiler`: the seed's four parts on made histories; scores only where they mean something."""

from __future__ import annotations

import numpy as np
import pytest

import trimtab
from tests.analyze.patterns.made import DAY_MS, F64, HOUR_MS, MINUTE_MS, day_wave, moments, noise
from trimtab.analyze.patterns.degradation import Degradation, degradation
from trimtab.analyze.patterns.found import Knee, Lead, Leak, Mix
from trimtab.model.errors import InputError
from trimtab.sdk.ai_performance_profiler import AIPerformanceProfiler
from trimtab.stats.time_series import TimeSeries

STEP_MS = 30 * MINUTE_MS
COUNT = 21 * 48


def history(values: F64) -> tuple[list[int], list[float]]:
    return moments(values.size, STEP_MS).tolist(), values.tolist()


def shop(drift_per_week: float = 0.0, seed: int = 1) -> dict[str, tuple[list[int], list[float]]]:
    """Calls with a day's rhythm and growth, a latency that they load, memory that leaks."""
    rng = np.random.default_rng(seed)
    at = moments(COUNT, STEP_MS)
    weeks = (at - at[0]) / (7 * DAY_MS)
    calls = np.clip(450 + 250 * day_wave(at, 14.0) + 20 * weeks + rng.normal(0, 30, COUNT), 10, 940)
    latency = 5 / (1 - calls / 1000) * np.exp(drift_per_week * weeks) * rng.lognormal(0, 0.1, COUNT)
    memory = 1e9 + 2e8 * weeks + rng.normal(0, 2e7, COUNT)
    return {"calls_per_s": history(calls), "latency_ms": history(latency), "memory_bytes": history(memory)}


def test_the_seeds_parts_are_there() -> None:
    found = trimtab.AIPerformanceProfiler().analyze_performance_patterns(shop())
    knees = [one for one in found.patterns if isinstance(one, Knee)]
    assert len(knees) == 1
    assert knees[0].knee == pytest.approx(500, rel=0.1)
    leaks = [one for one in found.patterns if isinstance(one, Leak)]
    assert {one.series for one in leaks} == {"memory_bytes"}
    assert leaks[0].slope_per_h_90[0] < 2e8 / 168 < leaks[0].slope_per_h_90[1]
    ahead = found.forecast["latency_ms"]
    assert ahead.drift is not None
    assert not ahead.drift.is_degrading
    assert ahead.drift.load == "calls_per_s"
    assert ahead.drift.load_explains > 0.8
    assert ahead.mean.size == 48
    assert bool((ahead.lo_90 <= ahead.hi_90).all())
    actions = {one.series: one for one in found.optimizations}
    assert not any(one.is_verified for one in found.optimizations)
    assert "never given back" in actions["memory_bytes"].action
    assert found.features["calls_per_s"].points == COUNT
    assert found.features["calls_per_s"].step_ms == STEP_MS
    assert found.features["calls_per_s"].gap_ratio == 0


def test_confidence_is_a_share_of_resamples_or_is_not_told() -> None:
    found = AIPerformanceProfiler().analyze_performance_patterns(shop())
    scores = found.confidence_scores
    assert scores["knee/latency_ms"] > 0.9
    assert scores["leak/memory_bytes"] > 0.9
    assert all(0 <= one <= 1 for one in scores.values())
    shares = {one.evidence.found_share for one in found.patterns}
    assert set(scores.values()) <= shares
    short = {name: (times[:140], values[:140]) for name, (times, values) in shop().items()}  # not four days
    young = AIPerformanceProfiler().analyze_performance_patterns(short)
    assert not any(key.startswith("cycle/") for key in young.confidence_scores)
    assert {one.series for one in young.nothing} >= {"calls_per_s"}


def test_slower_for_the_same_load_is_degradation_and_more_load_is_not() -> None:
    worse = AIPerformanceProfiler().analyze_performance_patterns(shop(drift_per_week=0.2))
    drift = worse.forecast["latency_ms"].drift
    assert drift is not None
    assert drift.is_degrading
    assert drift.ratio_per_week == pytest.approx(np.exp(0.2), rel=0.1)
    assert drift.ratio_per_week_90[0] < np.exp(0.2) < drift.ratio_per_week_90[1]
    assert "degradation/latency_ms" in worse.confidence_scores
    assert any("grows with time" in one.action for one in worse.optimizations)


def test_walks_do_not_degrade_in_more_than_a_few_of_many() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(40):
        made = TimeSeries("latency", moments(COUNT, STEP_MS), np.exp(noise("walk", COUNT, rng)))
        found = degradation(made)
        wrong += isinstance(found, Degradation) and found.is_degrading
    assert wrong <= 2
    short = degradation(TimeSeries("latency", moments(30, STEP_MS), np.ones(30)))
    assert short == "30 moments, 96 are needed"


def test_templates_have_their_mix_and_series_their_leads() -> None:
    rng = np.random.default_rng(4)
    at = moments(10 * 24, HOUR_MS)
    day = 10 + 5 * day_wave(at, 12.0)
    cause = noise("white", at.size, rng)
    data = {
        "request_volume/a": (at.tolist(), (day * rng.lognormal(0, 0.05, at.size)).tolist()),
        "request_volume/b": (at.tolist(), ((25 - day) * rng.lognormal(0, 0.05, at.size)).tolist()),
        "queue": (at.tolist(), cause.tolist()),
        "wait": (at.tolist(), (np.concatenate([np.zeros(3), cause[:-3]]) + rng.normal(0, 0.5, at.size)).tolist()),
    }
    found = AIPerformanceProfiler().analyze_performance_patterns(data)
    mixes = [one for one in found.patterns if isinstance(one, Mix)]
    assert {one.templates for one in mixes[0].clusters} == {("a",), ("b",)}
    pairs = [(one.leader, one.follower, one.lag_ms // HOUR_MS) for one in found.patterns if isinstance(one, Lead)]
    assert ("queue", "wait", 3) in pairs


def test_wrong_input_is_named() -> None:
    profiler = AIPerformanceProfiler(load_of={"latency_ms": "nobody"})
    with pytest.raises(InputError, match="there is no series 'nobody'"):
        profiler.analyze_performance_patterns(shop())
    with pytest.raises(InputError, match="step is 1 to 86400 seconds, not '1h'"):
        AIPerformanceProfiler(step="1h")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="step is 1 to 86400"):
        AIPerformanceProfiler(step=0)
    with pytest.raises(InputError, match="historical_data"):
        AIPerformanceProfiler().analyze_performance_patterns({"cpu": [1.0, 2.0]})
    assert not hasattr(AIPerformanceProfiler, "auto_tune_performance")
