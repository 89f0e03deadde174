"""Seasons, holidays, and short steps over long horizons."""

from __future__ import annotations

import datetime as dt

import numpy as np

from tests.analyze.forecast.series import DAY, HOUR_MS, WEEK, daily
from trimtab.analyze.forecast.answer import COARSE, HOLIDAYS
from trimtab.analyze.forecast.forecast import forecast
from trimtab.analyze.forecast.settings import ForecastSettings

MONDAY = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
START_MS = int(MONDAY.timestamp()) * 1000
POINTS = 5 * WEEK


def _office(count: int, points: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Busy on weekdays, quiet at weekends."""
    values = daily(count, points)
    is_weekend = (np.arange(points) // DAY) % 7 >= 5
    values[:, is_weekend] *= 0.2
    return values


def test_a_season_that_the_data_show_is_found() -> None:
    rng = np.random.default_rng(1)
    at = np.arange(20 * 37)
    values = 10 + 5 * np.sin(2 * np.pi * at / 37) + rng.normal(0, 0.5, (3, at.size))
    ahead = forecast(values, HOUR_MS, 0, 37)
    assert [seasons[0] for seasons in ahead.seasons_steps] == [37, 37, 37]
    assert np.abs(ahead.mean - (10 + 5 * np.sin(2 * np.pi * np.arange(37) / 37))).mean() < 0.8


def test_seasons_that_are_named_are_the_ones() -> None:
    values = daily(2, POINTS)
    ahead = forecast(values, HOUR_MS, 0, 12, ForecastSettings(seasons_ms=(8 * HOUR_MS, DAY * HOUR_MS)))
    assert ahead.seasons_steps == [(8, 24), (8, 24)]


def test_a_holiday_that_is_named_is_forecast_as_a_sunday() -> None:
    values = _office(3, POINTS)
    date = (MONDAY + dt.timedelta(days=35)).date().isoformat()
    plain = forecast(values, HOUR_MS, START_MS, 2 * DAY)
    ahead = forecast(values, HOUR_MS, START_MS, 2 * DAY, ForecastSettings(holidays=(date,)))
    assert plain.mean[:, :DAY].mean() > 40
    assert ahead.mean[:, :DAY].mean() < 15
    assert np.abs(ahead.mean[:, DAY:] - plain.mean[:, DAY:]).max() < 1


def test_a_holiday_of_the_past_does_not_spoil_its_weekday_and_is_the_next_ones_example() -> None:
    values = _office(3, POINTS)
    values[:, 28 * DAY : 29 * DAY] = 25.0  # the last Monday
    dates = tuple((MONDAY + dt.timedelta(days=days)).date().isoformat() for days in (28, 36))
    spoilt = forecast(values, HOUR_MS, START_MS, 2 * DAY)
    ahead = forecast(values, HOUR_MS, START_MS, 2 * DAY, ForecastSettings(holidays=dates))
    truth = _office(3, POINTS + DAY)[:, POINTS:]
    assert np.abs(ahead.mean[:, :DAY] - truth).mean() < np.abs(spoilt.mean[:, :DAY] - truth).mean()
    assert np.abs(ahead.mean[:, DAY:] - 25).max() < 1
    assert all(HOLIDAYS in notes for notes in ahead.notes)


def test_holidays_are_found_where_somebody_wants_it() -> None:
    values = _office(3, POINTS)
    quiet = _office(3, POINTS)
    values[:, 24 * DAY : 25 * DAY] = quiet[:, 27 * DAY : 28 * DAY]  # a Thursday like a Sunday
    found = forecast(values, HOUR_MS, START_MS, DAY, ForecastSettings(finds_holidays=True))
    clean = forecast(quiet, HOUR_MS, START_MS, DAY, ForecastSettings(finds_holidays=True))
    assert all(HOLIDAYS in notes for notes in found.notes)
    assert not any(HOLIDAYS in notes for notes in clean.notes)


def test_dates_are_those_of_the_time_zone() -> None:
    values = _office(1, POINTS)
    date = (MONDAY + dt.timedelta(days=35)).date().isoformat()
    there = ForecastSettings(holidays=(date,), time_zone="Asia/Tokyo")
    ahead = forecast(values, HOUR_MS, START_MS, DAY, there)
    plain = forecast(values, HOUR_MS, START_MS, DAY)
    changed = np.abs(ahead.mean[0] - plain.mean[0]) > 5
    assert not changed[15:].any()  # 15:00 UTC is the next day in Tokyo
    assert changed[:15].sum() > 5


def test_a_day_of_minutes_keeps_its_shape_within_the_hour() -> None:
    rng = np.random.default_rng(2)
    at = np.arange(15 * 1440)
    hourly = 20 + 5 * np.sin(2 * np.pi * at / 1440)
    values = hourly + 10 * (at % 60 < 5) + rng.normal(0, 0.5, (2, at.size))
    ahead = forecast(values[:, : 14 * 1440], 60_000, 0, 1440)
    truth = values[:, 14 * 1440 :]
    assert all(COARSE in notes for notes in ahead.notes)
    assert np.abs(ahead.mean - truth).mean() < 1.2
    inside = ((truth >= ahead.lo_90) & (truth <= ahead.hi_90)).mean()
    assert 0.85 < inside < 0.99
    assert ahead.seasons_steps[0][0] == 1440


def test_a_day_of_seconds_is_forecast() -> None:
    rng = np.random.default_rng(2)
    values = 5 + rng.normal(0, 1, (1, 20_000))
    ahead = forecast(values, 1000, 0, 86_400)
    assert ahead.mean.shape == (1, 86_400)
    assert np.abs(ahead.mean - 5).mean() < 0.2
    assert 1 < (ahead.hi_90 - ahead.lo_90).mean() < 15
