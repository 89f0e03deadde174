"""Where the planner's estimate of a join's rows is known to be wrong, and by how much.

It takes the columns of a join as independent. Where two tables are joined by all columns of a unique key, every row
finds its partner as a rule, and the estimate is too low by far (2,500 times for TPC-H's lineitem and partsupp).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import combinations
from math import prod

from trimtab.advise.index.existing import unique_keys
from trimtab.advise.index.plans import Node, nodes
from trimtab.advise.index.size import distinct_values
from trimtab.sql.catalog import Table

_TWO = re.compile(r"\(?(\w+)\.(\w+)\)?(?:::\w+)? = \(?(\w+)\.(\w+)\)?")
_OWN_LEFT = re.compile(r"(?<![\w.])\(?(\w+)\)?(?:::\w+)? = \(?(\w+)\.(\w+)\)?")
_OWN_RIGHT = re.compile(r"\(?(\w+)\.(\w+)\)?(?:::\w+)? = \(?(\w+)\)?(?![\w.(])")
_CONDITIONS = ("Hash Cond", "Merge Cond", "Join Filter", "Index Cond", "Filter", "Recheck Cond")
UNCERTAIN_STEPS_MAX = 2

_Column = tuple[str, str]


def aliases_of(node: Node) -> frozenset[str]:
    """The aliases of all tables that are read by a node and below; subqueries count as what they read."""
    return frozenset(str(one["Alias"]) for one in nodes(node) if "Alias" in one and "Relation Name" in one)


class JoinRows:
    """Factors on the planner's estimates in one plan; the same for every plan of a statement.

    `inflation` multiplies an estimate once for every uncertain step in it: a table with several conditions, a join.
    `factors` are known for single tables, by alias.
    """

    def __init__(
        self,
        plan: Node,
        tables: Mapping[str, Table],
        inflation: float = 1.0,
        factors: Mapping[str, float] | None = None,
    ) -> None:
        self._inflation, self._factors = inflation, factors or {}
        self._relations: dict[str, Table] = {}
        self._uncertain: set[str] = set()
        pairs: list[tuple[_Column, _Column]] = []
        for node in nodes(plan):
            alias = str(node.get("Alias", ""))
            table = tables.get(str(node.get("Relation Name")))
            if table is not None and alias:
                self._relations[alias] = table
                if _conditions_count(node) > 1:
                    self._uncertain.add(alias)
            for name in _CONDITIONS:
                pairs += _equalities(str(node.get(name, "")), alias)
        self._partners: dict[_Column, set[_Column]] = {}
        self._pairs = self._multi_column(pairs)
        self._known: dict[frozenset[str], float] = {}

    def factor(self, aliases: frozenset[str]) -> float:
        """What an estimate over these tables is to be multiplied with."""
        if len(aliases) < 2 and self._inflation == 1.0 and not self._factors:
            return 1.0
        if aliases not in self._known:
            found = prod(of for pair, of in self._pairs.items() if pair <= aliases)
            found *= prod(of for alias, of in self._factors.items() if alias in aliases)
            if self._inflation != 1.0:
                steps = len(aliases & self._uncertain) + max(0, len(aliases) - 2)
                found *= self._inflation ** min(steps, UNCERTAIN_STEPS_MAX)
            self._known[aliases] = found
        return self._known[aliases]

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

    def _multi_column(self, pairs: list[tuple[_Column, _Column]]) -> dict[frozenset[str], float]:
        same = self._partners
        for left, right in pairs:
            if left[0] in self._relations and right[0] in self._relations:
                merged = same.get(left, {left}) | same.get(right, {right})
                for one in merged:
                    same[one] = merged
        classes = {frozenset(group) for group in same.values()}
        found: dict[frozenset[str], float] = {}
        for first, second in combinations(sorted({alias for group in classes for alias, _ in group}), 2):
            shared = [
                ({c for a, c in group if a == first}, {c for a, c in group if a == second})
                for group in classes
                if {first, second} <= {a for a, _ in group}
            ]
            if len(shared) > 1:
                factor = max(
                    self._factor(first, second, shared), self._factor(second, first, [(b, a) for a, b in shared])
                )
                if factor > 1:
                    found[frozenset((first, second))] = factor
        return found

    def _factor(self, many: str, one: str, shared: list[tuple[set[str], set[str]]]) -> float:
        """Where `one` is unique by the columns shared: the rows that the planner loses by taking them apart."""
        table, other = self._relations[one], self._relations[many]
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
