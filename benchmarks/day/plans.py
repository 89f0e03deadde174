"""Plans before and after the changes of the day, as trimtab would have taken them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from trimtab.model.change import Change
from trimtab.observe.postgres.plan_capture import NOT_ASKED, REAL
from trimtab.observe.postgres.plan_facts import stored_plan, structure_hash
from trimtab.sql.index_ddl import index_name

BEFORE_MS = 45_000
SETTINGS = [("random_page_cost", "1.1"), ("work_mem", "8MB")]
Plan = dict[str, Any]


def rows_of(changes: Sequence[Change], seed: int) -> list[dict[str, object]]:
    """Rows for `query_plans`: before each change, and after those that were applied; half of them with actual rows."""
    found = []
    for number, change in enumerate(changes):
        draw = Random(seed * 1000 + number)
        has_actuals = number % 2 == 0
        before = _before(change, draw, has_actuals=has_actuals)
        found.append(_row(change, before, "advice", "", change.created_at_ms - BEFORE_MS, has_actuals=has_actuals))
        if change.applied_at_ms is not None:
            after = _after(change, draw, has_actuals=has_actuals)
            at_ms = change.applied_at_ms + 20_000
            found.append(_row(change, after, "watching", change.id, at_ms, has_actuals=has_actuals))
    return found


def _row(
    change: Change, plan: Plan, origin: str, change_id: str, at_ms: int, *, has_actuals: bool
) -> dict[str, object]:
    kept = stored_plan(plan)
    return {
        "system": change.system,
        "fingerprint": change.proposal.fingerprint,
        "since_ms": at_ms,
        "plan_id": f"{change.id}-{origin}",
        "structure": structure_hash(kept),
        "origin": origin,
        "change_id": change_id,
        "taken_at_ms": at_ms,
        "seen_at_ms": at_ms + 60_000,
        "seen_count": 3,
        "has_actuals": has_actuals,
        "source": REAL,
        "why_no_actuals": "" if has_actuals else NOT_ASKED,
        "settings": SETTINGS,
        "plan": json.dumps(kept),
    }


def _before(change: Change, draw: Random, *, has_actuals: bool) -> Plan:
    """All of the table is read, most of it thrown away, and the rest sorted."""
    rows, thrown = draw.randrange(200, 9_000), draw.randrange(200_000, 3_000_000)
    cost = change.proposal.cost_before or 18_000.0
    scan = _node("Seq Scan", cost * 0.94, max(1, rows // 40), rows, has_actuals, hit=cost * 0.3, read=cost * 0.5)
    scan |= {"Relation Name": change.proposal.index.table, "Filter": _conditions(change, " AND ")}
    if has_actuals:
        scan["Rows Removed by Filter"] = thrown
    return {"Plan": _sorted(scan, cost, rows, has_actuals, spill=120)}


def _after(change: Change, draw: Random, *, has_actuals: bool) -> Plan:
    """The index finds the rows."""
    rows = draw.randrange(200, 9_000)
    cost = change.proposal.cost_after or 900.0
    scan = _node("Index Scan", cost * 0.9, rows, rows, has_actuals, hit=cost * 0.1, read=4)
    scan |= {
        "Relation Name": change.proposal.index.table,
        "Index Name": index_name(change.proposal.index, change.id),
        "Index Cond": _conditions(change, " AND "),
    }
    return {"Plan": _sorted(scan, cost, rows, has_actuals, spill=0)}


def _sorted(scan: Plan, cost: float, rows: int, has_actuals: bool, spill: float) -> Plan:
    scan["Parent Relationship"] = "Outer"
    sort = _node("Sort", cost * 0.99, rows, rows, has_actuals, spill=spill) | {"Plans": [scan]}
    sort |= {"Sort Key": ["created_at DESC"], "Parent Relationship": "Outer"}
    return _node("Limit", cost, 50, 50, has_actuals) | {"Plans": [sort]}


def _node(
    kind: str,
    cost: float,
    estimated: float,
    actual: float,
    has_actuals: bool,
    *,
    hit: float = 0,
    read: float = 0,
    spill: float = 0,
) -> Plan:
    node: Plan = {"Node Type": kind, "Startup Cost": 0.0, "Total Cost": round(cost, 2), "Plan Rows": estimated}
    if has_actuals:
        node |= {"Actual Rows": actual, "Actual Loops": 1, "Actual Total Time": round(cost / 150, 3)}
        node |= {"Shared Hit Blocks": round(hit), "Shared Read Blocks": round(read)}
        node |= {"Temp Read Blocks": round(spill), "Temp Written Blocks": round(spill)}
    return node


def _conditions(change: Change, between: str) -> str:
    return "(" + between.join(f"({key.sql} = ?)" for key in change.proposal.index.keys) + ")"
