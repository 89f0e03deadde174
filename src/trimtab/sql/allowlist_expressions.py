"""Which expressions may stand in an index: keys and predicates, node by node.

Everything here is an allow-list. A kind of node, an attribute, a function, an operator or a type that is not named
below is refused, also one that a later PostgreSQL adds. Functions are built-in and have immutable forms; for the
other forms (`date(timestamptz)`) the server itself refuses the index.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping

from pglast import ast
from pglast.enums import A_Expr_Kind

from trimtab.model.errors import StatementRefused
from trimtab.sql.identifiers import IDENTIFIER_BYTES_MAX

DEPTH_MAX = 40
NODES_MAX = 1000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = _words(
    """abs array_length ascii btrim cardinality ceil ceiling char_length character_length chr coalesce date date_part
    date_trunc decode div encode extract floor initcap isfinite json_array_length json_extract_path
    json_extract_path_text json_typeof jsonb_array_length jsonb_extract_path jsonb_extract_path_text jsonb_typeof left
    length lower lpad ltrim make_date md5 mod octet_length overlay position power regexp_replace repeat replace reverse
    right round rpad rtrim sha256 sign split_part sqrt starts_with strpos substr substring timezone to_timestamp
    to_tsvector translate trunc upper width_bucket"""
)
OPERATORS = _words("= <> < <= > >= + - * / % ^ || -> ->> #> #>> @> <@ ? ?| ?& && @@ ~ ~* !~ !~* ~~ !~~ ~~* !~~*")
TYPES = _words(
    """bool bpchar bytea cidr date float4 float8 inet int2 int4 int8 interval json jsonb numeric text time timestamp
    timestamptz timetz uuid varchar"""
)
COLLATIONS = frozenset({"C", "POSIX"})

_SPELLED: Mapping[A_Expr_Kind | None, frozenset[str]] = {
    A_Expr_Kind.AEXPR_OP: OPERATORS,
    A_Expr_Kind.AEXPR_OP_ANY: OPERATORS,
    A_Expr_Kind.AEXPR_OP_ALL: OPERATORS,
    A_Expr_Kind.AEXPR_DISTINCT: frozenset({"="}),
    A_Expr_Kind.AEXPR_NOT_DISTINCT: frozenset({"="}),
    A_Expr_Kind.AEXPR_NULLIF: frozenset({"="}),
    A_Expr_Kind.AEXPR_IN: frozenset({"=", "<>"}),
    A_Expr_Kind.AEXPR_LIKE: frozenset({"~~", "!~~"}),
    A_Expr_Kind.AEXPR_ILIKE: frozenset({"~~*", "!~~*"}),
    A_Expr_Kind.AEXPR_BETWEEN: frozenset({"BETWEEN"}),
    A_Expr_Kind.AEXPR_NOT_BETWEEN: frozenset({"NOT BETWEEN"}),
}
_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})
_PLACES = frozenset({"location", "rexpr_list_start", "rexpr_list_end", "list_start", "list_end"})


def only(node: ast.Node, *known: str) -> None:
    """Refuse a node that has anything set outside `known` (and outside its places in the text)."""
    for name in type(node).__slots__:  # type: ignore[attr-defined]  # pglast's nodes have them all
        if name in known or name in _PLACES:
            continue
        if getattr(node, name) not in (None, False, 0, "", ()):
            raise StatementRefused(f"{type(node).__name__} with {name} is not allowed", node=type(node).__name__)


def text_of(node: object) -> str:
    """The value of a String node."""
    if not isinstance(node, ast.String) or node.sval is None:
        raise StatementRefused(f"a name was wanted, {type(node).__name__} was found")
    return str(node.sval)


def identifier(name: str | None, what: str) -> str:
    """A name that people and the server read alike: not empty, not cut, nothing invisible in it."""
    if not name:
        raise StatementRefused(f"the {what} has no name")
    if len(name.encode()) > IDENTIFIER_BYTES_MAX:
        raise StatementRefused(f"the {what} has a name of {len(name.encode())} bytes; PostgreSQL would cut it")
    if any(unicodedata.category(c)[0] == "C" or (unicodedata.category(c)[0] == "Z" and c != " ") for c in name):
        raise StatementRefused(f"the name of the {what} holds an invisible character")
    if unicodedata.normalize("NFC", name) != name:
        raise StatementRefused(f"the name of the {what} is not in Unicode's composed form")
    return name


def check_expression(expression: object) -> None:
    """Raise `StatementRefused` unless every node is on the list."""
    _Walk().visit(expression, 0)


class _Walk:
    """One walk over one expression, with its limits."""

    def __init__(self) -> None:
        self.nodes_count = 0

    def visit(self, node: object, depth: int) -> None:
        self.nodes_count += 1
        if depth > DEPTH_MAX or self.nodes_count > NODES_MAX:
            raise StatementRefused(f"the expression is nested deeper than {DEPTH_MAX} or has over {NODES_MAX} nodes")
        if isinstance(node, list | tuple):
            children: Iterable[object] = node
        else:
            rule = _RULES.get(type(node))
            if rule is None:
                raise StatementRefused(f"{type(node).__name__} is not allowed in an index", node=type(node).__name__)
            children = rule(node)
        for child in children:
            if child is not None:
                self.visit(child, depth + 1)


def _column(node: ast.ColumnRef) -> Iterable[object]:
    only(node, "fields")
    if node.fields is None or len(node.fields) != 1:
        raise StatementRefused("a column in an index stands alone, without a table")
    name = identifier(text_of(node.fields[0]), "column")
    if name in _SYSTEM_COLUMNS:
        raise StatementRefused(f"{name} is a system column", column=name)
    return ()


def _constant(node: ast.A_Const) -> Iterable[object]:
    only(node, "isnull", "val")
    if node.val is not None and not isinstance(node.val, ast.Integer | ast.Float | ast.Boolean | ast.String):
        raise StatementRefused(f"a constant of kind {type(node.val).__name__} is not allowed")
    return ()


def _call(node: ast.FuncCall) -> Iterable[object]:
    only(node, "funcname", "args", "funcformat")
    names = [text_of(part) for part in node.funcname or ()]
    if len(names) == 2 and names[0] == "pg_catalog":
        names = names[1:]
    if len(names) != 1 or names[0] not in FUNCTIONS:
        raise StatementRefused(f"the function {'.'.join(names)} is not on the list", function=".".join(names))
    return node.args or ()


def _operator(node: ast.A_Expr) -> Iterable[object]:
    only(node, "kind", "name", "lexpr", "rexpr")
    names = [text_of(part) for part in node.name or ()]
    if len(names) != 1 or names[0] not in _SPELLED.get(node.kind, frozenset()):
        raise StatementRefused(f"the operator {'.'.join(names)} is not on the list", operator=".".join(names))
    return (node.lexpr, node.rexpr)


def _cast(node: ast.TypeCast) -> Iterable[object]:
    only(node, "arg", "typeName")
    kind = node.typeName
    if not isinstance(kind, ast.TypeName):
        raise StatementRefused("a cast without a type")
    only(kind, "names", "typmods", "typemod", "arrayBounds")
    names = [text_of(part) for part in kind.names or ()]
    if len(names) == 2 and names[0] == "pg_catalog":
        names = names[1:]
    if len(names) != 1 or names[0] not in TYPES:
        raise StatementRefused(f"a cast to {'.'.join(names)} is not on the list", type=".".join(names))
    for modifier in kind.typmods or ():
        if not isinstance(modifier, ast.A_Const) or not isinstance(modifier.val, ast.Integer):
            raise StatementRefused("a type's modifiers must be whole numbers")
    for bound in kind.arrayBounds or ():
        if not isinstance(bound, ast.Integer):
            raise StatementRefused("an array's bounds must be whole numbers")
    return (node.arg,)


def _collation(node: ast.CollateClause) -> Iterable[object]:
    only(node, "arg", "collname")
    names = [text_of(part) for part in node.collname or ()]
    if len(names) == 2 and names[0] == "pg_catalog":
        names = names[1:]
    if len(names) != 1 or names[0] not in COLLATIONS:
        raise StatementRefused(f"the collation {'.'.join(names)} is not on the list")
    return (node.arg,)


def _with(*names: str, also: tuple[str, ...] = ()) -> Callable[[ast.Node], Iterable[object]]:
    """A rule for a node whose children are the attributes `names`; `also` may be set and are plain values."""

    def rule(node: ast.Node) -> Iterable[object]:
        only(node, *names, *also)
        return tuple(getattr(node, name) for name in names)

    return rule


_RULES: Mapping[type, Callable[..., Iterable[object]]] = {
    ast.ColumnRef: _column,
    ast.A_Const: _constant,
    ast.FuncCall: _call,
    ast.A_Expr: _operator,
    ast.TypeCast: _cast,
    ast.CollateClause: _collation,
    ast.BoolExpr: _with("args", also=("boolop",)),
    ast.NullTest: _with("arg", also=("nulltesttype",)),
    ast.BooleanTest: _with("arg", also=("booltesttype",)),
    ast.CoalesceExpr: _with("args"),
    ast.MinMaxExpr: _with("args", also=("op",)),
    ast.CaseExpr: _with("arg", "args", "defresult"),
    ast.CaseWhen: _with("expr", "result"),
    ast.A_ArrayExpr: _with("elements"),
}
