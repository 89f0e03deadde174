"""The orders and groupings that one SELECT wants of its tables: ORDER BY, DISTINCT, GROUP BY, OVER, min and max."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pglast import ast, enums

from trimtab.sql.conditions import Sort, SortKey, TableUse, Term
from trimtab.sql.scopes import Behind, Scope, read
from trimtab.sql.trees import strings

Outputs = Mapping[str, Behind | None]
_Wanted = tuple[Behind, ast.SortBy | None]


def collect_orders(node: ast.SelectStmt, outputs: Outputs, scope: Scope) -> None:
    """Add this SELECT's orders and groupings to the tables that they are wholly about."""
    limited = node.limitCount is not None and not _is_null(node.limitCount) and not node.groupClause
    _sort([(_meant(by.node, node, outputs, scope), by) for by in node.sortClause or ()], limited, "ORDER BY")
    distinct = node.distinctClause or ()
    if distinct and distinct[0] is not None:
        _sort([(Behind(item, scope), None) for item in distinct], limited=False, source="DISTINCT ON")
    elif distinct:
        _group([behind for behind in outputs.values() if behind is not None])
    _group([_meant(item, node, outputs, scope) for item in node.groupClause or ()])
    windows = list(node.windowClause or ())
    for target in node.targetList or ():
        call = target.val
        if not isinstance(call, ast.FuncCall):
            continue
        if isinstance(call.over, ast.WindowDef):
            windows.append(call.over)
        elif strings(call.funcname)[-1:] in {("min",), ("max",)} and len(call.args or ()) == 1 and not node.groupClause:
            _sort([(Behind(argument, scope), None) for argument in call.args or ()], limited=True, source="min/max")
    for window in windows:
        keys: list[_Wanted] = [(Behind(item, scope), None) for item in window.partitionClause or ()]
        keys += [(Behind(by.node, scope), by) for by in window.orderClause or ()]
        _sort(keys, limited=False, source="OVER")


def _meant(item: ast.Node, node: ast.SelectStmt, outputs: Outputs, scope: Scope) -> Behind:
    """An item of ORDER BY or GROUP BY, where a number or an output's name means that output."""
    targets = node.targetList or ()
    if isinstance(item, ast.A_Const) and isinstance(item.val, ast.Integer):
        place = int(item.val.ival or 0)
        if 1 <= place <= len(targets):
            return Behind(targets[place - 1].val, scope)
    if isinstance(item, ast.ColumnRef) and len(item.fields or ()) == 1:
        names = strings(item.fields)
        behind = outputs.get(names[0]) if names else None
        if behind is not None:
            return behind
    return Behind(item, scope)


def _sort(items: Sequence[_Wanted], limited: bool, source: str) -> None:
    keys: list[SortKey] = []
    owner: TableUse | None = None
    for behind, by in items:
        reading = read(behind.node, behind.scope)
        term = reading.term()
        if term is None or (owner is not None and reading.uses[0] is not owner):
            break
        owner = reading.uses[0]
        descending = by is not None and by.sortby_dir == enums.SortByDir.SORTBY_DESC
        nulls = enums.SortByNulls.SORTBY_NULLS_DEFAULT if by is None else by.sortby_nulls
        nulls_first = (
            descending
            if nulls == enums.SortByNulls.SORTBY_NULLS_DEFAULT
            else nulls == enums.SortByNulls.SORTBY_NULLS_FIRST
        )
        keys.append(SortKey(term, descending, nulls_first))
    if owner is not None:
        owner.sorts.append(Sort(tuple(keys), len(keys) == len(items), limited, source))


def _group(items: Sequence[Behind]) -> None:
    owner: TableUse | None = None
    terms: list[Term] = []
    for behind in items:
        reading = read(behind.node, behind.scope)
        term = reading.term()
        if term is None or (owner is not None and reading.uses[0] is not owner):
            return
        owner = reading.uses[0]
        terms.append(term)
    if owner is not None:
        owner.groups.append(tuple(terms))


def _is_null(node: ast.Node) -> bool:
    return isinstance(node, ast.A_Const) and bool(node.isnull)
