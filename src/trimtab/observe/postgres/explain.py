"""Plans: EXPLAIN (FORMAT JSON) of one statement, directly or through the function that a DBA installed.

Nothing is executed. Text with `$n` gets a generic plan: by GENERIC_PLAN from version 16 on, before that by PREPARE,
`plan_cache_mode = force_generic_plan` and EXECUTE with NULLs (NULLs alone, without forcing, give a degenerate plan).
"""

from __future__ import annotations

import itertools
import re
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from pglast import ast, parser
from pglast.stream import RawStream
from psycopg import pq

from trimtab.model.errors import PermissionMissing, ServerUnreachable, StatementRefused, TrimtabError
from trimtab.observe.postgres.definer import FUNCTION, install_sql
from trimtab.observe.postgres.disabled import is_burdened, unburdened
from trimtab.sql.connect import OWN_MARK, Connection
from trimtab.sql.trees import single_statement, walk
from trimtab.sql.versions import DISABLED_NODES, GENERIC_PLAN, read_grant_sql

STATEMENT_CHARS_MAX = 200_000
PARAMETERS_MAX = 1_000
SYNTAX_ERROR = "42601"
FORCE_GENERIC_PLAN = f"SELECT {OWN_MARK} pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)"

Plan = dict[str, Any]

_EXPLAINABLE = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)
_WRITING = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt, ast.LockingClause)
_LEADING = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/)*")
_PARAMETER_WITHOUT_TYPE = re.compile(r"\$(\d+)")
_names = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Rights:
    """What a connection's role may do, asked once."""

    role: str
    version_num: int
    reads: bool
    writes: bool
    has_function: bool


_rights: weakref.WeakKeyDictionary[Connection, _Rights] = weakref.WeakKeyDictionary()


def explain(connection: Connection, statement: str | Checked) -> Plan:
    """The plan of one SELECT, INSERT, UPDATE or DELETE: the object with the key "Plan", as the server prices it.

    Who asks for many plans of a statement hands over what `check` said of it. Hypothetical indexes of this connection
    are taken into account. Raises `StatementRefused` (not exactly one such statement, or the server cannot plan it; the
    message has no literal), `PermissionMissing` with the SQL that would help (`facts["grants"]` are the few GRANTs that
    would do as well, "" where only the script of `facts["sql"]` does), or `ServerUnreachable` (lost, or not in time).
    The connection is left as it was found.
    """
    checked = check(statement) if isinstance(statement, str) else statement
    rights = _rights.get(connection) or _ask_rights(connection)
    try:
        plan = _by_any_way(connection, checked, rights)
    except PermissionMissing:
        fresh = _ask_rights(connection)  # a DBA may have helped meanwhile
        if fresh == rights:
            raise
        plan = _by_any_way(connection, checked, fresh)
    if is_burdened(plan) and not DISABLED_NODES.applies(rights.version_num) and _forbids_nodes(connection):
        return unburdened(plan)
    return plan


def may_plan_writes(connection: Connection) -> bool:
    """Whether `explain` can plan INSERT, UPDATE and DELETE here; where not, trying would only fill the server's log."""
    rights = _rights.get(connection) or _ask_rights(connection)
    return rights.has_function or (rights.reads and rights.writes)


def _by_any_way(connection: Connection, checked: Checked, rights: _Rights) -> Plan:
    """The way that should work first, then the other one: a refusal leaves an error in the server's log."""
    allowed = rights.reads and (rights.writes or not checked.writes)
    ways: list[Callable[[Connection, str, int, _Rights], Plan]] = [_directly]
    if rights.has_function:
        ways.insert(1 if allowed else 0, _through_function)
    refusals: list[str] = []
    for way in ways:
        try:
            try:
                return way(connection, checked.text, checked.parameters_count, rights)
            except StatementRefused as error:
                if error.facts.get("sqlstate") != SYNTAX_ERROR or checked.plain == checked.text:
                    raise
            return way(connection, checked.plain, checked.parameters_count, rights)
        except PermissionMissing as error:
            refusals.append(error.message)
    raise PermissionMissing(
        f"role {rights.role} may not plan this statement: {'; '.join(refusals)}",
        sql=install_sql(rights.role),
        grants="" if checked.writes else read_grant_sql(rights.version_num, rights.role, _schemas(checked)),
    )


def _schemas(checked: Checked) -> tuple[str, ...]:
    """The schemas that a statement names, `public` where it names none."""
    named = (node.schemaname for node in walk(single_statement(checked.text)) if isinstance(node, ast.RangeVar))
    return tuple(dict.fromkeys(str(name) for name in named if name)) or ("public",)


def _directly(connection: Connection, text: str, parameters_count: int, rights: _Rights) -> Plan:
    if parameters_count == 0:
        return _run(connection, f"EXPLAIN (FORMAT JSON) {text}")
    if (
        GENERIC_PLAN.applies(rights.version_num)
        and connection.info.parameter_status("standard_conforming_strings") == "on"
    ):
        # GENERIC_PLAN needs the simple protocol, which would run several statements: the parser has seen one.
        return _run(connection, f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {text}", simple=True)

    def of_call(call: str) -> Plan:
        return _run(connection, f"EXPLAIN (FORMAT JSON) {call}", guarded=True)

    return _prepared(connection, text, parameters_count, of_call)


def _through_function(connection: Connection, text: str, parameters_count: int, _unused: _Rights) -> Plan:
    def of_call(call: str) -> Plan:
        return _run(connection, query, (call,), guarded=True)

    query = f"SELECT {OWN_MARK} {FUNCTION}(%s)"
    if parameters_count == 0:
        return _run(connection, query, (text,))
    return _prepared(connection, text, parameters_count, of_call)


def _prepared(connection: Connection, text: str, parameters_count: int, plan: Callable[[str], Plan]) -> Plan:
    """A generic plan by PREPARE and EXECUTE; the prepared statement is always removed.

    A parameter whose type the server cannot find is declared as text, one at a time.
    """
    types = ["unknown"] * parameters_count
    while True:
        name = f"trimtab_plan_{next(_names)}"
        is_prepared = False
        try:
            with connection.transaction():
                _execute(connection, f"PREPARE {name} ({', '.join(types)}) AS {text}", guarded=True)
                is_prepared = True
                _execute(connection, FORCE_GENERIC_PLAN, guarded=True)
                return plan(f"EXECUTE {name}({', '.join(['NULL'] * parameters_count)})")
        except StatementRefused as error:
            number = error.facts.get("parameter")
            if not isinstance(number, int) or not 1 <= number <= parameters_count or types[number - 1] == "text":
                raise
            types[number - 1] = "text"
        finally:
            if is_prepared and not connection.closed:
                _execute(connection, f"DEALLOCATE {name}")


def _run(
    connection: Connection,
    query: str,
    values: tuple[str, ...] | None = None,
    *,
    simple: bool = False,
    guarded: bool = False,
) -> Plan:
    rows = _execute(connection, query, values, simple=simple, guarded=guarded)
    plans: list[Plan] = rows[0][0]
    return plans[0]


def _execute(
    connection: Connection,
    query: str,
    values: tuple[str, ...] | None = None,
    *,
    simple: bool = False,
    guarded: bool = False,
) -> list[tuple[Any, ...]]:
    """Run one command by the extended protocol (which refuses several), in a savepoint unless `guarded`."""
    idle = connection.info.transaction_status == pq.TransactionStatus.IDLE
    is_safe = guarded or (connection.autocommit and idle)
    guard: AbstractContextManager[object] = nullcontext() if is_safe else connection.transaction()
    try:
        with guard:
            cursor = connection.execute(query.encode(), values, binary=not simple)
            return cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        raise _translated(error, connection) from None


def _translated(error: psycopg.Error, connection: Connection) -> TrimtabError:
    """The error without the statement's text. Messages of class 42 name tables and columns; others may quote values."""
    code = error.sqlstate or ""
    words = error.diag.message_primary if code.startswith(("42", "0A", "3F")) else None
    words = words or type(error).__name__
    if connection.closed or code.startswith(("08", "57P")) or not code:
        return ServerUnreachable(f"the connection was lost while planning: {type(error).__name__}")
    if code in ("57014", "55P03"):
        return ServerUnreachable(f"the server did not plan the statement in time ({words})", sqlstate=code)
    if code in ("42501", "3F000") or (code == "42883" and FUNCTION in words):
        return PermissionMissing(words, sqlstate=code)
    found = _PARAMETER_WITHOUT_TYPE.search(words) if code in ("42P18", "42P08") else None
    return StatementRefused(
        f"the server cannot plan the statement: {words} ({code})",
        sqlstate=code,
        parameter=int(found.group(1)) if found else None,
    )


def _forbids_nodes(connection: Connection) -> bool:
    """Whether a setting of this session forbids a kind of node: else a huge cost is just that."""
    query = f"SELECT {OWN_MARK} count(*) FROM pg_settings WHERE name LIKE 'enable\\_%' AND setting = 'off'"
    return bool(_execute(connection, query)[0][0])


def _ask_rights(connection: Connection) -> _Rights:
    rows = _execute(
        connection,
        f"SELECT {OWN_MARK} current_user::text, current_setting('server_version_num')::int4,"
        " r.rolsuper OR EXISTS (SELECT FROM pg_roles d WHERE d.rolname = 'pg_read_all_data'"
        " AND pg_has_role(r.oid, d.oid, 'USAGE')),"
        " r.rolsuper OR EXISTS (SELECT FROM pg_roles d WHERE d.rolname = 'pg_write_all_data'"
        " AND pg_has_role(r.oid, d.oid, 'USAGE')),"
        " EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        f" WHERE n.nspname || '.' || p.proname = '{FUNCTION}'"
        " AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE'))"
        " FROM pg_roles r WHERE r.rolname = current_user",
    )
    rights = _Rights(*rows[0])
    _rights[connection] = rights
    return rights


@dataclass(frozen=True, slots=True)
class Checked:
    """A statement that may be planned. `plain` is the same in the parser's own spelling: `pg_stat_statements` writes
    `interval $1`, which the server itself does not read; `CAST($1 AS interval)` it does.

    `writes`: planning it takes the right to write.
    """

    text: str
    plain: str
    writes: bool
    parameters_count: int


@lru_cache(maxsize=1_000)
def check(statement: str) -> Checked:
    """The statement, looked at by PostgreSQL's own parser; raises `StatementRefused`.

    >>> check("/* app */ SELECT * FROM t WHERE d > interval $1").plain
    'SELECT * FROM t WHERE d > CAST($1 AS interval)'
    >>> check("SELECT 1; DROP TABLE t")
    Traceback (most recent call last):
    trimtab.model.errors.StatementRefused: only one SELECT, INSERT, UPDATE or DELETE can be planned, not 2 statements
    """
    if len(statement) > STATEMENT_CHARS_MAX or "\0" in statement:
        raise StatementRefused(
            f"the statement has {len(statement)} characters (limit {STATEMENT_CHARS_MAX}) or holds a NUL"
        )
    try:
        found = parser.parse_sql(statement)
    except parser.ParseError:
        raise StatementRefused("PostgreSQL's parser cannot read the statement") from None
    tree = found[0].stmt if len(found) == 1 else None
    if tree is None:
        raise StatementRefused(f"only one SELECT, INSERT, UPDATE or DELETE can be planned, not {len(found)} statements")
    return check_parsed(statement, tree)


def check_parsed(statement: str, tree: ast.Node) -> Checked:
    """As `check`, of a statement whose tree is known."""
    if not isinstance(tree, _EXPLAINABLE):
        raise StatementRefused(f"only one SELECT, INSERT, UPDATE or DELETE can be planned, not {type(tree).__name__}")
    parameters_count, writes = 0, False
    for node in walk(tree, nodes_max=2 * STATEMENT_CHARS_MAX):
        if isinstance(node, ast.ParamRef):
            parameters_count = max(parameters_count, int(node.number or 0))
        elif isinstance(node, _WRITING):
            writes = True
    if parameters_count > PARAMETERS_MAX:
        raise StatementRefused(f"the statement has ${parameters_count}; the limit is ${PARAMETERS_MAX}")
    leading = _LEADING.match(statement)
    text = statement[leading.end() if leading else 0 :]
    plain = str(RawStream()(tree)) if parameters_count else text
    return Checked(text, plain, writes, parameters_count)
