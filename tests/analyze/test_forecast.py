"""The forecast of a month: its interval holds about as often as it says, and it says when there is none."""

from __future__ import annotations

import numpy as np

from trimtab.analyze.cost.forecast import DAY_MS, Forecast, NoForecast, month_forecast, weekday_of

START_MS = 1_793_491_200_000
"""Sunday, 2026-11-01 UTC."""


def test_weekdays_are_told_apart() -> None:
    at = START_MS + np.arange(-28, 14) * DAY_MS
    costs = np.where(weekday_of(at) >= 5, 1.0, 10.0)
    days = dict(zip(at.tolist(), costs.tolist(), strict=True))
    found = month_forecast(days, float(costs[-14:].sum()), START_MS + 14 * DAY_MS)
    assert isinstance(found, Forecast)
    # 21 working days and 9 days of weekends (2026-11-01 is a Sunday).
    assert found.low == found.middle == found.high == 21 * 10.0 + 9 * 1.0


def test_the_interval_holds_about_eight_times_in_ten() -> None:
    rng = np.random.default_rng(7)
    held = 0
    tries = 60
    for number in range(tries):
        costs = rng.gamma(4.0, 2.5, 28 + 30)
        at = START_MS + np.arange(-28, 30) * DAY_MS
        known = 28 + 10
        days = dict(zip(at[:known].tolist(), costs[:known].tolist(), strict=True))
        found = month_forecast(days, float(costs[28:known].sum()), START_MS + 10 * DAY_MS, seed=number)
        assert isinstance(found, Forecast)
        held += found.low <= costs[28:].sum() <= found.high
    assert 0.65 <= held / tries <= 0.95, held


def test_few_days_make_no_forecast_and_old_ones_do_not_count() -> None:
    days = {START_MS - day * DAY_MS: 1.0 for day in range(60, 70)} | {START_MS - DAY_MS: 1.0}
    found = month_forecast(days, 0.0, START_MS + 1)
    assert isinstance(found, NoForecast)
    assert found.why == "there is no forecast before 7 whole days were measured: 1 was"
