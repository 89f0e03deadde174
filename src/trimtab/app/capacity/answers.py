"""What the API and the page tell of capacity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

import numpy as np

from trimtab.analyze.capacity.answers import Saturation
from trimtab.app.capacity.keeper import Capacity
from trimtab.app.capacity.now import SystemWorkload, Watched
from trimtab.app.capacity.what_if import WhatIf
from trimtab.model.errors import NotFound

ORDER = {"already": 0, "dated": 1, "possible": 2, "never": 3, "no_trend": 4, "too_little": 5}
TEMPLATES_SHOWN = 20
TEXT_CHARS_MAX = 300
BAND_POINTS_MAX = 200


@dataclass(frozen=True, slots=True)
class Told:
    """A date, or why there is none: see `analyze.capacity.answers.Saturation`. `date_ms` is as likely too early as too
    late; the range is `earliest_ms` to `latest_ms`, None at an end that is not within the horizon."""

    outcome: str
    reason: str
    date_ms: int | None
    earliest_ms: int | None
    latest_ms: int | None
    probability: float


@dataclass(frozen=True, slots=True)
class EarlierDate:
    """What was told on an earlier day."""

    at_ms: int
    outcome: str
    date_ms: int | None
    earliest_ms: int | None
    latest_ms: int | None


@dataclass(frozen=True, slots=True)
class CapacityPoint:
    """Peaks ahead, the drawn futures' middle and range, and the share of futures that is full by then (0..1)."""

    at_ms: int
    low: float
    middle: float
    high: float
    full_by: float


@dataclass(frozen=True, slots=True)
class CapacityRow:
    """One series of a resource. `told` is as things go on, `assumed` under the what-if (null where there is none).

    `current` is the newest peak, `growth_per_day` its slope, both in `unit`; `relation` says how it goes with the load;
    `points` and `earlier` are there where one series was asked for.
    """

    series: str
    resource: str
    title: str
    name: str
    labels: Mapping[str, str]
    unit: str
    limit: float
    limit_about: str
    current: float | None
    used_ratio: float | None
    growth_per_day: float | None
    history_ms: int
    horizon_end_ms: int
    range_ratio: float
    told: Told
    assumed: Told | None
    relation: str
    notes: tuple[str, ...]
    page: str
    points: tuple[CapacityPoint, ...] | None = None
    earlier: tuple[EarlierDate, ...] | None = None


@dataclass(frozen=True, slots=True)
class CapacityAnswer:
    """Resources, soonest full first. `at_ms` 0: nothing was looked at yet. `assumption` is the what-if in words."""

    at_ms: int
    is_enabled: bool
    assumption: str
    rows: tuple[CapacityRow, ...]
    left_out: int
    problems: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """A query shape: calls in the last time as long as the horizon, and those ahead; `load_ms` is what they take."""

    fingerprint: str
    text: str
    cluster: int
    calls_now: float
    calls_ahead: float
    load_ahead_ms: float


@dataclass(frozen=True, slots=True)
class SpikeRow:
    """A spike of calls that is to be expected again."""

    at_ms: int
    calls: float
    cluster: int
    every_days: int


@dataclass(frozen=True, slots=True)
class WorkloadStep:
    """Calls of all shapes in one step, with the sum of the clusters' 90 % bands (which is wider than a band of the
    sum)."""

    at_ms: int
    calls: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class WorkloadRow:
    """The workload of a system ahead. `growing` are the shapes that will add most calls, `busiest` those that will be
    called most."""

    system: str
    start_ms: int
    step_ms: int
    end_ms: int
    calls_now: float
    calls_ahead: float
    templates: int
    clusters: int
    growing: tuple[TemplateRow, ...]
    busiest: tuple[TemplateRow, ...]
    spikes: tuple[SpikeRow, ...]
    steps: tuple[WorkloadStep, ...]


@dataclass(frozen=True, slots=True)
class WorkloadAnswer:
    """`young` are systems whose calls are known for too short a time."""

    at_ms: int
    is_enabled: bool
    systems: tuple[WorkloadRow, ...]
    young: tuple[str, ...]
    problems: Mapping[str, str]


def capacity_rows(capacity: Capacity, what: WhatIf | None = None, series: str | None = None) -> CapacityAnswer:
    """Dates of all resources, or of one series. NotFound where there is no such series."""
    now = capacity.now
    assumed = capacity.under(what) if what is not None and not what.is_nothing else {}
    watched: Sequence[Watched] = now.watched
    if series is not None:
        watched = [one for one in watched if one.id == series]
        if not watched:
            raise NotFound(f"no date is looked for of {series[:200]!r}", series=series[:200])
    rows = [_row(one, assumed.get(one.id)) for one in sorted(watched, key=lambda one: soonest(one, assumed))]
    if series is not None:
        rows = [_whole(capacity, watched[0], assumed.get(series))]
    said = what.said if what is not None else ""
    return CapacityAnswer(now.at_ms, capacity.is_enabled, said, tuple(rows), now.left_out, now.problems)


def soonest(one: Watched, assumed: Mapping[str, Saturation]) -> tuple[float, ...]:
    """What comes first: what is full, then by date, then by how full it is."""
    told = assumed.get(one.id, one.told)
    date = told.date_ms if told.date_ms is not None else told.earliest_ms
    used = told.current / one.limit if one.limit else 0.0
    return (ORDER[told.outcome], float(date or 0), -used if math.isfinite(used) else 0.0)


def told_of(found: Saturation) -> Told:
    """A date as it is told."""
    return Told(
        found.outcome, found.reason, found.date_ms, found.earliest_ms, found.latest_ms, round(found.probability, 4)
    )


def _row(one: Watched, assumed: Saturation | None) -> CapacityRow:
    told, resource = one.told, one.resource
    current = told.current if math.isfinite(told.current) else None
    return CapacityRow(
        one.id,
        resource.name,
        resource.title,
        one.name,
        one.labels,
        resource.unit,
        one.limit,
        resource.about,
        current,
        None if current is None else current / one.limit,
        told.growth_per_day,
        told.history_ms,
        told.horizon_end_ms,
        told.range_ratio,
        told_of(told),
        None if assumed is None else told_of(assumed),
        one.relation.said if resource.load else "",
        told.notes,
        page_of(one),
    )


def _whole(capacity: Capacity, one: Watched, assumed: Saturation | None) -> CapacityRow:
    band = (assumed or one.told).band
    every = max(1, -(-len(band.at_ms) // BAND_POINTS_MAX))
    points = tuple(
        CapacityPoint(int(at), float(low), float(middle), float(high), float(full))
        for at, low, middle, high, full in zip(
            band.at_ms[::every],
            band.low[::every],
            band.middle[::every],
            band.high[::every],
            band.full_by[::every],
            strict=True,
        )
    )
    earlier = tuple(
        EarlierDate(told.at_ms, told.outcome, told.date_ms, told.earliest_ms, told.latest_ms)
        for told in capacity.state.of(one.id)
    )
    return replace(_row(one, assumed), points=points, earlier=earlier)


def page_of(one: Watched) -> str:
    """Where a series is looked at; empty where it has no page of its own."""
    path = one.resource.page
    for name, value in one.labels.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path if "{" not in path else ""


def workloads(capacity: Capacity, system: str | None = None) -> WorkloadAnswer:
    """The workload ahead, of all systems or of one. NotFound where none is known of that one."""
    now = capacity.now
    found = [one for one in now.workloads if system is None or one.system == system]
    if system is not None and not found and system not in now.young:
        raise NotFound(f"no workload of {system[:200]!r} is forecast", system=system[:200])
    problems = {name: text for name, text in now.problems.items() if name.startswith("Workload")}
    return WorkloadAnswer(now.at_ms, capacity.is_enabled, tuple(_workload(one) for one in found), now.young, problems)


def _workload(one: SystemWorkload) -> WorkloadRow:
    ahead = one.forecast
    busiest = np.argsort(-ahead.then, kind="stable")[:TEMPLATES_SHOWN]
    moments = ahead.start_ms + np.arange(ahead.ahead_mean.shape[1]) * ahead.step_ms
    sums = (ahead.ahead_mean.sum(axis=0), ahead.ahead_low.sum(axis=0), ahead.ahead_high.sum(axis=0))
    spikes = [
        SpikeRow(int(moments[spike.step]), spike.height, ahead.cluster_numbers[row], spike.period_days)
        for row, found in ahead.spikes.items()
        for spike in found
    ]
    return WorkloadRow(
        one.system,
        ahead.start_ms,
        ahead.step_ms,
        int(moments[-1]) + ahead.step_ms,
        float(ahead.now.sum()),
        float(ahead.then.sum()),
        len(ahead.names),
        len(ahead.cluster_numbers),
        tuple(_template(one, int(place)) for place in ahead.growing(TEMPLATES_SHOWN)),
        tuple(_template(one, int(place)) for place in busiest),
        tuple(sorted(spikes, key=lambda spike: spike.at_ms)[:TEMPLATES_SHOWN]),
        tuple(
            WorkloadStep(int(at), float(mean), float(low), float(high))
            for at, mean, low, high in zip(moments, *sums, strict=True)
        ),
    )


def _template(one: SystemWorkload, place: int) -> TemplateRow:
    ahead, name = one.forecast, one.forecast.names[place]
    text = " ".join(one.texts.get(name, name).split())
    return TemplateRow(
        name,
        text if len(text) <= TEXT_CHARS_MAX else text[: TEXT_CHARS_MAX - 1] + "…",
        ahead.cluster_numbers[int(ahead.cluster[place])],
        float(ahead.now[place]),
        float(ahead.then[place]),
        float(ahead.then[place] * one.mean_ms[place]),
    )
