"""In which order rows come out of a plan, and whether neighbours lie side by side: what caches make of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from trimtab.advise.index.plans import Node
from trimtab.sql.catalog import Table

SMALL_PAGES = 1_000
"""A table or index of fewer pages stays in the processor's caches: it makes no difference in which order it is read."""

NEAR_CORRELATION = 0.9

_NAME = re.compile(r"[A-Za-z_][\w.]*")
_PAIR = re.compile(r"(?<!\w)([A-Za-z_][\w.]*) = ([A-Za-z_][\w.]*)")

IndexKeys = Callable[[str], tuple[str, ...]]
"""The key columns of an index by its name in plans; empty where it is not known."""

IndexShare = Callable[[str], float]
"""The share of its table's rows (0..1) that an index holds, by its name in plans."""


class Order:
    """Orders in plans of one database."""

    def __init__(self, tables: Mapping[str, Table], index_keys: IndexKeys) -> None:
        self._tables, self._index_keys = tables, index_keys

    def is_near(self, table: Table | None, keys: tuple[str, ...]) -> bool | None:
        """Whether rows of neighbouring entries lie side by side; None where the table is small anyway."""
        if table is None or table.pages < SMALL_PAGES:
            return None
        column = table.columns.get(keys[0]) if keys else None
        if column is None or column.statistics is None or column.statistics.correlation is None:
            return False
        return abs(column.statistics.correlation) >= NEAR_CORRELATION

    def comes_in_order(self, node: Node) -> bool:
        """Whether rows come as they lie in the table that they are read from first."""
        while True:
            kind = node["Node Type"]
            if kind in ("Seq Scan", "Bitmap Heap Scan"):
                return True
            if kind in ("Index Scan", "Index Only Scan"):
                table = self._tables.get(str(node.get("Relation Name")))
                return self.is_near(table, self._index_keys(str(node.get("Index Name")))) is not False
            below = [child for child in node.get("Plans", []) if not is_subplan(child)]
            if not below or (kind == "Aggregate" and node.get("Strategy") == "Hashed"):
                return False
            if kind == "Nested Loop" and not self.comes_in_order(below[1]):
                return False
            node = below[0]

    def keyed_in_order(self, node: Node, text: str) -> bool:
        """Whether rows come in the order of a column that a condition names: a hash table is then walked through."""
        named = {name.rpartition(".")[2] for name in _NAME.findall(text)}
        return bool(named & self._order(node))

    def _order(self, node: Node) -> set[str]:
        """Columns in whose order the rows of a node come, as far as its driving scan tells."""
        kind = node["Node Type"]
        table = self._tables.get(str(node.get("Relation Name")))
        if kind in ("Index Scan", "Index Only Scan"):
            return set(self._index_keys(str(node.get("Index Name")))[:1])
        if kind in ("Seq Scan", "Bitmap Heap Scan") and table is not None:
            known = ((name, column.statistics) for name, column in table.columns.items())
            return {name for name, of in known if of is not None and abs(of.correlation or 0.0) >= NEAR_CORRELATION}
        if kind in ("Sort", "Incremental Sort"):
            return {str(key).rpartition(".")[2] for key in node.get("Sort Key", ())[:1]}
        below = [child for child in node.get("Plans", []) if not is_subplan(child)]
        if not below or (kind == "Aggregate" and node.get("Strategy") == "Hashed"):
            return set()
        found = self._order(below[0])
        for text in (str(node.get("Hash Cond", "")), str(node.get("Merge Cond", ""))):
            for pair in _PAIR.findall(text):
                names = {name.rpartition(".")[2] for name in pair}
                found |= names if names & found else set()
        return found


def is_subplan(node: Node) -> bool:
    """Whether a node stands beside the rows of its parent, not below them."""
    return node.get("Parent Relationship") in ("InitPlan", "SubPlan")
