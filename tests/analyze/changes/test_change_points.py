"""Steps are found with their size; what is no step is none: noise with a memory, drifts, outliers, load, the day."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analyze.changes.worlds import MINUTE_MS, cuts, levels, memory, series_of
from trimtab.analyze.changes import change_points, change_points_of_many
from trimtab.analyze.changes.find import POINTS_MAX
from trimtab.analyze.changes.segments import p_value_of, score_needed
from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.stats.time_series import TimeSeries


def alarms(draw: object, count: int = 60) -> int:
    """In how many of so many series something is found; `draw(seed)` makes one."""
    assert callable(draw)
    return sum(bool(cuts(draw(seed))) for seed in range(count))


def test_steps_are_found_where_they_are_with_their_levels() -> None:
    values = levels((100, 70), (104, 50), (98, 80))
    points = change_points(series_of(values))
    assert [abs(point.index - at) <= 1 for point, at in zip(points, (70, 120), strict=True)] == [True, True]
    first = points[0]
    assert first.at_ms == first.index * MINUTE_MS
    assert first.before == pytest.approx(100, abs=0.5)
    assert first.after == pytest.approx(104, abs=0.5)
    assert first.ratio == pytest.approx(first.after / first.before)
    assert first.interval_90 is not None
    low, high = first.interval_90
    assert 1.0 < low < 1.04 < high < 1.06
    assert first.p_value < 1e-6


def test_nine_in_ten_intervals_hold_the_true_ratio_also_of_noise_with_a_memory() -> None:
    for share in (0.0, 0.5):
        held = []
        for seed in range(120):
            values = 100 + 2 * memory(share, 140, seed)
            values[80:] += 15
            near = [one for one in change_points(series_of(values)) if abs(one.index - 80) <= 3]
            held += [one.interval_90[0] <= 1.15 <= one.interval_90[1] for one in near if one.interval_90]
        assert len(held) > 110
        assert 0.84 <= np.mean(held) <= 0.98


def test_noise_is_no_change_whatever_its_tails_and_its_memory() -> None:
    assert alarms(lambda seed: levels((100, 200), seed=seed)) <= 3
    assert alarms(lambda seed: np.random.default_rng(seed).standard_t(2, 200)) <= 3
    assert alarms(lambda seed: np.random.default_rng(seed).lognormal(0, 1, 200)) <= 3
    assert alarms(lambda seed: memory(0.6, 200, seed)) <= 6
    assert alarms(lambda seed: memory(0.9, 200, seed)) <= 8
    assert alarms(lambda seed: np.cumsum(np.random.default_rng(seed).normal(size=200))) <= 9


def test_a_slow_drift_is_no_step() -> None:
    for size in (10.0, 40.0):
        found = alarms(lambda seed, size=size: levels((50, 300), seed=seed) + np.linspace(0, size, 300), 30)
        assert found <= 3


def test_outliers_are_no_level() -> None:
    values = levels((100, 120))
    values[[30, 31, 32, 90]] = 400
    assert cuts(values) == []
    assert cuts(np.concatenate([values, levels((106, 60), seed=2)])) == [120]


def test_values_that_scatter_more_are_at_the_same_level_and_of_a_step_that_is_said() -> None:
    wider = np.concatenate([levels((100, 100)), levels((100, 100), seed=2, noise=4)])
    assert cuts(wider) == []
    both = np.concatenate([levels((100, 100)), levels((112, 100), seed=2, noise=4)])
    [point] = change_points(series_of(both))
    assert 2.5 < point.spread_ratio < 6


def test_constants_ties_counts_and_gaps() -> None:
    assert cuts(np.full(50, 7.0)) == []
    assert cuts(np.full(50, np.nan)) == []
    assert cuts([]) == []
    assert cuts([1.0, 2.0]) == []
    assert cuts(np.repeat([0.0, 5.0], 20)) == [20]
    counts = np.concatenate([np.random.default_rng(1).poisson(3, 80), np.random.default_rng(2).poisson(9, 60)])
    assert [abs(at - 80) <= 1 for at in cuts(counts.astype(float))] == [True]
    gaps = levels((100, 100), (106, 100))
    gaps[40:60] = gaps[99] = gaps[100] = np.nan
    assert [abs(at - 101) <= 1 for at in cuts(gaps)] == [True], "the row of the series, missing ones counted"


def test_levels_that_are_not_above_zero_have_no_ratio() -> None:
    [point] = change_points(series_of(levels((-5, 60), (3, 60))))
    assert (point.ratio, point.interval_90) == (None, None)
    assert point.before < 0 < point.after


def test_short_histories_of_commits() -> None:
    found = [cuts(levels((100, 12), (106, 7), seed=seed)) for seed in range(20)]
    assert sum(one == [12] for one in found) >= 16


def test_the_last_points_are_provisional_until_there_are_enough() -> None:
    values = levels((100, 60), (108, 30))
    assert [one.provisional for one in change_points(series_of(values[:67]))] == [True]
    assert [one.provisional for one in change_points(series_of(values))] == [False]
    assert cuts(values[:63]) == [], "three points are outliers"


def test_small_changes_may_be_left_out() -> None:
    values = levels((100, 80), (104, 80))
    assert cuts(values) == [80]
    assert cuts(values, ChangePointSettings(change_min_ratio=0.1)) == []


def test_more_load_is_no_degradation_and_a_change_under_load_is_found_at_the_usual_load() -> None:
    rng = np.random.default_rng(4)
    load = 100 + 50 * np.sin(np.arange(600) / 25) + rng.normal(0, 5, 600)
    load[300:] += 35
    load = np.clip(load, 5, 190)
    latency = 5 / (1 - load / 220) * np.exp(rng.normal(0, 0.05, 600))
    calls = series_of(load)
    assert change_points(series_of(latency), None, calls) == []
    slower = latency.copy()
    slower[420:] *= 1.4
    [point] = change_points(series_of(slower), None, calls)
    assert abs(point.index - 420) <= 2
    assert point.adjusted_for == ("load",)
    assert point.ratio == pytest.approx(1.4, abs=0.06)


def test_a_load_that_explains_nothing_changes_nothing() -> None:
    values = levels((100, 100), (106, 100))
    load = series_of(np.random.default_rng(9).uniform(50, 100, 200))
    assert change_points(series_of(values), None, load) == change_points(series_of(values))


def test_the_time_of_day_is_no_change_and_a_change_over_it_is_found() -> None:
    at = np.arange(6 * 96)
    day = 100 + 30 * np.sin(at * 2 * np.pi / 96) + np.random.default_rng(2).normal(0, 3, at.size)
    quarter_ms = 15 * MINUTE_MS
    assert change_points(series_of(day, quarter_ms)) == []
    day[340:] += 20
    points = change_points(series_of(day, quarter_ms))
    assert [(abs(one.index - 340) <= 4, one.adjusted_for) for one in points] == [(True, ("time of day",))]


def test_a_drift_over_days_is_neither_a_time_of_day_nor_a_change() -> None:
    drift = levels((0, 6 * 96)) + np.linspace(0, 30, 6 * 96)
    assert change_points(series_of(drift, 15 * MINUTE_MS)) == []


def test_the_answer_depends_on_neither_unit_nor_sign() -> None:
    values = levels((100, 70), (104, 60))
    assert cuts(values) == cuts(values * 1e6) == cuts(values * 1e-9 + 5) == cuts(-values)


def test_ten_times_the_series_do_not_alarm_ten_times_as_often() -> None:
    clean = [series_of(levels((100, 100), seed=seed)) for seed in range(400)]
    alone = sum(bool(change_points(one)) for one in clean)
    together = sum(map(bool, change_points_of_many(clean)))
    assert together <= max(1, alone // 3)
    with_step = [series_of(levels((100, 60), (105, 40), seed=seed)) for seed in range(1000, 1020)]
    found = change_points_of_many([*with_step, *clean])
    assert sum(bool(one) for one in found[:20]) == 20


def test_long_series_are_looked_at_in_windows_and_too_long_ones_refused() -> None:
    values = levels((100, 2600), (101, 2400), (99, 2500))
    assert [abs(at - true) <= 12 for at, true in zip(cuts(values), (2600, 5000), strict=True)] == [True, True]
    with pytest.raises(ValueError, match=f"the limit is {POINTS_MAX}"):
        cuts(np.zeros(POINTS_MAX + 1))


def test_a_p_value_and_its_score_go_back_and_forth() -> None:
    for p_value in (0.05, 0.01, 1e-5):
        assert p_value_of(score_needed(p_value, 300, 5), 300, 5) == pytest.approx(p_value, rel=0.01)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(st.floats(-1e9, 1e9), st.just(float("nan")), st.integers(0, 3).map(float)), min_size=0, max_size=80
    )
)
def test_whatever_the_numbers_are_the_answer_is_in_order(values: list[float]) -> None:
    points = change_points(series_of(values))
    places = [one.index for one in points]
    assert places == sorted(set(places))
    for one in points:
        assert 0 < one.index < len(values)
        assert np.isfinite([one.before, one.after, one.p_value]).all()
        assert (one.ratio is None) == (one.interval_90 is None)


def test_times_that_are_not_regular_are_taken_as_they_are() -> None:
    rng = np.random.default_rng(5)
    at_ms = np.cumsum(rng.integers(1, 9_000_000, 60))
    [point] = change_points(TimeSeries("commit", at_ms, levels((100, 40), (107, 20))))
    assert point.at_ms == at_ms[point.index] == at_ms[40]


def test_importing_it_compiles_nothing() -> None:
    code = (
        "import sys, json; import trimtab.analyze.changes, trimtab.app.change_points.keeper;"
        "print(json.dumps([name for name in sys.modules if name == 'numba' or name.endswith('kernels')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []
