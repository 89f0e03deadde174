"""Stored plans of a shape, newest first, and the ones before and after a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from trimtab.analyze.queries.plans.document import PlanDocument
from trimtab.analyze.queries.plans.hint import Hint
from trimtab.analyze.queries.plans.hints import hints_of
from trimtab.analyze.queries.plans.steps import steps_of
from trimtab.app.plan_catalogue import BESIDE, restored
from trimtab.app.reading.plan_tree import PlanNode, tree_of

if TYPE_CHECKING:
    from trimtab.model.change import Change
    from trimtab.store.telemetry import TelemetryStore

PLANS_MAX = 200

_COLUMNS = (
    "plan_id, system, fingerprint, structure, origin, change_id, since_ms, taken_at_ms, seen_at_ms, seen_count,"
    " has_actuals, source, why_no_actuals, settings, plan"
)
_OF_SHAPE = (
    f"SELECT {_COLUMNS} FROM query_plans FINAL"
    " WHERE system = {system:String} AND fingerprint = {fingerprint:String}"
)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan, and when the shape had it.

    It was first seen at `since_ms` and last at `seen_at_ms`, `seen_count` times; its figures are of `taken_at_ms`.
    `origin` is `advice` (when advice was looked for), `watching` (after `change_id` was applied) or `asked` (by a
    person). `has_actuals` says that the statement was run; else `why_no_actuals` says why not. `source` is what was
    planned. `settings` are the planner's settings that are not the default, in trimtab's own session. Plans with the
    same `structure` do the same steps. `findings` is what the lint says of it (docs/reference/plan-findings.md), worst
    first, with lines of the plan's text form.
    """

    plan_id: str
    system: str
    fingerprint: str
    structure: str
    origin: str
    change_id: str | None
    since_ms: int
    taken_at_ms: int
    seen_at_ms: int
    seen_count: int
    has_actuals: bool
    source: str
    why_no_actuals: str
    settings: dict[str, str]
    planning_ms: float | None
    execution_ms: float | None
    root: PlanNode
    findings: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class PlansOfChange:
    """A shape's plan before and after a change; None where none was taken. `is_same`: both do the same steps."""

    before: StoredPlan | None
    after: StoredPlan | None
    is_same: bool | None


def plans(telemetry: TelemetryStore, system: str, fingerprint: str, limit: int = 20) -> tuple[StoredPlan, ...]:
    """Plans of a shape, newest first: each is one time in which the plan had the same steps."""
    sql = f"{_OF_SHAPE} ORDER BY since_ms DESC, plan_id LIMIT {max(1, min(limit, PLANS_MAX))}"
    rows = telemetry.query(sql, {"system": system, "fingerprint": fingerprint}).to_pylist()
    return tuple(_stored(row) for row in rows)


def plans_of_change(telemetry: TelemetryStore, change: Change) -> PlansOfChange:
    """The plan that the change was proposed on, and the one after it was applied."""
    shape = {"system": change.system, "fingerprint": change.proposal.fingerprint, "change": change.id}
    applied_ms = change.apply_started_at_ms if change.apply_started_at_ms is not None else 2**62
    before = telemetry.query(
        f"{_OF_SHAPE} AND change_id != {{change:String}} AND since_ms < {{applied:Int64}}"
        " ORDER BY since_ms DESC, plan_id LIMIT 1",
        {**shape, "applied": applied_ms},
    ).to_pylist()
    after = telemetry.query(
        f"{_OF_SHAPE} AND change_id = {{change:String}} ORDER BY since_ms, plan_id LIMIT 1", shape
    ).to_pylist()
    found = [_stored(rows[0]) if rows else None for rows in (before, after)]
    first, second = found
    same = None if first is None or second is None else first.structure == second.structure
    return PlansOfChange(first, second, same)


def _stored(row: dict[str, Any]) -> StoredPlan:
    plan = msgspec.json.decode(row.pop("plan"))
    settings = dict(row.pop("settings"))
    change_id = row.pop("change_id") or None
    steps = steps_of(PlanDocument(plan | {"Settings": settings}))
    return StoredPlan(
        **row,
        change_id=change_id,
        settings=settings,
        planning_ms=plan.get("Planning Time"),
        execution_ms=plan.get("Execution Time"),
        root=tree_of(steps),
        findings=tuple(hints_of(steps, restored(plan.get(BESIDE)))),
    )
