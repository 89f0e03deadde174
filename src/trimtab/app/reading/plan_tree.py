"""A stored plan as a tree that a person can read: what each step costs of the whole, and where the planner was wrong.

Times and buffers of a node hold everything below it, as EXPLAIN tells them; `self_*` is without what is below. All
`self_cost` of a tree add up to the cost of its root: what a step below costs is counted as often as it is expected to
run (the inner side of a nested loop once for each outer row), and never as more than the step above it costs (below a
LIMIT most of it is not expected to happen).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.observe.postgres.plan_facts import CONDITIONS, LEFT_OUT

BLOCKING = frozenset({"Sort", "Aggregate", "Hash", "Bitmap Heap Scan", "Bitmap Index Scan", "Materialize", "SetOp"})
"""Steps that take in everything before they give the first row: a LIMIT above them stops nothing below."""
_PER_ROW = frozenset({"SubPlan"})
_JOINS = {"Nested Loop": "Nested Loop", "Hash Join": "Hash", "Merge Join": "Merge"}

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
    `time_ms` is for all loops, of one process where several work side by side. Buffers are in blocks.
    `nodes_left_out` counts steps directly below that were too many to store.
    """

    node_type: str
    title: str
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
    conditions: tuple[PlanText, ...]
    details: tuple[PlanText, ...]
    rows_removed: float | None
    nodes_left_out: int
    children: tuple[PlanNode, ...]


@dataclass(frozen=True, slots=True)
class _Whole:
    """What is the same for all steps of a tree."""

    cost: float
    time_ms: float | None


def plan_tree(plan: Raw) -> PlanNode:
    """The tree of a stored plan: the object with the key "Plan".

    >>> root = plan_tree({"Plan": {"Node Type": "Limit", "Total Cost": 10.0, "Plan Rows": 5, "Plans": [
    ...     {"Node Type": "Seq Scan", "Relation Name": "orders", "Total Cost": 400.0, "Plan Rows": 200,
    ...      "Filter": "(a = ?)"}]}})
    >>> root.title, root.self_cost, root.children[0].title, root.children[0].share
    ('Limit', 0.0, 'Seq Scan on orders', 1.0)
    """
    root = plan["Plan"]
    whole = _Whole(_number(root, "Total Cost") or 0.0, _time_ms(root, 1))
    return _node(root, whole, spent=whole.cost, processes=1, may_be_stopped=False)


def _node(raw: Raw, whole: _Whole, *, spent: float, processes: int, may_be_stopped: bool) -> PlanNode:
    """`spent` is what the step and all below it cost in the whole; `processes` work on it side by side."""
    kind = str(raw.get("Node Type", "?"))
    below: list[Raw] = list(raw.get("Plans") or ())
    charges = _charges(raw, below, spent)
    inside = processes
    if kind in ("Gather", "Gather Merge"):
        inside = 1 + int(_number(raw, "Workers Launched") or 0)
    stoppable = (may_be_stopped or kind == "Limit") and kind not in BLOCKING
    children = tuple(
        _node(child, whole, spent=charge, processes=inside, may_be_stopped=stoppable and not _stands_apart(child))
        for child, charge in zip(below, charges, strict=True)
    )
    self_cost = max(0.0, spent - sum(charges))
    time_ms = _time_ms(raw, processes)
    self_time_ms = None if time_ms is None else max(0.0, time_ms - sum(child.time_ms or 0.0 for child in children))
    if whole.time_ms and self_time_ms is not None:
        share = min(1.0, self_time_ms / whole.time_ms)
    else:
        share = self_cost / whole.cost if whole.cost > 0 else 0.0
    return PlanNode(
        node_type=kind,
        title=title_of(raw),
        relation=_text(raw, "Relation Name"),
        index=_text(raw, "Index Name"),
        cost_start=_number(raw, "Startup Cost") or 0.0,
        cost_total=_number(raw, "Total Cost") or 0.0,
        self_cost=self_cost,
        share=share,
        rows_estimated=_number(raw, "Plan Rows") or 0.0,
        rows_actual=_number(raw, "Actual Rows"),
        loops=_whole_number(raw, "Actual Loops"),
        misestimate_factor=_misestimate(raw, may_be_stopped),
        time_ms=time_ms,
        self_time_ms=self_time_ms,
        buffers_hit=_sum(raw, "Shared Hit Blocks", "Local Hit Blocks"),
        buffers_read=_sum(raw, "Shared Read Blocks", "Local Read Blocks"),
        buffers_temp=_sum(raw, "Temp Read Blocks", "Temp Written Blocks"),
        conditions=_conditions(raw),
        details=_details(raw),
        rows_removed=_removed(raw),
        nodes_left_out=_whole_number(raw, LEFT_OUT) or 0,
        children=children,
    )


def _charges(raw: Raw, below: list[Raw], spent: float) -> list[float]:
    """What of the whole cost goes to each step below."""
    own = _number(raw, "Total Cost") or 0.0
    runs = spent / own if own > 0 else 1.0
    wanted = [(_number(child, "Total Cost") or 0.0) * _times(raw, child, below) * runs for child in below]
    total = sum(wanted)
    return wanted if total <= spent else [charge * spent / total for charge in wanted]


def _times(raw: Raw, child: Raw, below: list[Raw]) -> float:
    """How often a step is expected to run for one run of the step above it."""
    relationship = child.get("Parent Relationship")
    if relationship in _PER_ROW:
        return max(1.0, _number(raw, "Plan Rows") or 1.0)
    if raw.get("Node Type") == "Nested Loop" and relationship == "Inner":
        outer = next((sibling for sibling in below if sibling.get("Parent Relationship") == "Outer"), None)
        return 1.0 if outer is None else max(1.0, _number(outer, "Plan Rows") or 1.0)
    return 1.0


def _stands_apart(child: Raw) -> bool:
    """Whether it gives its rows to a condition, not up the tree."""
    return child.get("Parent Relationship") in ("InitPlan", "SubPlan")


def _misestimate(raw: Raw, may_be_stopped: bool) -> float | None:
    actual, estimated = _number(raw, "Actual Rows"), _number(raw, "Plan Rows")
    if actual is None or estimated is None or not _number(raw, "Actual Loops"):
        return None
    factor = max(1.0, actual) / max(1.0, estimated)
    return None if factor < 1.0 and may_be_stopped else factor


def _time_ms(raw: Raw, processes: int) -> float | None:
    one_ms, loops = _number(raw, "Actual Total Time"), _number(raw, "Actual Loops")
    return None if one_ms is None or loops is None else one_ms * loops / max(1, min(processes, int(loops) or 1))


def title_of(raw: Raw) -> str:
    """The step in EXPLAIN's own words.

    >>> title_of({"Node Type": "Index Scan", "Scan Direction": "Backward", "Index Name": "o_at", "Relation Name": "o"})
    'Index Scan Backward using o_at on o'
    >>> title_of({"Node Type": "Hash Join", "Join Type": "Left"}), title_of({"Node Type": "Aggregate",
    ...     "Strategy": "Hashed", "Partial Mode": "Partial"})
    ('Hash Left Join', 'Partial HashAggregate')
    """
    kind = str(raw.get("Node Type", "?"))
    words = kind
    if kind == "Aggregate":
        prefix = {"Hashed": "Hash", "Sorted": "Group", "Mixed": "Mixed"}.get(str(raw.get("Strategy")), "")
        words = f"{prefix}Aggregate"
        if raw.get("Partial Mode") in ("Partial", "Finalize"):
            words = f"{raw['Partial Mode']} {words}"
    elif kind == "ModifyTable":
        words = str(raw.get("Operation", kind))
    elif kind in _JOINS and raw.get("Join Type", "Inner") != "Inner":
        words = f"{_JOINS[kind]} {raw['Join Type']} Join"
    if raw.get("Scan Direction") == "Backward":
        words += " Backward"
    if raw.get("Parallel Aware") is True:
        words = f"Parallel {words}"
    if kind == "Bitmap Index Scan":
        return f"{words} on {raw.get('Index Name', '?')}"
    if "Index Name" in raw:
        words += f" using {raw['Index Name']}"
    named = next((raw[key] for key in ("Relation Name", "Function Name", "CTE Name") if key in raw), None)
    alias = raw.get("Alias")
    if named is not None:
        words += f" on {named}"
        return f"{words} {alias}" if alias and alias != named else words
    return f"{words} on {alias}" if alias else words


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

    def say(label: str, text: str | None) -> None:
        if text:
            found.append(PlanText(label, text))

    say("Part", _text(raw, "Subplan Name"))
    method, used_kib = _text(raw, "Sort Method"), _number(raw, "Sort Space Used")
    if method is not None:
        where = (_text(raw, "Sort Space Type") or "").lower()
        say("Sort", f"{method}, {used_kib or 0:g} KiB {where}".strip())
    batches, memory_kib = _number(raw, "Hash Batches"), _number(raw, "Peak Memory Usage")
    if batches is not None:
        say("Hash", f"{batches:g} {'batch' if batches == 1 else 'batches'}, {memory_kib or 0:g} KiB memory")
    disk_kib = _number(raw, "Disk Usage")
    say("On disk", f"{disk_kib:g} KiB" if disk_kib else None)
    planned, launched = _number(raw, "Workers Planned"), _number(raw, "Workers Launched")
    if planned is not None:
        say("Workers", f"{planned:g} planned" + (f", {launched:g} launched" if launched is not None else ""))
    for key, label in (("Heap Fetches", "Visits to the table"), ("Lossy Heap Blocks", "Blocks known only as a whole")):
        number = _number(raw, key)
        say(label, f"{number:g}" if number is not None else None)
    hits, misses = _number(raw, "Cache Hits"), _number(raw, "Cache Misses")
    if hits is not None and misses is not None:
        say("Cache", f"{hits:g} hits, {misses:g} misses")
    removed = _number(raw, "Subplans Removed")
    say("Parts left out", f"{removed:g}" if removed else None)
    say("Forbidden", "the server's settings forbid this step, and there was no other" if raw.get("Disabled") else None)
    return tuple(found)


def _removed(raw: Raw) -> float | None:
    names = [f"Rows Removed by {by}" for by in ("Filter", "Join Filter", "Index Recheck")]
    found = [number for name in names if (number := _number(raw, name)) is not None]
    return sum(found) if found else None


def _sum(raw: Raw, *keys: str) -> int | None:
    found = [number for key in keys if (number := _number(raw, key)) is not None]
    return int(sum(found)) if found else None


def _number(raw: Raw, key: str) -> float | None:
    value = raw.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole_number(raw: Raw, key: str) -> int | None:
    number = _number(raw, key)
    return None if number is None else round(number)


def _text(raw: Raw, key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) else None
