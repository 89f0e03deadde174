"""`PredictivePerformanceMonitor`: issues before they happen, capacity, workload, from histories; without a server."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.answers import Saturation, SaturationSettings
from trimtab.analyze.capacity.growth import GrowthAssumption
from trimtab.analyze.capacity.saturation import saturation
from trimtab.analyze.forecast.forecast import forecast
from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.analyze.workload.forecast import WorkloadForecast, predict_workload
from trimtab.app.forecasting.actions import Recommended, recommended
from trimtab.app.forecasting.crossing import crossing
from trimtab.app.forecasting.families import FAMILIES, Family, LimitWish, Op
from trimtab.extend.forecasters import forecasters
from trimtab.model.errors import InputError
from trimtab.sdk.metric_history import History, histories_of
from trimtab.stats.time_series import TimeSeries
from trimtab.store.state import wall_clock_ms

__all__ = [
    "ForecastIssue",
    "MetricLimit",
    "MetricPrediction",
    "PredictiveInsights",
    "PredictivePerformanceMonitor",
    "ProactiveAction",
]

HOUR_MS = 3_600_000
WORKLOAD = "request_volume"
"""The series that the workload is forecast from."""
STEPS_MAX = 2_000
"""A series whose samples lie closer is forecast on a coarser grid: the horizon has at most so many steps."""
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricLimit:
    """What a metric must not cross: `op` ">" is bad above `value`, "<" below. `source` says where it is from."""

    value: float
    op: Op = ">"
    source: str = "given"


SENSIBLE: Sequence[tuple[tuple[str, ...], str, MetricLimit]] = (
    (("cpu",), "host_cpu", MetricLimit(80.0, ">", "the table of infrastructure metrics: cpu 80 %")),
    (("memory", "mem"), "host_memory", MetricLimit(85.0, ">", "the table of infrastructure metrics: memory 85 %")),
    (
        ("disk_io", "diskio", "io_util"),
        "host_disk",
        MetricLimit(90.0, ">", "the table of infrastructure metrics: disk io 90 %"),
    ),
    (
        ("network",),
        "host_network_receive",
        MetricLimit(75.0, ">", "the table of infrastructure metrics: network io 75 %"),
    ),
    (("storage", "disk"), "host_storage", MetricLimit(90.0, ">", "the table of infrastructure metrics: storage 90 %")),
)
"""By a part of the name, for series in percent (or, where all values are 0 to 1, in shares)."""


@dataclass(frozen=True, slots=True)
class MetricPrediction:
    """The forecast of one metric: `at_ms` int64[steps], the rest float64[steps]; bands hold 8 and 9 times in 10.

    `coverage_90` (0..1) says how often the 90 % band held in the forecast's own rolling backtest, `error_ratio` its
    error as a share of the seasonal naive one's; None where the history is too short for a backtest.
    """

    metric: str
    unit: str
    at_ms: NDArray[np.int64]
    mean: F64
    lo_80: F64
    hi_80: F64
    lo_90: F64
    hi_90: F64
    model: str
    coverage_90: float | None
    error_ratio: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForecastIssue:
    """A limit that a metric will cross. `probability` (0..1) is that of being beyond it at `likeliest_ms`.

    `expected_ms` is where the mean crosses or that becomes more probable than not (None: neither), `earliest_ms` where
    the 90 % band does.
    """

    metric: str
    limit: MetricLimit
    probability: float
    probability_end: float
    likeliest_ms: int
    expected_ms: int | None
    earliest_ms: int | None
    now: float
    prediction: MetricPrediction


@dataclass(frozen=True, slots=True)
class ProactiveAction:
    """What to do about an issue. `by` is `trimtab` (it has advice, and can apply what you approve) or `you`."""

    metric: str
    text: str
    by: str
    probability: float
    not_verified: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PredictiveInsights:
    """`metric_predictions`: issues by metric, of those that have any. `capacity_forecast`: when each metric with a
    limit reaches it for good. `workload_forecast`: calls ahead by template, None without `request_volume`.
    `recommended_actions`: likeliest first. `forecasts` are those of all metrics, `already` metrics that are beyond
    their limit now: that is no issue that is ahead.
    """

    metric_predictions: dict[str, tuple[ForecastIssue, ...]]
    capacity_forecast: dict[str, Saturation]
    workload_forecast: WorkloadForecast | None
    recommended_actions: tuple[ProactiveAction, ...]
    forecasts: dict[str, MetricPrediction] = field(default_factory=dict)
    already: tuple[str, ...] = ()


class PredictivePerformanceMonitor:
    """Predicts issues `horizon` hours ahead.

    `limits` are by metric: a number (bad above it) or a `MetricLimit`; metrics without one get a sensible one by their
    name (`cpu`, `memory`, `disk_io`, `network`, `storage` in percent or as shares), or none. `probability` is from
    which on it is an issue. `growth` is a what-if for the capacity forecast (see `GrowthAssumption`). `step` is the
    distance of values of plain lists, which end now, in seconds.

    >>> hours = np.arange(24 * 28)
    >>> cpu = 55 + 20 * np.sin(hours * 2 * np.pi / 24) + hours * 0.015
    >>> found = PredictivePerformanceMonitor().predict_performance_issues({"cpu_utilization": cpu.tolist()})
    >>> found.metric_predictions["cpu_utilization"][0].limit.value, found.workload_forecast is None
    (80.0, True)
    """

    def __init__(
        self,
        limits: Mapping[str, float | MetricLimit] | None = None,
        *,
        horizon: float = 24.0,
        probability: float = 0.2,
        step: float = 3600.0,
        growth: GrowthAssumption | None = None,
        holidays: Sequence[str] = (),
        time_zone: str = "UTC",
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """InputError for what is outside its limits."""
        _between("horizon", horizon, 1, 24 * 60, "hours")
        _between("probability", probability, 0.05, 0.95, "(a share)")
        _between("step", step, 1, 86_400, "seconds")
        self._limits = {name: _limit_of(name, one) for name, one in (limits or {}).items()}
        self._horizon_ms, self._probability, self._step_ms = round(horizon * HOUR_MS), probability, round(step * 1000)
        self._settings = ForecastSettings(holidays=tuple(holidays), time_zone=time_zone)
        self._growth = growth
        self._better = forecasters()
        self._now_ms = now_ms

    def predict_performance_issues(self, metric_history: Mapping[str, History]) -> PredictiveInsights:
        """What will be wrong, when what is full, what will be asked, and what to do.

        A value is a `TimeSeries`, a pair of times and values, a list of numbers, or a pandas Series with a time index.
        `request_volume` is what the workload is forecast from: a series, or several by template
        (`request_volume/NAME`). InputError names what cannot be used.
        """
        end_ms = self._now_ms() // self._step_ms * self._step_ms
        histories = histories_of(metric_history, self._step_ms, end_ms)
        unknown = sorted(set(self._limits) - set(histories))
        if unknown:
            raise InputError(f"limits: there is no metric {unknown[0]!r} in metric_history", field=unknown[0])
        predictions = {name: self._predicted(one) for name, one in histories.items()}
        limits = {
            name: limit
            for name, one in histories.items()
            if (limit := self._limits.get(name) or sensible(one)) is not None
        }
        issues: dict[str, tuple[ForecastIssue, ...]] = {}
        already = []
        for name, limit in limits.items():
            last = _last(histories[name])
            if last > limit.value if limit.op == ">" else last < limit.value:
                already.append(name)
            elif (issue := self._issue(predictions[name], limit, last)) is not None:
                issues[name] = (issue,)
        return PredictiveInsights(
            issues,
            {name: self._saturated(histories[name], limit) for name, limit in limits.items()},
            self._workload(histories),
            actions_of(issues),
            {name: one for name, (one, _, _) in predictions.items()},
            tuple(already),
        )

    # --- parts

    def _predicted(self, series: TimeSeries) -> tuple[MetricPrediction, tuple[float, ...], F64]:
        """The forecast, and its quantiles [steps, level]."""
        step_ms = max(series.step_ms, math.ceil(self._horizon_ms / STEPS_MAX / 1000) * 1000, 1000)
        if step_ms > 86_400_000:
            raise InputError(
                f"metric_history[{series.name!r}]: its values are more than a day apart", field=series.name
            )
        grid = series.grid(step_ms)
        steps = max(1, round(self._horizon_ms / step_ms))
        found = forecast(
            grid.values[None, :], step_ms, int(grid.at_ms[0]), steps, self._settings, forecasters=self._better
        )
        told = MetricPrediction(
            series.name,
            series.unit,
            found.at_ms,
            found.mean[0],
            found.lo_80[0],
            found.hi_80[0],
            found.lo_90[0],
            found.hi_90[0],
            found.model[0],
            _known(found.coverage_90[0]),
            _known(found.better_ratio()[0]),
            found.notes[0],
        )
        return told, found.levels, found.quantiles[0]

    def _issue(
        self, predicted: tuple[MetricPrediction, tuple[float, ...], F64], limit: MetricLimit, last: float
    ) -> ForecastIssue | None:
        told, levels, quantiles = predicted
        found = crossing(told.mean[None, :], levels, quantiles[None, :, :], np.array([limit.value]), limit.op)
        if found.highest[0] < self._probability:
            return None
        return ForecastIssue(
            told.metric,
            limit,
            float(found.highest[0]),
            float(found.probability[0, -1]),
            int(told.at_ms[found.highest_at[0]]),
            _moment(told, int(found.mean_at[0])),
            _moment(told, int(found.earliest_at[0])),
            last,
            told,
        )

    def _saturated(self, series: TimeSeries, limit: MetricLimit) -> Saturation:
        return saturation(series, limit.value, SaturationSettings(falling=limit.op == "<"), self._growth)

    def _workload(self, histories: Mapping[str, TimeSeries]) -> WorkloadForecast | None:
        mine = {name: one for name, one in histories.items() if name == WORKLOAD or name.startswith(f"{WORKLOAD}/")}
        if not mine:
            return None
        step_ms = max(HOUR_MS, *(one.step_ms for one in mine.values()))
        start_ms = min(int(one.at_ms[0]) for one in mine.values()) // step_ms
        end_ms = max(int(one.at_ms[-1]) for one in mine.values()) // step_ms
        rates = np.stack([_summed(one, step_ms, start_ms, end_ms - start_ms + 1) for one in mine.values()])
        names = [name.removeprefix(f"{WORKLOAD}/") for name in mine]
        steps = max(1, round(self._horizon_ms / step_ms))
        settings = self._settings
        return predict_workload(
            names,
            rates,
            step_ms,
            start_ms * step_ms,
            steps,
            lambda values, step, start, ahead: forecast(values, step, start, ahead, settings, forecasters=self._better),
        )


def sensible(series: TimeSeries) -> MetricLimit | None:
    """A limit by the name of a metric, where its values are percent or shares; None where nobody can say.

    >>> sensible(TimeSeries("memory_used_ratio", np.arange(3), np.array([0.2, 0.4, 0.6])))
    MetricLimit(value=0.85, op='>', source='the table of infrastructure metrics: memory 85 %, as a share')
    >>> sensible(TimeSeries("memory_bytes", np.arange(3), np.array([2e9, 4e9, 6e9]))) is None
    True
    """
    known = series.values[np.isfinite(series.values)]
    name = series.name.casefold()
    for parts, _, limit in SENSIBLE:
        if not any(part in name for part in parts) or known.size == 0 or known.min() < 0 or known.max() > 100:
            continue
        if known.max() <= 1:
            return MetricLimit(limit.value / 100, limit.op, f"{limit.source}, as a share")
        return limit
    return None


def actions_of(issues: Mapping[str, Sequence[ForecastIssue]]) -> tuple[ProactiveAction, ...]:
    """What to do, for the likeliest issue first."""
    ordered = sorted((one for some in issues.values() for one in some), key=lambda one: (-one.probability, one.metric))
    found = []
    for issue in ordered:
        advice = _advice(issue)
        found += [
            ProactiveAction(issue.metric, action.text, action.by, issue.probability, advice.not_verified)
            for action in advice.actions
        ]
    return tuple(found)


_OTHER = Family("metric", "Metric", "", "named")


def _advice(issue: ForecastIssue) -> Recommended:
    name = issue.metric.casefold()
    wanted = next((family for parts, family, _ in SENSIBLE if any(part in name for part in parts)), "")
    if "connection" in name:
        wanted = "postgres_connections"
    family = next((one for one in FAMILIES if one.name == wanted), _OTHER)
    return recommended(family, LimitWish(issue.metric, "", issue.limit.op, issue.limit.value), "", "")


def _limit_of(name: str, one: float | MetricLimit) -> MetricLimit:
    limit = one if isinstance(one, MetricLimit) else MetricLimit(one)
    value: object = limit.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"limits[{name!r}]: a finite number, found {value!r}", field=name)
    if limit.op not in (">", "<"):
        raise InputError(f"limits[{name!r}]: op is '>' or '<', found {limit.op!r}", field=name)
    return limit


def _between(name: str, value: object, low: float, high: float, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{name} is from {low:g} to {high:g} {unit}, found {value!r}", field=name)


def _moment(told: MetricPrediction, step: int) -> int | None:
    return None if step < 0 else int(told.at_ms[step])


def _last(series: TimeSeries) -> float:
    return float(series.values[np.isfinite(series.values)][-1])


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _summed(series: TimeSeries, step_ms: int, first: int, count: int) -> F64:
    """Sums by step; NaN where a step has no value."""
    known = np.isfinite(series.values)
    places = series.at_ms[known] // step_ms - first
    sums = np.bincount(places, weights=series.values[known], minlength=count)
    there = np.bincount(places, minlength=count) > 0
    return np.where(there, sums, np.nan)
