"""A stored plan as a tree that a person can read: what each step costs of the whole, and where the planner was wrong.

Times and buffers of a node hold everything below it, as EXPLAIN tells them; `self_*` is without what is below
(`trimtab.analyze.queries.plans.steps` says how). All `self_cost` of a tree add up to the cost of its root.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.analyze.queries.plans.document import PlanDocument, number, text
from trimtab.analyze.queries.plans.rules.estimates import misestimate
from trimtab.analyze.queries.plans.steps import Step, StepTree, steps_of
from trimtab.observe.postgres.plan_facts import CONDITIONS, LEFT_OUT

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlanText:
    """A condition or another fact of a step, in words: literals are `?`."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One step of a plan. None: not known, since the statement was not run.

    Costs are the planner's units; `cost_start` and `cost_total` are for one run of the step, `self_cost` for all of
    them. `share` (0..1) is the step's own part of the plan: of the time where it was run, else of the cost.
    `rows_estimated`, `rows_actual` and `rows_removed` are for one of the `loops`. `misestimate_factor` is actual ÷
    estimated rows: above 1 there were more than thought. None, too, where a LIMIT may have stopped the step early.
    `time_ms` is for all loops, of one process where several work side by side. Buffers are in blocks; `self_buffers`
    are those that the step touched itself. `line` is the step's line in the plan's text form.
    `nodes_left_out` counts steps directly below that were too many to store.
    """

    node_type: str
    title: str
    line: int
    relation: str | None
    index: str | None
    cost_start: float
    cost_total: float
    self_cost: float
    share: float
    rows_estimated: float
    rows_actual: float | None
    loops: int | None
    misestimate_factor: float | None
    time_ms: float | None
    self_time_ms: float | None
    buffers_hit: int | None
    buffers_read: int | None
    buffers_temp: int | None
    self_buffers: int | None
    conditions: tuple[PlanText, ...]
    details: tuple[PlanText, ...]
    rows_removed: float | None
    nodes_left_out: int
    children: tuple[PlanNode, ...]


def plan_tree(plan: Raw) -> PlanNode:
    """The tree of a stored plan: the object with the key "Plan".

    >>> root = plan_tree({"Plan": {"Node Type": "Limit", "Total Cost": 10.0, "Plan Rows": 5, "Plans": [
    ...     {"Node Type": "Seq Scan", "Relation Name": "orders", "Total Cost": 400.0, "Plan Rows": 200,
    ...      "Filter": "(a = ?)"}]}})
    >>> root.title, root.self_cost, root.children[0].title, root.children[0].share
    ('Limit', 0.0, 'Seq Scan on orders', 1.0)
    """
    return tree_of(steps_of(PlanDocument(plan)))


def tree_of(steps: StepTree) -> PlanNode:
    """The tree of steps whose accounts were reckoned already."""
    made: dict[int, PlanNode] = {}
    for step in reversed(steps.steps):  # what is below comes first
        made[step.at] = _node(step, tuple(made.pop(child.at) for child in step.children))
    return made[0]


def _node(step: Step, children: tuple[PlanNode, ...]) -> PlanNode:
    raw = step.raw
    return PlanNode(
        node_type=step.kind,
        title=step.title,
        line=step.line,
        relation=text(raw, "Relation Name"),
        index=text(raw, "Index Name"),
        cost_start=number(raw, "Startup Cost") or 0.0,
        cost_total=step.cost,
        self_cost=step.own_cost,
        share=step.share,
        rows_estimated=step.rows_estimated,
        rows_actual=step.rows_actual,
        loops=None if step.loops is None else round(step.loops),
        misestimate_factor=misestimate(step),
        time_ms=step.time_ms,
        self_time_ms=step.own_ms,
        buffers_hit=_sum(raw, "Shared Hit Blocks", "Local Hit Blocks"),
        buffers_read=_sum(raw, "Shared Read Blocks", "Local Read Blocks"),
        buffers_temp=_sum(raw, "Temp Read Blocks", "Temp Written Blocks"),
        self_buffers=None if step.own_pages is None else round(step.own_pages),
        conditions=_conditions(raw),
        details=_details(raw),
        rows_removed=_removed(raw),
        nodes_left_out=round(number(raw, LEFT_OUT) or 0.0),
        children=children,
    )


def _conditions(raw: Raw) -> tuple[PlanText, ...]:
    found: list[PlanText] = []
    for label in CONDITIONS:
        value = raw.get(label)
        if isinstance(value, list):
            found.append(PlanText(label, ", ".join(str(item) for item in value)))
        elif value is not None:
            found.append(PlanText(label, str(value)))
    return tuple(found)


def _details(raw: Raw) -> tuple[PlanText, ...]:
    """What else is worth knowing: memory and disk of sorts and hashes, workers, visits to the table."""
    found: list[PlanText] = []

    def say(label: str, words: str | None) -> None:
        if words:
            found.append(PlanText(label, words))

    say("Part", text(raw, "Subplan Name"))
    method, used_kib = text(raw, "Sort Method"), number(raw, "Sort Space Used")
    if method is not None:
        where = (text(raw, "Sort Space Type") or "").lower()
        say("Sort", f"{method}, {used_kib or 0:g} KiB {where}".strip())
    batches, memory_kib = number(raw, "Hash Batches"), number(raw, "Peak Memory Usage")
    if batches is not None:
        say("Hash", f"{batches:g} {'batch' if batches == 1 else 'batches'}, {memory_kib or 0:g} KiB memory")
    disk_kib = number(raw, "Disk Usage")
    say("On disk", f"{disk_kib:g} KiB" if disk_kib else None)
    planned, launched = number(raw, "Workers Planned"), number(raw, "Workers Launched")
    if planned is not None:
        say("Workers", f"{planned:g} planned" + (f", {launched:g} launched" if launched is not None else ""))
    for key, label in (("Heap Fetches", "Visits to the table"), ("Lossy Heap Blocks", "Blocks known only as a whole")):
        count = number(raw, key)
        say(label, f"{count:g}" if count is not None else None)
    hits, misses = number(raw, "Cache Hits"), number(raw, "Cache Misses")
    if hits is not None and misses is not None:
        say("Cache", f"{hits:g} hits, {misses:g} misses")
    removed = number(raw, "Subplans Removed")
    say("Parts left out", f"{removed:g}" if removed else None)
    say("Forbidden", "the server's settings forbid this step, and there was no other" if raw.get("Disabled") else None)
    return tuple(found)


def _removed(raw: Raw) -> float | None:
    names = [f"Rows Removed by {by}" for by in ("Filter", "Join Filter", "Index Recheck")]
    found = [value for name in names if (value := number(raw, name)) is not None]
    return sum(found) if found else None


def _sum(raw: Raw, *keys: str) -> int | None:
    found = [value for key in keys if (value := number(raw, key)) is not None]
    return int(sum(found)) if found else None
