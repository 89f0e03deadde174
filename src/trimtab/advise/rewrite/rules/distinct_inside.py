"""DISTINCT, or UNION without ALL, inside IN or EXISTS → without: how often a value comes does not matter there."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import enums

from trimtab.advise.rewrite.blocks import Block, Body
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule


def find(query: Query, block: Block) -> Iterator[Change]:
    """Subqueries whose first block is this one."""
    for body in query.bodies.values():
        if not body.blocks or body.blocks[0] is not block or not _is_a_set(body):
            continue
        select = body.select
        if select.limitCount is not None or select.limitOffset is not None:
            continue
        if select.distinctClause and select.distinctClause[0] is None:
            yield Change(lambda s=select: setattr(s, "distinctClause", None))  # type: ignore[misc]
        if body.is_set and select.op == enums.SetOperation.SETOP_UNION and not select.all:
            yield Change(lambda s=select: setattr(s, "all", True))  # type: ignore[misc]


def _is_a_set(body: Body) -> bool:
    return body.link is not None and body.link.subLinkType in {
        enums.SubLinkType.ANY_SUBLINK,
        enums.SubLinkType.EXISTS_SUBLINK,
        enums.SubLinkType.ALL_SUBLINK,
    }


RULE = Rule(
    "distinct_inside",
    "DISTINCT, or UNION without ALL, directly inside IN or EXISTS is left out",
    "PostgreSQL removes duplicates there that the semi join does not see anyway",
    "no LIMIT beside it",
    find,
    (
        Pair(
            "SELECT name FROM customers WHERE id IN (SELECT DISTINCT customer_id FROM orders)",
            "SELECT customers.name FROM customers WHERE customers.id IN (SELECT orders.customer_id FROM orders)",
        ),
        Pair(
            "SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders UNION SELECT size FROM parts)",
            "SELECT customers.name FROM customers WHERE customers.id IN (SELECT orders.customer_id FROM orders "
            "UNION ALL SELECT parts.size FROM parts)",
        ),
        Pair("SELECT (SELECT DISTINCT name FROM customers WHERE id = 1) FROM orders", None, "two rows would fail"),
    ),
)
