"""Kernels against the formulas written down plainly."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analyze.forecast.series import DAY, daily
from trimtab.analyze.forecast.combining import LEAST_VALUES, combined, tables_for
from trimtab.analyze.forecast.intervals import quantiles_of
from trimtab.analyze.forecast.median_kernels import last_cycles, last_values
from trimtab.analyze.forecast.member_kernels import smoothers
from trimtab.analyze.forecast.members import Smoother
from trimtab.analyze.forecast.sorting_kernels import sort_rows
from trimtab.analyze.forecast.weighted_median_kernels import MEMBERS_MAX, STEPS_AT_ONCE, weighted_medians
from trimtab.stats.time_series import F64

SHOWN = Smoother("shown", level=0.3, trend=0.1, damping=0.9, kick=0.4, decay=0.7, first=0.2)


def _plainly(values: F64, one: Smoother, season: int, horizon: int) -> F64:
    """Forecasts from the end, as the recursion is in books."""
    level = float(np.mean(values[: max(season, 8)]))
    trend = passing = 0.0
    seasonal, seen = np.zeros(season), np.zeros(season)
    for at, value in enumerate(values):
        place = at % season
        error = value - level - one.damping * trend - one.decay * passing - seasonal[place]
        level = level + one.damping * trend + one.level * error
        trend = one.damping * trend + one.trend * error
        passing = one.decay * passing + one.kick * error
        seasonal[place] += max(one.first, 1 / (seen[place] + 1)) * (1 - one.level) * error
        seen[place] += 1
    steps = np.arange(1, horizon + 1)
    damped = np.cumsum(one.damping**steps)
    return np.asarray(
        level + damped * trend + one.decay**steps * passing + seasonal[(len(values) + steps - 1) % season]
    )


def test_smoothers_are_those_of_the_books() -> None:
    values = daily(1, 200)[0]
    table = np.array([SHOWN.column()]).T.copy()
    out = np.empty((2, 30, 1))
    smoothers(values, values, 1, DAY, 1, table, np.array([150, 200]), out)
    assert np.allclose(out[0, :, 0], _plainly(values[:150], SHOWN, DAY, 30))
    assert np.allclose(out[1, :, 0], _plainly(values, SHOWN, DAY, 30))


def test_an_origin_knows_nothing_of_what_comes_behind_it() -> None:
    values = daily(2, 500)
    other = values.copy()
    other[:, 400:] = 1e6
    origins = np.arange(300, 401, 7)
    begins = np.zeros(2, np.int64)
    one, _ = combined(values, begins, DAY, 1, origins, DAY)
    two, _ = combined(other, begins, DAY, 1, origins, DAY)
    assert np.array_equal(one, two)


def test_the_number_of_members_and_of_what_they_need_agree() -> None:
    for seasons in ((DAY, 168), (DAY, 1), (1, 1)):
        tables = tables_for(*seasons, DAY)
        assert len(tables.needs) == tables.smoothers.shape[1] + len(tables.medians)
        assert tables.needs.max() <= max(*seasons, LEAST_VALUES)
        assert len(tables.needs) <= MEMBERS_MAX


def test_columns_are_sorted_whatever_their_length() -> None:
    rng = np.random.default_rng(4)
    for held in range(1, 40):
        values = rng.normal(0, 1, (40, 13))
        values[:, ::3] = np.round(values[:, ::3])
        mine = values.copy()
        sort_rows(mine, held)
        assert np.array_equal(mine[:held], np.sort(values[:held], axis=0))
        assert np.array_equal(mine[held:], values[held:])


def _weighted_median_plainly(values: F64, weights: F64) -> float:
    """Between the two values in whose middles half of the weight lies; of equals the first one is nearer to zero."""
    order = np.lexsort((np.copysign(np.arange(len(values)), values), values))
    order = order[weights[order] > 0]
    middles = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(weights.sum() / 2, middles, values[order]))


@pytest.mark.parametrize("steps", [1, 3, 24, STEPS_AT_ONCE, 2 * STEPS_AT_ONCE + 5])
@pytest.mark.parametrize("members", [1, 2, 7, 22, MEMBERS_MAX])
def test_weighted_medians_are_those_of_the_definition(steps: int, members: int) -> None:
    rng = np.random.default_rng(100 * steps + members)
    for trial in range(10):
        said = rng.normal(0, 1, (steps, members))
        if trial % 2:
            said = np.round(said)  # -0.0, and many that say the same
        weights = rng.random((3, members))
        weights[rng.random((3, members)) < trial / 12] = 0.0
        weights[:, trial % members] = 0.5
        kinds = rng.integers(0, 3, steps)
        out = np.empty(steps)
        weighted_medians(said, weights, kinds, out)
        assert np.allclose(
            out, [_weighted_median_plainly(said[at], weights[kinds[at]]) for at in range(steps)], rtol=1e-12, atol=1e-12
        )


def test_what_all_members_say_is_the_median_to_the_last_bit() -> None:
    for value in (0.0, 0.1, -1 / 3, 1e-300):
        out = np.empty(5)
        weighted_medians(np.full((5, 22), value), np.ones((1, 22)), np.zeros(5, np.int64), out)
        assert (out == value).all()


@pytest.mark.parametrize("gap", [None, 3, 150, 399])
def test_medians_side_by_side_are_those_one_by_one(gap: int | None) -> None:
    rng = np.random.default_rng(7)
    values = rng.normal(0, 1, 400)
    if gap is not None:
        values[gap] = np.nan
    origins = np.array([30, 130, 200, 393, 400])
    out = np.empty((len(origins), 30, 1))
    for season, cycles in ((DAY, 5), (DAY, 9), (7, 4)):
        last_cycles(values, season, cycles, origins, out, 0)
        for place, origin in enumerate(origins):
            for step in range(30):
                same = values[origin + step % season - season :: -season]
                known = same[~np.isnan(same)][:cycles]
                assert out[place, step, 0] == pytest.approx(float(np.median(known)), abs=1e-12)
    for window in (1, 6, 12):
        last_values(values, window, origins, out, 0)
        for place, origin in enumerate(origins):
            known = values[:origin][~np.isnan(values[:origin])][-window:]
            assert np.allclose(out[place, :, 0], np.median(known), atol=1e-12)


@pytest.mark.parametrize("grows", [1.0, 3.0])
def test_levels_move_to_where_the_intervals_hold(grows: float) -> None:
    """Errors that become larger at last: fixed quantiles of all of them would hold too little of the last."""
    rng = np.random.default_rng(3)
    origins = np.arange(0, 60 * DAY, DAY) + 100
    errors = rng.normal(0, 1, (50, 60, DAY))
    errors[:, 30:] *= grows
    actual = errors.copy()
    actual[:, -1] = np.nan
    levels = np.array([0.05, 0.5, 0.95])
    quantiles, _ = quantiles_of(np.zeros_like(errors), actual, np.full(50, 1), origins, levels, 0.7)
    inside = (errors[:, -1] >= quantiles[:, :, 0]) & (errors[:, -1] <= quantiles[:, :, 2])
    assert 0.88 < inside.mean() < 0.97
    fixed = np.quantile(errors[:, :-1], (0.05, 0.95))
    held = ((errors[:, -1] >= fixed[0]) & (errors[:, -1] <= fixed[1])).mean()
    assert grows == 1.0 or inside.mean() > held + 0.02


def test_the_baseline_is_the_last_season() -> None:
    values = daily(1, 400)
    _, naive = combined(values, np.zeros(1, np.int64), DAY, 1, np.array([400]), 2 * DAY)
    assert np.allclose(naive[0, 0], np.tile(values[0, -DAY:], 2))
