"""The one door by which the changing role runs DDL: an allow-list over the parse tree.

Allowed, and nothing else:

* `CREATE INDEX CONCURRENTLY trimtab_… ON schema.table …` (not unique, no options, expressions by their own list),
* `DROP INDEX CONCURRENTLY schema.trimtab_…`,
* `ANALYZE schema.table`,
* `SET lock_timeout | statement_timeout = <ms>` and `SET application_name = 'trimtab/…'`.

What runs is not the text that came in but the tree written out again, so that nothing in the text (a comment, an
odd space, a second reading of a quote) can reach the server.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg
from pglast import ast, parse_sql
from pglast.enums import DropBehavior, ObjectType, SortByDir, SortByNulls, VariableSetKind
from pglast.error import Error as PglastError
from pglast.parser import scan
from pglast.stream import RawStream
from psycopg.pq import TransactionStatus

from trimtab.model.errors import StatementRefused
from trimtab.sql.allowlist_expressions import check_expression, identifier, only, text_of
from trimtab.sql.expressions import essence
from trimtab.sql.identifiers import IDENTIFIER_BYTES_MAX
from trimtab.sql.index_ddl import KEYS_MAX, METHODS

STATEMENT_CHARACTERS_MAX = 10_000
TIMEOUT_MS_MAX = 7 * 24 * 3_600_000
SEARCH_PATH = "pg_catalog, pg_temp"
"""The changing role's search path: functions and operators are the server's own, whatever else is defined."""

_INDEX_NAME = re.compile(r"trimtab_[a-z0-9_]{1,55}")
_APPLICATION_NAME = re.compile(r"trimtab/[a-z0-9/_-]{1,55}")
_OPERATOR_CLASS = re.compile(r"[a-z_][a-z0-9_]*")
_NAME_TOKENS = frozenset({"IDENT", "UIDENT"})
_TIMEOUTS = frozenset({"lock_timeout", "statement_timeout"})


class Kind(StrEnum):
    """What an allowed statement does."""

    CREATE_INDEX = "create_index"
    DROP_INDEX = "drop_index"
    ANALYZE = "analyze"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Allowed:
    """A statement that may run: its kind and the text that is sent."""

    kind: Kind
    text: str


def check(statement: str) -> Allowed:
    """The statement as it will be sent; `StatementRefused` with the reason when it is not on the list.

    >>> check("drop index concurrently public.trimtab_orders_x /* bye */").text
    'DROP INDEX CONCURRENTLY public.trimtab_orders_x'
    >>> check("DROP TABLE public.orders")
    Traceback (most recent call last):
    trimtab.model.errors.StatementRefused: DropStmt with OBJECT_TABLE is not allowed
    """
    tree = _parse(statement)
    rule = _RULES.get(type(tree))
    if rule is None:
        raise StatementRefused(f"{type(tree).__name__} is not on the list", node=type(tree).__name__)
    kind = rule(tree)
    text: str = RawStream()(tree)
    if essence(_parse(text)) != essence(tree):
        raise StatementRefused("the statement could not be written back unchanged")
    return Allowed(kind, text)


def prepare_session(connection: psycopg.Connection[Any]) -> None:
    """Pin the search path; `execute_change` refuses a session without it."""
    connection.execute("SELECT pg_catalog.set_config('search_path', %s, false)", (SEARCH_PATH,))


def execute_change(connection: psycopg.Connection[Any], statement: str) -> None:
    """Run one allowed statement. The session must be in autocommit, idle, prepared, and read strings as we do."""
    allowed = check(statement)
    if not connection.autocommit or connection.info.transaction_status != TransactionStatus.IDLE:
        raise StatementRefused("changes run outside of transactions, on an idle autocommit connection")
    for name, wanted in (("standard_conforming_strings", "on"), ("client_encoding", "UTF8")):
        seen = connection.info.parameter_status(name)
        if seen != wanted:
            raise StatementRefused(f"the session has {name} = {seen}, not {wanted}", setting=name, value=seen)
    row = connection.execute("SELECT pg_catalog.current_setting('search_path')").fetchone()
    if row is None or row[0] != SEARCH_PATH:
        raise StatementRefused("the session's search path is not pinned: call prepare_session first")
    # `binary` makes this the extended protocol, in which the server takes exactly one statement.
    connection.execute(allowed.text.encode(), binary=True)


def _parse(statement: str) -> ast.Node:
    if len(statement) > STATEMENT_CHARACTERS_MAX:
        raise StatementRefused(
            f"the statement has {len(statement)} characters, the limit is {STATEMENT_CHARACTERS_MAX}"
        )
    if "\0" in statement:
        raise StatementRefused("the statement holds a NUL character")
    try:
        statements = parse_sql(statement)
        names = [statement[t.start : t.end + 1] for t in scan(statement) if t.name in _NAME_TOKENS]
    except (PglastError, RecursionError, UnicodeError) as error:
        raise StatementRefused(f"the statement cannot be parsed: {type(error).__name__}") from error
    if any(len(name.strip('"').encode()) > IDENTIFIER_BYTES_MAX for name in names):
        raise StatementRefused(f"a name is longer than {IDENTIFIER_BYTES_MAX} bytes: PostgreSQL would cut it")
    if len(statements) != 1:
        raise StatementRefused(f"exactly one statement is allowed, {len(statements)} were found")
    tree = statements[0].stmt
    if tree is None:
        raise StatementRefused("the statement is empty")
    return tree


def _create_index(tree: ast.IndexStmt) -> Kind:
    only(
        tree, "idxname", "relation", "accessMethod", "indexParams", "indexIncludingParams", "whereClause", "concurrent"
    )
    if not tree.concurrent:
        raise StatementRefused("an index is built CONCURRENTLY or not at all")
    _our_index(tree.idxname)
    _table(tree.relation)
    if tree.accessMethod not in METHODS:
        raise StatementRefused(f"the index method {tree.accessMethod} is not on the list")
    keys, included = tree.indexParams or (), tree.indexIncludingParams or ()
    if not keys or len(keys) + len(included) > KEYS_MAX:
        raise StatementRefused(f"an index has 1 to {KEYS_MAX} columns")
    for element in keys:
        _key(element)
    for element in included:
        only(element, "name", "ordering", "nulls_ordering")
        identifier(element.name, "included column")
        if (element.ordering, element.nulls_ordering) != (SortByDir.SORTBY_DEFAULT, SortByNulls.SORTBY_NULLS_DEFAULT):
            raise StatementRefused("an included column has no order")
    if tree.whereClause is not None:
        check_expression(tree.whereClause)
    return Kind.CREATE_INDEX


def _key(element: ast.IndexElem) -> None:
    only(element, "name", "expr", "opclass", "ordering", "nulls_ordering")
    if element.expr is None:
        identifier(element.name, "column")
    else:
        check_expression(element.expr)
    names = [text_of(part) for part in element.opclass or ()]
    if len(names) > 2 or not all(_OPERATOR_CLASS.fullmatch(name) for name in names):
        raise StatementRefused(f"the operator class {'.'.join(names)} is not allowed")
    if element.ordering == SortByDir.SORTBY_USING:
        raise StatementRefused("an order by an operator is not allowed")


def _drop_index(tree: ast.DropStmt) -> Kind:
    only(tree, "objects", "removeType", "behavior", "concurrent")
    if tree.removeType != ObjectType.OBJECT_INDEX:
        kind = "nothing" if tree.removeType is None else tree.removeType.name
        raise StatementRefused(f"DropStmt with {kind} is not allowed")
    if not tree.concurrent or tree.behavior != DropBehavior.DROP_RESTRICT:
        raise StatementRefused("an index is dropped CONCURRENTLY and without CASCADE")
    objects = tree.objects or ()
    if len(objects) != 1:
        raise StatementRefused("one index is dropped at a time")
    names = [text_of(part) for part in objects[0]]
    if len(names) != 2:
        raise StatementRefused("an index is named as schema.index")
    _schema(names[0])
    _our_index(names[1])
    return Kind.DROP_INDEX


def _analyze(tree: ast.VacuumStmt) -> Kind:
    only(tree, "rels")
    tables = tree.rels or ()
    if len(tables) != 1:
        raise StatementRefused("one table is analyzed at a time")
    only(tables[0], "relation")
    _table(tables[0].relation)
    return Kind.ANALYZE


def _set(tree: ast.VariableSetStmt) -> Kind:
    only(tree, "kind", "name", "args")
    values = tree.args or ()
    if tree.kind != VariableSetKind.VAR_SET_VALUE or len(values) != 1:
        raise StatementRefused("SET takes one value")
    constant = values[0]
    value = constant.val if isinstance(constant, ast.A_Const) else None
    if tree.name in _TIMEOUTS:
        if not isinstance(value, ast.Integer) or not 1 <= (value.ival or 0) <= TIMEOUT_MS_MAX:
            raise StatementRefused(f"{tree.name} takes 1 to {TIMEOUT_MS_MAX} milliseconds as a plain number")
    elif tree.name == "application_name":
        if not isinstance(value, ast.String) or not _APPLICATION_NAME.fullmatch(value.sval or ""):
            raise StatementRefused("application_name must be trimtab/ and what is done")
    else:
        raise StatementRefused(f"SET {tree.name} is not on the list")
    return Kind.SET


def _table(relation: ast.RangeVar | None) -> None:
    if relation is None:
        raise StatementRefused("there is no table")
    only(relation, "schemaname", "relname", "inh", "relpersistence")
    if not relation.inh:
        raise StatementRefused("ONLY is not allowed")
    _schema(relation.schemaname)
    identifier(relation.relname, "table")


def _schema(name: str | None) -> None:
    schema = identifier(name, "schema")
    if schema.startswith("pg_") or schema == "information_schema":
        raise StatementRefused(f"nothing is changed in schema {schema}", schema=schema)


def _our_index(name: str | None) -> None:
    if name is None or not _INDEX_NAME.fullmatch(name):
        raise StatementRefused("an index of ours is named trimtab_ and a-z, 0-9, _ (at most 63 bytes)")


_RULES: Mapping[type, Callable[..., Kind]] = {
    ast.IndexStmt: _create_index,
    ast.DropStmt: _drop_index,
    ast.VacuumStmt: _analyze,
    ast.VariableSetStmt: _set,
}
