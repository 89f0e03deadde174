"""Where the planner's estimate of a join's rows is known to be wrong, and by how much.

It takes the columns of a join as independent. Where two tables are joined by all columns of a unique key, every row
finds its partner as a rule, and the estimate is too low by far (2,500 times for TPC-H's lineitem and partsupp). Such a
factor holds for the join and for what is above it, as far as rows come from there: the branches of a UNION ALL have
their own, groups are no more than rows, and a join by a unique key gives no more rows than came.

And it takes rows of a table of dates as spread over all dates that are in it, although sales are of five years of two
hundred: where such a table is narrowed by what lies in its order (a year, a month), the part that is asked for is taken
to be one in which something was sold (40 times more rows for TPC-DS's store_sales and date_dim).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from itertools import combinations
from math import prod

from trimtab.advise.index.existing import unique_keys
from trimtab.advise.index.plans import Node, nodes
from trimtab.advise.index.size import distinct_values
from trimtab.advise.workload.plan_order import is_subplan
from trimtab.sql.catalog import Column, ColumnStatistics, Table

_TWO = re.compile(r"\(?(?<!\w)(\w+)\.(\w+)\)?(?:::\w+)? = \(?(\w+)\.(\w+)\)?")
_OWN_LEFT = re.compile(r"(?<![\w.])\(?(\w+)\)?(?:::\w+)? = \(?(\w+)\.(\w+)\)?")
_OWN_RIGHT = re.compile(r"\(?(?<!\w)(\w+)\.(\w+)\)?(?:::\w+)? = \(?(\w+)\)?(?![\w.(])")
_CONDITIONS = ("Hash Cond", "Merge Cond", "Join Filter", "Index Cond", "Filter", "Recheck Cond")
UNCERTAIN_STEPS_MAX = 2

_JOINS = frozenset({"Nested Loop", "Hash Join", "Merge Join"})
_BRANCHES = frozenset({"Append", "Merge Append", "Recursive Union"})
_FEWER = frozenset({"Aggregate", "Group", "Unique", "SetOp"})
_KEEPS = {"Left": (0,), "Anti": (0,), "Right": (1,), "Right Anti": (1,), "Full": (0, 1)}
"""The sides of which every row is kept, or may be."""

SAME_ROWS = 1.05
"""An outer join that is expected to give so much of the kept side's rows gives each of them once."""

USED_SHARE_MAX = 0.3
"""Where a column refers to less than this share of the keys of an ordered table, it refers to a range of them."""

ORDERED = 0.9
"""The correlation with the order of rows from which on a column lies in their order."""

GROUPS_TRUST = 0.5
"""How far groups grow with the rows they are made of, on a log scale: some are of rows that were there already."""

_NAME = re.compile(r"[A-Za-z_]\w*")

_Column = tuple[str, str]


class PlanFacts:
    """What one plan says of its tables and of the columns that are joined, whatever is assumed of its rows."""

    def __init__(self, plan: Node, tables: Mapping[str, Table]) -> None:
        self.relations: dict[str, Table] = {}
        self.uncertain: set[str] = set()
        """Aliases of tables with several conditions."""
        self.computed: dict[str, Node] = {}
        """Plans of WITH by name."""
        self._narrowed: dict[str, set[str]] = {}
        pairs: list[tuple[_Column, _Column]] = []
        for node in nodes(plan):
            alias = str(node.get("Alias", ""))
            if str(node.get("Subplan Name", "")).startswith("CTE "):
                self.computed[str(node["Subplan Name"]).removeprefix("CTE ")] = node
            table = tables.get(str(node.get("Relation Name")))
            if table is not None and alias:
                self.relations[alias] = table
                if _conditions_count(node) > 1:
                    self.uncertain.add(alias)
                own = " ".join(str(node[name]) for name in ("Filter", "Index Cond", "Recheck Cond") if name in node)
                self._narrowed.setdefault(alias, set()).update(_NAME.findall(own) if own else ())
            for name in _CONDITIONS:
                if name in node:
                    pairs += _equalities(str(node[name]), alias)
        self.partners: dict[_Column, set[_Column]] = {}
        """Columns that are equal to a column."""
        self.pairs = self._multi_column(pairs)
        self.ranges = self._used_ranges()
        """By alias of an ordered table: the factors of those that refer to it."""

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
        together: dict[tuple[str, str], list[frozenset[_Column]]] = {}
        for group in classes:
            for pair in combinations(sorted({alias for alias, _ in group}), 2):
                together.setdefault(pair, []).append(group)
        for (first, second), groups in sorted(together.items()):
            if len(groups) > 1:
                shared = [({c for a, c in of if a == first}, {c for a, c in of if a == second}) for of in groups]
                factor, unique = max(
                    (self._factor(first, second, shared), second),
                    (self._factor(second, first, [(b, a) for a, b in shared]), first),
                )
                if factor > 1:
                    found[frozenset((first, second))] = (factor, unique)
        return found

    def _used_ranges(self) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for (many, name), group in self.partners.items():
            values = distinct_values(self.relations[many], name)
            for one, key in group:
                table = self.relations[one]
                if table is self.relations[many] or values > USED_SHARE_MAX * table.rows_estimate:
                    continue
                share = _used_share(self.relations[many].columns.get(name), table.columns.get(key))
                in_order = {column for column in self._narrowed[one] - {key} if _is_ordered(table, column)}
                if share < USED_SHARE_MAX and in_order and _is_ordered(table, key) and _is_key(table, key):
                    of = found.setdefault(one, {})
                    of[many] = max(of.get(many, 1.0), 1 / share)
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
        self._computed = facts.computed
        self._partners, self._pairs, self._ranges = facts.partners, facts.pairs, facts.ranges
        self._known: dict[int, float] = {}
        self._trees: dict[int, frozenset[str]] = {}

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
        if kind == "CTE Scan" and str(node.get("CTE Name")) in self._computed:
            return self.factor(self._computed[str(node["CTE Name"])])
        if not below or kind == "Bitmap Heap Scan":
            return self._of(self._tree(node))
        if kind in _BRANCHES:
            return sum(self.rows(child) for child in below) / max(sum(float(c["Plan Rows"]) for c in below), 1.0)
        if kind in _FEWER:
            if "Group Key" not in node and "Grouping Sets" not in node and kind == "Aggregate":
                return 1.0
            return min(math.pow(self.factor(below[0]), GROUPS_TRUST), max(1.0, self.rows(below[0]) / planned))
        if kind == "Limit" and planned < float(below[0]["Plan Rows"]):
            return 1.0
        return self.factor(below[0])

    def _join_factor(self, node: Node, outer: Node, inner: Node, planned: float) -> float:
        """By the tables that are joined, within what the sides of the join allow."""
        sides = (outer, inner)
        kept = [sides[side] for side in _KEEPS.get(str(node.get("Join Type")), ())]
        if any(_gives_each_once(node, side) for side in kept):
            return max(self.rows(side) for side in kept) / planned
        left, right = self._tree(outer), self._tree(inner)
        aliases = left | right
        of_condition = self._of(aliases) / (self._of(left) * self._of(right))
        found = self.factor(outer) * self.factor(inner) * of_condition
        most = [self.rows(outer)] if node.get("Inner Unique") or node.get("Join Type") in ("Semi", "Anti") else []
        of_inner = self.rows(inner) * (self.rows(outer) if node["Node Type"] == "Nested Loop" else 1.0)
        for here, of_other in ((left, of_inner), (right, self.rows(outer))):
            if len(here) == 1 and self._is_looked_up(next(iter(here)), aliases):
                most.append(of_other)
        if not left or not right:
            most.append(min(self.rows(outer), of_inner))  # of one side nothing is known: as a key finds its row
        return min([found, *(max(rows / planned, 1.0) for rows in most)])

    def _is_looked_up(self, one: str, aliases: frozenset[str]) -> bool:
        """Whether another of these tables is joined to a table by a unique key of it that has a factor."""
        if any(many in aliases for many in self._ranges.get(one, ())):
            return True
        return any(of == one and pair <= aliases for pair, (_, of) in self._pairs.items())

    def _tree(self, node: Node) -> frozenset[str]:
        """The tables whose rows a node gives, side by side: not those behind groups, branches, or outer joins that may
        give a row several times."""
        if id(node) not in self._trees:
            self._trees[id(node)] = self._tree_of(node)
        return self._trees[id(node)]

    def _tree_of(self, node: Node) -> frozenset[str]:
        kind = str(node["Node Type"])
        if "Relation Name" in node:
            return frozenset((str(node.get("Alias", "")),))
        below = [child for child in node.get("Plans", []) if not is_subplan(child)]
        if kind in _JOINS and len(below) == 2:
            if node.get("Join Type") in (None, "Inner", "Semi"):
                return self._tree(below[0]) | self._tree(below[1])
            kept = _KEEPS.get(str(node.get("Join Type")), ())
            is_once = len(kept) == 1 and _gives_each_once(node, below[kept[0]])
            return self._tree(below[kept[0]]) if is_once else frozenset()
        if kind in _BRANCHES or kind in _FEWER or len(below) != 1:
            return frozenset()
        return self._tree(below[0])

    def _of(self, aliases: frozenset[str]) -> float:
        """What an estimate over a join of these tables is to be multiplied with."""
        found = prod(of for pair, (of, _) in self._pairs.items() if pair <= aliases)
        found *= prod(of for alias, of in self._factors.items() if alias in aliases)
        for one, factors in self._ranges.items():
            if one in aliases:
                found *= max((of for many, of in factors.items() if many in aliases), default=1.0)
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
            if other != alias and _is_key(self._relations[other], column):
                found.append(other)
        return found


def _used_share(column: Column | None, key: Column | None) -> float:
    """The share of the range of a key that a column lies in, 0..1; 1 where statistics do not tell."""
    ends = [_ends(one.statistics) if one is not None else None for one in (column, key)]
    used, there = ends
    if used is None or there is None or there[1] <= there[0]:
        return 1.0
    return min(1.0, max(used[1] - used[0], 1.0) / (there[1] - there[0]))


def _ends(known: ColumnStatistics | None) -> tuple[float, float] | None:
    """The least and the greatest value that statistics name, where they are numbers or dates (in days)."""
    if known is None or not (known.histogram or known.most_common):
        return None
    values: list[float] = []
    for text in (*known.histogram[:1], *known.histogram[-1:], *(value for value, _ in known.most_common)):
        try:
            values.append(float(text) if "-" not in text[1:] else float(date.fromisoformat(text[:10]).toordinal()))
        except ValueError:
            return None
    if not all(map(math.isfinite, values)):
        return None  # a date may be 'infinity', a number NaN
    return min(values), max(values)


def _is_key(table: Table, name: str) -> bool:
    """Whether a column alone is a unique key."""
    return any(i.is_unique and i.is_valid and unique_keys(i.statement) == {name} for i in table.indexes)


def _is_ordered(table: Table, name: str) -> bool:
    """Whether rows lie in the order of a column."""
    column = table.columns.get(name)
    known = column.statistics if column is not None else None
    return known is not None and abs(known.correlation or 0.0) >= ORDERED


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
