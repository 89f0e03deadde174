"""Reading plans (EXPLAIN, FORMAT JSON): what they cost, which index they use, and what could go wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]

_BLOCKING = frozenset({"Sort", "Aggregate", "Hash", "Bitmap Heap Scan", "Materialize", "HashAggregate", "WindowAgg"})
_JOINS = frozenset({"Nested Loop", "Hash Join", "Merge Join"})
EARLY_STOP_FACTOR = 2.0
"""A LIMIT counts as a bet when what is below it would cost this many times more if it ran to its end."""

FEW_ROWS = 1000.0
"""An outer side of a nested loop with fewer estimated rows than this is where a wrong estimate hurts."""


def nodes(plan: Node) -> Iterator[Node]:
    """The node and everything below it, parents first."""
    waiting = [plan]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.get("Plans", [])))


def cost(plan: Node) -> float:
    """The planner's total cost of a node."""
    return float(plan["Total Cost"])


def is_repeated(plan: Node, scan: Node) -> bool:
    """Whether a node stands on the inner side of a nested loop, or in a subplan: it may run any number of times."""
    for node in nodes(plan):
        children = node.get("Plans", [])
        inner = children[1:] if node["Node Type"] == "Nested Loop" else []
        inner += [child for child in children if child.get("Parent Relationship") == "SubPlan"]
        if any(below is scan for child in inner for below in nodes(child)):
            return True
    return False


def scans_with(plan: Node, index_name: str) -> list[Node]:
    """The scans that use an index: index scans, and the heap part of bitmap scans."""
    return [node for node in nodes(plan) if node.get("Index Name") == index_name or _is_heap_of(node, index_name)]


def _is_heap_of(node: Node, index_name: str) -> bool:
    if node["Node Type"] != "Bitmap Heap Scan":
        return False
    return any(n.get("Index Name") == index_name for n in nodes(node))


def uses(plan: Node, index_name: str) -> bool:
    """Whether any node reads this index."""
    return any(node.get("Index Name") == index_name for node in nodes(plan))


def bets_on_limit(plan: Node) -> list[Node]:
    """The nodes below a LIMIT that throw rows away, where the LIMIT is cheap only because it expects to stop early.

    Such a plan is as good as the guess of *where* the matching rows are, which no statistics know.
    """
    found: list[Node] = []
    for node in nodes(plan):
        if node["Node Type"] != "Limit" or not node.get("Plans"):
            continue
        below = node["Plans"][0]
        if cost(below) >= EARLY_STOP_FACTOR * max(cost(node), 0.01):
            found += [step for step in _streaming(below) if _discards(step)]
    return found


def cost_without_stop(plan: Node) -> float:
    """The plan's cost if no LIMIT stopped anything early: what a lost bet costs, by the planner's own figures."""
    total = cost(plan)
    for node in nodes(plan):
        if node["Node Type"] == "Limit" and node.get("Plans"):
            total += max(0.0, cost(node["Plans"][0]) - cost(node))
    return total


def _streaming(node: Node) -> Iterator[Node]:
    """The nodes that hand their rows up one by one, down to the first that must see all of them."""
    if node["Node Type"] in _BLOCKING:
        return
    yield node
    for child in node.get("Plans", []):
        if child.get("Parent Relationship") not in {"InitPlan", "SubPlan"}:
            yield from _streaming(child)


def _discards(node: Node) -> bool:
    return "Filter" in node or "Join Filter" in node or node["Node Type"] in _JOINS


def guessed_loop(plan: Node, index_name: str) -> str | None:
    """`high` or `medium` when the index is read inside a nested loop whose number of turns is a guess.

    High: the outer side is itself a join with few expected rows. Medium: one table with several conditions.
    """
    worst: str | None = None
    for node in nodes(plan):
        children = node.get("Plans", [])
        if node["Node Type"] != "Nested Loop" or len(children) < 2 or not uses(children[1], index_name):
            continue
        outer = children[0]
        if float(outer["Plan Rows"]) > FEW_ROWS:
            continue
        if any(n["Node Type"] in _JOINS or n["Node Type"] == "Aggregate" for n in nodes(outer)):
            return "high"
        if any(_conditions_count(n) > 1 for n in nodes(outer)):
            worst = "medium"
    return worst


def _conditions_count(node: Node) -> int:
    texts = [str(node[name]) for name in ("Filter", "Index Cond", "Recheck Cond") if name in node]
    return sum(text.count(" AND ") + 1 for text in texts)


def index_only(plan: Node, index_name: str) -> bool:
    """Whether the index is read without the table."""
    return any(n["Node Type"] == "Index Only Scan" and n.get("Index Name") == index_name for n in nodes(plan))


def rescaled_cost(plan: Node, index_name: str, factor: float) -> float:
    """The plan's cost if the scans on this index met `factor` times the rows that the planner believes.

    The scan's own cost is scaled, what is above it stays as it is (and so stays too high when `factor` < 1).
    """
    total = cost(plan)
    outermost = [n for n in scans_with(plan, index_name) if n["Node Type"] != "Bitmap Index Scan"]
    for node in outermost:
        before = cost(node)
        after = max(before * factor, min(before, ONE_ROW_COST))
        total += after - before
    return max(total, ONE_ROW_COST)


ONE_ROW_COST = 2.3
"""What PostgreSQL asks for one row by a cached B-tree at random_page_cost 1.1: nothing gets cheaper than that."""
