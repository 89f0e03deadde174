"""The workload ahead by template: totals of clusters, forecast by whom one likes, and split by recent shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.workload.clusters import Clusters
from trimtab.analyze.workload.spikes import Spike, spikes_ahead
from trimtab.model.errors import InputError

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

DAY_MS = 86_400_000
SHARE_HALF_LIFE_MS = DAY_MS
"""How quickly older shares count less: a template that is new has its share within two days."""
DRIFT_DAYS_MIN = 4
DRIFT_RATIO_MAX = 2.0
"""The share of a template may double or halve by its drift, not more."""
GROWTH_RATIO_MIN = 0.02
POINTS_MIN = 24
TEMPLATES_MAX = 50_000


class Ahead(Protocol):
    """What a forecaster gives: float64[series, steps] each, the middle and a 90 % band."""

    @property
    def mean(self) -> F64: ...
    @property
    def lo_90(self) -> F64: ...
    @property
    def hi_90(self) -> F64: ...


Forecaster = Callable[[F64, int, int, int], Ahead]
"""Values [series, points], `step_ms`, `start_ms` of the first point, how many steps ahead."""


@dataclass(frozen=True, slots=True)
class WorkloadForecast:
    """Calls ahead. `cluster` int64[templates] is the row of a template in `totals` (float64[clusters, points]),
    `ahead_mean`, `ahead_low`, `ahead_high` (float64[clusters, steps], 90 %). `shares` float64[templates] is each one's
    part of its cluster ahead. `now` and `then` float64[templates] are calls in the last time as long as the horizon,
    and in the horizon. Steps ahead begin at `start_ms`.
    """

    names: list[str]
    start_ms: int
    step_ms: int
    cluster: I64
    cluster_numbers: list[int]
    totals: F64
    ahead_mean: F64
    ahead_low: F64
    ahead_high: F64
    shares: F64
    now: F64
    then: F64
    spikes: dict[int, list[Spike]] = field(default_factory=dict)

    def ahead_of(self, template: int) -> F64:
        """Calls of one template at each step ahead, float64[steps]."""
        found: F64 = self.ahead_mean[self.cluster[template]] * self.shares[template]
        return found

    def growing(self, count: int) -> I64:
        """Templates that will add most calls, the one that adds most first; what grows by less than 2 % does not."""
        more = self.then - self.now
        order = np.argsort(-more, kind="stable")[:count]
        found: I64 = order[more[order] > GROWTH_RATIO_MIN * self.now[order]]
        return found


def predict_workload(
    names: list[str],
    rates: F64,
    step_ms: int,
    start_ms: int,
    horizon: int,
    forecaster: Forecaster,
    clusters: Clusters | None = None,
) -> WorkloadForecast:
    """What templates will be called, `horizon` steps behind the last point.

    `rates` float64[templates, points] are calls by step (NaN where nothing was measured), `start_ms` the time of the
    first. Pass the same `clusters` again, so that they keep their numbers.

    Raises InputError where shapes do not fit, or there are more than 50,000 templates or fewer than 24 points.

    >>> from types import SimpleNamespace
    >>> def as_yesterday(values, step_ms, start_ms, steps):
    ...     return SimpleNamespace(mean=values[:, -steps:], lo_90=values[:, -steps:], hi_90=values[:, -steps:])
    >>> day = 10 + 10 * np.sin(np.arange(72) / 24 * 2 * np.pi)
    >>> found = predict_workload(["a", "b"], np.stack([day, 3 * day]), 3_600_000, 0, 24, as_yesterday)
    >>> found.shares.tolist(), found.then.round().tolist()
    ([0.25, 0.75], [240.0, 720.0])
    """
    if rates.ndim != 2 or rates.shape[0] != len(names):
        raise InputError(f"{len(names)} templates and rates of shape {rates.shape} do not fit")
    if not 0 < len(names) <= TEMPLATES_MAX:
        raise InputError(f"between 1 and {TEMPLATES_MAX} templates are looked at, not {len(names)}")
    if rates.shape[1] < POINTS_MIN or horizon < 1:
        raise InputError(f"a forecast needs {POINTS_MIN} points and a step ahead, not {rates.shape[1]} and {horizon}")
    clusters = clusters or Clusters()
    measured = np.isfinite(rates).any(axis=0)
    filled = np.where(np.isfinite(rates), np.maximum(rates, 0.0), 0.0)
    numbers = clusters.assign(names, filled)
    cluster_numbers, cluster = np.unique(numbers, return_inverse=True)
    totals = np.zeros((len(cluster_numbers), rates.shape[1]))
    np.add.at(totals, cluster, filled)
    ahead = forecaster(np.where(measured, totals, np.nan), step_ms, start_ms, horizon)
    mean, low, high = (np.maximum(lines, 0.0) for lines in (ahead.mean, ahead.lo_90, ahead.hi_90))
    spikes = {}
    for row in range(len(totals)):
        found = spikes_ahead(totals[row], step_ms, horizon)
        if found:
            spikes[row] = found
            for spike in found:
                mean[row, spike.step] = max(mean[row, spike.step], spike.height)
                high[row, spike.step] = max(high[row, spike.step], spike.highest)
    shares = shares_of(filled, totals, cluster, step_ms)
    last = filled[:, -min(horizon, rates.shape[1]) :]
    now = last.sum(axis=1) * (horizon / last.shape[1])
    return WorkloadForecast(
        names,
        start_ms + rates.shape[1] * step_ms,
        step_ms,
        cluster.astype(np.int64),
        [int(number) for number in cluster_numbers],
        totals,
        mean,
        low,
        high,
        shares,
        now,
        mean.sum(axis=1)[cluster] * shares,
        spikes,
    )


def shares_of(rates: F64, totals: F64, cluster: I64, step_ms: int) -> F64:
    """Each template's part of its cluster in the time ahead, float64[templates], 1 together in each cluster.

    The recent part, older steps count half as much a day; on top of that the way it went over the last days.
    """
    points = rates.shape[1]
    age_ms = (points - 1 - np.arange(points)) * step_ms
    weight = 0.5 ** (age_ms / SHARE_HALF_LIFE_MS)
    recent = rates @ weight
    drifted = recent * _drift(rates, totals, cluster, max(1, DAY_MS // step_ms))
    whole = np.bincount(cluster, weights=drifted, minlength=len(totals))[cluster]
    members = np.bincount(cluster, minlength=len(totals))[cluster]
    shares: F64 = np.where(whole > 0, drifted / np.where(whole > 0, whole, 1.0), 1.0 / members)
    return shares


def _drift(rates: F64, totals: F64, cluster: I64, day: int) -> F64:
    """By what factor the share of each template goes on in a day or so: the median of its changes from day to day."""
    days = rates.shape[1] // day
    if days < DRIFT_DAYS_MIN:
        return np.ones(len(rates))
    days = min(days, 7)
    of_days = rates[:, -days * day :].reshape(len(rates), days, day).sum(axis=2)
    whole = totals[:, -days * day :].reshape(len(totals), days, day).sum(axis=2)[cluster]
    shares = of_days / np.where(whole > 0, whole, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.log(shares[:, 1:] / shares[:, :-1])
    known = np.isfinite(steps).all(axis=1)
    middle = np.where(known, np.median(np.where(np.isfinite(steps), steps, 0.0), axis=1), 0.0)
    # Only where it went one way: as many steps as possible have the sign of the middle.
    one_way = (np.sign(steps) == np.sign(middle)[:, None]).mean(axis=1) >= 0.8
    age_days = 1.0 / np.log(2.0) + 0.5  # mean age of the recent share, and half of the day ahead
    found: F64 = np.clip(np.exp(np.where(one_way, middle, 0.0) * age_days), 1 / DRIFT_RATIO_MAX, DRIFT_RATIO_MAX)
    return found
