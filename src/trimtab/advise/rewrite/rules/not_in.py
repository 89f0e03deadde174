"""NOT IN (subquery) → NOT EXISTS, where neither side can be NULL.

With a NULL among the subquery's values NOT IN is never true; with a NULL on its left it is true only for no values at
all. NOT EXISTS knows nothing of that: without proof of NOT NULL on both sides they are two different questions.
"""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, parsed, replace_condition
from trimtab.advise.rewrite.values import comparable, never_null
from trimtab.sql.scopes import spelled


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every NOT IN that is a part of WHERE."""
    for part in block.where():
        if not isinstance(part, ast.BoolExpr) or part.boolop != enums.BoolExprType.NOT_EXPR:
            continue
        link = (part.args or (None,))[0]
        if not isinstance(link, ast.SubLink) or link.subLinkType != enums.SubLinkType.ANY_SUBLINK or link.operName:
            continue
        body = query.bodies.get(id(link.subselect))
        if body is None or body.is_set or body.names is None or body.blocks[0].targets is None:
            continue
        inner = body.blocks[0]
        lefts = tuple(link.testexpr.args or ()) if isinstance(link.testexpr, ast.RowExpr) else (link.testexpr,)
        rights = [node for _, node in inner.targets or ()]
        proof: list[str] = []
        if len(lefts) != len(rights) or not all(
            comparable(query, left, right)
            and never_null(query, left, block, proof)
            and never_null(query, right, inner, proof)
            for left, right in zip(lefts, rights, strict=True)
        ):
            continue
        yield Change(
            lambda p=part, b=inner, ls=lefts: replace_condition(block, p, [_written(query, b, ls)]),  # type: ignore[misc]
            tuple(dict.fromkeys(proof)),
        )


def _written(query: Query, inner: Block, lefts: tuple[ast.Node, ...]) -> ast.Node:
    names = [f"value_{number}" for number in range(1, len(lefts) + 1)]
    alias = query.new_alias("listed")
    if inner.is_plain and not inner.is_limited and inner.targets is not None:
        select = inner.select
        ties = [parsed(f"{spelled(n)} = {spelled(left)}") for (_, n), left in zip(inner.targets, lefts, strict=True)]
        inner.set_where([*inner.where(), *ties])
        select.targetList = (ast.ResTarget(val=parsed("1")),)
        select.sortClause = None
        return parsed(f"NOT EXISTS ({spelled(select)})")
    ties_text = " AND ".join(f"{alias}.{name} = {spelled(left)}" for name, left in zip(names, lefts, strict=True))
    listed = f"({spelled(inner.select)}) AS {alias}({', '.join(names)})"
    return parsed(f"NOT EXISTS (SELECT 1 FROM {listed} WHERE {ties_text})")


RULE = Rule(
    "not_in_to_not_exists",
    "NOT IN (subquery) becomes NOT EXISTS",
    "PostgreSQL plans NOT EXISTS as an anti join; NOT IN runs the subquery for each row unless its rows fit work_mem",
    "both sides are proven NOT NULL",
    find,
    (
        Pair(
            "SELECT c.name FROM customers c WHERE c.id NOT IN (SELECT o.customer_id FROM orders o WHERE o.total > 5)",
            "SELECT c.name FROM customers AS c WHERE NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.total > 5 "
            "AND o.customer_id = c.id)",
        ),
        Pair(
            "SELECT name FROM customers WHERE id NOT IN (SELECT boss FROM customers WHERE boss IS NOT NULL)",
            "SELECT customers.name FROM customers WHERE NOT EXISTS (SELECT 1 FROM customers AS customers_2 "
            "WHERE customers_2.boss IS NOT NULL AND customers_2.boss = customers.id)",
            "the conditions let no NULL through",
        ),
        Pair("SELECT name FROM customers WHERE id NOT IN (SELECT boss FROM customers)", None, "boss may be NULL"),
        Pair("SELECT name FROM customers WHERE boss NOT IN (SELECT id FROM customers)", None, "boss may be NULL"),
        Pair(
            "SELECT c.name FROM customers c WHERE c.id NOT IN (SELECT o.customer_id FROM parts p "
            "LEFT JOIN orders o ON o.id = p.size)",
            None,
            "the outer join makes NULLs",
        ),
    ),
)
