"""Indexes that HypoPG cannot price: GIN on arrays, JSON, text search and trigrams. Their price is a model.

The rows that such an index finds are the planner's own estimate of the condition; what reading them costs is put in
the place of the scan that the plan has today. So the plan is one that the planner could take, if not the best.
"""

from __future__ import annotations

import math

from pglast import ast

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.plans import Node, cost, is_repeated, nodes
from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition, IndexKey
from trimtab.sql.catalog import Table
from trimtab.sql.conditions import Condition, Match, TableUse
from trimtab.sql.expressions import parsed_expression
from trimtab.sql.trees import strings

PATTERN_LETTERS_MIN = 3
"""A pattern needs so many letters in a row for a trigram."""

TRIGRAM = {"~~", "~~*"}
ELEMENTS = {"@>", "&&", "<@"}
KEYS_OF_JSON = {"?", "?|", "?&"}
START_COST = 30.0
ROW_COST = 0.05
PAGE_COST = 1.5
ENTRY_BYTES = 3.0
"""Bytes of a row pointer in a posting list, compressed, with its part of the pages' heads and of free space."""

KEY_BYTES = 24.0
ELEMENTS_GUESSED = 4.0


def inverted(use: TableUse, trigram_schema: str | None) -> list[Candidate]:
    """GIN indexes for the conditions on one table that a B-tree cannot serve."""
    found: dict[IndexDefinition, Candidate] = {}
    for condition in use.conditions:
        key, why = _key(condition, use.table, trigram_schema)
        if key is not None and condition.predicate is not None:
            definition = IndexDefinition(use.table.schema, use.table.name, (key,), method="gin")
            why = f"{why}; priced by a model: nothing can be tried without building it"
            found.setdefault(definition, Candidate(definition, use.table, use.alias, why, (condition.predicate,)))
    return list(found.values())


def wants_trigrams(use: TableUse) -> bool:
    """Whether a condition could be served if the extension pg_trgm were there."""
    return any(_key(one, use.table, "public")[0] is not None for one in use.conditions if _operator(one) in TRIGRAM)


def _operator(condition: Condition) -> str:
    if condition.match is not Match.OTHER or condition.predicate is None:
        return ""
    try:
        tree = parsed_expression(condition.predicate)
    except StatementRefused:
        return ""
    if not isinstance(tree, ast.A_Expr) or not isinstance(tree.lexpr, ast.ColumnRef):
        return ""
    return (strings(tree.name) or ("",))[-1]


def _key(condition: Condition, table: Table, trigram_schema: str | None) -> tuple[IndexKey | None, str]:
    operator = _operator(condition)
    column = table.columns.get(condition.term.sql)
    if not operator or column is None or column.virtual:
        return None, ""
    if operator in TRIGRAM and column.is_text and trigram_schema and _has_letters(condition.predicate or ""):
        return IndexKey(column.name, opclass=f"{trigram_schema}.gin_trgm_ops"), "a pattern anywhere in the text"
    if operator in ELEMENTS and column.category == "A":
        return IndexKey(column.name), "elements of an array"
    if column.type_name == "jsonb" and operator == "@>":
        return IndexKey(column.name, opclass="jsonb_path_ops"), "parts of a JSON document"
    if column.type_name == "jsonb" and operator in KEYS_OF_JSON:
        return IndexKey(column.name), "keys of a JSON document"
    if column.type_name == "tsvector" and operator == "@@":
        return IndexKey(column.name), "words of a text"
    return None, ""


def _has_letters(predicate: str) -> bool:
    pattern = predicate.partition("'")[2].rpartition("'")[0]
    parts = pattern.replace("_", "%").split("%")
    return any(len(part) >= PATTERN_LETTERS_MIN for part in parts)


def size_of_inverted(table: Table, definition: IndexDefinition) -> int:
    """Bytes of a GIN index: a guess from the width of what it holds."""
    column = table.columns[definition.keys[0].sql]
    width = column.statistics.average_width_bytes if column.statistics is not None else 32
    rows = table.rows_estimate
    if "trgm" in (definition.keys[0].opclass or ""):
        return int(8192 * 4 + rows * max(1.0, width - 1) * ENTRY_BYTES)
    elements = max(1.0, (width - 20) / 8) if column.category == "A" else ELEMENTS_GUESSED * max(1.0, width / 60)
    distinct = min(rows * elements, 10_000.0 if column.category == "A" else rows)
    return int(8192 * 4 + rows * elements * ENTRY_BYTES + distinct * KEY_BYTES)


def served(plan: Node, candidate: Candidate, rows: float, index_name: str) -> Node | None:
    """The plan with one scan of the table replaced by this index; None where no single scan could be."""
    scans = [
        node
        for node in nodes(plan)
        if node.get("Relation Name") == candidate.table.name
        and node.get("Alias") == candidate.alias
        and node["Node Type"] in ("Seq Scan", "Index Scan", "Bitmap Heap Scan")
    ]
    if len(scans) != 1 or is_repeated(plan, scans[0]):
        return None
    pages = max(1.0, float(candidate.table.pages))
    touched = -pages * math.expm1(-rows / pages)
    price = START_COST + touched * PAGE_COST + rows * ROW_COST
    if price >= cost(scans[0]):
        return None
    index: Node = {"Node Type": "Bitmap Index Scan", "Index Name": index_name, "Plan Rows": rows, "Plan Width": 0}
    index |= {"Startup Cost": 0.0, "Total Cost": START_COST}
    names = ("Parent Relationship", "Relation Name", "Alias", "Plan Rows", "Plan Width", "Filter")
    made: Node = {name: scans[0][name] for name in names if name in scans[0]}
    made |= {"Node Type": "Bitmap Heap Scan", "Startup Cost": START_COST, "Total Cost": price, "Plans": [index]}
    saved = cost(scans[0]) - price
    top = cost(plan)
    return _replaced(plan, scans[0], made, min(1.0, max(top - price, 0.0) / saved if saved else 1.0) * saved)


def _replaced(node: Node, old: Node, new: Node, saved: float) -> Node:
    if node is old:
        return new
    if not any(below is old for child in node.get("Plans", []) for below in nodes(child)):
        return node
    less = {name: max(0.01, float(node[name]) - saved) for name in ("Startup Cost", "Total Cost")}
    less["Startup Cost"] = min(float(node["Startup Cost"]), less["Total Cost"])
    return {**node, **less, "Plans": [_replaced(child, old, new, saved) for child in node["Plans"]]}


def rows_question(candidate: Candidate, qualified_name: str) -> str:
    """The statement whose estimate says how many rows such an index finds."""
    return f"SELECT 1 FROM {qualified_name} WHERE {candidate.constants[0]}"


def is_inverted(definition: IndexDefinition) -> bool:
    """Whether an index is of this kind."""
    return definition.method == "gin"
