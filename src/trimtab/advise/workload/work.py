"""What a plan does, counted: pages read, descents into indexes, rows compared, hashed, sorted.

The planner's costs weigh these with figures of a disk, and its estimates of rows go wrong where a join has two columns.
Counted work can be weighed again, with times that were measured (see `plan_time`). A plan with numbers of rows that
were measured (EXPLAIN ANALYZE) is counted by these, any other by the planner's estimates, put right as far as keys
tell (see `join_rows`).
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping

from trimtab.advise.index.plans import Node, nodes
from trimtab.advise.index.size import distinct_values
from trimtab.advise.workload.join_rows import JoinRows, PlanFacts
from trimtab.advise.workload.node_facts import (
    blocks,
    calls,
    elements,
    far_share,
    index_below,
    operators,
    scanned_by_cost,
    stopped_share,
    value_share,
)
from trimtab.advise.workload.plan_order import IndexKeys, IndexShare, Order, is_subplan
from trimtab.sql.catalog import Table

Work = Mapping[str, float]

LARGE_HASH_ROWS = 100_000
MANY_GROUPS = 20_000


SEMI_ROWS_MAX = 2.0
"""Rows that EXISTS looks at before it finds one, where there are several."""

MATCHED_SHARE = 0.7
"""The share of rows for which EXISTS finds one: nothing in a plan tells."""

HAVING_SHARE = 1 / 3
"""What the planner takes a condition on groups to let through."""

_PATTERN = re.compile(r" !?~~?\*? ")

_EQUALITY = re.compile(r"\(?\(?(?<!\w)(\w+)\)?(?:::\w+)? = ")
_EQUAL_TO = re.compile(r"\(?\(?(?<!\w)(\w+)\)?(?:::\w+)? = (?:'((?:[^']|'')*)'|(-?[\d.]+))")


class Counting:
    """Counts plans of one database. `tables` by name; `work_mem_bytes` decides what is sorted or hashed on disk."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        index_keys: IndexKeys,
        work_mem_bytes: float = 4 << 20,
        index_share: IndexShare = lambda _: 1.0,
    ) -> None:
        self._tables = tables
        self._index_keys, self._index_share = index_keys, index_share
        self._work_mem_bytes = work_mem_bytes

    def facts(self, plan: Node) -> PlanFacts:
        """What `work` needs to know of a plan: who counts it several times hands it over."""
        return PlanFacts(plan, self._tables)

    def work(
        self,
        plan: Node,
        *,
        inflation: float = 1.0,
        factors: Mapping[str, float] | None = None,
        facts: PlanFacts | None = None,
    ) -> dict[str, float]:
        """The work of a plan. `inflation` is what every uncertain step of an estimate is multiplied with, `factors`
        are for estimates of single tables, by alias."""
        joins = JoinRows(facts or self.facts(plan), inflation, factors)
        walk = _Walk(self._tables, self._index_keys, self._work_mem_bytes, joins, self._index_share)
        walk.measured = "Actual Loops" in plan
        walk.visit(plan, 1.0, 1.0)
        walk.found["call"] = 1.0
        return dict(walk.found)


class _Walk:
    """One plan being counted."""

    def __init__(
        self,
        tables: Mapping[str, Table],
        index_keys: IndexKeys,
        work_mem_bytes: float,
        joins: JoinRows,
        index_share: IndexShare,
    ) -> None:
        self.found: defaultdict[str, float] = defaultdict(float)
        self.measured = False
        self._rows_of: dict[str, float] = {}
        self._computed_rows: dict[str, float] = {}
        self._tables, self._index_keys, self._work_mem_bytes, self._joins = tables, index_keys, work_mem_bytes, joins
        self._index_share = index_share
        self._order = Order(tables, index_keys)

    def visit(self, node: Node, loops: float, share: float) -> float:
        """Count a node that runs `loops` times, and of whose rows only a `share` is fetched; its rows in all loops."""
        self.found["nodes"] += 1.0
        kind = str(node["Node Type"])
        if kind in ("Index Scan", "Index Only Scan"):
            return self._index_scan(node, loops, share)
        if kind == "Seq Scan":
            return self._seq_scan(node, loops, share)
        if kind == "Bitmap Heap Scan":
            return self._bitmap(node, loops, share)
        if kind == "Nested Loop":
            return self._nested_loop(node, loops, share)
        if kind in ("Hash Join", "Merge Join"):
            return self._join(node, loops, share)
        children = [child for child in node.get("Plans", []) if not is_subplan(child)]
        self._subplans(node, loops, loops)
        if kind == "Limit" and children:
            share *= stopped_share(node, children[0])
        below_share = 1.0 if blocks(node) else share
        came = sum(self.visit(child, self._loops(child, loops), below_share) for child in children)
        if kind == "CTE Scan":
            came = self._computed(node, loops) * share
        rows = self._rows(node, loops) * share
        if kind == "Sort":
            self._sort(node, came)
        elif kind == "Incremental Sort":
            self.found["sort"] += came * 4.0
        elif kind == "Aggregate":
            self._aggregate(node, children, came, rows)
        elif kind == "Materialize":
            self.found["kept_rows"] += rows
        elif kind in ("Memoize", "CTE Scan", "Subquery Scan", "Append", "Unique", "WindowAgg", "Group", "Result"):
            self.found["passed_rows"] += max(came, rows)
        if "Filter" in node:
            self.found["quals"] += came * operators(str(node["Filter"]))
        return rows

    def _computed(self, node: Node, loops: float) -> float:
        """The rows of what WITH computed that a scan reads, in all loops."""
        if self.measured:
            read = float(node["Actual Rows"]) + float(node.get("Rows Removed by Filter", 0))
            return read * float(node["Actual Loops"])
        return self._computed_rows.get(str(node.get("CTE Name")), float(node["Plan Rows"])) * loops

    def _loops(self, node: Node, loops: float) -> float:
        return float(node["Actual Loops"]) if self.measured else loops

    def _rows(self, node: Node, loops: float) -> float:
        if self.measured:
            return float(node["Actual Rows"]) * float(node["Actual Loops"])
        return self._joins.rows(node) * loops

    def _seq_scan(self, node: Node, loops: float, share: float) -> float:
        table = self._tables.get(str(node.get("Relation Name")))
        rows = self._rows(node, loops) * share
        pages, there = (table.pages, table.rows_estimate) if table is not None else scanned_by_cost(node)
        if self.measured:
            read = rows + float(node.get("Rows Removed by Filter", 0)) * float(node["Actual Loops"])
        else:
            read = there * loops * share
        self.found["seq_pages"] += pages * self._loops(node, loops) * share
        self.found["seq_rows"] += read
        self._rows_of[str(node.get("Alias"))] = rows
        self._filter(node, read)
        self._subplans(node, loops, read)
        return rows

    def _filter(self, node: Node, rows: float) -> None:
        text = str(node.get("Filter", ""))
        if text:
            self.found["quals"] += rows * operators(text)
            self.found["patterns"] += rows * len(_PATTERN.findall(text))
            if "(" in text:
                self.found["function_calls"] += rows * calls(text)
                self.found["elements"] += rows * elements(text)

    def _index_scan(
        self, node: Node, loops: float, share: float, rows: float | None = None, fetched_max: float | None = None
    ) -> float:
        loops = self._loops(node, loops)
        table = self._tables.get(str(node.get("Relation Name")))
        keys = self._index_keys(str(node.get("Index Name")))
        if rows is None or self.measured:
            rows = self._rows(node, loops) * share
        if self.measured:
            removed = float(node.get("Rows Removed by Filter", 0)) + float(node.get("Rows Removed by Index Recheck", 0))
            fetched = rows + removed * loops
        else:
            fetched = max(rows, self._fetched(node, table, keys, rows, loops, share))
            if fetched_max is not None:
                fetched = min(fetched, fetched_max * loops)
        self._rows_of[str(node.get("Alias"))] = rows
        near = self._order.is_near(table, keys)
        again = self._again_share(node, loops)
        if near is None or (near and self._in_order):
            self.found["descents_near"] += loops
        else:
            self.found["descents_again"] += loops * again
            self.found["descents_far"] += loops * (1 - again)
        if node["Node Type"] == "Index Only Scan":
            heap = float(node.get("Heap Fetches", 0)) if self.measured else 0.0
            self.found["index_rows"] += fetched
            self._skipped(node, table, keys, loops * share)
            self.found["heap_rows_far"] += heap
        else:
            self.found["index_rows"] += fetched
            self._skipped(node, table, keys, loops * share)
            self.found["heap_rows_again"] += fetched * again
            if near is None or near:
                self.found["heap_rows_near"] += fetched * (1 - again)
            else:
                self.found["heap_rows_far"] += fetched * (1 - again) * far_share(table)
        self._filter(node, fetched)
        self._subplans(node, loops, fetched)
        return rows

    def _skipped(self, node: Node, table: Table | None, keys: tuple[str, ...], loops: float) -> None:
        """Entries that are walked over because the condition says nothing of the first key."""
        condition = str(node.get("Index Cond", ""))
        if table is None or not keys or not condition or table.columns.get(keys[0]) is None:
            return
        if not re.search(rf"(?<![\w.]){re.escape(keys[0])}(?!\w)", condition):
            entries = table.rows_estimate * self._index_share(str(node.get("Index Name")))
            self.found["skipped_entries"] += entries * loops

    def _again_share(self, node: Node, loops: float) -> float:
        """The share of a loop's turns that look for what a turn before has just found: the driving table has fewer
        values than there are turns."""
        values = loops
        for name in _EQUALITY.findall(str(node.get("Index Cond", ""))):
            for alias in self._joins.unique_partners(str(node.get("Alias")), name):
                values = min(values, self._rows_of.get(alias, loops))
        return 1.0 - max(values, 1.0) / loops if loops > 1 else 0.0

    _in_order = True
    """Whether the rows that drive the loop come in the order of their table."""

    def _fetched(
        self, node: Node, table: Table | None, keys: tuple[str, ...], rows: float, loops: float, share: float
    ) -> float:
        """Entries that the index condition alone finds, before the filter: by the distinct values of its columns."""
        if "Filter" not in node or table is None:
            return rows
        condition = str(node.get("Index Cond", ""))
        equal = {name for name in _EQUALITY.findall(condition) if name in keys}
        there = found = table.rows_estimate * self._index_share(str(node.get("Index Name")))
        known = {name: text.replace("''", "'") or number for name, text, number in _EQUAL_TO.findall(condition)}
        for name in equal:
            if name in known and (own := value_share(table, name, known[name])) is not None:
                found *= own
                continue
            partners = self._joins.partner_rows(str(node.get("Alias")), name)
            found /= max(distinct_values(table, name), partners, 1.0)  # a table that is taken to be empty has none
        ranges = condition.count(" AND ") + 1 - len(equal) if condition else 0
        if ranges > 0:
            # by what the planner asks for a row of an index scan, its own part of the cost
            solved = float(node["Total Cost"]) / (
                0.02 + (0.1 if self._order.is_near(table, keys) is not False else 1.1)
            )
            found = min(found, max(solved, rows / max(loops * share, 1e-9)))
        return min(found, there) * loops * share

    def _bitmap(self, node: Node, loops: float, share: float) -> float:
        loops = self._loops(node, loops)
        table = self._tables.get(str(node.get("Relation Name")))
        rows = self._rows(node, loops)
        entries = 0.0
        waiting = list(node.get("Plans", []))
        while waiting:
            child = waiting.pop()
            if is_subplan(child):
                continue
            if child["Node Type"] == "Bitmap Index Scan":
                self.found["descents_far"] += self._loops(child, loops)
                found = self._rows(child, self._loops(child, loops))
                entries += found if self.measured else found * self._joins.factor(node)
            waiting += child.get("Plans", [])
        self.found["bitmap_entries"] += entries
        removed = float(node.get("Rows Removed by Filter", 0)) + float(node.get("Rows Removed by Index Recheck", 0))
        read = rows + removed * loops if self.measured else max(rows, entries)
        pages = float(table.pages) if table is not None else 1.0
        near = self._order.is_near(table, self._index_keys(index_below(node)))
        if near is False:
            touched = loops * pages * -math.expm1(-read / loops / max(pages, 1.0)) if loops else 0.0
        else:
            touched = min(pages * loops, read / max((table.rows_estimate / max(pages, 1.0)) if table else 1.0, 1.0))
        self.found["bitmap_pages"] += touched * share
        self.found["bitmap_rows"] += read * share
        self._rows_of[str(node.get("Alias"))] = rows
        self._filter(node, read * share)
        self._subplans(node, loops, read * share)
        return rows * share

    def _nested_loop(self, node: Node, loops: float, share: float) -> float:
        outer, inner, *_ = [child for child in node.get("Plans", []) if not is_subplan(child)]
        self._subplans(node, loops, loops)
        was = self._in_order
        came = self.visit(outer, self._loops(outer, loops), share)
        rows = self._rows(node, loops) * share
        self._in_order = self._order.comes_in_order(outer)
        turns = float(inner["Actual Loops"]) if self.measured else max(came, 1e-9)
        stops_early = node.get("Join Type") in ("Semi", "Anti") or bool(node.get("Inner Unique"))
        wanted = None if "Join Filter" in node else (min(rows, turns) if stops_early else rows)
        if node.get("Join Type") in ("Semi", "Anti"):
            wanted = turns * MATCHED_SHARE
        inner_rows = self._inner(
            inner, turns, wanted, SEMI_ROWS_MAX if node.get("Join Type") in ("Semi", "Anti") else None
        )
        self._in_order = was
        self.found["loop_rows"] += max(rows, turns)
        if "Join Filter" in node:
            self.found["quals"] += inner_rows * operators(str(node["Join Filter"]))
        return rows

    def _inner(self, node: Node, turns: float, wanted: float | None, fetched_max: float | None = None) -> float:
        """The inner side of a loop; `wanted` are the rows that it gives in all turns, where the join says it.

        `fetched_max`: so many are looked at in a turn at most, since the first that fits ends it.
        """
        kind = node["Node Type"]
        if kind == "Memoize" and not self.measured:
            below = node["Plans"][0]
            table = self._tables.get(str(below.get("Relation Name")))
            asked = min(turns, table.rows_estimate) if table is not None else turns
            self.found["passed_rows"] += turns
            self.found["nodes"] += 1.0
            return self._inner(below, asked, min(wanted, asked * 4) if wanted is not None else None, fetched_max)
        if kind == "Materialize" and not self.measured:
            self.found["nodes"] += 1.0
            once = self.visit(node["Plans"][0], 1.0, 1.0)
            self.found["kept_rows"] += once * turns
            return once * turns
        if kind in ("Index Scan", "Index Only Scan"):
            self.found["nodes"] += 1.0
            return self._index_scan(node, turns, 1.0, wanted, fetched_max)
        return self.visit(node, turns, 1.0)

    def _join(self, node: Node, loops: float, share: float) -> float:
        outer, inner, *_ = [child for child in node.get("Plans", []) if not is_subplan(child)]
        self._subplans(node, loops, loops)
        came = self.visit(outer, self._loops(outer, loops), share)
        built = self.visit(inner, self._loops(inner, loops), 1.0)
        rows = self._rows(node, loops) * share
        if node["Node Type"] == "Merge Join":
            self.found["merge_rows"] += came + built
        else:
            self.found["build_rows"] += built
            at_random = built > LARGE_HASH_ROWS and not self._order.keyed_in_order(
                outer, str(node.get("Hash Cond", ""))
            )
            self.found["probe_rows_large" if at_random else "probe_rows"] += came
            if built * (float(inner.get("Plan Width", 8)) + 24) > 2 * self._work_mem_bytes:
                self.found["spilled_rows"] += built + came
        self.found["joined_rows"] += rows
        if "Join Filter" in node:
            self.found["quals"] += rows * operators(str(node["Join Filter"]))
        return rows

    def _sort(self, node: Node, came: float) -> None:
        self.found["sort"] += came * math.log2(came + 2)
        if came * (float(node.get("Plan Width", 8)) + 24) > self._work_mem_bytes:
            self.found["spilled_rows"] += came

    def _aggregate(self, node: Node, children: list[Node], came: float, rows: float) -> None:
        """By the planner's own part of the cost, which knows the number of aggregates, per row that it expected."""
        expected = sum(float(child["Plan Rows"]) for child in children) or 1.0
        own = max(0.0, float(node["Total Cost"]) - sum(float(child["Total Cost"]) for child in children))
        strategy = str(node.get("Strategy", "Plain")).lower()
        self.found[f"aggregate_{strategy}"] += came * min(own / expected, 1.0) * 400  # in calls of an operator
        if strategy == "hashed":
            groups = rows
            if "Filter" in node:
                removed = float(node.get("Rows Removed by Filter", 0)) * float(node.get("Actual Loops", 1))
                groups = rows + removed if self.measured else min(rows / HAVING_SHARE, came)
            if not self.measured:
                groups = max(groups, self._groups_at_least(node, children, came))
            self.found["groups"] += groups
            group_key = " ".join(str(key) for key in node.get("Group Key", ()))
            if groups > MANY_GROUPS and children and not self._order.keyed_in_order(children[0], group_key):
                self.found["grouped_at_random"] += came
            if groups * (float(node.get("Plan Width", 8)) + 64) > 2 * self._work_mem_bytes:
                self.found["spilled_rows"] += came

    def _groups_at_least(self, node: Node, children: list[Node], came: float) -> float:
        """Groups by a column that unique keys know more values of than ANALYZE did (see `distinct_values`)."""
        keys = node.get("Group Key", ())
        if len(keys) != 1 or not children:
            return 0.0
        alias, _, name = str(keys[0]).rpartition(".")
        for below in nodes(children[0]):
            table = self._tables.get(str(below.get("Relation Name")))
            if table is not None and alias in ("", str(below.get("Alias"))) and name in table.columns:
                values = distinct_values(table, name)
                return -values * math.expm1(-came / values)  # not each value comes (Cardenas, 1975)
        return 0.0

    def _subplans(self, node: Node, loops: float, turns: float) -> None:
        for child in node.get("Plans", []):
            if child.get("Parent Relationship") == "InitPlan":
                rows = self.visit(child, self._loops(child, 1.0), 1.0)
                self._computed_rows[str(child.get("Subplan Name", "")).removeprefix("CTE ")] = rows
            elif child.get("Parent Relationship") == "SubPlan":
                hashed = "hashed " + str(child.get("Subplan Name", "")) in str(node.get("Filter", ""))
                self.visit(child, self._loops(child, loops if hashed else max(turns, 1.0)), 1.0)
