"""`PredictivePerformanceMonitor`: histories in every form, issues with actions, capacity, workload; what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from trimtab.model.errors import InputError
from trimtab.sdk.metric_history import history_of
from trimtab.sdk.predictive_performance_monitor import MetricLimit, PredictivePerformanceMonitor
from trimtab.stats.time_series import TimeSeries

HOUR_MS = 3_600_000
NOW_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
HOURS = np.arange(24 * 28)
AT_MS = NOW_MS - HOUR_MS * HOURS[::-1]


def daily(base: float, swing: float, growth: float = 0.0, noise: float = 1.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    rng = np.random.default_rng(7)
    made = base + swing * np.sin(HOURS * 2 * np.pi / 24) + growth * HOURS + rng.normal(0, noise, len(HOURS))
    return np.asarray(made, np.float64)


class Series:
    """What a pandas Series has, as far as it is used."""

    def __init__(self, values: Any, index: Any) -> None:
        self.index, self._values = index, values

    def to_numpy(self) -> Any:
        return self._values


def monitor(**more: Any) -> PredictivePerformanceMonitor:
    return PredictivePerformanceMonitor(now_ms=lambda: NOW_MS + 1, **more)


def test_the_seeds_four_parts() -> None:
    history = {
        "cpu_utilization": TimeSeries("cpu", AT_MS, daily(50, 20, 0.016), "%"),
        "memory_used": (AT_MS, daily(70, 2)),
        "disk_usage": Series(daily(60, 0.5, 0.04), AT_MS.astype("datetime64[ms]")),
        "response_time_ms": daily(200, 20, 0.2, 5).tolist(),
        "request_volume/checkout": daily(1000, 500).tolist(),
        "request_volume/search": daily(3000, 1500).tolist(),
    }
    found = monitor(limits={"response_time_ms": 355}).predict_performance_issues(history)

    (cpu,) = found.metric_predictions["cpu_utilization"]
    assert cpu.limit.value == 80.0
    assert cpu.probability > 0.2
    assert cpu.earliest_ms is not None
    assert NOW_MS < cpu.likeliest_ms <= NOW_MS + 24 * HOUR_MS
    assert "memory_used" not in found.metric_predictions
    (slow,) = found.metric_predictions["response_time_ms"]
    assert slow.limit == MetricLimit(355)

    assert found.capacity_forecast["disk_usage"].outcome in ("dated", "possible")
    assert set(found.capacity_forecast) == {"cpu_utilization", "memory_used", "disk_usage", "response_time_ms"}
    assert found.workload_forecast is not None
    assert found.workload_forecast.names == ["checkout", "search"]
    assert found.workload_forecast.then[1] == pytest.approx(24 * 3000, rel=0.1)
    actions = found.recommended_actions
    assert {one.metric for one in actions} == set(found.metric_predictions)
    assert [one.probability for one in actions] == sorted((one.probability for one in actions), reverse=True)
    assert any(one.by == "trimtab" for one in actions if one.metric == "cpu_utilization")
    assert all(one.not_verified for one in actions)

    told = found.forecasts["memory_used"]
    assert len(told.mean) == len(told.at_ms) == 24
    assert told.at_ms[0] == NOW_MS + HOUR_MS
    assert (told.lo_90 <= told.lo_80).all()
    assert (told.hi_80 <= told.hi_90).all()
    assert np.abs(told.mean - 70).max() < 6


def test_every_form_of_a_history_is_the_same_history() -> None:
    values = daily(50, 20)
    moments = [dt.datetime.fromtimestamp(at / 1000, dt.UTC) for at in AT_MS.tolist()]
    forms: Mapping[str, Any] = {
        "series": TimeSeries("x", AT_MS, values),
        "ms": (AT_MS.tolist(), values.tolist()),
        "backwards": (AT_MS[::-1], values[::-1]),
        "moments": (moments, values),
        "texts": ([moment.isoformat() for moment in moments], values),
        "numpy": (AT_MS.astype("datetime64[ms]"), values),
        "pandas": Series(values, AT_MS.astype("datetime64[ms]").astype("datetime64[ns]")),
        "plain": values.tolist(),
    }
    for name, form in forms.items():
        made = history_of(name, form, HOUR_MS, NOW_MS)
        np.testing.assert_array_equal(made.at_ms, AT_MS, err_msg=name)
        np.testing.assert_array_equal(made.values, values, err_msg=name)


def test_what_is_beyond_its_limit_now_is_no_issue_that_is_ahead() -> None:
    found = monitor().predict_performance_issues({"cpu": daily(90, 1, noise=0.1).tolist()})
    assert found.metric_predictions == {}
    assert found.already == ("cpu",)
    assert found.recommended_actions == ()
    assert found.capacity_forecast["cpu"].outcome == "already"


def test_a_limit_may_be_below() -> None:
    found = monitor(limits={"free": MetricLimit(50.0, "<")}).predict_performance_issues(
        {"free": daily(52 + 0.05 * len(HOURS), 3, -0.05).tolist()}
    )
    (issue,) = found.metric_predictions["free"]
    assert issue.probability > 0.5


def test_a_short_history_is_forecast_with_wide_bands_and_says_so() -> None:
    found = monitor().predict_performance_issues({"cpu": daily(50, 20)[:30].tolist()})
    told = found.forecasts["cpu"]
    assert told.notes
    assert told.coverage_90 is None or 0 <= told.coverage_90 <= 1


class Numbered:
    """What a pandas Series without a time index is."""

    index = np.arange(30)

    def to_numpy(self) -> Any:
        return np.ones(30)


def test_days_may_be_dates() -> None:
    days = [dt.date(2026, 1, 1) + dt.timedelta(days=place) for place in range(40)]
    found = monitor(horizon=48).predict_performance_issues({"rows": (days, [float(place) for place in range(40)])})
    assert found.forecasts["rows"].at_ms[0] == dt.datetime(2026, 2, 10, tzinfo=dt.UTC).timestamp() * 1000


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ([1.0, 2.0], "metric_history is a mapping of names to series, not list"),
        ({}, "metric_history has 1 to 10,000 series, not 0"),
        ({"cpu": [1.0] * 5}, "metric_history['cpu']: 5 values that are known; a forecast needs 24"),
        ({"cpu": "high"}, "metric_history['cpu']: a list of numbers is wanted, not str"),
        ({"cpu": ["a"] * 30}, "metric_history['cpu']: not all of its values are numbers"),
        ({"cpu": [1.0] * 29 + [float("inf")]}, "metric_history['cpu']: value 29 is infinite"),
        ({"cpu": [1.0] * 29 + [1e200]}, "metric_history['cpu']: value 29 is 1e+200; the limit is ±1e+100"),
        (
            {"cpu": ([*range(0, 30 * 60_000, 60_000), 10**13], [1.0] * 31)},
            "metric_history['cpu']: from its first time to its last there are 166,666,666 steps of 60 s",
        ),
        (
            {"cpu": ([1_767_225_600 + 60 * place for place in range(30)], [1.0] * 30)},
            "metric_history['cpu']: its times cannot be read: 1767225600 is a number of seconds",
        ),
        ({"cpu": Numbered()}, "metric_history['cpu']: its index holds numbers, not times"),
        ({"cpu": ([0] * 30, [1.0] * 30)}, "metric_history['cpu']: two values at 1970-01-01T00:00:00.000Z"),
        ({"cpu": (["soon"] * 30, [1.0] * 30)}, "metric_history['cpu']: its times cannot be read"),
        (
            {"cpu": np.ones((3, 30))},
            "metric_history['cpu']: a list of numbers is wanted, not an array of shape (3, 30)",
        ),
    ],
)
def test_what_cannot_be_used_is_named(history: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        monitor().predict_performance_issues(history)
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 0}, "horizon is from 1 to 1440 hours, found 0"),
        ({"probability": 2}, "probability is from 0.05 to 0.95 (a share), found 2"),
        ({"limits": {"cpu": float("nan")}}, "limits['cpu']: a finite number, found nan"),
        ({"holidays": ["never"]}, "holidays: 'never' is no date such as 2026-12-25"),
    ],
)
def test_options_that_are_wrong_are_named(options: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        monitor(**options)
    assert refused.value.message == message


def test_a_limit_of_a_metric_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="limits: there is no metric 'gpu' in metric_history"):
        monitor(limits={"gpu": 1.0}).predict_performance_issues({"cpu": daily(50, 1).tolist()})
