"""Where the planner's estimate of a join's rows is known to be wrong, and by how much.

It takes the columns of a join as independent. Where two tables are joined by all columns of a unique key, every row
finds its partner as a rule, and the estimate is too low by far (2,500 times for TPC-H's lineitem and partsupp). Such a
factor holds for the join and for what is above it, as far as rows come from there: the branches of a UNION ALL have
their own, groups are no more than rows, and a join by a unique key gives no more rows than came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from math import prod

from trimtab.advise.index.existing import unique_keys
from trimtab.advise.index.plans import Node, nodes
from trimtab.advise.index.size import distinct_values
from trimtab.advise.workload.plan_order import is_subplan
from trimtab.sql.catalog import Table

_TWO = re.compile(r"\(?(\w+)\.(\w+)\)?(?:::\w+)? = \(?(\w+)\.(\w+)\)?")
_OWN_LEFT = re.compile(r"(?<![\w.])\(?(\w+)\)?(?:::\w+)? = \(?(\w+)\.(\w+)\)?")
_OWN_RIGHT = re.compile(r"\(?(\w+)\.(\w+)\)?(?:::\w+)? = \(?(\w+)\)?(?![\w.(])")
_CONDITIONS = ("Hash Cond", "Merge Cond", "Join Filter", "Index Cond", "Filter", "Recheck Cond")
UNCERTAIN_STEPS_MAX = 2

_JOINS = frozenset({"Nested Loop", "Hash Join", "Merge Join"})
_BRANCHES = frozenset({"Append", "Merge Append", "Recursive Union"})
_FEWER = frozenset({"Aggregate", "Group", "Unique", "SetOp"})
_KEEPS = {"Left": (0,), "Anti": (0,), "Right": (1,), "Right Anti": (1,), "Full": (0, 1)}
"""The sides of which every row is kept, or may be."""

SAME_ROWS = 1.05
"""An outer join that is expected to give so much of the kept side's rows gives each of them once."""

_Column = tuple[str, str]
_Tree = tuple[frozenset[str], float]
"""The tables that are joined in a node, and the factor of what else is (groups, branches)."""


class PlanFacts:
    """What one plan says of its tables and of the columns that are joined, whatever is assumed of its rows."""

    def __init__(self, plan: Node, tables: Mapping[str, Table]) -> None:
        self.relations: dict[str, Table] = {}
        self.uncertain: set[str] = set()
        """Aliases of tables with several conditions."""
        pairs: list[tuple[_Column, _Column]] = []
        for node in nodes(plan):
            alias = str(node.get("Alias", ""))
            table = tables.get(str(node.get("Relation Name")))
            if table is not None and alias:
                self.relations[alias] = table
                if _conditions_count(node) > 1:
                    self.uncertain.add(alias)
            for name in _CONDITIONS:
                if name in node:
                    pairs += _equalities(str(node[name]), alias)
        self.partners: dict[_Column, set[_Column]] = {}
        """Columns that are equal to a column."""
        self.pairs = self._multi_column(pairs)

    def _multi_column(self, pairs: list[tuple[_Column, _Column]]) -> dict[frozenset[str], tuple[float, str]]:
        """For two tables: the factor, and the one of them that is unique by the columns."""
        same = self.partners
        for left, right in pairs:
            if left[0] in self.relations and right[0] in self.relations:
                merged = same.get(left, {left}) | same.get(right, {right})
                for one in merged:
                    same[one] = merged
        classes = {frozenset(group) for group in same.values()}
        found: dict[frozenset[str], tuple[float, str]] = {}
        for first, second in combinations(sorted({alias for group in classes for alias, _ in group}), 2):
            shared = [
                ({c for a, c in group if a == first}, {c for a, c in group if a == second})
                for group in classes
                if {first, second} <= {a for a, _ in group}
            ]
            if len(shared) > 1:
                factor, unique = max(
                    (self._factor(first, second, shared), second),
                    (self._factor(second, first, [(b, a) for a, b in shared]), first),
                )
                if factor > 1:
                    found[frozenset((first, second))] = (factor, unique)
        return found

    def _factor(self, many: str, one: str, shared: list[tuple[set[str], set[str]]]) -> float:
        """Where `one` is unique by the columns shared: the rows that the planner loses by taking them apart."""
        table, other = self.relations[one], self.relations[many]
        if table is other:
            return 1.0
        for index in table.indexes:
            keys = unique_keys(index.statement) if index.is_unique and index.is_valid else frozenset()
            used = [(left, right) for left, right in shared if right & keys]
            if len(keys) > 1 and keys <= {name for _, right in used for name in right}:
                apart = prod(
                    max(distinct_values(other, min(left)), distinct_values(table, min(right & keys)))
                    for left, right in used
                )
                return apart / max(table.rows_estimate, 1.0)
        return 1.0


class JoinRows:
    """Factors on the planner's estimates in one plan; the same for every plan of a statement.

    `inflation` multiplies an estimate once for every uncertain step in it: a table with several conditions, a join.
    `factors` are known for single tables, by alias.
    """

    def __init__(self, facts: PlanFacts, inflation: float = 1.0, factors: Mapping[str, float] | None = None) -> None:
        self._inflation, self._factors = inflation, factors or {}
        self._relations, self._uncertain = facts.relations, facts.uncertain
        self._partners, self._pairs = facts.partners, facts.pairs
        self._known: dict[int, float] = {}
        self._trees: dict[int, _Tree] = {}

    def factor(self, node: Node) -> float:
        """What the planner's number of rows of a node is to be multiplied with."""
        if id(node) not in self._known:
            self._known[id(node)] = self._factor_of(node)
        return self._known[id(node)]

    def rows(self, node: Node) -> float:
        """The rows of a node, each time that it runs."""
        return float(node["Plan Rows"]) * self.factor(node)

    def _factor_of(self, node: Node) -> float:
        kind = str(node["Node Type"])
        below = [child for child in node.get("Plans", []) if not is_subplan(child)]
        planned = max(float(node["Plan Rows"]), 1.0)
        if kind in _JOINS and len(below) == 2:
            return self._join_factor(node, below[0], below[1], planned)
        if not below or kind == "Bitmap Heap Scan":
            aliases, _ = self._tree(node)
            return self._of(aliases)
        if kind in _BRANCHES:
            return sum(self.rows(child) for child in below) / max(sum(float(c["Plan Rows"]) for c in below), 1.0)
        if kind in _FEWER:
            if "Group Key" not in node and "Grouping Sets" not in node and kind == "Aggregate":
                return 1.0
            return min(self.factor(below[0]), max(1.0, self.rows(below[0]) / planned))
        if kind == "Limit" and planned < float(below[0]["Plan Rows"]):
            return 1.0
        return self.factor(below[0])

    def _join_factor(self, node: Node, outer: Node, inner: Node, planned: float) -> float:
        """By the tables that are joined, within what the sides of the join allow."""
        sides = (outer, inner)
        kept = [sides[side] for side in _KEEPS.get(str(node.get("Join Type")), ())]
        if any(_gives_each_once(node, side) for side in kept):
            return max(self.rows(side) for side in kept) / planned
        (left, of_left), (right, of_right) = self._tree(outer), self._tree(inner)
        aliases, of_others = left | right, of_left * of_right
        found = self._of(aliases) * of_others
        most = [self.rows(outer)] if node.get("Inner Unique") or node.get("Join Type") in ("Semi", "Anti") else []
        for here, other in ((left, inner), (right, outer)):
            if len(here) == 1 and any(here == {one} and pair <= aliases for pair, (_, one) in self._pairs.items()):
                most.append(self.rows(other))
        if of_others != 1.0:
            most.append(max(self.rows(outer), self.rows(inner)))
        return min([found, *(max(rows / planned, 1.0) for rows in most)])

    def _tree(self, node: Node) -> _Tree:
        if id(node) not in self._trees:
            self._trees[id(node)] = self._tree_of(node)
        return self._trees[id(node)]

    def _tree_of(self, node: Node) -> _Tree:
        kind = str(node["Node Type"])
        if "Relation Name" in node:
            return frozenset((str(node.get("Alias", "")),)), 1.0
        below = [child for child in node.get("Plans", []) if not is_subplan(child)]
        if kind in _JOINS and len(below) == 2 and node.get("Join Type") in (None, "Inner", "Semi"):
            left, right = self._tree(below[0]), self._tree(below[1])
            return left[0] | right[0], left[1] * right[1]
        kept = _KEEPS.get(str(node.get("Join Type")), ())
        if kind in _JOINS and len(kept) == 1 and len(below) == 2 and _gives_each_once(node, below[kept[0]]):
            return self._tree(below[kept[0]])
        if kind in _JOINS or kind in _BRANCHES or kind in _FEWER or len(below) != 1:
            return frozenset(), self.factor(node) if below else 1.0
        return self._tree(below[0])

    def _of(self, aliases: frozenset[str]) -> float:
        """What an estimate over a join of these tables is to be multiplied with."""
        found = prod(of for pair, (of, _) in self._pairs.items() if pair <= aliases)
        found *= prod(of for alias, of in self._factors.items() if alias in aliases)
        if self._inflation != 1.0:
            steps = len(aliases & self._uncertain) + max(0, len(aliases) - 2)
            found *= self._inflation ** min(steps, UNCERTAIN_STEPS_MAX)
        return found

    def partner_rows(self, alias: str, name: str) -> float:
        """The most different values that a column has that this one is joined to; 1 where none is unique."""
        found = (self._relations[other].rows_estimate for other in self.unique_partners(alias, name))
        return max(found, default=1.0)

    def unique_partners(self, alias: str, name: str) -> list[str]:
        """The aliases of tables that a column is joined to by a unique column of theirs."""
        found: list[str] = []
        for other, column in self._partners.get((alias, name), ()):
            indexes = self._relations[other].indexes if other != alias else ()
            if any(i.is_unique and i.is_valid and unique_keys(i.statement) == {column} for i in indexes):
                found.append(other)
        return found


def _gives_each_once(node: Node, kept: Node) -> bool:
    """Whether an outer join is expected to give no more rows than the side that is kept."""
    return float(node["Plan Rows"]) <= SAME_ROWS * max(float(kept["Plan Rows"]), 1.0)


def _equalities(text: str, alias: str) -> list[tuple[_Column, _Column]]:
    if " = " not in text:
        return []
    found = [((a, b), (c, d)) for a, b, c, d in _TWO.findall(text)]
    if alias:
        found += [((alias, own), (a, b)) for own, a, b in _OWN_LEFT.findall(text)]
        found += [((alias, own), (a, b)) for a, b, own in _OWN_RIGHT.findall(text)]
    return found


def _conditions_count(node: Node) -> int:
    """Conditions on a table by itself: those that name no other table."""
    texts = [str(node[name]) for name in ("Filter", "Index Cond", "Recheck Cond") if name in node]
    return sum(text.count(" AND ") + 1 - len(re.findall(r"\w\.\w", text)) for text in texts)
