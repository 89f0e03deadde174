"""The judgement's own error, by simulation with machine-wide drift (the real thing is `make aa`)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.effect_simulation import rates
from trimtab.stats.batches import batch_means, synthetic_control
from trimtab.stats.effect import estimate_effect


@pytest.mark.slow
@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_a_change_that_changes_nothing_is_seldom_called_an_effect(phi: float) -> None:
    kept, back, _ = rates(phi=phi, ratio=1.0, before=120, after=120, repetitions=150, alpha=0.05)
    assert kept + back <= 0.06, f"kept {kept:.1%}, rolled back {back:.1%} (binomial 99 % limit for a 2.5 % rate)"


@pytest.mark.parametrize(("ratio", "expected"), [(0.4, "keep"), (2.0, "roll_back")])
def test_a_large_effect_is_decided_quickly_and_never_the_wrong_way(ratio: float, expected: str) -> None:
    kept, back, slices = rates(phi=0.5, ratio=ratio, before=120, after=60, repetitions=60, alpha=0.05)
    right, wrong = (kept, back) if expected == "keep" else (back, kept)
    assert right >= 0.9
    assert wrong == 0.0
    assert slices <= 36


def test_the_interval_holds_the_truth() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        drift = np.cumsum(rng.normal(0, 0.03, 200))
        series = drift + rng.normal(0, 0.2, (5, 200))
        series[0, 140:] += math.log(0.6)
        effect = estimate_effect(series[0, :140], series[0, 140:], series[1:], alpha=0.10)
        assert effect is not None
        hits += effect.low <= math.log(0.6) <= effect.high
    assert hits >= 180


def test_the_same_answer_in_seconds_and_in_milliseconds() -> None:
    rng = np.random.default_rng(5)
    series = rng.normal(0, 0.3, (4, 160))
    one = estimate_effect(series[0, :120], series[0, 120:], series[1:], alpha=0.05)
    other = estimate_effect(
        series[0, :120] + math.log(1000), series[0, 120:] + math.log(1000), series[1:] + math.log(1000), alpha=0.05
    )
    assert one is not None
    assert other is not None
    assert one.log_ratio == pytest.approx(other.log_ratio)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_gaps_do_not_break_it_and_too_little_is_said() -> None:
    rng = np.random.default_rng(9)
    series = rng.normal(0, 0.1, (4, 160))
    series[:, 20:26] = np.nan
    series[0, 130::3] = np.nan
    effect = estimate_effect(series[0, :120], series[0, 120:], series[1:], alpha=0.05)
    assert effect is not None
    assert math.isfinite(effect.low)
    assert estimate_effect(series[0, :30], series[0, 30:60], series[1:, :60], alpha=0.05) is None


def test_batches_and_controls_leave_out_what_is_missing() -> None:
    assert batch_means(np.array([np.nan, np.nan, 1.0, 3.0]), 2).tolist() == [2.0]
    control = synthetic_control(np.array([[np.nan, np.nan, 1.0], [2.0, 4.0, 5.0]]), 2)
    assert control.tolist() == [-1.0, 1.0, 2.0]
