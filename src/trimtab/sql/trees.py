"""Walking and rebuilding parse trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pglast import ast, parse_sql
from pglast.error import Error as PglastError

from trimtab.model.errors import StatementRefused

_set = object.__setattr__

STATEMENT_CHARACTERS_MAX = 200_000
NODES_MAX = 50_000


def single_statement(text: str) -> ast.Node:
    """The parse tree of the one statement in `text`.

    Raises `StatementRefused` where the parser refuses it or where it is not exactly one; the text itself is never
    part of the message, since it may hold private literals.
    """
    if len(text) > STATEMENT_CHARACTERS_MAX:
        raise StatementRefused(
            f"the statement has {len(text)} characters, the limit is {STATEMENT_CHARACTERS_MAX}", characters=len(text)
        )
    try:
        statements = parse_sql(text)
    except (PglastError, RecursionError) as error:
        place = error.args[1] if isinstance(error, PglastError) and len(error.args) > 1 else None
        raise StatementRefused("PostgreSQL's parser refuses the statement", character=place) from None
    if len(statements) != 1 or statements[0].stmt is None:
        raise StatementRefused(f"one statement was wanted, {len(statements)} were found")
    statement: ast.Node = statements[0].stmt
    return statement


def without_surroundings(text: str) -> str:
    """The one statement of a text without the semicolons, comments and blanks that stand outside of it.

    >>> without_surroundings("-- why\\nSELECT 1; -- and no more"), without_surroundings("SELECT 1 -- inside")
    ('SELECT 1', 'SELECT 1 -- inside')
    """
    single_statement(text)
    found = parse_sql(text)[0]
    start, length = found.stmt_location or 0, found.stmt_len or len(text)
    return text[start : start + length].strip()


def walk(tree: object, nodes_max: int = NODES_MAX) -> Iterator[ast.Node]:
    """Every node, parents before children; raises `StatementRefused` where there are more than `nodes_max`.

    >>> [type(node).__name__ for node in walk(single_statement("SELECT 1"))]
    ['SelectStmt', 'ResTarget', 'A_Const', 'Integer']
    """
    waiting: list[object] = [tree]
    count = 0
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Node):
            count += 1
            if count > nodes_max:
                raise StatementRefused(f"the statement has more than {nodes_max} parse nodes")
            yield item
            below = [value for name in _names_below(item) if (value := getattr(item, name, None)) is not None]
            waiting += below[::-1]
        elif isinstance(item, tuple):
            waiting += item[::-1]


_below: dict[type, tuple[str, ...]] = {}


def _names_below(node: ast.Node) -> tuple[str, ...]:
    """The attributes of a kind of node that may hold nodes: the others are numbers, texts and flags."""
    kind = type(node)
    names = _below.get(kind)
    if names is None:
        slots: Mapping[str, tuple[str, object, object]] = getattr(kind, "__slots__")  # noqa: B009 - no typing knows it
        holders = (name for name, (of, *_) in slots.items() if of == "ValUnion" or (of[-1] == "*" and of != "char*"))
        names = _below[kind] = tuple(holders)
    return names


def column_named(name: str) -> ast.ColumnRef:
    """A bare reference to a column."""
    text, found = ast.String.__new__(ast.String), ast.ColumnRef.__new__(ast.ColumnRef)
    _set(text, "sval", name)
    _set(found, "fields", (text,))
    _set(found, "location", None)
    return found


def children(node: ast.Node) -> Iterator[ast.Node]:
    """The nodes directly below, tuples opened."""
    waiting = [getattr(node, name, None) for name in _names_below(node)]
    while waiting:
        item = waiting.pop(0)
        if isinstance(item, ast.Node):
            yield item
        elif isinstance(item, tuple):
            waiting = [*item, *waiting]


def rebuilt(tree: ast.Node, replace: Callable[[ast.Node], ast.Node | None]) -> ast.Node:
    """A copy in which `replace` may put another node in place of each one; None keeps it and looks below.

    >>> from pglast.stream import RawStream
    >>> def other(node):
    ...     return ast.ColumnRef(fields=(ast.String(sval="b"),)) if isinstance(node, ast.ColumnRef) else None
    >>> RawStream()(rebuilt(single_statement("SELECT a + 1 FROM t"), other))
    'SELECT b + 1 FROM t'
    """
    new = replace(tree)
    if new is not None:
        return new
    kind = type(tree)
    copy: ast.Node = kind.__new__(kind)
    for name in tree:  # past the checks of each value's type: they take most of the time, and the values are a tree's
        value = getattr(tree, name)
        _set(copy, name, value if value is None else _rebuilt_value(value, replace))
    return copy


def _rebuilt_value(value: Any, replace: Callable[[ast.Node], ast.Node | None]) -> Any:
    if isinstance(value, ast.Node):
        return rebuilt(value, replace)
    if isinstance(value, tuple):
        return tuple(_rebuilt_value(item, replace) for item in value)
    return value


def strings(parts: tuple[Any, ...] | None) -> tuple[str, ...]:
    """The texts of a tuple of `String` nodes (a function's or operator's name)."""
    return tuple(str(part.sval) for part in parts or () if isinstance(part, ast.String))


def common_table_names(tree: ast.Node) -> set[str]:
    """The names that WITH clauses give.

    >>> common_table_names(single_statement("WITH a AS (SELECT 1) SELECT * FROM a, b"))
    {'a'}
    """
    return {str(node.ctename) for node in walk(tree) if isinstance(node, ast.CommonTableExpr)}
