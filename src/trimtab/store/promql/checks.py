"""Whether a tree means something: types of operands and arguments, selectors that select, operators that fit.

The words are Prometheus' own. Regular expressions are checked here too, so that a bad one is an error of the query.
"""

from __future__ import annotations

import re2

from trimtab.store.metrics.block import METRIC_NAME, Matcher
from trimtab.store.promql.errors import parse_error
from trimtab.store.promql.lexer import quoted
from trimtab.store.promql.signatures import SIGNATURES
from trimtab.store.promql.syntax import (
    WRITTEN_TYPE,
    Aggregate,
    Binary,
    Call,
    Node,
    Selector,
    Subquery,
    Unary,
    walk,
)

COMPARISONS = frozenset(("==", "!=", "<=", "<", ">=", ">"))
SET_OPERATORS = frozenset(("and", "or", "unless"))


def check(query: str, tree: Node) -> None:
    """Raise QueryError for the first part that cannot be."""
    free_selectors: set[int] = set()
    for node in walk(tree):
        if isinstance(node, Call):
            _check_call(query, node, free_selectors)
        elif isinstance(node, Aggregate):
            _check_aggregate(query, node)
        elif isinstance(node, Binary):
            _check_binary(query, node)
        elif isinstance(node, Unary):
            if node.expression.type not in ("scalar", "vector"):
                raise parse_error(
                    query,
                    node.start,
                    "unary expression only allowed on expressions of type scalar or instant vector, "
                    f'got "{WRITTEN_TYPE[node.expression.type]}"',
                )
        elif isinstance(node, Subquery):
            if node.expression.type != "vector":
                raise parse_error(
                    query,
                    node.start,
                    f"subquery is only allowed on instant vector, got {node.expression.type} instead",
                )
        elif isinstance(node, Selector):
            _check_selector(query, node, is_free=id(node) in free_selectors)


def matches(matcher: Matcher, value: str) -> bool:
    """Whether a value fulfils a matcher.

    >>> matches(Matcher("a", "=~", "x.*"), "xyz"), matches(Matcher("a", "!=", ""), "")
    (True, False)
    """
    if matcher.op in ("=", "!="):
        return (matcher.value == value) == (matcher.op == "=")
    found = re2.compile(f"(?s:{matcher.value})").fullmatch(value) is not None
    return found == (matcher.op == "=~")


def check_regex(matcher: Matcher) -> str | None:
    """What is wrong with a matcher's regular expression, or None."""
    if matcher.op in ("=", "!="):
        return None
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(matcher.value, options)
    except re2.error as error:
        said = error.args[0]
        return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return None


def _check_selector(query: str, node: Selector, *, is_free: bool) -> None:
    for matcher in node.matchers:
        if (wrong := check_regex(matcher)) is not None:
            raise parse_error(query, node.start, f"error parsing regexp: {wrong}: `{matcher.value}`")
    for matchers in node.alternatives:
        if node.name:
            for matcher in matchers[:-1]:
                if matcher.name == METRIC_NAME:
                    raise parse_error(
                        query,
                        node.start,
                        f"metric name must not be set twice: {quoted(node.name)} or {quoted(matcher.value)}",
                    )
        elif not is_free and all(matches(matcher, "") for matcher in matchers):
            raise parse_error(query, node.start, "vector selector must contain at least one non-empty matcher")


def _expect(query: str, node: Node, wanted: str, where: str) -> None:
    if node.type != wanted:
        raise parse_error(
            query, node.start, f"expected type {WRITTEN_TYPE[wanted]} in {where}, got {WRITTEN_TYPE[node.type]}"
        )


def _check_aggregate(query: str, node: Aggregate) -> None:
    _expect(query, node.expression, "vector", "aggregation expression")
    if node.parameter is not None:
        wanted = "string" if node.operator == "count_values" else "scalar"
        _expect(query, node.parameter, wanted, "aggregation parameter")


def _check_call(query: str, node: Call, free_selectors: set[int]) -> None:
    signature = SIGNATURES[node.name]
    count = len(node.arguments)
    if signature.count_min == signature.count_max:
        if count != signature.count_min:
            what = f'expected {signature.count_min} argument(s) in call to "{node.name}", got {count}'
            raise parse_error(query, node.start, what)
    elif count < signature.count_min:
        what = f'expected at least {signature.count_min} argument(s) in call to "{node.name}", got {count}'
        raise parse_error(query, node.start, what)
    elif signature.count_max is not None and count > signature.count_max:
        what = f'expected at most {signature.count_max} argument(s) in call to "{node.name}", got {count}'
        raise parse_error(query, node.start, what)
    if node.name == "info" and count > 1:
        second = node.arguments[1]
        _expect(query, second, "vector", 'call to function "info"')
        if not isinstance(second, Selector):
            raise parse_error(query, second.start, "expected label selectors only")
        if second.name:
            raise parse_error(query, second.start, "expected label selectors only, got vector selector instead")
        free_selectors.add(id(second))
    for index, argument in enumerate(node.arguments):
        _expect(query, argument, signature.type_of(index), f'call to function "{node.name}"')


def _operator_at(query: str, node: Binary) -> int:
    between = query[node.left.end : node.right.start]
    return node.left.end + len(between) - len(between.lstrip())


def _check_binary(query: str, node: Binary) -> None:
    matching = node.matching
    left, right = node.left.type, node.right.type
    if node.is_bool and node.operator not in COMPARISONS:
        raise parse_error(query, _operator_at(query, node), "bool modifier can only be used on comparison operators")
    if node.operator in COMPARISONS and not node.is_bool and left == right == "scalar":
        raise parse_error(query, _operator_at(query, node), "comparisons between scalars must use BOOL modifier")
    if matching is not None and matching.is_on:
        for label in matching.labels:
            if label in matching.include:
                what = f"label {quoted(label)} must not occur in ON and GROUP clause at once"
                raise parse_error(query, _operator_at(query, node), what)
    for side in (node.left, node.right):
        if side.type not in ("scalar", "vector"):
            what = "binary expression must contain only scalar and instant vector types"
            raise parse_error(query, side.start, what)
    is_set = node.operator in SET_OPERATORS
    if left != "vector" or right != "vector":
        if matching is not None and matching.labels:
            raise parse_error(query, node.start, "vector matching only allowed between instant vectors")
        if is_set:
            what = f'set operator "{node.operator}" not allowed in binary scalar expression'
            raise parse_error(query, node.start, what)
        if matching is not None and matching.is_filled:
            what = "filling in missing series only allowed between instant vectors"
            raise parse_error(query, node.start, what)
        node.matching = None
    elif is_set and matching is not None:
        if matching.is_filled:
            raise parse_error(query, node.start, "filling in missing series not allowed for set operators")
        if matching.card != "one-to-one":
            raise parse_error(query, node.start, f'no grouping allowed for "{node.operator}" operation')
        matching.card = "many-to-many"
