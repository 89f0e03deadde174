"""Checks that a piece of SQL is one plain expression over one table, and writes it in one canonical way.

The pieces end up inside `CREATE INDEX`, so nothing may hide in them: no second statement, no subquery, no
parameter, no aggregate or window call.
"""

from __future__ import annotations

from functools import lru_cache

from pglast import ast, parse_sql
from pglast.error import Error as PglastError
from pglast.stream import RawStream
from pglast.visitors import Visitor

from trimtab.model.errors import StatementRefused

EXPRESSION_CHARACTERS_MAX = 4000

_REFUSED: dict[str, str] = {
    "SubLink": "a subquery",
    "ParamRef": "a parameter",
    "SetToDefault": "DEFAULT",
    "CurrentOfExpr": "CURRENT OF",
    "WindowDef": "a window",
    "GroupingFunc": "GROUPING",
    "A_Star": "*",
    "SQLValueFunction": "a value that changes with session or time",
}


class _Refuser(Visitor):  # type: ignore[misc, unused-ignore]
    """Finds the first node that has no place in an index."""

    def __init__(self) -> None:
        super().__init__()
        self.found: str | None = None

    def visit(self, _ancestors: object, node: ast.Node) -> None:
        self.found = self.found or _REFUSED.get(type(node).__name__)
        if isinstance(node, ast.ColumnRef) and len(node.fields or ()) > 1:
            self.found = self.found or "a qualified column"
        if isinstance(node, ast.FuncCall) and (
            node.agg_star or node.agg_distinct or node.agg_filter or node.agg_order or node.over
        ):
            self.found = self.found or "an aggregate or window call"


def parsed_expression(text: str) -> ast.Node:
    """The parse tree of one expression; `StatementRefused` with the reason when it is anything else."""
    if len(text) > EXPRESSION_CHARACTERS_MAX:
        raise StatementRefused(
            f"the expression has {len(text)} characters, the limit is {EXPRESSION_CHARACTERS_MAX}", characters=len(text)
        )
    try:
        statements = parse_sql(f"SELECT ({text}\n)")
    except PglastError as error:
        raise StatementRefused(f"not an expression: {str(error)[:200]}") from error
    if len(statements) != 1:
        raise StatementRefused(f"one expression was wanted, {len(statements)} statements were found")
    select = statements[0].stmt
    targets = (select.targetList or ()) if isinstance(select, ast.SelectStmt) else ()
    if (
        len(targets) != 1
        or isinstance(targets[0].val, ast.RowExpr)
        or _without_targets(select) != _without_targets(parse_sql("SELECT x")[0].stmt)
    ):
        raise StatementRefused("one expression was wanted, something around it was found")
    target = targets[0]
    if target.name is not None or target.indirection:
        raise StatementRefused("one expression was wanted, a named column was found")
    check = _Refuser()
    check(target.val)
    if check.found:
        raise StatementRefused(f"an index expression must not hold {check.found}", found=check.found)
    expression: ast.Node = target.val
    return expression


@lru_cache(maxsize=4096)
def canonical_expression(text: str) -> str:
    """The same expression in our own spelling, proven to parse to the same tree.

    >>> canonical_expression("LOWER( email )")
    'lower(email)'
    >>> canonical_expression("true); DROP TABLE users; SELECT (1")
    Traceback (most recent call last):
    trimtab.model.errors.StatementRefused: one expression was wanted, 3 statements were found
    """
    tree = parsed_expression(text)
    spelled: str = RawStream()(tree)
    if not same_tree(parsed_expression(spelled), tree):
        raise StatementRefused("the expression could not be written back unchanged", expression=text)
    return spelled


def same_tree(left: ast.Node, right: ast.Node) -> bool:
    """Whether two trees are equal apart from places in the text and from how a call was spelled.

    >>> same_tree(parsed_expression("a  =  1"), parsed_expression("a=1"))
    True
    """
    return essence(left) == essence(right)


_PLACES = frozenset(
    {"location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end", "stmt_location", "stmt_len"}
)


def essence(tree: object) -> object:
    """A parse tree as plain nested values without places and without `funcformat` (which the server ignores too)."""
    if isinstance(tree, ast.Node):
        return essence(tree(skip_none=True))
    if isinstance(tree, dict):
        return {key: essence(value) for key, value in tree.items() if key not in _PLACES and key != "funcformat"}
    if isinstance(tree, list | tuple):
        return tuple(essence(value) for value in tree)
    return tree


def _without_targets(select: ast.Node | None) -> object:
    fields = select(skip_none=True) if select is not None else {}
    return {key: essence(value) for key, value in fields.items() if key != "targetList"}
