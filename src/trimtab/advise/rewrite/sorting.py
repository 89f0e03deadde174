"""Whether an ORDER BY is total: rows that it takes for equal are equal."""

from __future__ import annotations

from pglast import ast

from trimtab.advise.rewrite.blocks import Block, Body
from trimtab.advise.rewrite.keys import determined
from trimtab.advise.rewrite.nodes import own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.model.errors import StatementRefused
from trimtab.sql.expressions import essence
from trimtab.sql.trees import strings


def is_total_order(query: Query, body: Body) -> bool:
    """Whether all rows of a body have a place of their own, but for rows that are the same."""
    names = body.names
    if names is None or not body.select.sortClause:
        return False
    sorted_by = [sort.node for sort in body.select.sortClause]
    places = {place for node in sorted_by for place in [_place(query, body, node)] if place is not None}
    if len(places) == len(names) and _tells_apart(query, body):
        return True
    if body.is_set:
        return False
    block = body.blocks[0]
    if not block.is_plain:
        return False
    columns = [node for node in sorted_by if id(node) in query.meaning]
    columns += [block.targets[place][1] for place in places] if block.targets is not None else []
    return determined(query, block, columns, [])


def _tells_apart(query: Query, body: Body) -> bool:
    """Whether what a sort takes for equal is the same, letter by letter: not so for numeric, where 1.0 = 1.00."""
    from trimtab.advise.rewrite.values import type_of

    exact = {"smallint", "integer", "bigint", "date", "text", "character varying", "boolean", "uuid"}
    return all(
        block.targets is not None and all(type_of(query, node) in exact for _, node in block.targets)
        for block in body.blocks
    )


def _place(query: Query, body: Body, node: ast.Node) -> int | None:
    """The output that a sort key is."""
    names = body.names or []
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.Integer):
        place = int(node.val.ival or 0) - 1
        return place if 0 <= place < len(names) else None
    if isinstance(node, ast.ColumnRef):
        parts = strings(node.fields)
        if len(parts) == 1 and names.count(parts[0]) == 1:
            return names.index(parts[0])
        meaning = query.meaning.get(id(node))
        if meaning is not None and not body.is_set:
            for place, (_, output) in enumerate(body.blocks[0].targets or ()):
                if query.meaning.get(id(output)) == meaning:
                    return place
    return None


def refuse_unsure_limits(query: Query) -> None:
    """Raise where a subquery takes some rows of an order that is not total: which ones is chance, in any form."""
    for body in query.bodies.values():
        select = body.select
        if select.limitCount is None and select.limitOffset is None and not _is_distinct_on(select):
            continue
        if body is query.top and not _is_distinct_on(select):
            continue
        if not is_total_order(query, body) and not _does_not_matter(body):
            raise StatementRefused(
                "a LIMIT inside it has no total order: which rows it takes is chance, so no two forms can be compared"
            )


_BY_PLACE = frozenset({"row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"})
_IN_ORDER = frozenset(
    {"array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "xmlagg"}
)


def refuse_chance(query: Query) -> None:
    """Raise where a value depends on the order of rows that are equal for the statement."""
    for block in query.blocks:
        for part in (*(t.val for t in block.select.targetList or ()), block.select.havingClause):
            for node in own_nodes(part):
                if isinstance(node, ast.FuncCall):
                    _refuse_call(query, block, node)


def _refuse_call(query: Query, block: Block, node: ast.FuncCall) -> None:
    name = (strings(node.funcname) or ("?",))[-1]
    if name in _IN_ORDER and node.over is None:
        first = (node.agg_order or (None,))[0]
        if first is None or essence(first.node) != essence((node.args or (None,))[0]):
            raise StatementRefused(f"{name} takes rows as they come: their order is chance")
    over = node.over
    if not isinstance(over, ast.WindowDef):
        return
    if over.name is not None or over.refname is not None:
        raise StatementRefused("named windows are left as they are")
    by_rows = bool(int(over.frameOptions or 0) & 0x00004) and bool(int(over.frameOptions or 0) & 0x00001)
    if name not in _BY_PLACE and name not in _IN_ORDER and not by_rows:
        return
    columns = [sort.node for sort in over.orderClause or ()] + list(over.partitionClause or ())
    if block.is_grouped or not determined(query, block, [node for node in columns if id(node) in query.meaning], []):
        raise StatementRefused(f"{name} over an order that is not total: its values are chance")


def _is_distinct_on(select: ast.SelectStmt) -> bool:
    return bool(select.distinctClause and select.distinctClause[0] is not None)


def _does_not_matter(body: Body) -> bool:
    """LIMIT n of an EXISTS (n > 0), and of a body that gives one row anyway."""
    from pglast import enums

    if body.link is not None and body.link.subLinkType == enums.SubLinkType.EXISTS_SUBLINK:
        return body.select.limitOffset is None
    block: Block = body.blocks[0]
    return not body.is_set and block.is_grouped and not block.select.groupClause
