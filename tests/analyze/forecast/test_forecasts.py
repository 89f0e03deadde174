"""Forecasts of many kinds of series."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analyze.forecast.series import DAY, HOUR_MS, WEEK, daily, walks
from trimtab.analyze.forecast import direct
from trimtab.analyze.forecast.answer import COMBINATION, CONSTANT, EMPTY, GAPS, NAIVE, SHORT, UNPROVEN, Forecast
from trimtab.analyze.forecast.forecast import forecast
from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.model.errors import InputError
from trimtab.stats.time_series import F64

POINTS = 28 * DAY


def _hourly(values: F64, horizon: int = DAY) -> Forecast:
    return forecast(values, HOUR_MS, 0, horizon)


def _is_sound(ahead: Forecast, count: int, horizon: int) -> bool:
    return (
        ahead.mean.shape == (count, horizon)
        and ahead.quantiles.shape == (count, horizon, len(ahead.levels))
        and bool(np.isfinite(ahead.mean).all())
        and bool((np.diff(ahead.quantiles, axis=2) >= 0).all())
    )


def test_the_error_that_is_told_is_not_that_of_the_first_tries() -> None:
    """Of a clean cycle the first try, which knows no weights, is 28 times as wrong as the value of a day before."""
    rng = np.random.default_rng(0)
    hours = np.arange(8 * DAY)
    values = 10 + np.sin(2 * np.pi * hours / DAY) + 0.003 * rng.normal(0, 1, (20, hours.size))
    assert (_hourly(values).better_ratio() < 1.15).all()


def test_a_season_is_found_and_half_of_the_naive_error_is_left_off() -> None:
    values = daily(20, POINTS + DAY)
    ahead = _hourly(values[:, :POINTS])
    naive = np.abs(values[:, POINTS - DAY : POINTS] - values[:, POINTS:]).mean()
    assert _is_sound(ahead, 20, DAY)
    assert np.abs(ahead.mean - values[:, POINTS:]).mean() < 0.8 * naive  # 0.71 of it is noise that nobody can know
    assert ahead.seasons_steps[0] == (DAY, WEEK)
    assert set(ahead.model) == {COMBINATION}
    assert (ahead.better_ratio() < 0.9).all()
    assert (ahead.origins >= 20).all()


def test_a_weekly_shape_is_kept() -> None:
    values = daily(5, POINTS + WEEK)
    is_weekend = (np.arange(POINTS + WEEK) // DAY) % 7 >= 5
    values[:, is_weekend] -= 30
    ahead = _hourly(values[:, :POINTS], WEEK)
    assert np.abs(ahead.mean - values[:, POINTS:]).mean() < 1.5


@pytest.mark.parametrize(("days", "noise", "lag_max"), [(7, 0.0, 0.1), (14, 0.02, 0.05), (28, 0.0, 0.001)])
def test_a_straight_line_goes_on(days: int, noise: float, lag_max: float) -> None:
    """It grows by 1.2 in the day ahead, and the mean lies in the middle half of what may come."""
    line = 40 + 0.05 * np.arange(days * DAY + DAY)
    known = line[: days * DAY] + np.random.default_rng(days).normal(0, noise, days * DAY)
    ahead = _hourly(known[None, :])
    assert np.abs(ahead.mean[0] - line[days * DAY :]).max() < lag_max
    for low, high in ((0.25, 0.75), (0.1, 0.9), (0.05, 0.95)):
        assert (ahead.quantile(low)[0] <= ahead.mean[0]).all()
        assert (ahead.mean[0] <= ahead.quantile(high)[0]).all()


@pytest.mark.parametrize("make", [daily, walks])
def test_intervals_hold_overall_and_for_each_series(make: object) -> None:
    origins, count = 8, 40
    values = (daily if make is daily else walks)(count, POINTS + origins * DAY)
    inside = []
    for origin in range(origins):
        ends = POINTS + origin * DAY
        ahead = _hourly(values[:, :ends])
        truth = values[:, ends : ends + DAY]
        inside.append((truth >= ahead.lo_90) & (truth <= ahead.hi_90))
    by_series = np.concatenate(inside, axis=1).mean(axis=1)
    assert 0.86 < by_series.mean() < 0.95
    if make is daily:
        assert (by_series < 0.8).mean() < 0.05


def test_intervals_of_a_walk_rise_with_the_horizon_and_those_of_a_season_do_not() -> None:
    wander, season = _hourly(walks(30, POINTS)), _hourly(daily(30, POINTS))
    width = [ahead.hi_90 - ahead.lo_90 for ahead in (wander, season)]
    assert np.median(width[0][:, -1] / width[0][:, 0]) > 2
    assert np.median(width[1][:, -1] / width[1][:, 0]) < 1.5


@pytest.mark.parametrize("spoilt", ["an hour that was odd", "each seventh value is missing"])
def test_bands_of_the_first_steps_are_as_wide_as_the_noise_of_a_long_horizon(spoilt: str) -> None:
    """Noise of 1 by the five minutes, a day ahead: its 90 % are 3.3 wide from the first step on."""
    day, points = 288, 7 * 288
    draw = np.random.default_rng(3)
    values = 50 + 10 * np.sin(np.arange(points + day) * 2 * np.pi / day) + draw.normal(0, 1, (20, points + day))
    known = values[:, :points].copy()
    if spoilt == "an hour that was odd":
        known[:, 1500:1520] += 30
    else:
        known[:, ::7] = np.nan
    ahead = forecast(known, 300_000, 0, day)
    truth = values[:, points : points + 12]
    inside = (truth >= ahead.lo_90[:, :12]) & (truth <= ahead.hi_90[:, :12])
    assert inside.mean() > 0.8
    assert 2.5 < np.median((ahead.hi_90 - ahead.lo_90)[:, 0]) < 5


def test_outliers_do_not_move_the_forecast() -> None:
    values = daily(10, POINTS + DAY)
    spoilt = values[:, :POINTS].copy()
    spoilt[np.random.default_rng(8).random(spoilt.shape) < 0.01] += 500
    spoilt[:, -3] += 500
    clean, other = _hourly(values[:, :POINTS]), _hourly(spoilt)
    assert np.abs(other.mean - clean.mean).mean() < 2


def test_after_a_level_shift_the_new_level_is_forecast() -> None:
    values = daily(10, POINTS)
    values[:, -2 * DAY :] += 100
    ahead = _hourly(values)
    assert np.abs(ahead.mean.mean(axis=1) - 150).max() < 10


def test_a_trend_goes_on() -> None:
    values = daily(5, POINTS + DAY) + np.arange(POINTS + DAY) * 0.2
    ahead = _hourly(values[:, :POINTS])
    assert np.abs(ahead.mean - values[:, POINTS:]).mean() < 2.5


@pytest.mark.parametrize(("step_ms", "points"), [(24 * HOUR_MS, 50), (HOUR_MS, 700), (300_000, 2000)])
def test_the_mean_is_within_the_band_of_a_straight_line(step_ms: int, points: int) -> None:
    ahead = forecast(np.arange(points, dtype=np.float64)[None, :], step_ms, 0, 7)
    assert (ahead.lo_80 <= ahead.mean).all()
    assert (ahead.mean <= ahead.hi_80).all()


def test_gaps_are_no_values() -> None:
    values = daily(10, POINTS + DAY)
    holed = values[:, :POINTS].copy()
    holed[np.random.default_rng(3).random(holed.shape) < 0.3] = np.nan
    holed[:, 300:350] = np.nan
    ahead = _hourly(holed)
    assert np.abs(ahead.mean - values[:, POINTS:]).mean() < 1.5
    assert all(GAPS in notes for notes in ahead.notes)


def test_constants_zeros_integers_and_sparse_series_are_sound() -> None:
    rng = np.random.default_rng(5)
    values = np.stack(
        [
            np.full(POINTS, 7.0),
            np.zeros(POINTS),
            rng.poisson(3, POINTS).astype(float),
            (rng.random(POINTS) < 0.05) * 9.0,
            np.full(POINTS, -4.0),
        ]
    )
    ahead = _hourly(values)
    assert _is_sound(ahead, 5, DAY)
    assert np.allclose(ahead.mean[0], 7)
    assert np.allclose(ahead.hi_90[1], 0)
    assert np.allclose(ahead.mean[4], -4)
    assert [CONSTANT in notes for notes in ahead.notes] == [True, True, False, False, True]
    assert (ahead.quantiles[:4] >= 0).all()
    assert 4 < ahead.hi_90[2].mean() < 9


def test_negative_values_stay_negative_and_others_never_become_so() -> None:
    values = daily(2, POINTS, noise=4) - 50
    values[1] = np.abs(values[1]) * (values[1] > 5)
    ahead = _hourly(values)
    assert ahead.lo_90[0].min() < -8
    assert ahead.lo_90[1].min() == 0
    kept = forecast(values, HOUR_MS, 0, DAY, ForecastSettings(is_nonnegative=True))
    assert kept.quantiles.min() == 0


def test_what_is_unknown_is_said() -> None:
    values = np.full((3, POINTS), np.nan)
    values[1, -1] = 5.0
    values[2, -30:] = daily(1, 30)[0]
    ahead = _hourly(values)
    assert ahead.notes[0] == (EMPTY,)
    assert np.isnan(ahead.mean[0]).all()
    assert ahead.notes[1] == (SHORT, UNPROVEN, GAPS) or ahead.notes[1] == (SHORT, UNPROVEN)
    assert SHORT in ahead.notes[2]
    assert np.allclose(ahead.mean[1], 5)
    assert ahead.hi_90[1, -1] - ahead.lo_90[1, -1] > 5
    assert ahead.origins[1] == 0
    assert np.isnan(ahead.error[1])
    assert ahead.hi_90[2, -1] - ahead.lo_90[2, -1] > 15  # a day and a quarter says little


def test_a_series_that_began_later_is_forecast_as_if_it_were_alone() -> None:
    values = daily(1, POINTS)
    longer = np.concatenate([np.full((1, 100), np.nan), values], axis=1)
    alone = forecast(values, HOUR_MS, 100 * HOUR_MS, DAY)
    assert np.allclose(forecast(longer, HOUR_MS, 0, DAY).mean, alone.mean)


def test_what_repeats_exactly_is_repeated() -> None:
    rng = np.random.default_rng(4)
    week = rng.permutation(WEEK) * 10.0
    ahead = _hourly(np.tile(week, 4)[None, :])
    assert np.allclose(ahead.mean[0], week[:DAY], atol=1)


def test_the_baseline_replaces_what_does_not_beat_it(monkeypatch: pytest.MonkeyPatch) -> None:
    values = daily(3, POINTS)
    assert set(_hourly(values).model) == {COMBINATION}
    monkeypatch.setattr(direct, "NAIVE_BELOW", 10.0)  # as if its error were a tenth of what it is
    ahead = _hourly(values)
    assert set(ahead.model) == {NAIVE}
    assert np.array_equal(ahead.error, ahead.naive_error)
    repeats = [values[:, POINTS - season : POINTS - season + DAY] for season in (DAY, WEEK)]
    assert all(any(np.allclose(ahead.mean[row], one[row]) for one in repeats) for row in range(3))


@pytest.mark.parametrize(
    ("step_ms", "points", "horizon"),
    [(1_000, 1200, 60), (60_000, 3 * 1440, 60), (300_000, 10 * 288, 12), (HOUR_MS, 500, 1), (24 * HOUR_MS, 90, 30)],
)
def test_any_step_and_horizon(step_ms: int, points: int, horizon: int) -> None:
    rng = np.random.default_rng(2)
    day = 24 * HOUR_MS / step_ms if step_ms < 24 * HOUR_MS else 7
    values = 20 + 5 * np.sin(2 * np.pi * np.arange(points + horizon) / day) + rng.normal(0, 1, (3, points + horizon))
    ahead = forecast(values[:, :points], step_ms, 1_700_000_000_000, horizon)
    assert _is_sound(ahead, 3, horizon)
    assert np.abs(ahead.mean - values[:, points:]).mean() < 1.6
    assert ahead.at_ms[0] == 1_700_000_000_000 + points * step_ms


@pytest.mark.parametrize("points", [1, 2, 5, 9, 12, 30, 47, 48, 49, 60, 100])
def test_any_length_is_forecast(points: int) -> None:
    ahead = _hourly(daily(3, points))
    assert _is_sound(ahead, 3, DAY)
    assert ((ahead.hi_90 - ahead.lo_90)[:, -1] > 1.5).all()


def test_more_levels_come_on_request_and_the_same_question_has_the_same_answer() -> None:
    values = daily(3, POINTS)
    one, two = forecast(values, HOUR_MS, 0, DAY, levels=(0.99,)), forecast(values, HOUR_MS, 0, DAY, levels=(0.99,))
    assert (one.quantile(0.99) >= one.hi_90).all()
    assert np.array_equal(one.quantiles, two.quantiles)
    with pytest.raises(KeyError):
        one.quantile(0.98)


def test_a_baseline_that_is_right_but_for_rounding_is_no_measure() -> None:
    values = np.tile(10 + np.sin(2 * np.pi * np.arange(POINTS) / DAY), (1, 1))
    assert np.isnan(_hourly(values).better_ratio()).all()


def test_the_unit_does_not_matter() -> None:
    values = daily(4, POINTS)
    one, thousand = _hourly(values), _hourly(values * 1000)
    assert np.allclose(one.quantiles * 1000, thousand.quantiles, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "step_ms", "horizon", "levels", "said"),
    [
        (np.zeros(3), HOUR_MS, 1, (), "array \\[series, points\\]"),
        (np.zeros((1, 3)), 10, 1, (), "step_ms: 10"),
        (np.zeros((1, 3)), HOUR_MS, 0, (), "horizon_steps: 0"),
        (np.zeros((1, 3)), HOUR_MS, 1, (1.0,), "levels"),
        (np.full((1, 3), np.inf), HOUR_MS, 1, (), "infinity"),
    ],
)
def test_wrong_input_is_named(values: F64, step_ms: int, horizon: int, levels: tuple[float, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        forecast(values, step_ms, 0, horizon, levels=levels)


@pytest.mark.parametrize(
    ("field", "value"),
    [("origins", 1), ("holidays", ("25.12.2026",)), ("time_zone", "Mars/Base"), ("seasons_ms", (0,)), ("own_share", 2)],
)
def test_wrong_settings_are_named(field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        ForecastSettings(**{field: value})  # type: ignore[arg-type]
