"""What pages and the API are told of changes of level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.app.change_points.keeper import ChangePoints
from trimtab.model.change_points import Beside, KeptChangePoint
from trimtab.store.change_point_state import Wanted

CHANGE = "change/"
"""How a key of a chart begins that draws the values around a change, and its levels."""


@dataclass(frozen=True, slots=True)
class ChangePointRow:
    """One change of level. `interval_90` is of `ratio` (after ÷ before); both None where levels are not above 0.

    `adjusted_for`: what was taken out first (`load`, `time of day`); levels are then those at the usual load.
    `beside` is what happened within some minutes of it, nearest first; nobody says that it is the cause.
    """

    id: int
    series: str
    family: str
    title: str
    unit: str
    system: str
    at_ms: int
    step_ms: int
    before: float
    after: float
    ratio: float | None
    interval_90: tuple[float, float] | None
    p_value: float
    provisional: bool
    adjusted_for: tuple[str, ...]
    spread_ratio: float
    beside: tuple[Beside, ...]
    href: str
    key: str
    found_ms: int
    dismissed_by: str | None
    dismissed_at_ms: int | None
    dismissed_why: str | None


@dataclass(frozen=True, slots=True)
class ChangePointsAnswer:
    """A page of changes, newest first. `at_ms` 0: nothing was looked at yet."""

    at_ms: int
    is_enabled: bool
    series_count: int
    left_out_count: int
    problems: tuple[tuple[str, str], ...]
    total: int
    rows: tuple[ChangePointRow, ...]


def change_points_of(changes: ChangePoints, wanted: Wanted, limit: int, offset: int) -> ChangePointsAnswer:
    """A page of changes."""
    total, found = changes.state.find(wanted, limit, offset)
    looked = changes.looked
    return ChangePointsAnswer(
        looked.at_ms,
        changes.is_enabled,
        looked.series_count,
        looked.left_out_count,
        looked.problems,
        total,
        rows_of(found),
    )


def rows_of(found: Sequence[KeptChangePoint]) -> tuple[ChangePointRow, ...]:
    """As they are told."""
    return tuple(row_of(one) for one in found)


def row_of(one: KeptChangePoint) -> ChangePointRow:
    """As it is told."""
    return ChangePointRow(
        one.id,
        one.series,
        one.family,
        one.title,
        one.unit,
        one.system,
        one.at_ms,
        one.step_ms,
        one.before,
        one.after,
        one.ratio,
        None if one.low is None or one.high is None else (one.low, one.high),
        one.p_value,
        one.provisional,
        one.adjusted_for,
        one.spread_ratio,
        one.beside,
        one.href,
        f"{CHANGE}{one.id}",
        one.found_ms,
        one.dismissed_by,
        one.dismissed_at_ms,
        one.dismissed_why,
    )
