"""(SELECT count(…) …) compared with nothing → EXISTS or NOT EXISTS."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.nodes import own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import TURNED, Change, Pair, Rule, comparison, integer_of, parsed, replace_in
from trimtab.advise.rewrite.values import KNOWN_TYPES, is_total, never_null, type_of
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import strings

_SOME = {(">", 0), (">=", 1), ("<>", 0)}
_NONE = {("=", 0), ("<", 1), ("<=", 0)}


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every such comparison in the block: count is never NULL, so it may stand anywhere."""
    parts = [block.select.whereClause, block.select.havingClause, *(t.val for t in block.select.targetList or ())]
    for part in parts:
        for node in own_nodes(part):
            found = comparison(node)
            if found is None:
                continue
            left, operator, right = found
            if isinstance(right, ast.SubLink):
                left, operator, right = right, TURNED[operator], left
            number = integer_of(right)
            if not isinstance(left, ast.SubLink) or number is None or (operator, number) not in _SOME | _NONE:
                continue
            counted = _counted(query, left)
            if counted is not None:
                inner, extra, proof = counted
                is_some = (operator, number) in _SOME
                yield Change(lambda n=node, i=inner, e=extra, s=is_some: _apply(block, n, i, e, s), proof)  # type: ignore[misc]


def _counted(query: Query, link: ast.SubLink) -> tuple[Block, list[str], tuple[str, ...]] | None:
    """(the block, conditions under which a row counts, proof)."""
    body = query.bodies.get(id(link.subselect))
    if link.subLinkType != enums.SubLinkType.EXPR_SUBLINK or body is None or body.is_set:
        return None
    inner = body.blocks[0]
    select = inner.select
    if select.groupClause or select.havingClause is not None or inner.is_limited or select.distinctClause:
        return None
    if inner.has_windows or select.withClause or not select.fromClause or len(inner.targets or ()) != 1:
        return None
    call = inner.targets[0][1] if inner.targets else None
    if not isinstance(call, ast.FuncCall) or (strings(call.funcname) or ("",))[-1] != "count" or call.over is not None:
        return None
    extra: list[str] = []
    proof: list[str] = []
    if not call.agg_star:
        if len(call.args or ()) != 1 or not is_total(query, (call.args or (None,))[0]):
            return None
        of = (call.args or (None,))[0]
        if type_of(query, of) not in KNOWN_TYPES:
            return None  # IS NOT NULL of a row asks each of its fields
        if not never_null(query, of, inner, proof):
            extra.append(f"{spelled(of)} IS NOT NULL")
    if call.agg_filter is not None:
        extra.append(spelled(call.agg_filter))
    return inner, extra, tuple(dict.fromkeys(proof))


def _apply(block: Block, node: ast.Node, inner: Block, extra: list[str], is_some: bool) -> None:
    inner.set_where([*inner.where(), *(parsed(text) for text in extra)])
    inner.select.targetList = (ast.ResTarget(val=parsed("1")),)
    inner.select.sortClause = None
    replace_in(block.select, node, parsed(f"{'' if is_some else 'NOT '}EXISTS ({spelled(inner.select)})"))


RULE = Rule(
    "count_to_exists",
    "(SELECT count(…) …) > 0 becomes EXISTS, = 0 becomes NOT EXISTS",
    "counting reads all rows, for each row of the block around it; EXISTS stops at the first, and can be a semi join",
    "no groups inside, so that count is a number in any case; count(x) counts rows where x is not NULL",
    find,
    (
        Pair(
            "SELECT c.name FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) > 0",
            "SELECT c.name FROM customers AS c WHERE EXISTS (SELECT 1 FROM orders AS o WHERE o.customer_id = c.id)",
        ),
        Pair(
            "SELECT c.name FROM customers c WHERE 0 = "
            "(SELECT count(o.paid_on) FROM orders o WHERE o.customer_id = c.id)",
            "SELECT c.name FROM customers AS c WHERE NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.customer_id = c.id "
            "AND o.paid_on IS NOT NULL)",
            "count(x) does not count NULLs",
        ),
        Pair(
            "SELECT c.name FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) > 1",
            None,
            "one is not two",
        ),
        Pair(
            "SELECT c.name FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id "
            "GROUP BY o.status) > 0",
            None,
            "groups: no row at all gives NULL, several fail",
        ),
    ),
)
