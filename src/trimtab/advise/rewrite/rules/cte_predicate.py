"""A WITH query that is read several times, each time under other conditions → the conditions inside it as well, by OR.

The conditions stay where they are; inside they only spare rows that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block, Body, Source
from trimtab.advise.rewrite.keys import group_expressions
from trimtab.advise.rewrite.nodes import copied, is_aggregate, own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Change, Pair, Rule, all_text, parsed, sublinks_in
from trimtab.advise.rewrite.values import is_total
from trimtab.sql.expressions import essence
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import rebuilt


def find(query: Query, block: Block) -> Iterator[Change]:
    """Every WITH query that gets its name in this block."""
    if block.select.withClause is None or block.body is None:
        return
    for body in query.bodies.values():
        if (
            body.cte is None
            or body.names is None
            or not any(body.cte is one for one in block.select.withClause.ctes or ())
        ):
            continue
        if _is_limited(body.select):
            continue
        conditions = _asked(query, body)
        if not conditions or len(conditions) > 12:
            continue
        written = [_inside(query, inner, conditions) for inner in body.blocks]
        if all(text is not None for text in written):
            yield Change(lambda b=body, w=written: _apply(b, w))  # type: ignore[misc]


def _is_limited(select: ast.SelectStmt | None) -> bool:
    """Whether it, or an arm of it, gives only some of its rows."""
    if select is None:
        return False
    if select.limitCount is not None or select.limitOffset is not None:
        return True
    return _is_limited(select.larg) or _is_limited(select.rarg)


def _apply(body: Body, written: list[str | None]) -> None:
    for inner, text in zip(body.blocks, written, strict=True):
        inner.set_where([*inner.where(), parsed(f"({text})")])


def _asked(query: Query, body: Body) -> list[list[tuple[str, ast.Node]]] | None:
    """For each reader the conditions on its columns alone; None where one reader asks for everything."""
    found: list[list[tuple[str, ast.Node]]] = []
    for reader in query.blocks:
        for source in reader.sources:
            if source.body is not body:
                continue
            own = [] if source.optional else _conditions_on(query, reader, source)
            if not own:
                return None
            found.append([(source.alias, part) for part in own])
    is_fence = body.cte is not None and body.cte.ctematerialized == enums.CTEMaterialize.CTEMaterializeAlways
    return found if len(found) > 1 or is_fence else None


def _conditions_on(query: Query, reader: Block, source: Source) -> list[ast.Node]:
    return [
        part
        for part in reader.where()
        if query.sources_of(part, reader) == [source]
        and not query.speaks_of_others(part, reader)
        and not sublinks_in(part)
        and is_total(query, part)
        and not any(isinstance(node, ast.ParamRef) for node in own_nodes(part))
    ]


def _inside(query: Query, inner: Block, conditions: list[list[tuple[str, ast.Node]]]) -> str | None:
    """The conditions in terms of the block's own columns; None where they cannot be said before its groups are made."""
    if (
        inner.is_limited
        or inner.has_windows
        or (inner.select.distinctClause and inner.select.distinctClause[0] is not None)
    ):
        return None
    if inner.targets is None or inner.select.valuesLists:
        return None
    groups = group_expressions(query, inner)
    if groups is None:
        return None
    allowed = [essence(group) for group in groups] if inner.is_grouped else None
    if inner.is_grouped and not groups:
        return None
    arms: list[str] = []
    for one in conditions:
        texts = [_moved(query, inner, part, allowed) for _, part in one]
        known = [text for text in texts if text is not None]
        if not known:
            return None
        arms.append(all_text(known))
    return " OR ".join(f"({arm})" for arm in dict.fromkeys(arms))


def _moved(query: Query, inner: Block, part: ast.Node, allowed: list[object] | None) -> str | None:
    failed = False
    targets = inner.targets or []

    def replace(one: ast.Node) -> ast.Node | None:
        nonlocal failed
        meaning = query.meaning.get(id(one)) if isinstance(one, ast.ColumnRef) else None
        if meaning is None:
            return None
        output = targets[(meaning.source.names or []).index(meaning.column)][1]
        constant = isinstance(output, ast.A_Const)
        if not constant and allowed is not None and essence(output) not in allowed:
            failed = True
        if any(is_aggregate(node) or isinstance(node, ast.SubLink) for node in own_nodes(output)):
            failed = True
        if not is_total(query, output):
            failed = True
        return copied(output)

    moved = rebuilt(part, replace)
    return None if failed else spelled(moved)


RULE = Rule(
    "predicate_into_cte",
    "what all readers of a WITH query ask of it is said inside it, too, joined by OR",
    "PostgreSQL computes a WITH query that is read more than once as a whole, for all readers",
    "every reader has conditions on its grouping columns (or plain columns); no LIMIT, no windows inside",
    find,
    (
        Pair(
            "WITH t AS (SELECT customer_id, status, sum(total) AS s FROM orders GROUP BY customer_id, status) "
            "SELECT a.s, b.s FROM t a, t b WHERE a.customer_id = b.customer_id AND a.status = 'x' AND b.status = 'y'",
            "WITH t AS (SELECT orders.customer_id, orders.status, sum(orders.total) AS s FROM orders WHERE "
            "((orders.status = 'x') OR (orders.status = 'y')) GROUP BY orders.customer_id, orders.status) "
            "SELECT a.s, b.s FROM t AS a, t AS b WHERE a.customer_id = b.customer_id AND a.status = 'x' "
            "AND b.status = 'y'",
        ),
        Pair(
            "WITH t AS (SELECT customer_id, status, sum(total) AS s FROM orders GROUP BY customer_id, status) "
            "SELECT a.s, b.s FROM t a, t b WHERE a.customer_id = b.customer_id AND a.status = 'x' AND b.s > 5",
            None,
            "a sum is known only once its group is whole",
        ),
        Pair(
            "WITH t AS (SELECT customer_id, status FROM orders) SELECT a.status FROM customers c LEFT JOIN t a "
            "ON a.customer_id = c.id WHERE a.status = 'x' AND EXISTS (SELECT 1 FROM t)",
            None,
            "one reader asks for everything",
        ),
        Pair(
            "WITH t AS (SELECT customer_id, row_number() OVER (ORDER BY id) AS n FROM orders) "
            "SELECT a.n FROM t a, t b WHERE a.customer_id = 3 AND b.customer_id = 4",
            None,
            "a window sees all rows",
        ),
    ),
)
