"""What a condition of a plan compares: the text that a server prints, parsed by PostgreSQL's own parser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from pglast import ast
from pglast.enums import A_Expr_Kind, BoolExprType, NullTestType
from pglast.error import Error as PglastError

from trimtab.model.errors import StatementRefused
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import single_statement, strings, walk

CHARS_MAX = 20_000
EQUALITIES = ("=",)
RANGES = ("<", "<=", ">", ">=")
_SUBPLAN = re.compile(
    r"\((?:alternatives: )?(?:hashed )?(?:SubPlan|InitPlan) \w+(?: or (?:hashed )?SubPlan \w+)*\)(?:\.col\d+)?"
)
_MASK = re.compile(r"(?<![\w)\]\"'] )\?(?=[:),\]\s]|\Z)")
MASKED = "'?'"
"""What stands for a literal that was masked, so that the rest can be parsed."""
LIKE_TEXT = ("text", "bpchar", "varchar", "name")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>"}


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison of a conjunction. `side` is the SQL of the side with columns.

    `column` is its only column (None where there are several or none), `table` what stands before it. `is_bare`: the
    column itself, as an index on it could serve it. `cast` is the type it is cast to, `function` what is called on it.
    `has_column_there`: the other side (`other`, as SQL) has columns, too. `has_unknown`: a parameter or a masked value
    is in `side`, so that no index and no statistics can be made of it.
    """

    side: str
    column: str | None
    table: str | None
    operator: str
    is_bare: bool
    cast: str | None
    function: str | None
    has_column_there: bool
    other: str | None = None
    has_unknown: bool = False

    @property
    def own_side(self) -> str:
        """`side` as an index or statistics of its table have it: without the table before the column.

        >>> comparisons("(lower(o.state) = 'open'::text)")[0].own_side
        'lower(state)'
        """
        if self.table is None:
            return self.side
        return re.sub(rf'(?<![\w".])"?{re.escape(self.table)}"?\.', "", self.side)

    @property
    def is_like_text(self) -> bool:
        """A column read as text: of a varchar it is the column itself, of anything else a cast."""
        return self.cast in LIKE_TEXT and self.function is None


@lru_cache(maxsize=4_000)
def comparisons(condition: str) -> tuple[Compared, ...]:
    """The comparisons that must all hold; () where the text cannot be parsed.

    >>> [(one.side, one.operator, one.cast) for one in comparisons("((a = 5) AND ((at)::date > '2026-01-01'::date))")]
    [('a', '=', None), ('CAST(at AS date)', '>', 'date')]
    >>> [(one.function, one.is_bare) for one in comparisons("(lower(email) = ?::text)")]
    [('lower', False)]
    """
    tree = _parsed(condition)
    if tree is None:
        return ()
    found: list[Compared] = []
    waiting: list[ast.Node] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.BoolExpr) and node.boolop == BoolExprType.AND_EXPR:
            waiting.extend(reversed(node.args or ()))
        elif (one := _compared(node)) is not None:
            found.append(one)
    return tuple(found)


@lru_cache(maxsize=4_000)
def columns_in(condition: str) -> tuple[str, ...]:
    """The columns that a condition names, each once."""
    tree = _parsed(condition)
    return () if tree is None else tuple(dict.fromkeys(column for _, column in _columns(tree)))


def _parsed(condition: str) -> ast.Node | None:
    if len(condition) > CHARS_MAX:
        return None
    text = _SUBPLAN.sub("NULL", condition)
    for one in (text, _MASK.sub(MASKED, text)):
        try:
            select = single_statement(f"SELECT {one}")
        except (StatementRefused, PglastError):
            continue
        if isinstance(select, ast.SelectStmt) and select.targetList and len(select.targetList) == 1:
            value = select.targetList[0].val
            return value if isinstance(value, ast.Node) else None
    return None


def _compared(node: ast.Node) -> Compared | None:
    if isinstance(node, ast.A_Expr) and isinstance(node.lexpr, ast.Node):
        left: ast.Node = node.lexpr
        operator = (strings(node.name) or ("?",))[-1]
        if node.kind == A_Expr_Kind.AEXPR_OP_ANY and operator == "=":
            operator = "= ANY"
        right = node.rexpr
        here, there = _columns(left), _columns(right)
        if not here and there and isinstance(right, ast.Node):
            left, right, here, there = right, left, there, here
            operator = _FLIPPED.get(operator, operator)
        other = spelled(right) if there and isinstance(right, ast.Node) else None
        return _side(left, here, operator, other) if here else None
    if isinstance(node, ast.NullTest) and node.arg is not None:
        operator = "IS NULL" if node.nulltesttype == NullTestType.IS_NULL else "IS NOT NULL"
        return _side(node.arg, here, operator) if (here := _columns(node.arg)) else None
    if isinstance(node, ast.BoolExpr) and node.boolop == BoolExprType.NOT_EXPR:
        inner = (node.args or (None,))[0]
        return _side(inner, _columns(inner), "NOT") if isinstance(inner, ast.ColumnRef) else None
    if isinstance(node, ast.ColumnRef):
        return _side(node, _columns(node), "IS TRUE")
    return None


def _side(node: ast.Node, here: list[tuple[str | None, str]], operator: str, other: str | None = None) -> Compared:
    inner: object = node
    cast = None
    if isinstance(node, ast.TypeCast) and isinstance(node.typeName, ast.TypeName):
        cast, inner = _type_name(node.typeName), node.arg
    function = next((strings(one.funcname)[-1] for one in walk(inner) if isinstance(one, ast.FuncCall)), None)
    names = list(dict.fromkeys(here))
    table, column = names[0] if len(names) == 1 else (None, None)
    return Compared(
        side=spelled(node),
        column=column,
        table=table,
        operator=operator,
        is_bare=isinstance(node, ast.ColumnRef),
        cast=cast if isinstance(inner, ast.ColumnRef) else None,
        function=function,
        has_column_there=other is not None,
        other=other,
        has_unknown=MASKED in spelled(node) or any(isinstance(one, ast.ParamRef) for one in walk(node)),
    )


def _type_name(node: ast.TypeName) -> str:
    names = strings(node.names)
    return {"int4": "integer", "int8": "bigint", "float8": "double precision", "bool": "boolean"}.get(
        names[-1], names[-1]
    )


def _columns(node: object) -> list[tuple[str | None, str]]:
    found: list[tuple[str | None, str]] = []
    for one in walk(node):
        if isinstance(one, ast.ColumnRef):
            parts = strings(one.fields)
            if parts:
                found.append((parts[-2] if len(parts) > 1 else None, parts[-1]))
    return found
