"""Changes of level in histories that somebody sends, such as one number a commit. Nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.model.errors import InputError

SERIES_MAX, POINTS_MAX, ALL_POINTS_MAX = 1_000, 20_000, 500_000


class SentSeries(msgspec.Struct, forbid_unknown_fields=True):
    """One history, oldest first. `commits` names its numbers (as many), `at_ms` are their times, strictly ascending;
    both may be left out. null is a number that is missing."""

    name: str
    values: list[float | None]
    commits: list[str] | None = None
    at_ms: list[int] | None = None
    unit: str = ""


class SentHistory(msgspec.Struct, forbid_unknown_fields=True):
    """Histories that belong together: the share of false changes is held for all of them. Settings that are left out
    are those of `[change_points]`."""

    series: list[SentSeries]
    min_segment: int | None = None
    p_value_max: float | None = None
    false_share_max: float | None = None
    change_min_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class HistoryChange:
    """One change; `index` is the first number of the new level, from 0, `commit` its name (null where none was sent).

    See `trimtab.analyze.changes.ChangePoint` for the rest.
    """

    index: int
    commit: str | None
    at_ms: int | None
    before: float
    after: float
    ratio: float | None
    interval_90: tuple[float, float] | None
    p_value: float
    provisional: bool
    spread_ratio: float


@dataclass(frozen=True, slots=True)
class HistoryOfOne:
    """The changes of one series."""

    name: str
    unit: str
    change_points: tuple[HistoryChange, ...]


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """In the order in which they were sent. `commits` are those that changed several series, with how many."""

    series: tuple[HistoryOfOne, ...]
    commits: tuple[tuple[str, int], ...] = field(default=())


def answer_of(sent: SentHistory, policy: ChangePointSettings) -> HistoryAnswer:
    """Changes in what was sent. InputError names the series, the field and the limit."""
    from trimtab.analyze.changes import change_points_of_many
    from trimtab.stats.time_series import TimeSeries

    settings = _settings(sent, policy)
    _check(sent.series)
    series = [
        TimeSeries(
            one.name,
            np.array(one.at_ms if one.at_ms is not None else range(len(one.values)), dtype=np.int64),
            np.array([np.nan if value is None else value for value in one.values], dtype=np.float64),
            one.unit,
        )
        for one in sent.series
    ]
    found = change_points_of_many(series, settings)
    answers: list[HistoryOfOne] = []
    by_commit: dict[str, int] = {}
    for one, points in zip(sent.series, found, strict=True):
        changes = []
        for point in points:
            commit = one.commits[point.index] if one.commits else None
            if commit is not None:
                by_commit[commit] = by_commit.get(commit, 0) + 1
            changes.append(
                HistoryChange(
                    point.index,
                    commit,
                    point.at_ms if one.at_ms is not None else None,
                    point.before,
                    point.after,
                    point.ratio,
                    point.interval_90,
                    point.p_value,
                    point.provisional,
                    point.spread_ratio,
                )
            )
        answers.append(HistoryOfOne(one.name, one.unit, tuple(changes)))
    several = sorted(((name, count) for name, count in by_commit.items() if count > 1), key=lambda pair: -pair[1])
    return HistoryAnswer(tuple(answers), tuple(several))


def _settings(sent: SentHistory, policy: ChangePointSettings) -> ChangePointSettings:
    from trimtab.model.setting import METADATA_KEY

    names = ("min_segment", "p_value_max", "false_share_max", "change_min_ratio")
    named = {name: value for name in names if (value := getattr(sent, name)) is not None}
    for name, value in named.items():
        about = ChangePointSettings.__dataclass_fields__[name].metadata[METADATA_KEY]
        if not about.low <= value <= about.high:
            raise InputError(f"{name}: from {about.low} to {about.high}, found {value}", field=name, observed=value)
    base = ChangePointSettings(**{name: getattr(policy, name) for name in ChangePointSettings.__dataclass_fields__})
    return replace(base, **named)


def _check(series: Sequence[SentSeries]) -> None:
    if not 1 <= len(series) <= SERIES_MAX:
        raise InputError(f"series: 1 to {SERIES_MAX:,}, found {len(series)}", field="series", limit=SERIES_MAX)
    total = sum(len(one.values) for one in series)
    if total > ALL_POINTS_MAX:
        raise InputError(f"series: at most {ALL_POINTS_MAX:,} values together, found {total:,}", field="series")
    for place, one in enumerate(series):
        where = f"series[{place}]"
        if len(one.values) > POINTS_MAX:
            raise InputError(f"{where}.values: at most {POINTS_MAX:,}, found {len(one.values):,}", field="values")
        for name in ("commits", "at_ms"):
            beside = getattr(one, name)
            if beside is not None and len(beside) != len(one.values):
                found = f"found {len(beside)} for {len(one.values)} values"
                raise InputError(f"{where}.{name}: one for each value, {found}", field=name)
        if one.at_ms is not None:
            wrong = [row for row in range(1, len(one.at_ms)) if one.at_ms[row] <= one.at_ms[row - 1]]
            if wrong or any(not 0 <= at_ms < 2**53 for at_ms in one.at_ms):
                raise InputError(
                    f"{where}.at_ms: times from 0 on that ascend"
                    + (f", found {one.at_ms[wrong[0]]} behind {one.at_ms[wrong[0] - 1]}" if wrong else ""),
                    field="at_ms",
                )
