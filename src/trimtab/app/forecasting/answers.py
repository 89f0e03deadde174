"""What the API and the page tell of forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.app.forecasting.alerts import summary
from trimtab.app.forecasting.families import FAMILIES
from trimtab.app.forecasting.issues import Issue
from trimtab.app.forecasting.keeper import Forecasting
from trimtab.app.forecasting.now import FamilyNow, ForecastNow, SeriesNow
from trimtab.app.forecasting.record import Record
from trimtab.model.errors import InputError, NotFound
from trimtab.store.forecast_issues import KeptIssue
from trimtab.store.forecast_state import LINES

NOTES: Mapping[str, str] = {
    "short": "fewer than two seasons of history: intervals are wide, and nothing could be checked",
    "constant": "the same value all the time",
    "empty": "no value at all",
    "gaps": "more than a fifth of the history is missing",
    "shifted": "its level changed for good: what is older counts less",
    "holidays": "days were treated as holidays",
    "coarse": "forecast on a coarser grid than asked for, and spread over the steps",
}
SORTS: Mapping[str, Callable[[SeriesNow], tuple[float, str]]] = {
    "name": lambda one: (0.0, f"{one.subject.family.title} {one.subject.name}"),
    "held": lambda one: (_or(one.record.inside_90, 2.0), one.subject.id),
    "error": lambda one: (-_or(_ratio(one), -1.0), one.subject.id),
}


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """One step. Bounds hold the value 8 and 9 times in 10."""

    at_ms: int
    mean: float
    lo_80: float
    hi_80: float
    lo_90: float
    hi_90: float


@dataclass(frozen=True, slots=True)
class ForecastMadeRow:
    """One series with its forecast. `series` is its name in the API, `key` that of a chart.

    `last` is the last value that was measured, `highest` and `lowest` are of the mean within the horizon. `record` says
    what came of past forecasts; `backtest_90` (0..1) and `backtest_error_ratio` (own error as a share of the seasonal
    naive one's) what the forecast's own rolling backtest says; `widened` is by how much bands were widened by the
    record. `points` are there where one series was asked for.
    """

    series: str
    family: str
    kind: str
    title: str
    name: str
    unit: str
    key: str
    href: str
    model: str
    start_ms: int
    step_ms: int
    horizon_end_ms: int
    last: float | None
    highest: float
    highest_at_ms: int
    lowest: float
    record: Record
    backtest_90: float | None
    backtest_error_ratio: float | None
    origins: int
    widened: float
    notes: tuple[str, ...]
    points: tuple[ForecastPoint, ...] | None = None


@dataclass(frozen=True, slots=True)
class ForecastsAnswer:
    """`at_ms` 0: nothing was made yet. `total` counts all that fit."""

    at_ms: int
    is_enabled: bool
    total: int
    families: tuple[FamilyNow, ...]
    rows: tuple[ForecastMadeRow, ...]


@dataclass(frozen=True, slots=True)
class IssuesAnswer:
    """Issues that are foreseen, soonest first, and those that ended, newest first."""

    at_ms: int
    is_enabled: bool
    issues: tuple[IssueRow, ...]
    ended: tuple[EndedIssue, ...]


@dataclass(frozen=True, slots=True)
class IssueRow:
    """See `Issue`; `summary` is one sentence, `opened_ms` since when it is foreseen."""

    summary: str
    opened_ms: int
    issue: Issue


@dataclass(frozen=True, slots=True)
class EndedIssue:
    """An issue that is none any more. `why`: `here` (the limit was crossed), or why it is not foreseen."""

    id: str
    series: str
    title: str
    opened_ms: int
    ended_ms: int
    why: str


def forecasts(
    forecasting: Forecasting,
    *,
    series: str | None = None,
    search: str = "",
    kind: str | None = None,
    sort: str = "name",
    limit: int = 100,
    offset: int = 0,
) -> ForecastsAnswer:
    """Series with their forecasts. NotFound where `series` has none, InputError for an unknown kind or order."""
    now = forecasting.now
    if series is not None:
        if series not in now.series:
            raise NotFound(f"there is no forecast of {series[:200]!r}", series=series[:200])
        found = [now.series[series]]
    else:
        found = fitting(now, search, kind, sort)
    page = found[offset : offset + limit]
    rows = tuple(row_of(one, with_points=series is not None) for one in page)
    families = tuple(one for one in now.families if one.count or one.young or one.problem)
    return ForecastsAnswer(now.at_ms, forecasting.is_enabled, len(found), families, rows)


def fitting(now: ForecastNow, search: str, kind: str | None, sort: str) -> list[SeriesNow]:
    """Series of a kind with a text in their name, in order."""
    if kind is not None and kind not in kinds():
        raise InputError(f"kind: one of {', '.join(kinds())}, found {kind[:30]!r}", field="kind")
    if sort not in SORTS:
        raise InputError(f"sort: one of {', '.join(SORTS)}, found {sort[:30]!r}", field="sort")
    wanted = search.casefold()
    found = [
        one
        for one in now.series.values()
        if (kind is None or one.subject.family.kind == kind)
        and (not wanted or wanted in f"{one.subject.id} {one.subject.family.title} {one.subject.name}".casefold())
    ]
    return sorted(found, key=SORTS[sort])


def kinds() -> list[str]:
    """What series may be of."""
    return list(dict.fromkeys([*(family.kind for family in FAMILIES), "rule", "named"]))


def row_of(one: SeriesNow, *, with_points: bool = False) -> ForecastMadeRow:
    """As it is told."""
    made, subject = one.made, one.subject
    mean = made.lines[0, one.row].astype(np.float64)
    top = int(np.argmax(mean))
    points = None
    if with_points:
        points = tuple(
            ForecastPoint(made.start_ms + step * made.step_ms, *(float(value) for value in column))
            for step, column in enumerate(made.lines[: len(LINES), one.row].T.astype(np.float64))
        )
    return ForecastMadeRow(
        subject.id,
        subject.family.name,
        subject.family.kind,
        subject.family.title,
        subject.name,
        subject.unit,
        subject.key,
        subject.href,
        one.model,
        made.start_ms,
        made.step_ms,
        made.end_ms,
        one.last,
        float(mean[top]),
        made.start_ms + top * made.step_ms,
        float(mean.min()),
        one.record,
        one.backtest_90,
        one.backtest_ratio,
        one.origins,
        one.factor,
        tuple(NOTES.get(note, note) for note in one.notes),
        points,
    )


def forecast_issues(forecasting: Forecasting) -> IssuesAnswer:
    """Issues that are foreseen, and those that ended."""
    now = forecasting.now
    opened = {one.id: one.opened_ms for one in forecasting.issues.open()}
    rows = tuple(IssueRow(summary(one), opened.get(one.id, now.at_ms), one) for one in now.issues)
    return IssuesAnswer(now.at_ms, forecasting.is_enabled, rows, tuple(ended_of(forecasting.ended())))


def ended_of(kept: Sequence[KeptIssue]) -> list[EndedIssue]:
    """As it is told."""
    return [
        EndedIssue(one.id, one.series, one.title, one.opened_ms, one.ended_ms or 0, one.why_ended or "") for one in kept
    ]


def _or(value: float | None, other: float) -> float:
    return other if value is None else value


def _ratio(one: SeriesNow) -> float | None:
    return one.record.error_ratio if one.record.error_ratio is not None else one.backtest_ratio
