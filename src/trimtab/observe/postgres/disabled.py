"""Plans of servers before 18 with a node that some `enable_…` setting forbids: costs as 18 tells them.

Before 18 the planner adds 10,000,000,000 to the cost of such a node and takes it all the same where there is no other
way. A prediction from such costs would be nonsense (a scan without its index looks a million times dearer).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DISABLE_COST = 1e10
"""`disable_cost` in PostgreSQL's source."""

Node = dict[str, Any]


def is_burdened(plan: Mapping[str, Any]) -> bool:
    """Whether the plan's cost may hold the sum.

    >>> is_burdened({"Plan": {"Total Cost": 10000000042.5}}), is_burdened({"Plan": {"Total Cost": 42.5}})
    (True, False)
    """
    return float(plan["Plan"].get("Total Cost", 0.0)) >= DISABLE_COST


def unburdened(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan without the sum in its costs; forbidden nodes are marked `Disabled`.

    >>> scan = {"Node Type": "Seq Scan", "Startup Cost": 10000000000.0, "Total Cost": 10000000042.5}
    >>> unburdened({"Plan": {"Node Type": "Limit", "Startup Cost": 1e10, "Total Cost": 1e10 + 1, "Plans": [scan]}})
    {'Plan': {'Node Type': 'Limit', 'Startup Cost': 0.0, 'Total Cost': 1.0,
              'Plans': [{'Node Type': 'Seq Scan', 'Startup Cost': 0.0, 'Total Cost': 42.5, 'Disabled': True}]}}
    """
    return {**plan, "Plan": _unburdened(plan["Plan"])}


def _unburdened(node: Node) -> Node:
    children = node.get("Plans", [])
    times = _times(node)
    made = dict(node)
    for name in ("Startup Cost", "Total Cost"):
        if name in node:
            # A nested loop counts the sum once for each turn in its total, so the two may differ.
            made[name] = round(float(node[name]) - DISABLE_COST * (float(node[name]) // DISABLE_COST), 2)
    if "Total Cost" in made:
        made["Total Cost"] = max(made["Total Cost"], made["Startup Cost"])
    # A loop over a forbidden node has it many times over without being forbidden itself.
    if times > sum(_times(child) for child in children) and not (children and node["Node Type"] == "Nested Loop"):
        made["Disabled"] = True
    if children:
        made["Plans"] = [_unburdened(child) for child in children]
    return made


def _times(node: Node) -> int:
    return int(float(node.get("Total Cost", 0.0)) // DISABLE_COST)
