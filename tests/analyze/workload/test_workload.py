"""The workload ahead by template: clusters, shares that move, spikes that come again; ten thousand of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from trimtab.analyze.workload.clusters import Clusters, ClusterSettings
from trimtab.analyze.workload.forecast import Ahead, predict_workload
from trimtab.analyze.workload.spikes import spikes_ahead
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64

HOUR_MS = 3_600_000
HOURS = np.arange(24 * 14)
SHAPES = (
    1 + np.sin(2 * np.pi * HOURS / 24),
    1 - np.sin(2 * np.pi * HOURS / 24),
    np.where(HOURS % 168 < 120, 2.0, 0.2),
)


def last_week(values: F64, _step_ms: int, _start_ms: int, steps: int) -> Ahead:
    """The naive forecaster."""
    ahead = values[:, -168 : -168 + steps]
    return SimpleNamespace(mean=ahead, lo_90=ahead * 0.9, hi_90=ahead * 1.1)


def yesterday(values: F64, _step_ms: int, _start_ms: int, steps: int) -> Ahead:
    """Totals that stay: what grows then grows by its share."""
    ahead = values[:, -24:][:, np.arange(steps) % 24]
    return SimpleNamespace(mean=ahead, lo_90=ahead, hi_90=ahead)


def counts(templates: int, seed: int = 1) -> tuple[F64, F64]:
    draw = np.random.default_rng(seed)
    which = draw.integers(0, len(SHAPES), templates)
    scale = 20 * (1 + draw.pareto(1.2, templates))
    return draw.poisson(scale[:, None] * np.stack(SHAPES)[which]).astype(np.float64), which.astype(np.float64)


def test_ten_thousand_templates_fall_into_the_shapes_they_were_made_of() -> None:
    rates, which = counts(10_000)
    clusters = Clusters()
    names = [str(number) for number in range(len(rates))]
    found = clusters.assign(names, rates)
    assert len(np.unique(found)) <= 12
    busy = rates.sum(axis=1) > np.median(rates.sum(axis=1))
    for shape in range(len(SHAPES)):
        of_shape = found[busy & (which == shape)]
        assert np.bincount(of_shape).max() / len(of_shape) > 0.95
    again = clusters.assign(names, rates)
    assert (found == again).mean() > 0.98


def test_calls_ahead_are_right_by_template_and_as_a_whole() -> None:
    rates, _ = counts(300, seed=4)
    truth, _ = counts(300, seed=4)
    found = predict_workload([str(n) for n in range(300)], rates, HOUR_MS, 0, 24, last_week)
    assert found.start_ms == len(HOURS) * HOUR_MS
    expected = truth[:, -168:-144].sum(axis=1)
    busiest = np.argsort(-expected)[:30]
    assert np.median(np.abs(found.then[busiest] / expected[busiest] - 1)) < 0.08
    assert set(np.argsort(-found.then)[:10]) >= set(busiest[:5].tolist())
    assert found.then.sum() == pytest.approx(expected.sum(), rel=0.02)
    assert found.ahead_of(int(busiest[0])).sum() == pytest.approx(found.then[busiest[0]])


def test_a_template_that_takes_over_is_the_one_that_grows() -> None:
    flat = np.full(len(HOURS), 500.0)
    rising = 100 * 1.05 ** (HOURS / 24)
    rates = np.stack([flat, rising, np.full(len(HOURS), 50.0)])
    found = predict_workload(["flat", "rising", "small"], rates, HOUR_MS, 0, 24, yesterday)
    assert found.cluster[0] == found.cluster[1]
    assert [found.names[place] for place in found.growing(3)] == ["rising"]


def test_spikes_come_again_by_the_day_and_by_the_week_and_single_ones_do_not() -> None:
    calls = np.full(24 * 28, 10.0)
    calls[(HOURS[:0].size + 5) :: 168] = 400.0
    weekly = spikes_ahead(calls, HOUR_MS, 168)
    assert [(one.step, one.period_days, one.height) for one in weekly] == [(5, 7, 400.0)]
    once = np.full(24 * 28, 10.0)
    once[200] = 900.0
    assert spikes_ahead(once, HOUR_MS, 168) == []
    assert spikes_ahead(np.random.default_rng(1).poisson(20, 24 * 14).astype(float), HOUR_MS, 24) == []


def test_clusters_stay_within_their_limit() -> None:
    draw = np.random.default_rng(3)
    rates = np.zeros((40, 400))
    for row in range(40):
        rates[row, row * 10 : row * 10 + 10] = draw.integers(50, 100, 10)
    found = Clusters(ClusterSettings(clusters_max=5)).assign([str(n) for n in range(40)], rates)
    assert len(np.unique(found)) == 5


def test_input_that_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        predict_workload(["a"], np.ones((2, 48)), HOUR_MS, 0, 24, last_week)
    with pytest.raises(InputError, match="needs 24 points"):
        predict_workload(["a"], np.ones((1, 12)), HOUR_MS, 0, 24, last_week)
    with pytest.raises(InputError, match="templates are looked at"):
        predict_workload([], np.ones((0, 48)), HOUR_MS, 0, 24, last_week)
    gaps = np.full((1, 400), np.nan)
    gaps[0, 30:] = 5.0
    assert predict_workload(["a"], gaps, HOUR_MS, 0, 24, last_week).shares.tolist() == [1.0]
