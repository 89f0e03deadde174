"""Expressions as trees: what is in them, what they are called, how they are put together."""

from __future__ import annotations

from collections.abc import Iterator

from pglast import ast, enums

from trimtab.sql.trees import children, rebuilt, strings

AGGREGATES = frozenset(
    """count sum avg min max bool_and bool_or every array_agg string_agg json_agg jsonb_agg json_object_agg
    jsonb_object_agg stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp bit_and bit_or
    bit_xor xmlagg regr_slope regr_intercept regr_r2 regr_count regr_avgx regr_avgy regr_sxx regr_syy regr_sxy
    percentile_cont percentile_disc mode any_value range_agg range_intersect_agg""".split()  # noqa: SIM905
)


def is_aggregate(node: ast.Node) -> bool:
    """Whether a call is one of an aggregate (not as a window function)."""
    if isinstance(node, ast.GroupingFunc):
        return True
    if not isinstance(node, ast.FuncCall) or node.over is not None:
        return False
    name = (strings(node.funcname) or ("",))[-1]
    return bool(
        name in AGGREGATES
        or node.agg_star
        or node.agg_distinct
        or node.agg_filter is not None
        or node.agg_order
        or node.agg_within_group
    )


def own_nodes(node: object) -> Iterator[ast.Node]:
    """Every node of an expression, without what is inside its subqueries."""
    if not isinstance(node, ast.Node):
        return
    yield node
    for child in children(node):
        if isinstance(node, ast.SubLink) and child is node.subselect:
            continue
        yield from own_nodes(child)


def has_aggregate(node: ast.Node | None) -> bool:
    """Whether an aggregate is called in it."""
    return node is not None and any(is_aggregate(one) for one in own_nodes(node))


def conjuncts(node: ast.Node | None) -> list[ast.Node]:
    """The parts that AND joins."""
    if node is None:
        return []
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        return [part for one in node.args or () for part in conjuncts(one)]
    return [node]


def all_of(parts: list[ast.Node]) -> ast.Node | None:
    """The parts joined by AND."""
    if len(parts) < 2:
        return parts[0] if parts else None
    return ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR, args=tuple(parts))


def copied(node: ast.Node) -> ast.Node:
    """A deep copy."""
    return rebuilt(node, lambda _: None)


def given_name(value: ast.Node | None) -> str:
    """The name that PostgreSQL gives an output without AS."""
    match value:
        case ast.ColumnRef():
            return (strings(value.fields) or ("?column?",))[-1]
        case ast.FuncCall():
            return (strings(value.funcname) or ("?column?",))[-1]
        case ast.TypeCast():
            inner = given_name(value.arg)
            names = strings(value.typeName.names) if value.typeName is not None else ()
            return inner if inner not in {"?column?", "case"} else (names or ("?column?",))[-1]
        case ast.CaseExpr():
            inner = given_name(value.defresult)
            return "case" if inner == "?column?" else inner
        case ast.SubLink(subselect=ast.SelectStmt() as select):
            kind = value.subLinkType
            if kind == enums.SubLinkType.EXISTS_SUBLINK:
                return "exists"
            if kind == enums.SubLinkType.ARRAY_SUBLINK:
                return "array"
            target = (select.targetList or (None,))[0]
            if kind != enums.SubLinkType.EXPR_SUBLINK or target is None:
                return "?column?"
            return str(target.name) if target.name else given_name(target.val)
        case ast.CoalesceExpr():
            return "coalesce"
        case ast.A_Indirection():
            return (strings(value.indirection) or (given_name(value.arg),))[-1]
        case ast.CollateClause():
            return given_name(value.arg)
        case ast.MinMaxExpr():
            return "greatest" if value.op == enums.MinMaxOp.IS_GREATEST else "least"
        case ast.SQLValueFunction():
            name = value.op.name if isinstance(value.op, enums.SQLValueFunctionOp) else ""
            return name.removeprefix("SVFOP_").lower().removesuffix("_n")
    return "?column?"


def column_of(alias: str, name: str) -> ast.ColumnRef:
    """`alias.name` as a tree."""
    return ast.ColumnRef(fields=(ast.String(sval=alias), ast.String(sval=name)))
