"""What pages, the API and the command line are told of anomalies: plain values with units in their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.app.detecting.keeper import Anomalies
from trimtab.app.detecting.words import band_of, query_of_series, said_of, samples_path, title_of
from trimtab.model.anomalies import AnomalyEpisode, Mute
from trimtab.store.anomaly_state import Sort, Wanted


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """One episode. `score` 0..1; `expected`, `low`, `high`: what was expected when it began, in `unit`; `observed`: the
    value furthest from that.

    `group` is the id of the first episode that began together with it. `samples` is the path of the page that shows its
    samples; `query` the PromQL that does, of metrics.
    """

    id: int
    series: str
    series_key: str
    title: str
    source: str
    measure: str
    labels: Mapping[str, str]
    unit: str
    step_ms: int
    start_ms: int
    end_ms: int
    closed_at_ms: int | None
    is_open: bool
    score: float
    test: str
    observed: float
    expected: float | None
    low: float | None
    high: float | None
    said: str
    query: str | None
    samples: str


@dataclass(frozen=True, slots=True)
class MuteRow:
    """What somebody said is normal. `test` None: whatever test finds; `until_ms` None: for good."""

    id: int
    series_key: str
    series: str
    test: str | None
    episode_id: int | None
    reason: str
    until_ms: int | None
    by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What is looked at, and what is not."""

    at_ms: int
    metrics_count: int
    queries_count: int
    left_out_by_name_count: int
    left_out_for_room_count: int
    waiting_count: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class AnomaliesAnswer:
    """How many episodes fit, a page of them, what is said to be normal, and what is looked at."""

    total: int
    episodes: tuple[EpisodeRow, ...]
    normal: tuple[MuteRow, ...]
    looked_at: LookedAt


def anomalies_of(
    anomalies: Anomalies, wanted: Wanted, sort: Sort, now_ms: int, limit: int, offset: int
) -> AnomaliesAnswer:
    """A page of episodes."""
    total, found = anomalies.state.find(wanted, sort, now_ms, limit, offset)
    return AnomaliesAnswer(
        total,
        tuple(episode_row(one) for one in found),
        tuple(mute_row(one) for one in anomalies.state.mutes(now_ms)),
        looked_at(anomalies),
    )


def looked_at(anomalies: Anomalies) -> LookedAt:
    """After the last look."""
    now = anomalies.now
    return LookedAt(
        now.at_ms,
        now.metrics_count,
        now.queries_count,
        now.out_count,
        now.full_count,
        now.waiting_count,
        now.problem,
    )


def episode_row(one: AnomalyEpisode) -> EpisodeRow:
    """As it is told."""
    series = one.series
    low, high = band_of(one)
    return EpisodeRow(
        one.id,
        series.name,
        series.key,
        title_of(series),
        series.source.value,
        series.measure.value,
        series.labels,
        series.unit,
        series.step_ms,
        one.start_ms,
        one.end_ms,
        one.closed_at_ms,
        one.is_open,
        one.score,
        one.test.value,
        one.observed,
        one.expected,
        low,
        high,
        said_of(one),
        query_of_series(series),
        samples_path(one),
    )


def mute_row(one: Mute) -> MuteRow:
    """As it is told."""
    test = None if one.test is None else one.test.value
    return MuteRow(one.id, one.series_key, one.name, test, one.episode_id, one.reason, one.until_ms, one.by, one.at_ms)
