"""When a shape's plan changed, and what it took before and after: as the server counts it, and as callers saw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from trimtab.app.plan_words import came_and_went
from trimtab.app.reading.plan_tree import PlanNode
from trimtab.app.reading.plans import StoredPlan
from trimtab.store.latencies import quantile_by_shape

if TYPE_CHECKING:
    from trimtab.store.telemetry import TelemetryStore

WINDOW_MS = 3_600_000
"""At most so much before a change and after it is looked at."""
CHANGES_MAX = 20

_MEANS = """
    SELECT arrayJoin(arrayFilter(
               i -> started_at_ms >= {starts:Array(Int64)}[i] AND ended_at_ms <= {ends:Array(Int64)}[i],
               range(1, length({starts:Array(Int64)}) + 1))) AS place,
           sum(calls) AS calls_, sum(total_exec_time_ms) AS total_ms
      FROM query_executions
     WHERE system = {system:String} AND fingerprint = {fingerprint:String}
       AND started_at_ms >= {first:Int64} AND started_at_ms < {last:Int64}
     GROUP BY place"""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """One change: at `at_ms` the plan `after` was first seen instead of the plan `before`; steps `came` and `went`.

    Means are the server's (`calls_*` of it), p95 is of callers' spans; of an hour before and after at most, and never
    of another plan's time. None: nothing is known of that time. `ratio` is the mean after ÷ before. `change_id` is
    trimtab's own change that it came with.
    """

    at_ms: int
    before: str
    after: str
    came: tuple[str, ...]
    went: tuple[str, ...]
    calls_before: int
    calls_after: int
    mean_before_ms: float | None
    mean_after_ms: float | None
    p95_before_ms: float | None
    p95_after_ms: float | None
    ratio: float | None
    change_id: str | None


@dataclass(frozen=True, slots=True)
class _Took:
    """What a shape took in a window."""

    calls: int
    mean_ms: float | None
    p95_ms: float | None


def plan_changes(
    telemetry: TelemetryStore, plans: Sequence[StoredPlan], now_ms: int, limit: int
) -> tuple[PlanChange, ...]:
    """Of plans, newest first. Times with the same steps (before and after a change that changed no plan) are one."""
    pairs = [(old, new) for new, old in pairwise(plans) if new.structure != old.structure]
    pairs = pairs[: min(limit, CHANGES_MAX)]
    windows: list[tuple[int, int]] = []
    for old, new in pairs:
        following = [plan.since_ms for plan in plans if plan.since_ms > new.since_ms]
        end = min(new.since_ms + WINDOW_MS, now_ms, *following)
        windows += [(max(old.since_ms, new.since_ms - WINDOW_MS), new.since_ms), (new.since_ms, end)]
    took = _took(telemetry, plans[0].system, plans[0].fingerprint, windows) if windows else []
    return tuple(_change(old, new, took[2 * i], took[2 * i + 1]) for i, (old, new) in enumerate(pairs))


def _change(old: StoredPlan, new: StoredPlan, before: _Took, after: _Took) -> PlanChange:
    came, went = came_and_went(_titles(old.root), _titles(new.root))
    return PlanChange(
        at_ms=new.since_ms,
        before=old.plan_id,
        after=new.plan_id,
        came=came,
        went=went,
        calls_before=before.calls,
        calls_after=after.calls,
        mean_before_ms=before.mean_ms,
        mean_after_ms=after.mean_ms,
        p95_before_ms=before.p95_ms,
        p95_after_ms=after.p95_ms,
        ratio=after.mean_ms / before.mean_ms if before.mean_ms and after.mean_ms is not None else None,
        change_id=new.change_id,
    )


def _titles(node: PlanNode) -> Iterator[str]:
    yield node.title
    for child in node.children:
        yield from _titles(child)


def _took(telemetry: TelemetryStore, system: str, fingerprint: str, windows: Sequence[tuple[int, int]]) -> list[_Took]:
    rows = telemetry.query(
        _MEANS,
        {
            "system": system,
            "fingerprint": fingerprint,
            "starts": [start for start, _ in windows],
            "ends": [end for _, end in windows],
            "first": min(start for start, _ in windows),
            "last": max(end for _, end in windows),
        },
    ).to_pylist()
    sums = {int(row["place"]): (int(row["calls_"]), float(row["total_ms"])) for row in rows}
    found = []
    for place, (start, end) in enumerate(windows, start=1):
        calls, total_ms = sums.get(place, (0, 0.0))
        p95 = quantile_by_shape(telemetry, 0.95, start, end, [fingerprint]).get(fingerprint) if end > start else None
        found.append(_Took(calls, total_ms / calls if calls else None, p95))
    return found
