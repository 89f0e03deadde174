"""The tree of a query as `parse_query` gives it: the shapes that Prometheus' own page draws."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.api.prometheus.encoding import value_text_of
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Matching,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Timed,
    Unary,
)

Json = dict[str, object]


def tree_of(node: Node) -> Json:
    """One node and what is below it."""
    match node:
        case Number():
            return {"type": "numberLiteral", "val": value_text_of(node.value)}
        case String():
            return {"type": "stringLiteral", "val": node.value}
        case Paren():
            return {"type": "parenExpr", "expr": tree_of(node.expression)}
        case Unary():
            return {"type": "unaryExpr", "op": node.operator, "expr": tree_of(node.expression)}
        case Call():
            arguments = [tree_of(argument) for argument in node.arguments]
            types = [argument.type for argument in node.arguments]
            function = {"name": node.name, "argTypes": types, "variadic": 0, "returnType": node.returns}
            return {"type": "call", "func": function, "args": arguments}
        case Aggregate():
            parameter = None if node.parameter is None else tree_of(node.parameter)
            return {
                "type": "aggregation",
                "op": node.operator,
                "expr": tree_of(node.expression),
                "param": parameter,
                "grouping": node.grouping,
                "without": node.is_without,
            }
        case Binary():
            return {
                "type": "binaryExpr",
                "op": node.operator,
                "lhs": tree_of(node.left),
                "rhs": tree_of(node.right),
                "matching": None if node.matching is None else _matching(node.matching),
                "bool": node.is_bool,
            }
        case Matrix():
            return {"type": "matrixSelector", "range": node.range_ms, **_selected(node.selector)}
        case Subquery():
            return {
                "type": "subquery",
                "expr": tree_of(node.expression),
                "range": node.range_ms,
                "step": node.step_ms or 0,
                **_moved(node),
            }
        case Selector():
            return {"type": "vectorSelector", **_selected(node)}
        case _:
            raise TypeError(f"{type(node).__name__} has no shape")


def _selected(selector: Selector) -> Json:
    matchers = [{"name": one.name, "type": one.op, "value": one.value} for one in selector.matchers]
    extended = {"anchored": selector.extension == "anchored", "smoothed": selector.extension == "smoothed"}
    return {"name": selector.name, "matchers": matchers, **extended, **_moved(selector)}


def _moved(node: Timed) -> Mapping[str, object]:
    return {"offset": node.offset_ms, "timestamp": node.at_ms, "startOrEnd": node.at_bound}


def _matching(matching: Matching) -> Json:
    fill = {"lhs": matching.fill_left, "rhs": matching.fill_right}
    told = {"card": matching.card, "labels": matching.labels, "on": matching.is_on, "include": matching.include}
    return {**told, "fillValues": fill}
