"""What is certain about an expression: its type, that it is never NULL, that it cannot fail."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.advise.rewrite.blocks import Block, Body, Meaning, Source
from trimtab.advise.rewrite.nodes import own_nodes
from trimtab.advise.rewrite.query import Query
from trimtab.sql.trees import strings

_K = enums.A_Expr_Kind
_CAST_NAMES = {
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "bool": "boolean",
    "varchar": "character varying",
    "bpchar": "character",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}
INTEGERS = ("smallint", "integer", "bigint")
FLOATS = ("real", "double precision")
TEXTS = ("text", "character varying", "character")
TIMESTAMPS = ("timestamp without time zone", "timestamp with time zone")
KNOWN_TYPES = frozenset((*INTEGERS, *FLOATS, *TEXTS, *TIMESTAMPS, "numeric", "date", "boolean", "uuid"))
"""Types whose `=` agrees with what GROUP BY and DISTINCT take for equal."""

COMPARISONS = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
_ARITHMETIC = frozenset({"+", "-", "*"})


def type_of(query: Query, node: object) -> str | None:
    """The type's name as PostgreSQL writes it, without length; None where it is not certain."""
    match node:
        case ast.ColumnRef():
            meaning = query.meaning.get(id(node))
            return None if meaning is None else column_type(query, meaning.source, meaning.column)
        case ast.A_Const():
            return _constant_type(node)
        case ast.TypeCast():
            names = strings(node.typeName.names) if node.typeName is not None else ()
            if node.typeName is None or node.typeName.arrayBounds or node.typeName.setof or not names:
                return None
            return _CAST_NAMES.get(names[-1], names[-1])
        case ast.FuncCall():
            return _call_type(query, node)
        case ast.CoalesceExpr():
            return _common({type_of(query, arg) for arg in node.args or ()})
        case ast.CaseExpr():
            results = [when.result for when in node.args or ()]
            results += [node.defresult] if node.defresult is not None else []
            return _common({type_of(query, one) for one in results if not _is_null(one)})
        case ast.A_Expr() if node.kind == _K.AEXPR_OP:
            return _operator_type(query, node)
        case ast.BoolExpr() | ast.NullTest() | ast.BooleanTest():
            return "boolean"
        case ast.SubLink(subLinkType=enums.SubLinkType.EXPR_SUBLINK):
            body = query.bodies.get(id(node.subselect))
            return None if body is None else _body_column_type(query, body, 0)
    return None


def column_type(query: Query, source: Source, name: str) -> str | None:
    """The type of a source's column."""
    if source.table is not None:
        column = source.table.columns.get(source.own_names.get(name, name))
        return None if column is None else column.type_name
    if source.body is None or source.body.names is None or name not in source.body.names:
        return None
    return _body_column_type(query, source.body, _place(source, name))


def _place(source: Source, name: str) -> int:
    return (source.names or []).index(name)


def _body_column_type(query: Query, body: Body, place: int) -> str | None:
    found = {type_of(query, block.targets[place][1]) for block in body.blocks if _has(block, place) and block.targets}
    return _common(found) if all(_has(block, place) for block in body.blocks) else None


def _has(block: Block, place: int) -> bool:
    return block.targets is not None and place < len(block.targets)


def _common(found: set[str | None]) -> str | None:
    """The type of several expressions in one place, where numbers may differ."""
    known = {name for name in found if name is not None}
    if len(found) == 1 and known:
        return known.pop()
    if None in found or not known:
        return None
    order = (*INTEGERS, "numeric")
    return order[max(order.index(name) for name in known)] if known <= set(order) else None


def _is_null(node: ast.Node | None) -> bool:
    return isinstance(node, ast.A_Const) and bool(node.isnull)


def _constant_type(node: ast.A_Const) -> str | None:
    match node.val:
        case ast.Integer():
            return "integer"
        case ast.Float(fval=text):
            digits = str(text)
            return "bigint" if digits.lstrip("-").isdigit() and len(digits) < 19 else "numeric"
        case ast.Boolean():
            return "boolean"
    return None


def _call_type(query: Query, node: ast.FuncCall) -> str | None:
    name = (strings(node.funcname) or ("",))[-1]
    of = type_of(query, node.args[0]) if node.args else None
    if name in {"count", "row_number", "rank", "dense_rank"}:
        return "bigint"
    if name in {"min", "max"}:
        return "text" if of == "character varying" else of
    if name == "sum":
        sums = {"smallint": "bigint", "integer": "bigint", "bigint": "numeric", "interval": "interval"}
        return sums.get(of or "", of if of in {"numeric", *FLOATS} else None)
    if name == "avg":
        return "numeric" if of in {*INTEGERS, "numeric"} else "double precision" if of in FLOATS else None
    if name in {"lower", "upper", "substr", "substring", "replace", "trim", "btrim", "concat"}:
        return "text"
    if name in {"round", "abs"} and of == "numeric":
        return "numeric"
    return None


def _operator_type(query: Query, node: ast.A_Expr) -> str | None:
    operator = (strings(node.name) or ("?",))[-1]
    if operator in COMPARISONS:
        return "boolean"
    left, right = type_of(query, node.lexpr), type_of(query, node.rexpr)
    if operator == "||":
        return "text" if {left, right} <= {*TEXTS, None} else None
    if operator not in {*_ARITHMETIC, "/"} or right is None or left is None:
        return None
    order = (*INTEGERS, "numeric")
    if left in order and right in order:
        return order[max(order.index(left), order.index(right))]
    if left in (*order, *FLOATS) and right in (*order, *FLOATS):
        return "double precision"
    if left == "date" and operator in "+-" and right in {"integer", "smallint"}:
        return "date"
    if left == "date" and operator in "+-" and right == "interval":
        return "timestamp without time zone"
    if left in TIMESTAMPS and right == "interval":
        return left
    return None


def comparable(query: Query, left: ast.Node | None, right: ast.Node | None) -> bool:
    """Whether `=` between these two is the usual one of a known family, so that equal values fall into one group."""
    one, other = type_of(query, left), type_of(query, right)
    if not {one, other} <= KNOWN_TYPES:
        return False
    families = (set(INTEGERS), {*INTEGERS, "numeric"}, {"text", "character varying"})
    return one == other or any({one, other} <= family for family in families)


def deterministic(query: Query, node: ast.Node) -> bool:
    """Whether no column in it has a collation that takes different texts for equal."""
    for _, meaning in query.references(node):
        source = meaning.source
        column = (
            source.table.columns.get(source.own_names.get(meaning.column, meaning.column)) if source.table else None
        )
        if column is not None and not column.deterministic:
            return False
    return True


def never_null(query: Query, node: object, block: Block, proof: list[str] | None = None) -> bool:
    """Whether an expression has a value in every row that the block's conditions let through.

    What shows it is added to `proof`.
    """
    match node:
        case ast.A_Const():
            return not node.isnull
        case ast.ColumnRef():
            meaning = query.meaning.get(id(node))
            return meaning is not None and _column_never_null(query, meaning, block, proof)
        case ast.TypeCast():
            return type_of(query, node) in KNOWN_TYPES and never_null(query, node.arg, block, proof)
        case ast.CoalesceExpr():
            return any(never_null(query, arg, block, proof) for arg in node.args or ())
        case ast.FuncCall():
            return (strings(node.funcname) or ("",))[-1] == "count" and node.over is None
        case ast.A_Expr() if node.kind == _K.AEXPR_OP and (strings(node.name) or ("?",))[-1] in _ARITHMETIC:
            both = (node.lexpr, node.rexpr) if node.lexpr is not None else (node.rexpr,)
            return type_of(query, node) is not None and all(never_null(query, side, block, proof) for side in both)
    return False


def _column_never_null(query: Query, meaning: Meaning, block: Block, proof: list[str] | None) -> bool:
    where, source, name = meaning
    said = proof if proof is not None else []
    if not source.optional:
        own = source.own_names.get(name, name)
        if source.table is not None and own in query.facts(source).not_null:
            said.append(f"{source.table.relation}.{own} is NOT NULL")
            return True
        if source.body is not None and source.names is not None and name in source.names:
            place = _place(source, name)
            inner: list[str] = []
            if source.body.blocks and all(
                _has(one, place)
                and not one.has_grouping_sets
                and one.targets is not None
                and never_null(query, one.targets[place][1], one, inner)
                for one in source.body.blocks
            ):
                said += inner
                return True
    for condition in block.conditions() if where is block else ():
        if any(query.meaning.get(id(node)) == meaning for node in rejects_null_of(condition)):
            said.append(f"the conditions let no NULL of {source.alias}.{name} through")
            return True
    return False


def rejects_null_of(condition: ast.Node) -> Iterator[ast.ColumnRef]:
    """The columns of which a condition, to be true, needs a value."""
    match condition:
        case ast.NullTest(nulltesttype=enums.NullTestType.IS_NOT_NULL, arg=ast.ColumnRef() as column):
            yield column
        case ast.A_Expr() if condition.kind == _K.AEXPR_OP and (strings(condition.name) or ("?",))[-1] in COMPARISONS:
            yield from (side for side in (condition.lexpr, condition.rexpr) if isinstance(side, ast.ColumnRef))
        case ast.A_Expr() if condition.kind in {_K.AEXPR_IN, _K.AEXPR_BETWEEN, _K.AEXPR_LIKE}:
            if isinstance(condition.lexpr, ast.ColumnRef):
                yield condition.lexpr


def is_total(query: Query, node: ast.Node | None) -> bool:
    """Whether computing it for any row at all cannot raise an error: no division, no cast that may fail, no functions.

    Rules that compute an expression for rows that the original never reaches need this.
    """
    for one in own_nodes(node):
        match one:
            case ast.ColumnRef() | ast.A_Const() | ast.String() | ast.Integer() | ast.Float() | ast.Boolean():
                continue
            case ast.BoolExpr() | ast.NullTest() | ast.BooleanTest() | ast.CaseExpr() | ast.CaseWhen():
                continue
            case ast.CoalesceExpr() | ast.TypeName() | ast.ParamRef() | ast.RowExpr():
                continue
            case ast.A_Expr():
                if not _is_total_operator(query, one):
                    return False
            case ast.TypeCast():
                if not (isinstance(one.arg, ast.A_Const) or _widens(type_of(query, one.arg), type_of(query, one))):
                    return False
            case ast.FuncCall():
                name = (strings(one.funcname) or ("",))[-1]
                if name not in _TOTAL_CALLS or one.over is not None:
                    return False
                if name == "sum" and type_of(query, one) not in {"bigint", "numeric"}:
                    return False
            case _:
                return False
    return True


_TOTAL_CALLS = frozenset({"count", "sum", "avg", "min", "max", "lower", "upper", "extract", "round", "length"})


def _widens(one: str | None, other: str | None) -> bool:
    order = (*INTEGERS, "numeric")
    if one in order and other in order:
        return order.index(one) <= order.index(other)
    return (one in TEXTS and other in {"text", "character varying"}) or (one == other and one is not None)


def _is_total_operator(query: Query, node: ast.A_Expr) -> bool:
    operator = (strings(node.name) or ("?",))[-1]
    kinds = {_K.AEXPR_IN, _K.AEXPR_BETWEEN, _K.AEXPR_NOT_BETWEEN, _K.AEXPR_OP_ANY, _K.AEXPR_DISTINCT}
    if node.kind in kinds | {_K.AEXPR_NOT_DISTINCT, _K.AEXPR_NULLIF}:
        return True
    if node.kind in {_K.AEXPR_LIKE, _K.AEXPR_ILIKE}:
        return isinstance(node.rexpr, ast.A_Const)
    if node.kind != _K.AEXPR_OP:
        return False
    if operator in COMPARISONS or operator == "||":
        return True
    if operator in _ARITHMETIC:
        # Integers may overflow; dates may leave their range, except by what is a constant of a few years.
        of = type_of(query, node)
        both = (node.lexpr, node.rexpr)
        if all(isinstance(one, ast.A_Const | ast.TypeCast) for one in both):
            return True
        return of == "numeric"
    return False


def has_floats(query: Query, node: ast.Node | None) -> bool:
    """Whether a float is added up in it: the sum depends on the order of rows."""
    return any(
        isinstance(one, ast.FuncCall)
        and (strings(one.funcname) or ("",))[-1] in {"sum", "avg"}
        and (not one.args or type_of(query, one.args[0]) not in {*INTEGERS, "numeric", "interval"})
        for one in own_nodes(node)
    )
