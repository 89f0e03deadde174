"""What trimtab may see on a server, and the exact SQL for what is missing. trimtab itself installs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.system import Capability
from trimtab.observe.postgres.definer import FUNCTION, install_sql
from trimtab.sql.connect import OWN_MARK, Connection
from trimtab.sql.identifiers import quoted

VERSION_MIN, VERSION_MAX = 13, 18
ACTIVITY_TEXT_BYTES_MIN = 4096
"""Shorter `track_activity_query_size` cuts too many statements to take them as samples."""

_SQL = f"""
SELECT {OWN_MARK}
    current_setting('server_version_num')::int4,
    current_setting('server_version'),
    current_user::text,
    pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
    pg_has_role(current_user, 'pg_read_all_settings', 'USAGE'),
    EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'pg_read_all_data'
            AND pg_has_role(current_user, r.oid, 'USAGE')),
    EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'pg_write_all_data'
            AND pg_has_role(current_user, r.oid, 'USAGE')),
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
    EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname || '.' || p.proname = '{FUNCTION}'
            AND has_schema_privilege(n.oid, 'USAGE') AND has_function_privilege(p.oid, 'EXECUTE')),
    (SELECT array_agg(name::text) FROM pg_available_extensions WHERE name IN ('pg_stat_statements', 'hypopg')),
    (SELECT array_agg(extname::text) FROM pg_extension WHERE extname IN ('pg_stat_statements', 'hypopg')),
    EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.max' AND context = 'postmaster'),
    current_setting('pg_stat_statements.track', true),
    CASE WHEN pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
         THEN current_setting('shared_preload_libraries') END,
    current_setting('track_io_timing') = 'on',
    current_setting('track_activities') = 'on',
    current_setting('compute_query_id', true),
    (SELECT setting::int4 FROM pg_settings WHERE name = 'track_activity_query_size')
"""


@dataclass(frozen=True, slots=True)
class _Facts:
    version_num: int
    version: str
    role: str
    reads_statistics: bool
    reads_settings: bool
    reads_data: bool
    writes_data: bool
    is_superuser: bool
    has_function: bool
    available: list[str] | None
    created: list[str] | None
    statements_loaded: bool
    statements_track: str | None
    preload: str | None
    times_io: bool
    tracks_activities: bool
    query_id: str | None
    activity_text_bytes: int

    def has_extension(self, name: str) -> bool:
        return name in (self.created or [])

    def can_create(self, name: str) -> bool:
        return name in (self.available or [])


# A setting of a library that is not loaded stands in pg_settings too, but only a loaded one has the context postmaster.


def probe(connection: Connection) -> tuple[Capability, ...]:
    """Everything trimtab needs and whether it is there; one round trip, changes nothing.

    A missing one has `sql`: what a DBA runs with psql in the watched database (a comment says where the server must
    be restarted).
    """
    row = connection.execute(_SQL.encode()).fetchone()
    facts = _Facts(*(row or ()))
    return (
        _version(facts),
        _statements(facts),
        _statement_texts(facts),
        _plans(facts),
        _plans_of_writes(facts),
        _hypopg(facts),
        _switch("track_io_timing", facts.times_io, "the part of a statement's time that is spent on reading"),
        _switch(
            "track_activities", facts.tracks_activities, "what sessions do and wait for, and samples of statements"
        ),
        _query_id(facts),
        _activity_text(facts),
    )


def _version(facts: _Facts) -> Capability:
    major = facts.version_num // 10_000
    return Capability(
        "server_version",
        VERSION_MIN <= major <= VERSION_MAX,
        "everything",
        f"PostgreSQL {facts.version}; trimtab knows {VERSION_MIN} to {VERSION_MAX}",
    )


def _statements(facts: _Facts) -> Capability:
    name, needed = "pg_stat_statements", "finding slow statements and measuring the effect of changes"
    steps, missing = [], []
    if not facts.can_create(name):
        missing.append("is not installed on the server's machine")
        steps.append("-- first install PostgreSQL's contrib package on the server's machine")
    if not facts.statements_loaded:
        missing.append("is not preloaded")
        others = [quoted_text(s.strip().strip('"')) for s in (facts.preload or "").split(",") if s.strip()]
        if facts.preload is None:
            steps.append("-- keep what SHOW shared_preload_libraries says, and add to it:")
        steps.append(f"ALTER SYSTEM SET shared_preload_libraries = {', '.join([*others, quoted_text(name)])};")
        steps.append("-- then restart the server")
    if facts.statements_track == "none":
        missing.append("is switched off (pg_stat_statements.track = none)")
        steps += ["ALTER SYSTEM SET pg_stat_statements.track = 'top';", "SELECT pg_reload_conf();"]
    if not facts.has_extension(name):
        missing.append("is not created in this database")
        steps.append("CREATE EXTENSION pg_stat_statements;")
    detail = "preloaded and created" if not missing else " and ".join(missing)
    return Capability(name, not missing, needed, detail, "\n".join(steps) or None)


def _statement_texts(facts: _Facts) -> Capability:
    available = facts.reads_statistics and facts.reads_settings
    return Capability(
        "pg_monitor",
        available,
        "seeing the statements, sessions and waits of other roles",
        "may read all statistics" if available else f"role {facts.role} sees its own statements and sessions only",
        None if available else f"GRANT pg_monitor TO {quoted(facts.role)};",
    )


def _plans(facts: _Facts) -> Capability:
    needed = "plans and index advice"
    if facts.reads_data or facts.is_superuser:
        return Capability("plans", True, needed, "may read all data, so EXPLAIN works")
    if facts.has_function:
        return Capability("plans", True, needed, f"through {FUNCTION}")
    detail = f"role {facts.role} may neither read the data nor call {FUNCTION}; the function shows plans but no data"
    return Capability("plans", False, needed, detail, install_sql(facts.role))


def _plans_of_writes(facts: _Facts) -> Capability:
    needed = "plans of INSERT, UPDATE and DELETE, for which EXPLAIN asks for the right to write"
    if facts.has_function:
        return Capability("plans_of_writes", True, needed, f"through {FUNCTION}")
    if facts.is_superuser or (facts.reads_data and facts.writes_data):
        return Capability("plans_of_writes", True, needed, "may write all data, so EXPLAIN works")
    return Capability("plans_of_writes", False, needed, f"{FUNCTION} is not installed", install_sql(facts.role))


def _hypopg(facts: _Facts) -> Capability:
    name, needed = "hypopg", "pricing an index in the real planner before it is built"
    if facts.has_extension(name):
        return Capability(name, True, needed, "created")
    if facts.can_create(name):
        return Capability(name, False, needed, "is not created in this database", "CREATE EXTENSION hypopg;")
    package = f"postgresql-{facts.version_num // 10_000}-hypopg"
    sql = f"-- first install the package {package} on the server's machine\nCREATE EXTENSION hypopg;"
    return Capability(name, False, needed, "is not installed on the server's machine", sql)


def _switch(name: str, is_on: bool, needed: str) -> Capability:
    sql = None if is_on else f"ALTER SYSTEM SET {name} = on;\nSELECT pg_reload_conf();"
    return Capability(name, is_on, needed, "on" if is_on else "off", sql)


def _query_id(facts: _Facts) -> Capability:
    name, needed = "compute_query_id", "knowing which statement a session runs without reading its text"
    if facts.query_id is None:
        return Capability(name, True, needed, "not in this version; statements are matched by their text")
    available = facts.query_id != "off" and (facts.query_id != "auto" or facts.statements_loaded)
    sql = None if available else "ALTER SYSTEM SET compute_query_id = on;\nSELECT pg_reload_conf();"
    return Capability(name, available, needed, facts.query_id, sql)


def _activity_text(facts: _Facts) -> Capability:
    size = facts.activity_text_bytes
    available = size >= ACTIVITY_TEXT_BYTES_MIN
    detail = f"{size} bytes"
    if not available:
        detail += f"; longer statements are cut and cannot be samples (at least {ACTIVITY_TEXT_BYTES_MIN} is better)"
    sql = None if available else "ALTER SYSTEM SET track_activity_query_size = '16kB';\n-- then restart the server"
    return Capability("track_activity_query_size", available, "samples with real parameters for advice", detail, sql)


def quoted_text(text: str) -> str:
    """A string literal in SQL.

    >>> quoted_text("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
