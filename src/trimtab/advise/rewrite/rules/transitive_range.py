"""a.x = b.x AND a.x > 5 → also b.x > 5: PostgreSQL carries equalities over a join, not ranges."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block, Meaning
from trimtab.advise.rewrite.nodes import column_of, conjuncts, own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, comparison
from trimtab.advise.rewrite.values import TEXTS, deterministic, is_total, type_of
from trimtab.sql.expressions import essence
from trimtab.sql.trees import rebuilt

_K = enums.A_Expr_Kind


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every range on one side of an equality."""
    conditions = block.conditions()
    known = {repr(essence(part)) for part in conditions}
    for one, other in _equal(query, block, conditions):
        for part in conditions:
            if _is_range_on(query, part, one):
                new = _moved(query, part, one, other)
                if repr(essence(new)) not in known:
                    yield Change(lambda n=new: block.set_where([*block.where(), n]))  # type: ignore[misc]
    for join, left, right in block.outer_joins:
        if join.jointype != enums.JoinType.JOIN_LEFT:
            continue
        ons = conjuncts(join.quals)
        for one, other in _equal(query, block, ons):
            if one.source not in left or other.source not in right or one.source.optional:
                continue
            for part in conditions:
                if _is_range_on(query, part, one):
                    new = _moved(query, part, one, other)
                    if repr(essence(new)) not in {repr(essence(on)) for on in ons}:
                        yield Change(
                            lambda j=join, n=new, o=ons: setattr(  # type: ignore[misc]
                                j, "quals", ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR, args=(*o, n))
                            )
                        )


def _equal(query: Query, block: Block, conditions: list[ast.Node]) -> Iterator[tuple[Meaning, Meaning]]:
    for part in conditions:
        found = comparison(part)
        if found is None or found[1] != "=":
            continue
        one, other = query.meaning.get(id(found[0])), query.meaning.get(id(found[2]))
        if one is None or other is None or one.block is not block or other.block is not block:
            continue
        if one.source is other.source or type_of(query, found[0]) != type_of(query, found[2]):
            continue
        if type_of(query, found[0]) is None or not deterministic(query, part):
            continue
        yield one, other
        yield other, one


def _is_range_on(query: Query, part: ast.Node, one: Meaning) -> bool:
    if not isinstance(part, ast.A_Expr) or not is_total(query, part):
        return False
    is_comparison = comparison(part) is not None and (comparison(part) or ("", "=", ""))[1] in {"<", ">", "<=", ">="}
    if not is_comparison and part.kind not in {_K.AEXPR_BETWEEN, _K.AEXPR_IN}:
        return False
    references = [meaning for _, meaning in query.references(part)]
    if not references:
        return False
    if part.kind != _K.AEXPR_IN and type_of(query, query.references(part)[0][0]) in TEXTS:
        return False  # each column sorts by its own collation
    constant = not any(isinstance(node, ast.SubLink | ast.FuncCall) for node in own_nodes(part))
    return len(references) == 1 and references[0] == one and constant


def _moved(query: Query, part: ast.Node, one: Meaning, other: Meaning) -> ast.Node:
    def replace(node: ast.Node) -> ast.Node | None:
        if isinstance(node, ast.ColumnRef) and query.meaning.get(id(node)) == one:
            return column_of(other.source.alias, other.column)
        return None

    return rebuilt(part, replace)


RULE = Rule(
    "transitive_range",
    "a range on one side of an equality is said of the other side, too",
    "PostgreSQL carries constants over equalities, but not ranges and lists",
    "both sides have the same type; inside ON of a left join only from left to right",
    find,
    (
        Pair(
            "SELECT o.id FROM orders o JOIN items i ON i.order_id = o.id WHERE o.id < 100",
            "SELECT o.id FROM orders AS o INNER JOIN items AS i ON i.order_id = o.id WHERE o.id < 100 "
            "AND i.order_id < 100",
        ),
        Pair(
            "SELECT o.id FROM orders o LEFT JOIN items i ON i.order_id = o.id WHERE o.id < 100",
            "SELECT o.id FROM orders AS o LEFT JOIN items AS i ON i.order_id = o.id AND i.order_id < 100 "
            "WHERE o.id < 100",
        ),
        Pair("SELECT o.id FROM orders o JOIN items i ON i.order_id = o.id WHERE o.total < 100", None),
        Pair("SELECT o.id FROM orders o LEFT JOIN items i ON i.order_id = o.id AND i.order_id < 100", None),
        Pair("SELECT o.id FROM orders o JOIN items i ON i.weight = o.id WHERE o.id < 100", None, "other types"),
    ),
)
