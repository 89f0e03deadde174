"""A correlated subquery that gives one aggregate → a join with the aggregates of all groups at once.

An empty group: sum, min, max and avg of nothing are NULL. As a part of WHERE that a NULL makes fail, the row is gone in
both forms, and a plain join does. Elsewhere a left join keeps the row. count of nothing is 0, not NULL: a left join
and COALESCE (the "count bug" is to forget that).
"""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block
from trimtab.advise.rewrite.nodes import has_aggregate, is_aggregate, own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import (
    Change,
    Pair,
    Rule,
    add_source,
    all_text,
    comparison,
    from_item,
    from_text,
    left_join,
    parsed,
    replace_in,
    sublinks_in,
    where_text,
)
from trimtab.advise.rewrite.rules.correlated import Ties, ties_of
from trimtab.advise.rewrite.values import has_floats, is_total
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import strings

_STRICT_OPERATORS = frozenset({"+", "-", "*", "/", "=", "<>", "!=", "<", ">", "<=", ">="})
_NULL_OF_NOTHING = frozenset({"sum", "min", "max", "avg"})


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every such subquery in WHERE, and in the outputs of a block without groups."""
    if not block.select.fromClause or block.targets is None:
        return
    for part in block.where():
        for link in sublinks_in(part):
            is_strict = comparison(part) is not None and _is_strict_in(part, link)
            yield from _changes(query, block, link, is_strict=is_strict)
    if block.is_grouped or block.has_windows:
        return
    for target in block.select.targetList or ():
        for link in sublinks_in(target.val):
            yield from _changes(query, block, link, is_strict=False)


def _changes(query: Query, block: Block, link: ast.SubLink, *, is_strict: bool) -> Iterator[Change]:
    if link.subLinkType != enums.SubLinkType.EXPR_SUBLINK:
        return
    body = query.bodies.get(id(link.subselect))
    if body is None or body.is_set or len(body.blocks) != 1:
        return
    inner = body.blocks[0]
    select = inner.select
    if select.groupClause or select.havingClause is not None or select.distinctClause or select.withClause:
        return
    if inner.is_limited or inner.has_windows or select.valuesLists or inner.targets is None or len(inner.targets) != 1:
        return
    value = inner.targets[0][1]
    if not has_aggregate(value) or not all(
        any(reference is one for call in _calls(value) for one in own_nodes(call))
        for reference in own_nodes(value)
        if isinstance(reference, ast.ColumnRef)
    ):
        return
    ties = ties_of(query, inner, block)
    if ties is None or not ties.inner or has_floats(query, value):
        return
    if not is_total(query, value) or not all(is_total(query, part) for part in ties.rest if not sublinks_in(part)):
        return
    names = {(strings(call.funcname) or ("",))[-1] for call in _calls(value) if isinstance(call, ast.FuncCall)}
    if names == {"count"} and isinstance(value, ast.FuncCall):
        on_empty = "0"
    elif names <= _NULL_OF_NOTHING and _is_strict_everywhere(value):
        on_empty = "NULL"
    else:
        return
    for reduction in (None, *_reductions(query, block, ties)):
        yield Change(
            lambda r=reduction: _apply(query, block, inner, link, ties, on_empty, is_strict, r),  # type: ignore[misc]
            ("each group stands once in the joined table, so that no row is doubled",),
        )


def _apply(
    query: Query,
    block: Block,
    inner: Block,
    link: ast.SubLink,
    ties: Ties,
    on_empty: str,
    is_strict: bool,
    reduction: str | None,
) -> None:
    assert inner.targets is not None  # noqa: S101
    block.expand_star()
    alias = query.new_alias("per_group")
    keys = [f"key_{number}" for number in range(1, len(ties.inner) + 1)]
    outputs = ", ".join(f"{spelled(node)} AS {name}" for node, name in zip(ties.inner, keys, strict=True))
    rest = [spelled(part) for part in ties.rest]
    if reduction is not None:
        rest.append(f"({', '.join(spelled(node) for node in ties.inner)}) IN ({reduction})")
    where = f" WHERE {all_text(rest)}" if rest else ""
    derived = from_item(
        f"(SELECT {outputs}, {spelled(inner.targets[0][1])} AS value{from_text(inner.select)}{where} "
        f"GROUP BY {', '.join(spelled(node) for node in ties.inner)}) AS {alias}"
    )
    tied = [f"{alias}.{name} = {spelled(node)}" for name, node in zip(keys, ties.outer, strict=True)]
    if on_empty == "NULL" and is_strict:
        replace_in(block.select, link, parsed(f"{alias}.value"))
        add_source(block, derived)
        block.set_where([*block.where(), *(parsed(text) for text in tied)])
        return
    replace_in(block.select, link, parsed(f"COALESCE({alias}.value, 0)" if on_empty == "0" else f"{alias}.value"))
    left_join(block, derived, parsed(all_text(tied)))


def _reductions(query: Query, block: Block, ties: Ties) -> Iterator[str]:
    """The keys that can be asked for: of the one table that the outer sides are columns of, by its own conditions."""
    sources = query.sources_of(tuple(ties.outer), block)
    if len(sources) != 1 or not all(isinstance(node, ast.ColumnRef) for node in ties.outer):
        return
    source = sources[0]
    if source.table is None and (source.body is None or source.body.cte is None):
        return
    own = [
        part
        for part in block.where()
        if query.sources_of(part, block) == [source]
        and not query.speaks_of_others(part, block)
        and not any(
            query.speaks_of_others(link.subselect, block) or _correlated(query, link) for link in sublinks_in(part)
        )
        and (is_total(query, part) or sublinks_in(part))
    ]
    if own and not source.optional:
        keys = ", ".join(spelled(node) for node in ties.outer)
        yield f"SELECT {keys} FROM {spelled(source.node)}{where_text(own)}"


def _correlated(query: Query, link: ast.SubLink) -> bool:
    body = query.bodies.get(id(link.subselect))
    return body is None or any(query.speaks_of_others(one.select, one) for one in body.blocks)


def _calls(value: ast.Node) -> list[ast.Node]:
    return [node for node in own_nodes(value) if is_aggregate(node)]


def _is_strict_everywhere(value: ast.Node) -> bool:
    """Whether an expression of aggregates is NULL as soon as all of them are."""
    if is_aggregate(value):
        return True
    if isinstance(value, ast.A_Const):
        return False
    if isinstance(value, ast.TypeCast) and value.arg is not None:
        return _is_strict_everywhere(value.arg)
    if isinstance(value, ast.A_Expr) and value.kind == enums.A_Expr_Kind.AEXPR_OP:
        if (strings(value.name) or ("?",))[-1] not in _STRICT_OPERATORS:
            return False
        return any(isinstance(side, ast.Node) and _is_strict_everywhere(side) for side in (value.lexpr, value.rexpr))
    return False


def _is_strict_in(node: ast.Node, link: ast.SubLink) -> bool:
    """Whether a comparison is NULL where the subquery is."""
    if node is link:
        return True
    if isinstance(node, ast.TypeCast) and node.arg is not None:
        return _is_strict_in(node.arg, link)
    if isinstance(node, ast.A_Expr) and node.kind == enums.A_Expr_Kind.AEXPR_OP:
        if (strings(node.name) or ("?",))[-1] not in _STRICT_OPERATORS:
            return False
        return any(isinstance(side, ast.Node) and _is_strict_in(side, link) for side in (node.lexpr, node.rexpr))
    return False


RULE = Rule(
    "scalar_to_join",
    "a correlated subquery that gives one aggregate becomes a join with the aggregates of all groups",
    "PostgreSQL runs such a subquery once for each row of the block around it",
    "tied by equalities of usual types alone; nothing in it can fail on rows that were not read; no floats summed",
    find,
    (
        Pair(
            "SELECT o.id FROM orders o WHERE o.total > "
            "(SELECT 2 * avg(i.price) FROM items i WHERE i.order_id = o.id AND i.quantity > 1)",
            "SELECT o.id FROM orders AS o, (SELECT i.order_id AS key_1, 2 * avg(i.price) AS value FROM items AS i "
            "WHERE i.quantity > 1 GROUP BY i.order_id) AS per_group WHERE o.total > per_group.value "
            "AND per_group.key_1 = o.id",
        ),
        Pair(
            "SELECT c.name FROM customers c WHERE (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) < 2",
            "SELECT c.name FROM customers AS c LEFT JOIN (SELECT o.customer_id AS key_1, count(*) AS value "
            "FROM orders AS o GROUP BY o.customer_id) AS per_group ON per_group.key_1 = c.id "
            "WHERE COALESCE(per_group.value, 0) < 2",
            "count of nothing is 0",
        ),
        Pair(
            "SELECT c.name, (SELECT max(o.total) FROM orders o WHERE o.customer_id = c.id) FROM customers c",
            "SELECT c.name, per_group.value AS max FROM customers AS c LEFT JOIN (SELECT o.customer_id AS key_1, "
            "max(o.total) AS value FROM orders AS o GROUP BY o.customer_id) AS per_group ON per_group.key_1 = c.id",
        ),
        Pair(
            "SELECT o.id FROM orders o WHERE o.total > (SELECT avg(i.price) FROM items i WHERE i.order_id > o.id)",
            None,
            "tied by something else than equality",
        ),
        Pair(
            "SELECT o.id FROM orders o WHERE 1 < (SELECT sum(i.weight) FROM items i WHERE i.order_id = o.id)",
            None,
            "a sum of floats depends on the order of rows",
        ),
        Pair(
            "SELECT o.id FROM orders o WHERE 1 < (SELECT 1 + coalesce(sum(i.price), 0) FROM items i "
            "WHERE i.order_id = o.id)",
            None,
            "of nothing it is neither NULL nor a count",
        ),
        Pair(
            "SELECT o.id FROM orders o WHERE 1 < (SELECT max(100 / i.quantity) FROM items i WHERE i.order_id = o.id)",
            None,
            "a division may fail on rows that the original never reads",
        ),
    ),
)
