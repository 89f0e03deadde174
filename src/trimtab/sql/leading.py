"""A statement with one of its tables moved to the front of FROM: the same rows, the same plan.

HypoPG writes the expressions and the predicate of a hypothetical index for the first table of a statement. For any
other one they never match (the index looks useless), and the server may even crash while it estimates a predicate
(HypoPG issue 116). So a table is moved to the front before such an index is priced on it.
"""

from __future__ import annotations

from pglast import ast, enums

from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog import Table
from trimtab.sql.expressions import same_tree
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import common_table_names, single_statement

_J = enums.JoinType
_TURNED = {
    _J.JOIN_INNER: _J.JOIN_INNER,
    _J.JOIN_FULL: _J.JOIN_FULL,
    _J.JOIN_LEFT: _J.JOIN_RIGHT,
    _J.JOIN_RIGHT: _J.JOIN_LEFT,
}


def with_first(text: str, table: Table, alias: str) -> str | None:
    """The SELECT with `table` under `alias` first in its FROM; None where it does not stand in the outermost FROM.

    Inner and full joins are turned round, left joins become right joins.
    """
    select = single_statement(text)
    if not isinstance(select, ast.SelectStmt) or select.op != enums.SetOperation.SETOP_NONE:
        return None
    ctes = common_table_names(select)
    items = list(select.fromClause or ())
    for place, item in enumerate(items):
        moved = _turned(item, table, alias, ctes)
        if moved is None:
            continue
        if place == 0 and moved is item:
            return text
        select.fromClause = (moved, *items[:place], *items[place + 1 :])
        written = spelled(select)
        if not same_tree(single_statement(written), select):
            raise StatementRefused("the statement could not be written back unchanged")
        return written
    return None


def _turned(item: ast.Node, table: Table, alias: str, ctes: set[str]) -> ast.Node | None:
    """The FROM item with the table at its left end; the very same object where it stands there already."""
    if isinstance(item, ast.RangeVar):
        called = item.alias.aliasname if item.alias is not None else item.relname
        is_it = called == alias and item.relname == table.name and item.schemaname in {None, table.schema}
        return item if is_it and not (item.schemaname is None and item.relname in ctes) else None
    if not isinstance(item, ast.JoinExpr) or item.larg is None or item.rarg is None:
        return None
    left = _turned(item.larg, table, alias, ctes)
    if left is item.larg:
        return item
    right = _turned(item.rarg, table, alias, ctes) if left is None else None
    if left is None and right is None:
        return None
    kind = item.jointype
    if kind is None or (right is not None and kind not in _TURNED):
        return None
    return ast.JoinExpr(
        jointype=kind if left is not None else _TURNED[_J(kind)],
        isNatural=item.isNatural,
        larg=left if left is not None else right,
        rarg=item.rarg if left is not None else item.larg,
        usingClause=item.usingClause,
        join_using_alias=item.join_using_alias,
        quals=item.quals,
        alias=item.alias,
        rtindex=item.rtindex,
    )
