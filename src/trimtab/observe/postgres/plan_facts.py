"""What is kept of a plan (EXPLAIN, FORMAT JSON): known facts, names and numbers; conditions without their literals.

Whatever is not named here is left out, so that a new version of PostgreSQL cannot bring a literal along that nobody
looked at. An estimate is a number like any other: `LIMIT 20` is still seen in 20 expected rows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.sql.condition_text import CHARS_MAX, without_literals

NODES_MAX = 400
"""A node beyond this is left out with all below it (a table may have thousands of partitions)."""
DEPTH_MAX = 60
BYTES_MAX = 256 * 1024
NAME_CHARS_MAX = 200
TEXTS_MAX = 40
"""Keys of one sort or group."""
LEFT_OUT = "Nodes Left Out"
"""Our own key: how many nodes directly below were left out."""


def _listed(names: str) -> frozenset[str]:
    return frozenset(names.split("|"))


NAMES = _listed(
    "Node Type|Join Type|Strategy|Partial Mode|Operation|Command|Parent Relationship|Scan Direction|Schema"
    "|Relation Name|Alias|Index Name|CTE Name|Subplan Name|Function Name|Table Function Name|Tuplestore Name"
    "|Custom Plan Provider|Sort Method|Sort Space Type|Cache Mode|Storage"
)
"""Words and names of the catalogue."""

NUMBERS = _listed(
    "Startup Cost|Total Cost|Plan Rows|Plan Width|Actual Startup Time|Actual Total Time|Actual Rows|Actual Loops"
    "|Rows Removed by Filter|Rows Removed by Join Filter|Rows Removed by Index Recheck"
    "|Rows Removed by Conflict Filter|Heap Fetches|Exact Heap Blocks|Lossy Heap Blocks|Index Searches"
    "|Shared Hit Blocks|Shared Read Blocks|Shared Dirtied Blocks|Shared Written Blocks|Local Hit Blocks"
    "|Local Read Blocks|Local Dirtied Blocks|Local Written Blocks|Temp Read Blocks|Temp Written Blocks"
    "|I/O Read Time|I/O Write Time|Shared I/O Read Time|Shared I/O Write Time|Temp I/O Read Time|Temp I/O Write Time"
    "|Workers Planned|Workers Launched|Sort Space Used|Hash Buckets|Original Hash Buckets|Hash Batches"
    "|Original Hash Batches|Peak Memory Usage|Planned Partitions|HashAgg Batches|Disk Usage|Cache Hits|Cache Misses"
    "|Cache Evictions|Cache Overflows|Maximum Storage|Subplans Removed"
)


FLAGS = _listed("Parallel Aware|Async Capable|Inner Unique|Single Copy|Disabled")

CONDITIONS = (
    "Index Cond",
    "Recheck Cond",
    "TID Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "One-Time Filter",
    "Order By",
    "Sort Key",
    "Presorted Key",
    "Group Key",
    "Cache Key",
    "Run Condition",
    "Window",
    "Conflict Filter",
    "Conflict Arbiter Indexes",
    "Function Call",
    "Table Function Call",
    "Sampling Method",
    "Sampling Parameters",
    "Repeatable Seed",
    "Params Evaluated",
    "Output",
)
"""Text, or a list of texts, that a server made from expressions; in the order in which people read them."""

TIMES = ("Planning Time", "Execution Time")
"""What stands beside the tree."""
TRIGGER_NAMES = ("Trigger Name", "Constraint Name", "Relation")
_STRUCTURE = (
    "Node Type",
    "Parent Relationship",
    "Subplan Name",
    "Join Type",
    "Strategy",
    "Partial Mode",
    "Operation",
    "Scan Direction",
    "Schema",
    "Relation Name",
    "Alias",
    "Index Name",
    "CTE Name",
    "Function Name",
)

_NAMELESS = tuple(name for name in _STRUCTURE if name not in ("Schema", "Relation Name", "Alias", "Index Name"))

Node = Mapping[str, Any]


def stored_plan(plan: Node, *, bytes_max: int = BYTES_MAX) -> dict[str, Any]:
    """The plan as it may be stored: the object with the key "Plan", as EXPLAIN gave it.

    Where it would be longer than `bytes_max` as JSON, conditions are cut short, then left out.

    >>> stored_plan({"Plan": {"Node Type": "Seq Scan", "Filter": "(a = 7)", "Plan Rows": 3, "New Fact": "7"}})
    {'Plan': {'Node Type': 'Seq Scan', 'Plan Rows': 3, 'Filter': '(a = ?)'}}
    """
    kept: dict[str, Any] = {}
    for chars_max in (CHARS_MAX, 100, 0):
        kept = {"Plan": _stored_node(plan["Plan"], _Budget(NODES_MAX, chars_max), 1)}
        if len(json.dumps(kept)) <= bytes_max:
            break
    return kept | {name: plan[name] for name in TIMES if _is_number(plan.get(name))} | _beside(plan)


def _beside(plan: Node) -> dict[str, Any]:
    """What compiling and triggers took: names and numbers."""
    kept: dict[str, Any] = {}
    jit = plan.get("JIT")
    timing = jit.get("Timing") if isinstance(jit, Mapping) else None
    if isinstance(jit, Mapping) and isinstance(timing, Mapping) and _is_number(timing.get("Total")):
        kept["JIT"] = {"Functions": jit.get("Functions", 0), "Timing": {"Total": timing["Total"]}}
    triggers = [one for one in plan.get("Triggers") or () if isinstance(one, Mapping)][:TEXTS_MAX]
    if triggers:
        kept["Triggers"] = [
            {key: str(one[key])[:NAME_CHARS_MAX] for key in TRIGGER_NAMES if isinstance(one.get(key), str)}
            | {key: one[key] for key in ("Time", "Calls") if _is_number(one.get(key))}
            for one in triggers
        ]
    return kept


@dataclass
class _Budget:
    """How many nodes may still be kept, and how long a condition may be."""

    nodes_count: int
    chars_max: int


def _stored_node(node: Node, budget: _Budget, depth: int) -> dict[str, Any]:
    budget.nodes_count -= 1
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if (key in NAMES and isinstance(value, str)) or (key in FLAGS and isinstance(value, bool)):
            kept[key] = value[:NAME_CHARS_MAX] if isinstance(value, str) else value
        elif key in NUMBERS and _is_number(value):
            kept[key] = value
    kept |= {key: _masked(node[key], budget.chars_max) for key in CONDITIONS if key in node}
    below = [child for child in node.get("Plans") or () if isinstance(child, Mapping)]
    if below:
        taken = below[: budget.nodes_count] if depth < DEPTH_MAX else []
        budget.nodes_count -= len(taken)  # brothers first, so that a deep one does not push them out
        kept["Plans"] = []
        for child in taken:
            budget.nodes_count += 1  # its own place, which it takes now
            kept["Plans"].append(_stored_node(child, budget, depth + 1))
        if len(taken) < len(below):
            kept[LEFT_OUT] = len(below) - len(taken)
    return kept


def _masked(value: object, chars_max: int) -> str | list[str]:
    if isinstance(value, list):
        return [without_literals(str(item), chars_max) for item in value[:TEXTS_MAX]]
    return without_literals(str(value), chars_max)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def structure_hash(plan: Node) -> str:
    """Sixteen hexadecimal digits: the same for plans that do the same steps on the same relations in the same order.

    Costs, estimates, and the values in conditions do not count; which kinds of condition a step has does. Partitions
    that are read in the same way count once.

    >>> one = {"Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Filter": "(a = 1)", "Total Cost": 9}}
    >>> two = {"Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Filter": "(a = $1)", "Total Cost": 5}}
    >>> structure_hash(one) == structure_hash(two) != structure_hash({"Plan": {"Node Type": "Result"}})
    True
    """
    text = json.dumps(_structure(plan["Plan"]), separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _structure(node: Node, *, is_named: bool = True) -> list[object]:
    names = _STRUCTURE if is_named else _NAMELESS
    facts = [str(node.get(name, "")) for name in names]
    labels = [label for label in CONDITIONS if label in node and label not in ("Output", "Params Evaluated")]
    below = [_structure(child, is_named=is_named) for child in node.get("Plans") or ()]
    if node.get("Node Type") in ("Append", "Merge Append"):
        nameless = [_structure(child, is_named=False) for child in node.get("Plans") or ()] if is_named else below
        below = _alike(below, nameless)
    return [facts, labels, node.get(LEFT_OUT, 0), below]


def _alike(named: list[list[object]], nameless: list[list[object]]) -> list[list[object]]:
    """Partitions that are read in the same way count once: how many there are, and which, changes from day to day."""
    found: list[list[object]] = []
    for one, other in zip(named, nameless, strict=True):
        kept = one if nameless.count(other) == 1 else other
        if kept not in found:
            found.append(kept)
    return found


def nodes(node: Node) -> Iterator[Node]:
    """A node and all below it, parents first."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.get("Plans") or ()))
