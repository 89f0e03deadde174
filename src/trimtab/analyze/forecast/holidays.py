"""Days that are not like their weekday: holidays that somebody names, and such that the data show."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.stats.time_series import F64

I64 = NDArray[np.int64]
DAY_S = 86_400
LIKE_DAYS = 4
"""A holiday that has none like it in the history is forecast by so many of the weekday that it is like."""
WIDER_RATIO = 1.25
UNLIKE_MIN = 6.0
"""A day is a holiday that the data show where it is so many typical deviations from its own weekday …"""
LIKE_RATIO = 0.5
"""… and at most this ratio of that from the weekday that holidays are like."""
WEEKS_MIN = 4


@dataclass(frozen=True, slots=True)
class Calendar:
    """Of each step: the day (ordinal), the weekday (0 is Monday) and the second of the day, local."""

    day: I64
    weekday: I64
    second: I64


def calendar_of(start_ms: int, step_ms: int, steps: int, time_zone: str) -> Calendar:
    """Days of steps, by the clock of a time zone; the offset is looked up once an hour.

    >>> calendar_of(0, 3_600_000, 2, "Europe/Zurich").second.tolist()
    [3600, 7200]
    """
    at_s = (start_ms + np.arange(steps, dtype=np.int64) * step_ms) // 1000
    hours, place = np.unique(at_s // 3600, return_inverse=True)
    zone = ZoneInfo(time_zone)
    offsets = [dt.datetime.fromtimestamp(int(hour) * 3600, zone).utcoffset() or dt.timedelta(0) for hour in hours]
    local = at_s + np.array([int(offset.total_seconds()) for offset in offsets], np.int64)[place]
    day = local // DAY_S
    return Calendar(day + dt.date(1970, 1, 1).toordinal(), (day + 3) % 7, local % DAY_S)


def named_days(settings: ForecastSettings) -> I64:
    """The ordinals of the dates that are named."""
    return np.array(sorted(dt.date.fromisoformat(date).toordinal() for date in settings.holidays), np.int64)


def seen_days(values: F64, past: Calendar, like: int) -> NDArray[np.bool_]:
    """[series, points]: whether a day is unlike its weekday and like the weekday `like`. False where there are fewer
    than WEEKS_MIN weeks."""
    days, place = np.unique(past.day, return_inverse=True)
    out = np.zeros(values.shape, dtype=bool)
    if len(days) < 7 * WEEKS_MIN:
        return out
    means = np.full((len(values), len(days)), np.nan)
    for day in range(len(days)):
        of_day = values[:, place == day]
        known = (~np.isnan(of_day)).sum(axis=1)
        means[:, day] = np.where(known > 0, np.nansum(of_day, axis=1) / np.maximum(known, 1), np.nan)
    weekday = (days - 1) % 7  # ordinal 1 was a Monday
    usual = np.stack([_median(means[:, weekday == one]) for one in range(7)], axis=1)
    away = np.abs(means - usual[:, weekday])
    typical = np.maximum(_median(away), 1e-3 * np.abs(_median(means)) + 1e-12)[:, None]
    is_holiday = (away > UNLIKE_MIN * typical) & (np.abs(means - usual[:, [like]]) < LIKE_RATIO * away)
    is_holiday &= weekday != like
    is_holiday &= is_holiday.mean(axis=1, keepdims=True) < 0.15  # more is another level
    return is_holiday[:, place]


def on_holidays(
    mean: F64, quantiles: F64, values: F64, past: Calendar, future: Calendar, days: I64, like: int
) -> tuple[F64, F64]:
    """Forecasts whose steps on `days` are those of earlier ones of these days or, where there is none, of the last few
    `like` weekdays, at the same time of day; intervals there are WIDER_RATIO as wide."""
    ahead = np.flatnonzero(np.isin(future.day, days))
    if ahead.size == 0:
        return mean, quantiles
    mean, quantiles = mean.copy(), quantiles.copy()
    earlier = np.isin(past.day, days)
    alike = np.isin(past.day, np.unique(past.day[past.weekday == like])[-LIKE_DAYS:])
    for step in ahead:
        is_time = past.second == future.second[step]
        same = earlier & is_time
        if not same.any():
            same = alike & is_time
        if not same.any():
            continue
        usual = _median(values[:, same])
        usual = np.where(np.isnan(usual), mean[:, step], usual)
        offsets = quantiles[:, step] - mean[:, step, None]
        mean[:, step] = usual
        quantiles[:, step] = usual[:, None] + WIDER_RATIO * offsets
    return mean, quantiles


def _median(rows: F64) -> F64:
    """Medians of rows without their NaN; NaN where all are."""
    ordered = np.sort(rows, axis=1)
    known = (~np.isnan(rows)).sum(axis=1)
    last = np.maximum(known - 1, 0)
    low = np.take_along_axis(ordered, (last // 2)[:, None], axis=1)[:, 0]
    high = np.take_along_axis(ordered, ((last + 1) // 2)[:, None], axis=1)[:, 0]
    return np.where(known > 0, (low + high) / 2, np.nan)
