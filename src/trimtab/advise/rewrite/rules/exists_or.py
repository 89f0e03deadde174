"""EXISTS (…) OR EXISTS (…), all tied to the same columns → one IN over a UNION ALL."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.nodes import copied, own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, from_text, parsed, replace_condition, where_text
from trimtab.advise.rewrite.rules.correlated import ties_of
from trimtab.advise.rewrite.values import comparable, type_of
from trimtab.sql.expressions import essence
from trimtab.sql.scopes import spelled


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every such OR that is a part of WHERE."""
    for part in block.where():
        if not isinstance(part, ast.BoolExpr) or part.boolop != enums.BoolExprType.OR_EXPR:
            continue
        arms = [_arm(query, block, arm) for arm in part.args or ()]
        known = [arm for arm in arms if arm is not None]
        if len(known) < 2 or len(known) != len(arms):
            continue
        first = known[0]
        if not all(
            [essence(node) for node in arm[0]] == [essence(node) for node in first[0]] and arm[2] == first[2]
            for arm in known
        ):
            continue
        left = ", ".join(spelled(copied(node)) for node in first[0])
        texts = " UNION ALL ".join(text for _, text, _ in known)
        yield Change(lambda p=part, ls=left, ts=texts: replace_condition(block, p, [parsed(f"({ls}) IN ({ts})")]))  # type: ignore[misc]


def _arm(query: Query, block: Block, arm: ast.Node) -> tuple[list[ast.Node], str, list[str | None]] | None:
    """(what it is tied to, the keys as a SELECT, their types)."""
    if not isinstance(arm, ast.SubLink) or arm.operName:
        return None
    body = query.bodies.get(id(arm.subselect))
    if body is None or body.is_set or not body.blocks[0].is_plain or body.blocks[0].is_limited:
        return None
    inner = body.blocks[0]
    if any(isinstance(node, ast.FuncCall) for _, value in inner.targets or () for node in own_nodes(value)):
        return None  # a function that returns no row would make EXISTS false
    ties = ties_of(query, inner, block)
    if ties is None or not inner.select.fromClause:
        return None
    if arm.subLinkType == enums.SubLinkType.EXISTS_SUBLINK and ties.inner:
        outer: list[ast.Node] = list(ties.outer)
        keys: list[ast.Node] = list(ties.inner)
    elif arm.subLinkType == enums.SubLinkType.ANY_SUBLINK and not ties.inner and inner.targets is not None:
        if arm.testexpr is None:
            return None
        outer = list(arm.testexpr.args or ()) if isinstance(arm.testexpr, ast.RowExpr) else [arm.testexpr]
        keys = [node for _, node in inner.targets]
        if len(outer) != len(keys) or not all(comparable(query, a, b) for a, b in zip(outer, keys, strict=True)):
            return None
    else:
        return None
    pairs = sorted(zip(outer, keys, strict=True), key=lambda pair: spelled(pair[0]))
    columns = ", ".join(spelled(key) for _, key in pairs)
    text = f"SELECT {columns}{from_text(inner.select)}{where_text(ties.rest)}"
    return [node for node, _ in pairs], text, [type_of(query, key) for _, key in pairs]


RULE = Rule(
    "exists_or_to_in",
    "EXISTS (…) OR EXISTS (…) tied to the same columns become one IN over a UNION ALL",
    "PostgreSQL makes a semi join of an EXISTS that stands alone, and runs those inside an OR for each row",
    "tied by equalities of the same types alone; a part of WHERE, where NULL and false are the same",
    find,
    (
        Pair(
            "SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND "
            "o.total > 9) OR EXISTS (SELECT 1 FROM parts p WHERE p.size = c.id)",
            "SELECT c.name FROM customers AS c WHERE c.id IN (SELECT o.customer_id FROM orders AS o "
            "WHERE o.total > 9 UNION ALL SELECT p.size FROM parts AS p)",
        ),
        Pair(
            "SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) "
            "OR EXISTS (SELECT 1 FROM parts p WHERE p.size = c.boss)",
            None,
            "tied to different columns",
        ),
        Pair(
            "SELECT c.name FROM customers c WHERE NOT (EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) "
            "OR EXISTS (SELECT 1 FROM parts p WHERE p.size = c.id))",
            None,
            "under NOT a NULL would count",
        ),
    ),
)
