"""A statement with one of its tables moved to the front of FROM: the same rows, the same plan.

HypoPG writes the expressions and the predicate of a hypothetical index for the first table of a statement. For any
other one they never match (the index looks useless), and the server may even crash while it estimates a predicate
(HypoPG issue 116). So a table is moved to the front before such an index is priced on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.model.errors import StatementRefused
from trimtab.sql.catalog import Table
from trimtab.sql.expressions import same_tree
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import common_table_names, single_statement, walk

_J = enums.JoinType
_TURNED = {
    _J.JOIN_INNER: _J.JOIN_INNER,
    _J.JOIN_FULL: _J.JOIN_FULL,
    _J.JOIN_LEFT: _J.JOIN_RIGHT,
    _J.JOIN_RIGHT: _J.JOIN_LEFT,
}


def with_first(text: str, table: Table, alias: str) -> str | None:
    """The SELECT with `table` under `alias` first in its FROM; None where it stands nowhere that it could be moved.

    Inner and full joins are turned round, left joins become right joins. A subquery in FROM is looked into where
    PostgreSQL plans it by itself, since it groups, sorts or cuts its rows.
    """
    select = single_statement(text)
    if not isinstance(select, ast.SelectStmt):
        return None
    led = _led(select, table, alias, common_table_names(select), is_inner=False)
    if led is None:
        return None
    if not led:
        return text
    written = spelled(select)
    if not same_tree(single_statement(written), select):
        raise StatementRefused("the statement could not be written back unchanged")
    return written


def _led(select: ast.SelectStmt, table: Table, alias: str, ctes: set[str], *, is_inner: bool) -> bool | None:
    """Move the table to the front in place: whether anything had to be moved, None where it is not there."""
    if select.op != enums.SetOperation.SETOP_NONE:
        return None
    items = list(select.fromClause or ())
    for place, item in enumerate(items):
        moved = _turned(item, table, alias, ctes)
        if moved is None:
            continue
        if place == 0 and moved is item:
            return False
        if is_inner and any(isinstance(part, ast.A_Star) for part in walk(select.targetList)):
            return None  # the order of its columns may be counted on outside
        select.fromClause = (moved, *items[:place], *items[place + 1 :])
        return True
    named = [one.ctequery for one in (select.withClause.ctes if select.withClause is not None else None) or ()]
    for inner in (*named, *(below for item in items for below in _subqueries(item))):
        if isinstance(inner, ast.SelectStmt) and _is_planned_alone(inner):
            led = _led(inner, table, alias, ctes, is_inner=True)
            if led is not None:
                return led
    return None


def _subqueries(item: ast.Node | None) -> Iterator[ast.Node]:
    """The subqueries that stand in a FROM item."""
    if isinstance(item, ast.RangeSubselect) and item.subquery is not None:
        yield item.subquery
    elif isinstance(item, ast.JoinExpr):
        yield from _subqueries(item.larg)
        yield from _subqueries(item.rarg)


def _is_planned_alone(select: ast.SelectStmt) -> bool:
    """Whether the server does not join a subquery's tables with those around it (see its is_simple_subquery)."""
    parts = (select.groupClause, select.havingClause, select.distinctClause, select.sortClause, select.limitCount)
    return any(part is not None for part in parts)


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
