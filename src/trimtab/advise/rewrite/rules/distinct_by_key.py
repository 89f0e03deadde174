"""DISTINCT over rows that cannot be equal → without; count(DISTINCT x) of different x → count(x)."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.keys import determined, group_expressions, keys_of_body
from trimtab.advise.rewrite.nodes import own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule
from trimtab.sql.trees import strings


def find(query: Query, block: Block) -> Iterator[Change]:
    """The block's own DISTINCT, and those of its counts."""
    select = block.select
    if select.distinctClause and select.distinctClause[0] is None and block.body is not None:
        kept, select.distinctClause = select.distinctClause, None
        keys = keys_of_body(query, block.body)
        select.distinctClause = kept
        if keys:
            yield Change(lambda: setattr(select, "distinctClause", None), (keys[0][1],))
    if not block.is_grouped:
        return
    groups = group_expressions(query, block)
    if groups is None:
        return
    for part in (*(t.val for t in select.targetList or ()), select.havingClause):
        for node in own_nodes(part):
            if not isinstance(node, ast.FuncCall) or not node.agg_distinct or len(node.args or ()) != 1:
                continue
            if (strings(node.funcname) or ("",))[-1] not in {"count", "sum", "avg"} or node.over is not None:
                continue
            proof: list[str] = []
            if determined(query, block, [*groups, *(node.args or ())], proof):
                yield Change(
                    lambda n=node: setattr(n, "agg_distinct", False),  # type: ignore[misc]
                    tuple(dict.fromkeys(proof)),
                )


RULE = Rule(
    "distinct_by_key",
    "DISTINCT over rows that a key tells apart is left out, also inside count(DISTINCT key)",
    "PostgreSQL sorts or hashes all rows to find duplicates that cannot be there",
    "the outputs hold a key of every table in FROM, or equalities lead to one",
    find,
    (
        Pair(
            "SELECT DISTINCT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id",
            "SELECT o.id, c.name FROM orders AS o INNER JOIN customers AS c ON c.id = o.customer_id",
        ),
        Pair(
            "SELECT customer_id, count(DISTINCT id) FROM orders GROUP BY customer_id",
            "SELECT orders.customer_id, count(orders.id) FROM orders GROUP BY orders.customer_id",
        ),
        Pair("SELECT DISTINCT o.customer_id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id", None),
        Pair("SELECT DISTINCT code FROM parts", None, "a unique column may hold many NULLs"),
        Pair("SELECT DISTINCT o.id, i.part_id FROM orders o JOIN items i ON i.order_id = o.id", None),
    ),
)
