"""One plan as it may be stored: how the server would run a statement now, and, where that is allowed, how it ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from pglast import ast

from trimtab.model.errors import ServerUnreachable, StatementRefused, TrimtabError
from trimtab.observe.postgres.explain import Plan, explain, may_plan_writes
from trimtab.observe.postgres.plan_facts import nodes, stored_plan, structure_hash
from trimtab.observe.postgres.run_safety import why_not_run
from trimtab.sql.catalog_reader import extra_schemas
from trimtab.sql.connect import OWN_MARK, Connection
from trimtab.sql.explainable import explainable
from trimtab.sql.identifiers import quoted
from trimtab.sql.trees import single_statement

REAL, GENERIC = "a statement seen with real parameters", "a generic plan: no complete statement was seen"
ROWS_ONLY = ", of which only the search for its rows is planned"
NOT_ASKED = "only estimates: [plans] analyze is off"
_ELSEWHERE = frozenset({"Foreign Scan", "Custom Scan", "ModifyTable", "LockRows"})
"""Steps that do more than read here, or are done elsewhere."""

_SETTINGS = f"""
    SELECT {OWN_MARK} name, current_setting(name) FROM pg_catalog.pg_settings
     WHERE source NOT IN ('default', 'override') AND setting ~ '^[a-z0-9.+-]*$'
       AND (category LIKE 'Query Tuning%' OR name IN ('work_mem', 'hash_mem_multiplier', 'max_parallel_workers'))
     ORDER BY name"""


@dataclass(frozen=True, slots=True)
class CapturedPlan:
    """A plan without literals. `plan` is PostgreSQL's own form, reduced to what `plan_facts` keeps.

    `structure` is the same for plans that do the same steps. `source` says what was planned, `why_no_actuals` why there
    are only estimates ('' where the statement was run), `settings` which of the planner's settings are not the default
    (in trimtab's session: an application's role may have others).
    """

    plan: dict[str, Any]
    structure: str
    has_actuals: bool
    source: str
    why_no_actuals: str
    settings: dict[str, str]


def capture(
    connection: Connection, text: str, sample: str | None, *, analyze: bool, analyze_timeout_ms: int
) -> CapturedPlan:
    """The plan of `sample` (a complete statement with real literals), else the generic plan of `text` with its `$n`.

    With `analyze`, a sample that can do nothing but read is run once, within the time. For a connection of its own: the
    session's search_path is extended. Raises `StatementRefused`, `PermissionMissing` or `ServerUnreachable`; no message
    has a literal.
    """
    statement, source = (sample, REAL) if sample is not None else (text, GENERIC)
    try:
        tree = single_statement(statement)
        _extend_search_path(connection, extra_schemas(connection, tree))
        planned = statement
        if not isinstance(tree, ast.SelectStmt) and not may_plan_writes(connection):
            planned, source = explainable(statement), source + ROWS_ONLY
        settings = {str(name): str(value) for name, value in connection.execute(_SETTINGS.encode()).fetchall()}
        plan = explain(connection, planned)
        ran, why = None, NOT_ASKED
        if analyze:
            ran, why = run_for_plan(connection, statement, plan, analyze_timeout_ms)
    except psycopg.Error as error:
        raise _translated(error) from None
    found = stored_plan(ran or plan)
    return CapturedPlan(found, structure_hash(found), ran is not None, source, why, settings)


def run_for_plan(connection: Connection, statement: str, plan: Plan, timeout_ms: int) -> tuple[Plan | None, str]:
    """EXPLAIN ANALYZE in a transaction that may not write, or why not. `plan` is what EXPLAIN said of it."""
    strange = next((n["Node Type"] for n in nodes(plan["Plan"]) if n["Node Type"] in _ELSEWHERE), None)
    reason = f"it was not run: its plan has a {strange}" if strange else _refusal(connection, statement)
    if reason is not None:
        return None, reason
    try:
        with connection.transaction(force_rollback=True):
            limits = f"SELECT {OWN_MARK} set_config('statement_timeout', %s, true)"
            connection.execute(limits.encode(), (str(timeout_ms),))
            query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
            row = connection.execute(query.encode(), binary=True).fetchone()
    except psycopg.errors.QueryCanceled:
        return None, f"it was run and did not end in {timeout_ms} ms"
    except psycopg.errors.LockNotAvailable:
        return None, "it was not run: a lock stood in its way"
    except psycopg.Error as error:
        if connection.closed:
            raise
        return None, f"it could not be run ({error.sqlstate} {type(error).__name__})"
    if row is None:
        return None, "the server gave no plan"
    ran: Plan = row[0][0]
    return ran, ""


def _refusal(connection: Connection, statement: str) -> str | None:
    if connection.execute(f"SELECT {OWN_MARK} current_setting('transaction_read_only')".encode()).fetchone() != ("on",):
        return "it was not run: the session may write"
    reason = why_not_run(connection, statement)
    return None if reason is None else f"it was not run: {reason}"


def _extend_search_path(connection: Connection, schemas: tuple[str, ...]) -> None:
    """Put schemas behind the session's own: the application's search_path is not ours."""
    if schemas:
        path = "concat_ws(', ', current_setting('search_path'), %s::text)"
        query = f"SELECT {OWN_MARK} set_config('search_path', {path}, false)"
        connection.execute(query.encode(), (", ".join(quoted(schema) for schema in schemas),))


def _translated(error: psycopg.Error) -> TrimtabError:
    """Without the server's words: they may quote a value."""
    code = error.sqlstate or ""
    words = f"could not take a plan: {code} {type(error).__name__}".replace("  ", " ")
    if code in ("57014", "55P03") or code.startswith(("08", "57P")) or not code:
        return ServerUnreachable(words, sqlstate=code)
    return StatementRefused(words, sqlstate=code)
