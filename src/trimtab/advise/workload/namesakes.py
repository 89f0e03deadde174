"""Tables of the same name in several schemas: plans name no schema, so who reads two of them has to be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence

from trimtab.advise.index.plans import Node, cost
from trimtab.sql.catalog import Table
from trimtab.sql.conditions import TableUse

ROW_COST = 0.01
"""What the planner asks for a row, in pages that are read one after the other."""

IndexTable = Callable[[str], Table | None]
"""The table of an index by its name in plans; None where it is not known."""


def doubled_names(tables: Collection[Table]) -> frozenset[str]:
    """Names that more than one table has."""
    return frozenset(name for name, count in Counter(table.name for table in tables).items() if count > 1)


class Namesakes:
    """Writes plans of one statement with `schema.table` where the table has a namesake. `uses` are its tables."""

    def __init__(self, uses: Sequence[TableUse], doubled: Collection[str], of_index: IndexTable) -> None:
        self._of_index = of_index
        self._uses = [use for use in uses if use.table.name in doubled]
        self._names = frozenset(use.table.name for use in self._uses)
        self.tables = {use.table.relation: use.table for use in self._uses}

    def told_apart(self, plan: Node) -> Node:
        """The plan, its nodes copied."""
        below = [self.told_apart(child) for child in plan.get("Plans", [])]
        made = {**plan, "Plans": below} if below else dict(plan)
        name = str(plan.get("Relation Name", ""))
        if name in self._names:
            made["Relation Name"] = self._table(plan, name).relation
        return made

    def _table(self, node: Node, name: str) -> Table:
        """By the index that is read, else by the alias, else by what reading all of a table costs: where all are called
        alike, PostgreSQL numbers them in an order of its own."""
        index = node
        while "Index Name" not in index and index.get("Plans"):
            index = index["Plans"][0]
        table = self._of_index(str(index.get("Index Name", "")))
        if table is not None and table.name == name:
            return table
        same = {use.table.oid: use.table for use in self._uses if use.table.name == name}
        named = {use.table.oid: use.table for use in self._uses if use.alias == node.get("Alias")}
        if len(named) == 1 and named.keys() <= same.keys():
            return named[min(named)]
        return min(same.values(), key=lambda one: abs(one.pages + ROW_COST * one.rows_estimate - cost(node)))
