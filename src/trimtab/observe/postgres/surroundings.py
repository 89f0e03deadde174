"""What a role meets on a server beyond its capabilities: how much there is to see, and what stands between.

Read once by `trimtab doctor`, never by the watch.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.system import Capability
from trimtab.sql.connect import OWN_MARK, Connection
from trimtab.sql.identifiers import quoted
from trimtab.sql.role_script import TEMP_FILE_LIMIT

TABLES_MAX = 20_000
"""Privileges are asked of so many tables at most."""

_SQL = f"""
SELECT {OWN_MARK}
    current_database()::text, current_user::text, pg_is_in_recovery(), pg_backend_pid(),
    (SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = current_user),
    (SELECT count(*) FROM pg_stat_user_tables),
    (SELECT coalesce(sum(c.relpages::int8), 0) * current_setting('block_size')::int8
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')::int8,
    EXISTS (SELECT FROM (SELECT relid FROM pg_stat_user_tables LIMIT {TABLES_MAX}) t
            WHERE has_table_privilege(t.relid, 'INSERT, UPDATE, DELETE, TRUNCATE')),
    (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = 'pg_stat_statements'),
    current_setting('temp_file_limit')
"""

_SESSIONS_SQL = f"""
SELECT {OWN_MARK} count(*), count(*) FILTER (WHERE query ~ '\\$[0-9]'),
    count(*) FILTER (WHERE query ~* '^\\s*(select|insert|update|delete|with)')
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND application_name NOT LIKE 'trimtab%'
"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Numbers and names of one server, as one role sees them. `statements_count` is None where they cannot be read.

    `sessions_binding_count`: of `sessions_telling_count` sessions whose last statement is a query, so many bind their
    parameters (`$1`), so that no literals are seen.
    """

    database: str
    role: str
    is_standby: bool
    is_pooled: bool
    is_powerful: bool
    tables_count: int
    tables_bytes: int
    may_write: bool
    sessions_count: int
    sessions_telling_count: int
    sessions_binding_count: int
    statements_count: int | None
    statements_calls: int | None
    temp_file_limit: str
    """'-1': there is none."""


def look_around(connection: Connection, *, statements_readable: bool) -> Surroundings:
    """Three round trips; changes nothing. `statements_readable`: pg_stat_statements can be asked without an error."""
    row = connection.execute(_SQL.encode()).fetchone() or ()
    database, role, is_standby, backend_pid, is_powerful, tables, size_bytes, may_write, schema, temp_limit = row
    sessions, binding, telling = connection.execute(_SESSIONS_SQL.encode()).fetchone() or (0, 0, 0)
    statements: tuple[int | None, int | None] = (None, None)
    if statements_readable and schema:
        query = (
            f"SELECT {OWN_MARK} count(*), coalesce(sum(calls), 0)::int8 FROM {schema}.pg_stat_statements(false)"
            " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        found = connection.execute(query.encode()).fetchone()
        statements = (None, None) if found is None else (int(found[0]), int(found[1]))
    return Surroundings(
        database=database,
        role=role,
        is_standby=is_standby,
        is_pooled=backend_pid != connection.info.backend_pid,
        is_powerful=is_powerful,
        tables_count=tables,
        tables_bytes=size_bytes,
        may_write=may_write,
        sessions_count=sessions,
        sessions_telling_count=telling,
        sessions_binding_count=binding,
        statements_count=statements[0],
        statements_calls=statements[1],
        temp_file_limit=temp_limit,
    )


def notices(seen: Surroundings) -> tuple[Capability, ...]:
    """What a person should know about these surroundings, as checks beside the capabilities."""
    return (
        Capability(
            "direct_connection",
            not seen.is_pooled,
            "session settings and timeouts that last",
            "a pooler stands between: its process ids are not the server's" if seen.is_pooled else "no pooler between",
            "-- connect to the server's own port, not to the pooler's" if seen.is_pooled else None,
        ),
        Capability(
            "primary",
            not seen.is_standby,
            "statistics of the server that takes the writes, and changes",
            "this is a standby: its statistics are its own, and indexes are built on its primary"
            if seen.is_standby
            else "the server takes writes",
        ),
        _least_rights(seen),
        _temp_files(seen),
    )


def _temp_files(seen: Surroundings) -> Capability:
    name, needed = "temp_file_limit", "probes, and statements run for their plans, that cannot fill the disk"
    if seen.temp_file_limit != "-1":
        return Capability(name, True, needed, f"{seen.temp_file_limit} for each session of role {seen.role}")
    detail = f"role {seen.role} may write temporary files without end: a large sort goes on until its time-out"
    sql = f"ALTER ROLE {quoted(seen.role)} SET temp_file_limit = '{TEMP_FILE_LIMIT}';"
    return Capability(name, False, needed, detail, sql)


def _least_rights(seen: Surroundings) -> Capability:
    name, needed = "least_rights", "a watch that could not change anything even if it tried"
    if seen.is_powerful:
        detail = f"role {seen.role} is a superuser, or may make roles or pass row security: more than looking needs"
        return Capability(name, False, needed, detail, "-- make a role that can only look: trimtab roles")
    if seen.may_write:
        detail = f"role {seen.role} may write to tables (trimtab's sessions are read-only all the same)"
        return Capability(name, False, needed, detail, "-- make a role that can only look: trimtab roles")
    return Capability(name, True, needed, f"role {seen.role} can only look")
