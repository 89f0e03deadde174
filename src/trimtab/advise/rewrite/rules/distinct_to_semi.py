"""SELECT DISTINCT with joins that only filter → EXISTS: no row is doubled that DISTINCT has to remove again."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from trimtab.advise.rewrite.blocks import Block, Source
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, parsed, where_text
from trimtab.sql.scopes import spelled


def find(query: Query, block: Block) -> Iterator[Change]:
    """A DISTINCT of which some sources are in no output."""
    select = block.select
    if not select.distinctClause or select.distinctClause[0] is not None or block.is_grouped or block.has_windows:
        return
    if block.has_star or block.outer_joins or select.withClause or any(s.lateral for s in block.sources):
        return
    if not all(isinstance(item, ast.RangeVar | ast.RangeSubselect | ast.JoinExpr) for item in select.fromClause or ()):
        return
    shown = query.sources_of((select.targetList, select.sortClause), block)
    hidden = [source for source in block.sources if source not in shown]
    if shown and hidden and not block.merged:
        yield Change(lambda: _apply(query, block, shown, hidden))


def _apply(query: Query, block: Block, shown: list[Source], hidden: list[Source]) -> None:
    outside: list[ast.Node] = []
    inside: list[ast.Node] = []
    for part in block.conditions():
        (inside if any(s in hidden for s in query.sources_of(part, block)) else outside).append(part)
    items = ", ".join(spelled(source.node) for source in hidden)
    exists = parsed(f"EXISTS (SELECT 1 FROM {items}{where_text(inside)})")
    block.select.fromClause = tuple(source.node for source in block.sources if source in shown)
    block.set_where([*outside, exists])


RULE = Rule(
    "distinct_to_semi",
    "SELECT DISTINCT with joins that only filter becomes SELECT DISTINCT with EXISTS",
    "PostgreSQL joins first and removes the duplicates afterwards; a semi join makes none",
    "inner joins alone; the tables that move are in no output and in no order",
    find,
    (
        Pair(
            "SELECT DISTINCT c.name FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total > 5",
            "SELECT DISTINCT c.name FROM customers AS c WHERE EXISTS (SELECT 1 FROM orders AS o WHERE o.total > 5 "
            "AND o.customer_id = c.id)",
        ),
        Pair("SELECT DISTINCT c.name, o.status FROM customers c JOIN orders o ON o.customer_id = c.id", None),
        Pair("SELECT DISTINCT c.name FROM customers c LEFT JOIN orders o ON o.customer_id = c.id", None, "outer join"),
        Pair("SELECT c.name FROM customers c JOIN orders o ON o.customer_id = c.id", None, "duplicates are wanted"),
    ),
)
