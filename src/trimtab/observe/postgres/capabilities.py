"""What trimtab may see on a server, and the exact SQL for what is missing. trimtab itself installs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.system import Capability
from trimtab.observe.postgres.definer import FUNCTION, install_sql
from trimtab.observe.postgres.managed import MARKER_ROLES, Managed, service_of, setting_sql
from trimtab.sql.connect import OWN_MARK, Connection
from trimtab.sql.identifiers import quoted
from trimtab.sql.versions import READ_ALL_DATA, about, read_grant_sql, too_old

ACTIVITY_TEXT_BYTES_MIN = 4096
"""Shorter `track_activity_query_size` cuts too many statements to take them as samples."""
PRELOAD_MORE = """\
-- keeps the libraries that are there, and adds one (psql runs what the query gives):
SELECT format('ALTER SYSTEM SET shared_preload_libraries = %s', string_agg(quote_literal(library), ', ' ORDER BY place))
FROM (SELECT trim(BOTH ' "' FROM library) AS library, place
      FROM unnest(string_to_array(current_setting('shared_preload_libraries'), ','))
           WITH ORDINALITY AS l(library, place)
      UNION ALL SELECT 'pg_stat_statements', 1000) AS libraries
WHERE library <> '' \\gexec"""
"""For a role that may not see which libraries are preloaded: a script must not take the others away."""
TABLES_ASKED_MAX = 1_000
"""Tables whose privileges are looked at: a look must stay cheap on a database with many."""

_CLOSED_SCHEMA = """
    (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
     WHERE e.extname = '{extension}' AND NOT has_schema_privilege(n.oid, 'USAGE'))"""
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
    {_CLOSED_SCHEMA.format(extension="pg_stat_statements")},
    {_CLOSED_SCHEMA.format(extension="hypopg")},
    (SELECT installed_version FROM pg_available_extensions
     WHERE name = 'pg_stat_statements' AND installed_version <> default_version),
    EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.max' AND context = 'postmaster'),
    current_setting('pg_stat_statements.track', true),
    CASE WHEN pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')
         THEN current_setting('shared_preload_libraries') END,
    current_setting('track_io_timing') = 'on',
    current_setting('track_activities') = 'on',
    current_setting('compute_query_id', true),
    (SELECT setting::int4 FROM pg_settings WHERE name = 'track_activity_query_size'),
    ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname IN ({", ".join(f"'{role}'" for role in MARKER_ROLES)})),
    coalesce(current_setting('allow_alter_system', true), 'on') = 'on',
    t.tables_count, t.readable_count, t.schemas
FROM (SELECT count(*)::int4 AS tables_count, (count(*) FILTER (WHERE t.is_readable))::int4 AS readable_count,
             array_agg(DISTINCT t.nspname) FILTER (WHERE NOT t.is_readable) AS schemas
      FROM (SELECT n.nspname::text,
                   has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS is_readable
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
                AND n.nspname NOT IN ('information_schema', 'trimtab')
            LIMIT {TABLES_ASKED_MAX}) t) t
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
    statements_closed_schema: str | None
    hypopg_closed_schema: str | None
    statements_old_version: str | None
    statements_loaded: bool
    statements_track: str | None
    preload: str | None
    times_io: bool
    tracks_activities: bool
    query_id: str | None
    activity_text_bytes: int
    marker_roles: list[str]
    may_alter_system: bool
    tables_count: int
    readable_count: int
    unreadable_schemas: list[str] | None

    @property
    def service(self) -> Managed | None:
        return service_of(self.marker_roles, may_alter_system=self.may_alter_system)

    @property
    def reads_tables(self) -> bool:
        """Every table that there is, by whatever grants."""
        return 0 < self.tables_count == self.readable_count

    def has_extension(self, name: str) -> bool:
        return name in (self.created or [])

    def can_create(self, name: str) -> bool:
        return name in (self.available or [])


# A setting of a library that is not loaded stands in pg_settings too, but only a loaded one has the context postmaster.


def probe(connection: Connection) -> tuple[Capability, ...]:
    """Everything trimtab needs and whether it is there; one round trip, changes nothing.

    A missing one has `sql`: what a DBA runs with psql in the watched database (a comment says where the server must
    be restarted, or what a managed service wants instead). Of a server that is too old nothing but that is said.
    """
    problem = too_old(connection.info.server_version)
    if problem is not None:
        return (Capability("server_version", False, "everything", problem),)
    row = connection.execute(_SQL.encode()).fetchone()
    facts = _Facts(*(row or ()))
    return (
        _version(facts),
        _statements(facts),
        _statement_texts(facts),
        _plans(facts),
        _plans_of_writes(facts),
        _hypopg(facts),
        _switch(facts, "track_io_timing", facts.times_io, "the part of a statement's time that is spent on reading"),
        _switch(
            facts,
            "track_activities",
            facts.tracks_activities,
            "what sessions do and wait for, and samples of statements",
        ),
        _query_id(facts),
        _activity_text(facts),
    )


def _version(facts: _Facts) -> Capability:
    detail = about(facts.version_num, facts.version)
    if facts.service is not None:
        detail += f" ({facts.service.name})"
    return Capability("server_version", True, "everything", detail)


def _statements(facts: _Facts) -> Capability:
    name, needed = "pg_stat_statements", "finding slow statements and measuring the effect of changes"
    steps, missing = [], []
    if not facts.can_create(name):
        missing.append("is not installed on the server's machine")
        steps.append(_first_install(facts, name, "PostgreSQL's contrib package"))
    if not facts.statements_loaded:
        missing.append("is not preloaded")
        others = [quoted_text(s.strip().strip('"')) for s in (facts.preload or "").split(",") if s.strip()]
        libraries = ", ".join([*others, quoted_text(name)])
        if facts.preload is None and facts.service is None:
            steps.append(PRELOAD_MORE)
        else:
            steps.append(setting_sql(facts.service, "shared_preload_libraries", libraries))
        steps.append("-- then restart the server")
    if facts.statements_track == "none":
        missing.append("is switched off (pg_stat_statements.track = none)")
        steps.append(_reloaded(facts, "pg_stat_statements.track", "'top'"))
    if not facts.has_extension(name):
        missing.append("is not created in this database")
        steps.append("CREATE EXTENSION pg_stat_statements;")
    elif facts.statements_closed_schema is not None:
        missing.append(f"is in the schema {facts.statements_closed_schema}, which role {facts.role} may not use")
        steps.append(f"GRANT USAGE ON SCHEMA {facts.statements_closed_schema} TO {quoted(facts.role)};")
    detail = "preloaded and created" if not missing else " and ".join(missing)
    if facts.statements_old_version is not None:
        detail += f"; version {facts.statements_old_version} is older than the server's, ALTER EXTENSION {name} UPDATE"
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
    if facts.reads_tables:
        return Capability("plans", True, needed, "may read every table, so EXPLAIN works")
    detail = f"role {facts.role} may neither read the data nor call {FUNCTION}; the function shows plans but no data"
    if facts.readable_count:
        of = f"the first {facts.tables_count}" if facts.tables_count == TABLES_ASKED_MAX else f"{facts.tables_count}"
        detail = f"role {facts.role} may read {facts.readable_count} of {of} tables, and not call {FUNCTION}"
    return Capability("plans", False, needed, detail, _reading_sql(facts))


def _plans_of_writes(facts: _Facts) -> Capability:
    needed = "plans of INSERT, UPDATE and DELETE, for which EXPLAIN asks for the right to write"
    if facts.has_function:
        return Capability("plans_of_writes", True, needed, f"through {FUNCTION}")
    if facts.is_superuser or (facts.reads_data and facts.writes_data):
        return Capability("plans_of_writes", True, needed, "may write all data, so EXPLAIN works")
    return Capability("plans_of_writes", False, needed, f"{FUNCTION} is not installed", install_sql(facts.role))


def _hypopg(facts: _Facts) -> Capability:
    name, needed = "hypopg", "pricing an index in the real planner before it is built"
    closed = facts.hypopg_closed_schema
    if closed is not None:
        detail = f"is in the schema {closed}, which role {facts.role} may not use"
        return Capability(name, False, needed, detail, f"GRANT USAGE ON SCHEMA {closed} TO {quoted(facts.role)};")
    if facts.has_extension(name):
        return Capability(name, True, needed, "created")
    if facts.can_create(name):
        return Capability(name, False, needed, "is not created in this database", "CREATE EXTENSION hypopg;")
    package = f"the package postgresql-{facts.version_num // 10_000}-hypopg"
    sql = f"{_first_install(facts, name, package)}\nCREATE EXTENSION hypopg;"
    return Capability(name, False, needed, "is not installed on the server's machine", sql)


def _first_install(facts: _Facts, extension: str, package: str) -> str:
    """The comment before CREATE EXTENSION where the server does not offer it."""
    service = facts.service
    if service is None or not service.marker_role:
        return f"-- first install {package} on the server's machine"
    if service.extensions_first is not None:
        return f"-- {service.name}: first {service.extensions_first}"
    return f"-- {service.name} does not offer {extension} on this version; a later one may"


def _reloaded(facts: _Facts, name: str, value: str) -> str:
    """Change a setting that needs no restart."""
    change = setting_sql(facts.service, name, value)
    return change if facts.service is not None else f"{change}\nSELECT pg_reload_conf();"


def _reading_sql(facts: _Facts) -> str:
    """The function, or the plain right to read, which a version before 14 gives schema by schema."""
    install = install_sql(facts.role)
    if READ_ALL_DATA.applies(facts.version_num):
        return install
    grants = read_grant_sql(facts.version_num, facts.role, facts.unreadable_schemas or ("public",))
    other = "\n".join(f"--   {line}" for line in grants.splitlines())
    return f"-- Or let the role read the tables:\n{other}\n{install}"


def _switch(facts: _Facts, name: str, is_on: bool, needed: str) -> Capability:
    sql = None if is_on else _reloaded(facts, name, "on")
    return Capability(name, is_on, needed, "on" if is_on else "off", sql)


def _query_id(facts: _Facts) -> Capability:
    name, needed = "compute_query_id", "knowing which statement a session runs without reading its text"
    if facts.query_id is None:
        return Capability(name, True, needed, "not in this version; statements are matched by their text")
    available = facts.query_id != "off" and (facts.query_id != "auto" or facts.statements_loaded)
    sql = None if available else _reloaded(facts, "compute_query_id", "on")
    return Capability(name, available, needed, facts.query_id, sql)


def _activity_text(facts: _Facts) -> Capability:
    size = facts.activity_text_bytes
    available = size >= ACTIVITY_TEXT_BYTES_MIN
    detail = f"{size} bytes"
    if not available:
        detail += f"; longer statements are cut and cannot be samples (at least {ACTIVITY_TEXT_BYTES_MIN} is better)"
    change = setting_sql(facts.service, "track_activity_query_size", "'16kB'")
    sql = None if available else f"{change}\n-- then restart the server"
    return Capability("track_activity_query_size", available, "samples with real parameters for advice", detail, sql)


def quoted_text(text: str) -> str:
    """A string literal in SQL.

    >>> quoted_text("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
