"""Issues before they happen: which limits a forecast crosses, when, and how probable that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.app.forecasting.actions import Recommended
from trimtab.app.forecasting.crossing import crossing
from trimtab.app.forecasting.limits import Limit
from trimtab.app.forecasting.subjects import Subject

F64 = NDArray[np.float64]
STAYS_SHARE = 0.5
"""An issue that is there stays until its probability is below this share of what it takes to become one."""
HERE, NOT_ANY_MORE, UNKNOWN = "here", "not foreseen any more", "nothing is forecast of it"
"""Why an issue ended: the limit is crossed now, the forecast does not reach it, or there is no forecast."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A limit that will be crossed. Moments are Unix milliseconds.

    `probability` (0..1) is that of being beyond the limit at `likeliest_ms`, the likeliest step within the horizon;
    `probability_end` at its last one. That it is crossed at any step is at least as probable. `expected_ms` is where
    the mean crosses or that becomes more probable than not (None: neither), `earliest_ms` where the 90 % band does.
    `now` is the last value that was
    measured, `peak` the mean of the likeliest step.
    """

    id: str
    series: str
    family: str
    title: str
    unit: str
    op: str
    limit: float
    limit_title: str
    source: str
    now: float | None
    peak: float
    probability: float
    probability_end: float
    likeliest_ms: int
    expected_ms: int | None
    earliest_ms: int | None
    horizon_end_ms: int
    made_ms: int
    recommended: Recommended


@dataclass(frozen=True, slots=True)
class Ahead:
    """A forecast as issues are looked for in it: [series, horizon] and [series, horizon, level]; `last` [series] is the
    last value that was measured."""

    subjects: Sequence[Subject]
    made_ms: int
    start_ms: int
    step_ms: int
    mean: F64
    levels: tuple[float, ...]
    quantiles: F64
    last: F64


def issue_id(subject: Subject, limit: Limit) -> str:
    """The same as long as the series and the limit have their names.

    A rule's family has its name in the series already.
    """
    return f"{subject.id} {limit.wish.op} {limit.wish.name}"


def issues_of(
    ahead: Ahead, limit: Limit, probability_min: float, there: frozenset[str], advice: Mapping[str, Recommended]
) -> tuple[list[Issue], dict[str, str]]:
    """Issues of one limit, and of those that are `there` already why they ended (see `HERE`).

    What is beyond the limit now is no issue that is ahead: it is one of alerts. `advice` is by the series' id.
    """
    op = limit.wish.op
    found = crossing(ahead.mean, ahead.levels, ahead.quantiles, limit.values, op)
    with np.errstate(invalid="ignore"):
        is_now = ahead.last > limit.values if op == ">" else ahead.last < limit.values
    issues: list[Issue] = []
    ended: dict[str, str] = {}
    for row, subject in enumerate(ahead.subjects):
        id_ = issue_id(subject, limit)
        wanted = probability_min * (STAYS_SHARE if id_ in there else 1.0)
        if is_now[row] or found.highest[row] < wanted or not np.isfinite(limit.values[row]):
            if id_ in there:
                ended[id_] = HERE if is_now[row] else NOT_ANY_MORE
            continue
        issues.append(
            Issue(
                id_,
                subject.id,
                subject.family.name,
                f"{subject.family.title}: {subject.name}" if subject.family.kind != "query" else subject.name,
                subject.unit,
                op,
                float(limit.values[row]),
                limit.title,
                limit.source,
                float(ahead.last[row]) if np.isfinite(ahead.last[row]) else None,
                float(ahead.mean[row, found.highest_at[row]]),
                float(found.highest[row]),
                float(found.probability[row, -1]),
                _moment(ahead, int(found.highest_at[row])),
                None if found.mean_at[row] < 0 else _moment(ahead, int(found.mean_at[row])),
                None if found.earliest_at[row] < 0 else _moment(ahead, int(found.earliest_at[row])),
                _moment(ahead, ahead.mean.shape[1]),
                ahead.made_ms,
                advice[subject.id],
            )
        )
    return issues, ended


def _moment(ahead: Ahead, step: int) -> int:
    return ahead.start_ms + step * ahead.step_ms


def soonest_first(issues: Sequence[Issue]) -> list[Issue]:
    """Those whose mean crosses first, by when; then the others by when they could."""
    return sorted(
        issues,
        key=lambda one: (
            one.expected_ms is None,
            one.expected_ms or one.earliest_ms or one.likeliest_ms,
            -one.probability,
            one.id,
        ),
    )
