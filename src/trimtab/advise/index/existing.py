"""Indexes that are there already, compared with what would be proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pglast import ast, enums

from trimtab.model.errors import StatementRefused
from trimtab.model.index import IndexDefinition
from trimtab.sql.catalog import ExistingIndex, Table
from trimtab.sql.expressions import parsed_expression
from trimtab.sql.scopes import spelled
from trimtab.sql.trees import rebuilt, single_statement, strings, walk

_TEXT_TYPES = frozenset({"text", "varchar", "bpchar", "character varying"})


@dataclass(frozen=True, slots=True)
class _Shape:
    """An index brought into one form: keys as (expression, descending, nulls first, opclass)."""

    method: str
    keys: tuple[tuple[str, bool, bool, str], ...]
    include: frozenset[str]
    predicate: str | None
    columns: frozenset[str]


def same_or_wider(table: Table, definition: IndexDefinition) -> ExistingIndex | None:
    """A valid index that can do all that `definition` could: the same keys first, forwards or backwards."""
    wanted = _shape_of_definition(definition)
    for index in table.indexes:
        there = _shape_of_statement(index.statement) if index.is_valid else None
        if there is not None and _serves(there, wanted):
            return index
    return None


def invalid_twin(table: Table, definition: IndexDefinition) -> ExistingIndex | None:
    """An invalid index of the same definition: the leftover of a build that failed."""
    wanted = _shape_of_definition(definition)
    for index in table.indexes:
        if not index.is_valid and _shape_of_statement(index.statement) == wanted:
            return index
    return None


def covers(there: str, wanted: str) -> bool:
    """Whether one index (as `pg_get_indexdef` writes it) can do all that another of its table can.

    Only where that is sure: not for other methods than B-tree and hash, and not where a collation is written.

    >>> covers("CREATE INDEX a ON t USING btree (x, y)", "CREATE INDEX b ON t USING btree (x)")
    True
    >>> covers("CREATE INDEX a ON t USING btree (x)", "CREATE INDEX b ON t USING btree (x) WHERE y > 0")
    False
    """
    if " COLLATE " in there or " COLLATE " in wanted:
        return False
    wide, narrow = _shape_of_statement(there), _shape_of_statement(wanted)
    if wide is None or narrow is None or narrow.method not in {"btree", "hash"} or wide.predicate != narrow.predicate:
        return False
    return _serves(wide, narrow)


def indexed_columns(table: Table) -> frozenset[str]:
    """Columns that some index depends on (key, INCLUDE, expression or predicate): updating one is never HOT."""
    found: set[str] = set()
    for index in table.indexes:
        shape = _shape_of_statement(index.statement)
        found |= shape.columns if shape is not None else set()
    return frozenset(found)


def columns_of(definition: IndexDefinition) -> frozenset[str]:
    """Every column that an index depends on."""
    return _shape_of_definition(definition).columns


def keys_of(index: ExistingIndex) -> tuple[str, ...]:
    """The keys of an index, as columns or expressions in SQL; empty where its definition cannot be read."""
    shape = _shape_of_statement(index.statement)
    return tuple(name for name, *_ in shape.keys) if shape is not None else ()


@lru_cache(maxsize=4096)
def unique_keys(statement: str) -> frozenset[str]:
    """The key columns of CREATE INDEX; empty for one with an expression or a predicate."""
    try:
        tree = single_statement(statement)
    except StatementRefused:
        return frozenset()
    if not isinstance(tree, ast.IndexStmt) or tree.whereClause is not None:
        return frozenset()
    names = [item.name for item in tree.indexParams or ()]
    return frozenset(str(name) for name in names) if all(names) else frozenset()


def comparable(expression: str) -> str:
    """An expression in the one form in which what is written here and what the server writes back are the same.

    >>> comparable("lower((email)::text)") == comparable("LOWER( email )")
    True
    """
    try:
        return _parts_of(expression)[0]
    except StatementRefused:
        return expression


def _serves(there: _Shape, wanted: _Shape) -> bool:
    if there.method != wanted.method or there.predicate not in {None, wanted.predicate}:
        return False
    if not wanted.include <= there.include | {name for name, *_ in there.keys}:
        return False
    head = there.keys[: len(wanted.keys)]
    turned = tuple((name, not down, not first, opclass) for name, down, first, opclass in head)
    return wanted.keys in (head, turned)


@lru_cache(maxsize=8192)
def _shape_of_definition(definition: IndexDefinition) -> _Shape:
    keys = []
    columns = set(definition.include)
    for key in definition.keys:
        name, used = _parts_of(key.sql) if key.is_expression else (key.sql, frozenset((key.sql,)))
        columns |= used
        nulls_first = key.descending if key.nulls_first is None else key.nulls_first
        keys.append((name, key.descending, nulls_first, (key.opclass or "").split(".")[-1]))
    predicate = None
    if definition.predicate is not None:
        predicate, used = _parts_of(definition.predicate)
        columns |= used
    return _Shape(definition.method, tuple(keys), frozenset(definition.include), predicate, frozenset(columns))


@lru_cache(maxsize=8192)
def _parts_of(expression: str) -> tuple[str, frozenset[str]]:
    """An expression in its comparable form, and the columns in it."""
    tree = parsed_expression(expression)
    return _comparable(tree), frozenset(_columns(tree))


@lru_cache(maxsize=2000)
def _shape_of_statement(statement: str) -> _Shape | None:
    """What `pg_get_indexdef` says; None where our parser does not understand it."""
    try:
        tree = single_statement(statement)
    except StatementRefused:
        return None
    if not isinstance(tree, ast.IndexStmt):
        return None
    keys = []
    columns: set[str] = set()
    for element in tree.indexParams or ():
        if element.name is None:
            columns |= _columns(element.expr)
        else:
            columns.add(str(element.name))
        down = element.ordering == enums.SortByDir.SORTBY_DESC
        default = element.nulls_ordering == enums.SortByNulls.SORTBY_NULLS_DEFAULT
        first = down if default else element.nulls_ordering == enums.SortByNulls.SORTBY_NULLS_FIRST
        name = str(element.name) if element.name is not None else _comparable(element.expr)
        keys.append((name, down, first, (strings(element.opclass) or ("",))[-1]))
    include = frozenset(str(element.name) for element in tree.indexIncludingParams or ())
    predicate = _comparable(tree.whereClause) if tree.whereClause is not None else None
    columns |= include | (_columns(tree.whereClause) if tree.whereClause is not None else set())
    return _Shape(str(tree.accessMethod), tuple(keys), include, predicate, frozenset(columns))


def _columns(tree: ast.Node) -> set[str]:
    return {strings(node.fields)[-1] for node in walk(tree) if isinstance(node, ast.ColumnRef) and strings(node.fields)}


def _comparable(tree: ast.Node) -> str:
    """Text without the casts to text that the server adds when it writes an expression back."""

    def without_cast(node: ast.Node) -> ast.Node | None:
        if isinstance(node, ast.TypeCast) and node.arg is not None and node.typeName is not None:
            names: Sequence[str] = strings(node.typeName.names)
            if names and names[-1] in _TEXT_TYPES and not node.typeName.typmods:
                return rebuilt(node.arg, without_cast)
        return None

    return spelled(rebuilt(tree, without_cast))
