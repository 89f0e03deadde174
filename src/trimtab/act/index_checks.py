"""What must be true of a PostgreSQL before an index is built: one function per check, in the order they are shown.

A check that cannot be made (a statistic that the role may not see, a disk on another machine) is `passed=None`
and says so: that is not a pass, and does not block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trimtab.act.catalogue import Connection, TableFacts, indexes_of, name_taken, table_facts, table_size
from trimtab.act.index_identity import equal_index, make_undo
from trimtab.model.change import Change, CheckResult
from trimtab.model.errors import ApplyFailed, StatementRefused, TrimtabError
from trimtab.model.policy import GuardPolicy
from trimtab.sql.allowlist import check as check_statement
from trimtab.sql.database_identity import Comparison, DatabaseIdentity, compare_live, identity_of
from trimtab.sql.versions import about, build_flaw, is_known, refusal

Measure = Callable[[str], int | None]
"""A figure about a system's machine that SQL does not show; None where it is not known."""
WhoIsWatched = Callable[[str], DatabaseIdentity | None]
"""Which database answers to the watch of a system, asked now; None where there is no watch. May raise."""

_VERSION = """
SELECT current_setting('server_version_num')::int4, current_setting('server_version'), version(),
       current_setting('max_prepared_transactions')::int4
"""
_PID = "SELECT pg_backend_pid()"
_RECOVERY = "SELECT pg_is_in_recovery()"
_SEES_ALL = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
_LOCKS = """
SELECT l.mode::text, l.granted, coalesce(a.backend_type, 'unknown'), l.pid::int
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.relation = %s AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                 'AccessExclusiveLock')
  AND NOT (coalesce(a.backend_type, '') = 'autovacuum worker'
           AND coalesce(a.query, '') NOT LIKE '%%(to prevent wraparound)%%')
ORDER BY l.pid LIMIT 20
"""
_OLDEST = """
SELECT extract(epoch FROM clock_timestamp() - a.xact_start)::float8, a.pid::int, coalesce(a.state, 'unknown')
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
  AND a.backend_type NOT IN ('autovacuum worker', 'autovacuum launcher')
ORDER BY a.xact_start LIMIT 1
"""
_PREPARED = """
SELECT extract(epoch FROM clock_timestamp() - max(prepared))::float8, count(*),
       extract(epoch FROM clock_timestamp() - min(prepared))::float8
FROM pg_prepared_xacts WHERE database = current_database()
"""
_SLOTS = """
SELECT slot_name::text, greatest(age(xmin), age(catalog_xmin)) FROM pg_replication_slots
WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL) ORDER BY slot_name LIMIT 20
"""
_ACTIVE = """
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
  AND application_name NOT LIKE 'trimtab%'
"""
_LAG = """
SELECT count(*), max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::int8, count(replay_lsn)
FROM pg_stat_replication WHERE state IN ('streaming', 'catchup')
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What a check may use. `table` is None when the table does not exist; `sees_all` is pg_read_all_stats."""

    connection: Connection
    change: Change
    limits: GuardPolicy
    table: TableFacts | None
    sees_all: bool
    free_bytes: int | None
    cpus_count: int | None
    watched: WhoIsWatched

    def number(self, query: str) -> int:
        """The single number that a fixed query gives."""
        row = self.connection.execute(query.encode()).fetchone()
        return 0 if row is None or row[0] is None else int(row[0])


def nobody(_system: str) -> DatabaseIdentity | None:
    """There is no watch to compare with."""
    return None


def compare_with_watched(connection: Connection, system: str, watched: WhoIsWatched) -> Comparison:
    """Whether the session is in the database that is watched; a watch that does not answer counts as another one."""
    try:
        seen = watched(system)
    except TrimtabError as error:
        return Comparison(False, f"it cannot be seen whether changes go to the watched database: {error.message}")
    if seen is None:
        return Comparison(None, "there is no watch to compare the connection for changes with")
    return compare_live(seen, identity_of(connection))


def run_checks(
    connection: Connection,
    change: Change,
    limits: GuardPolicy,
    free_bytes: Measure,
    cpus_count: Measure,
    watched: WhoIsWatched,
) -> tuple[CheckResult, ...]:
    """All checks of `CHECKS`; those about the table are left out when it does not exist."""
    definition = change.proposal.index
    row = connection.execute(_SEES_ALL).fetchone()
    look = Look(
        connection,
        change,
        limits,
        table_facts(connection, definition.schema, definition.table),
        row is not None and bool(row[0]),
        free_bytes(change.system),
        cpus_count(change.system),
        watched,
    )
    return tuple(result for check in CHECKS for result in check(look))


def _version(look: Look) -> Iterator[CheckResult]:
    """A version that builds wrongly is refused; one that nobody tried is not held against it."""
    row = look.connection.execute(_VERSION.encode()).fetchone() or (0, "unknown", "", 0)
    version_num, version, banner, prepared_max = int(row[0]), str(row[1]), str(row[2]), int(row[3])
    problem = refusal(version_num, banner) or build_flaw(version_num, prepared_max)
    passed = False if problem is not None else True if is_known(version_num) else None
    message = problem or about(version_num, version)
    yield CheckResult("server_version", passed, version, "builds correctly", message)


def _direct(look: Look) -> Iterator[CheckResult]:
    """The lock and the time-outs of a build belong to a session, which a pooler gives to others in between."""
    announced, real = look.connection.info.backend_pid, look.number(_PID)
    message = (
        "no pooler stands between" if announced == real else "a pooler or proxy stands between: no session is ours"
    )
    observed = "a pooler" if announced != real else "the server itself"
    yield CheckResult("direct_connection", announced == real, observed, "the server itself", message)


def _same_database(look: Look) -> Iterator[CheckResult]:
    compared = compare_with_watched(look.connection, look.change.system, look.watched)
    observed = {True: "the watched one", False: "another one", None: "not compared"}[compared.same]
    yield CheckResult("same_database", compared.same, observed, "the watched one", compared.message)


def _server(look: Look) -> Iterator[CheckResult]:
    row = look.connection.execute(_RECOVERY).fetchone()
    standby = row is not None and bool(row[0])
    message = "the server is a standby: an index is built on its primary" if standby else "the server takes writes"
    yield CheckResult("server_writable", not standby, "in recovery" if standby else "primary", "primary", message)


def _table(look: Look) -> Iterator[CheckResult]:
    relation = look.change.proposal.index.relation
    table = look.table
    if table is None:
        yield CheckResult("table", False, "absent", "a plain table", f"there is no table {relation}")
        return
    problem = {
        "p": f"{relation} is partitioned: PostgreSQL cannot build concurrently on a parent, only on each partition",
        "f": f"{relation} is a foreign table: its indexes are on the other server",
        "v": f"{relation} is a view",
    }.get(table.kind)
    if problem is None and table.kind not in ("r", "m"):
        problem = f"{relation} is not a table (relkind {table.kind})"
    if problem is None and table.persistence == "t":
        problem = f"{relation} is a temporary table of another session"
    message = problem or f"{relation} can be indexed concurrently"
    yield CheckResult("table", problem is None, f"relkind {table.kind}", "relkind r or m", message)


def _privilege(look: Look) -> Iterator[CheckResult]:
    if look.table is None:
        return
    table, schema = look.table, look.change.proposal.index.schema
    lacking = []
    if not table.may_own:
        lacking.append(f"membership in {table.owner}, the owner of the table")
    if not table.may_create:
        lacking.append(f"CREATE on schema {schema}")
    message = f"the changing role lacks {' and '.join(lacking)}" if lacking else "the role may build and drop here"
    yield CheckResult("privilege", not lacking, "lacking" if lacking else "held", "owner and CREATE", message)


def _statement(look: Look) -> Iterator[CheckResult]:
    if look.table is None:
        return
    try:
        undo = make_undo(look.change, look.table, ())
        check_statement(undo.statement)
    except (StatementRefused, ApplyFailed) as error:
        yield CheckResult("statement", False, "refused", "on the allow-list", error.message)
        return
    yield CheckResult("statement", True, "allowed", "on the allow-list", undo.statement)
    taken = name_taken(look.connection, undo.schema, undo.index_name)
    message = f"{undo.schema}.{undo.index_name} {'is taken already' if taken else 'is free'}"
    yield CheckResult("name_free", not taken, "taken" if taken else "free", "free", message)


def _no_equal_index(look: Look) -> Iterator[CheckResult]:
    if look.table is None:
        return
    equal = equal_index(look.change.proposal.index, look.table, indexes_of(look.connection, look.table.oid))
    message = "no index like it exists" if equal is None else f"index {equal} is the same"
    yield CheckResult("no_equal_index", equal is None, equal or "none", "none", message)


def _blast_radius(look: Look) -> Iterator[CheckResult]:
    if look.table is None:
        return
    relation = look.change.proposal.index.relation
    size = table_size(look.connection, look.table.oid)
    limit = look.limits.blast_radius_bytes_max
    if size.size_bytes is None:
        message = f"{relation} is locked exclusively, and its size cannot be read"
        yield CheckResult("blast_radius_bytes", None, "not visible", f"{limit} B", message)
    else:
        message = f"{relation} takes {size.size_bytes} bytes, the limit is {limit}"
        yield CheckResult("blast_radius_bytes", size.size_bytes <= limit, f"{size.size_bytes} B", f"{limit} B", message)
    limit = look.limits.blast_radius_rows_max
    message = f"{relation} has about {size.rows_count} rows, the limit is {limit}"
    yield CheckResult(
        "blast_radius_rows", size.rows_count <= limit, f"{size.rows_count} rows", f"{limit} rows", message
    )
    limit = look.limits.blast_radius_indexes_max
    count = len(indexes_of(look.connection, look.table.oid))
    message = f"{relation} has {count} indexes already, and gets no further one at {limit}"
    yield CheckResult("blast_radius_indexes", count < limit, f"{count} indexes", f"fewer than {limit}", message)


def _size(look: Look) -> Iterator[CheckResult]:
    size, limit = look.change.proposal.size_bytes, look.limits.index_size_bytes_max
    message = f"the index is expected to take {size} bytes, the limit is {limit}"
    yield CheckResult("index_size", size <= limit, f"{size} B", f"{limit} B", message)


def _disk(look: Look) -> Iterator[CheckResult]:
    needed = int(look.change.proposal.size_bytes * look.limits.disk_free_factor_min)
    limit = f"{needed} B ({look.limits.disk_free_factor_min:g} times the index)"
    if look.free_bytes is None:
        message = "the server's disk is not on this machine, and SQL does not show free space"
        yield CheckResult("disk_free", None, "not visible", limit, message)
        return
    message = f"{look.free_bytes} bytes are free, {needed} are needed"
    yield CheckResult("disk_free", look.free_bytes >= needed, f"{look.free_bytes} B", limit, message)


def _locks(look: Look) -> Iterator[CheckResult]:
    if look.table is None:
        return
    rows = look.connection.execute(_LOCKS, (look.table.oid,)).fetchall()
    held = ", ".join(f"{mode} by process {pid} ({kind})" for mode, _, kind, pid in rows)
    message = f"conflicting locks on the table: {held}" if rows else "nobody holds or wants a conflicting lock"
    yield CheckResult("lock_conflicts", not rows, f"{len(rows)} locks", "0 locks", message)


def _long_transactions(look: Look) -> Iterator[CheckResult]:
    limit_s = look.limits.long_transaction_s_max
    if not look.sees_all:
        message = "the changing role is not in pg_read_all_stats: other sessions' transactions are hidden"
        yield CheckResult("long_transactions", None, "not visible", f"{limit_s:g} s", message)
    else:
        row = look.connection.execute(_OLDEST).fetchone()
        age_s = 0.0 if row is None else float(row[0])
        who = "no transaction is open" if row is None else f"process {row[1]} ({row[2]}) is open for {age_s:.0f} s"
        message = f"{who}; the build waits for every transaction that is older than itself"
        yield CheckResult("long_transactions", age_s <= limit_s, f"{age_s:.0f} s", f"{limit_s:g} s", message)
    row = look.connection.execute(_PREPARED).fetchone()
    count = 0 if row is None else int(row[1])
    age_s = 0.0 if row is None or row[2] is None else float(row[2])
    message = f"{count} prepared transactions, the oldest {age_s:.0f} s old; nobody ends them by himself"
    yield CheckResult("prepared_transactions", age_s <= limit_s, f"{age_s:.0f} s", f"{limit_s:g} s", message)


def _slots(look: Look) -> Iterator[CheckResult]:
    rows = look.connection.execute(_SLOTS).fetchall()
    names = ", ".join(f"{name} ({age} transactions back)" for name, age in rows)
    message = f"unused replication slots hold old rows: {names}" if rows else "no unused slot holds old rows"
    yield CheckResult("replication_slots", not rows, f"{len(rows)} slots", "0 slots", message)


def _load(look: Look) -> Iterator[CheckResult]:
    per_cpu = look.limits.active_sessions_per_cpu_max
    active = look.number(_ACTIVE)
    if look.cpus_count is None or not look.sees_all:
        what = "number of CPUs" if look.cpus_count is None else "state of other sessions"
        message = f"{active} sessions are seen active; the {what} is not visible"
        yield CheckResult("load", None, "not visible", f"{per_cpu:g} per CPU", message)
        return
    limit = per_cpu * look.cpus_count
    message = f"{active} active sessions on {look.cpus_count} CPUs, the limit is {limit:g}"
    yield CheckResult("load", active <= limit, f"{active} sessions", f"{limit:g} sessions", message)


def _replicas(look: Look) -> Iterator[CheckResult]:
    limit = look.limits.replica_lag_bytes_max
    row = None
    if not look.number("SELECT pg_is_in_recovery()::int"):
        row = look.connection.execute(_LAG).fetchone()
    if row is None or int(row[0]) == 0:
        yield CheckResult("replica_lag", True, "no replicas", f"{limit} B", "no replica streams from this server")
    elif row[1] is None or int(row[2]) < int(row[0]):
        message = f"{row[0]} replicas stream, but how far they are is hidden from the changing role"
        yield CheckResult("replica_lag", None, "not visible", f"{limit} B", message)
    else:
        message = f"the slowest of {row[0]} replicas is {row[1]} bytes behind, the limit is {limit}"
        yield CheckResult("replica_lag", int(row[1]) <= limit, f"{row[1]} B", f"{limit} B", message)


CHECKS: tuple[Callable[[Look], Iterator[CheckResult]], ...] = (
    _version,
    _direct,
    _same_database,
    _server,
    _table,
    _privilege,
    _statement,
    _no_equal_index,
    _blast_radius,
    _size,
    _disk,
    _locks,
    _long_transactions,
    _slots,
    _load,
    _replicas,
)
