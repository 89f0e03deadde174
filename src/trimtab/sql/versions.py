"""Every difference between PostgreSQL 13 and 18 that trimtab depends on, in one table; nothing else asks for a version.

A difference is known by the server's version number, or, for an extension that may be older than its server, by a
column. `sql` are the two spellings of a fragment of a query; the code that needs it calls `DIFFERENCE.spelled(…)`.
`docs/reference/postgresql-versions.md` is this table with the proof for each version beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from trimtab.sql.identifiers import quoted

VERSION_MIN, VERSION_MAX = 13, 18
"""The oldest and the newest major version that trimtab knows."""

VERSIONS = tuple(range(VERSION_MIN, VERSION_MAX + 1))


@dataclass(frozen=True, slots=True)
class Difference:
    """One change in PostgreSQL: what it is, and what trimtab does `before` it and `after` it (from major `since` on).

    `column` marks a change of pg_stat_statements: its version may lag behind the server's, so its columns are asked.
    """

    name: str
    room: str
    since: int
    change: str
    before: str
    after: str
    sql: tuple[str, str] | None = None
    column: str | None = None

    def applies(self, version_num: int) -> bool:
        """Whether a server with this `server_version_num` has it.

        >>> GENERIC_PLAN.applies(150_018), GENERIC_PLAN.applies(160_000)
        (False, True)
        """
        return version_num >= self.since * 10_000

    def spelled(self, version_num: int) -> str:
        """The fragment for this server.

        >>> ACTIVITY_QUERY_ID.spelled(130_023), ACTIVITY_QUERY_ID.spelled(180_004)
        ('NULL::int8', 'query_id')
        """
        return self._fragments()[self.applies(version_num)]

    def shown_by(self, columns: Collection[str]) -> bool:
        """Whether an extension with these columns has it."""
        return self.column in columns

    def spelled_for(self, columns: Collection[str]) -> str:
        """The fragment for an extension with these columns.

        >>> STATEMENTS_EXEC_TIME.spelled_for({"total_time"})
        'total_time'
        """
        return self._fragments()[self.shown_by(columns)]

    def _fragments(self) -> tuple[str, str]:
        if self.sql is None:
            raise ValueError(f"the difference {self.name} has no SQL")
        return self.sql


# observe: what is read again and again

STATEMENTS_EXEC_TIME = Difference(
    "statements_exec_time",
    "observe",
    13,
    "pg_stat_statements 1.8 renames total_time to total_exec_time",
    "an extension that was not updated after pg_upgrade: total_time is read",
    "total_exec_time is read",
    ("total_time", "total_exec_time"),
    "total_exec_time",
)
STATEMENTS_WAL = Difference(
    "statements_wal",
    "observe",
    13,
    "pg_stat_statements 1.8 counts WAL",
    "an extension that was not updated: WAL bytes are 0",
    "wal_bytes is read",
    ("0::int8", "wal_bytes::int8"),
    "wal_bytes",
)
STATEMENTS_TOPLEVEL = Difference(
    "statements_toplevel",
    "observe",
    14,
    "pg_stat_statements 1.9 keeps nested statements apart (toplevel)",
    "one entry for both levels",
    "entries of both levels are followed apart, then added to one shape",
    ("userid::int8 * 2", "userid::int8 * 2 + toplevel::int4"),
    "toplevel",
)
STATEMENTS_INFO = Difference(
    "statements_info",
    "observe",
    14,
    "pg_stat_statements 1.9 has the view pg_stat_statements_info: evictions and the time of the last reset",
    "a reset is seen by counters that shrink; evictions are not seen",
    "a reset cuts the slice where it happened; evictions are an event",
    column="toplevel",
)
STATEMENTS_IO_TIME = Difference(
    "statements_io_time",
    "observe",
    17,
    "pg_stat_statements 1.11 renames blk_read_time to shared_blk_read_time (and so on), and adds local ones",
    "blk_read_time and blk_write_time are read",
    "shared_blk_read_time and shared_blk_write_time are read: the same meaning",
    ("blk_read_time, blk_write_time", "shared_blk_read_time, shared_blk_write_time"),
    "shared_blk_read_time",
)
STATEMENTS_SINCE = Difference(
    "statements_since",
    "observe",
    17,
    "pg_stat_statements 1.11 tells since when it counts each entry (stats_since)",
    "an entry that was dropped and made anew is known by counters that shrank",
    "an entry that was made anew is known by its age, even when its counters grew",
    ("0::float8", "coalesce(extract(epoch FROM stats_since), 0)::float8"),
    "stats_since",
)
LISTS_SQUASHED = Difference(
    "lists_squashed",
    "observe",
    18,
    "pg_stat_statements makes one entry of lists of any length: IN ($1 /*, ... */)",
    "one entry for each length of a list; the fingerprint is the same for all, so they are one shape",
    "one entry; the fingerprint is the one of older versions",
)
NAMES_NOT_OIDS = Difference(
    "names_not_oids",
    "observe",
    18,
    "query ids come from the names of tables, not from their OIDs",
    "a table that was dropped and made anew has new query ids; the fingerprint stays, so the shape goes on",
    "query ids stay; tables of one name in several schemas are one entry with the text that came first",
)
UTILITY_NORMALISED = Difference(
    "utility_normalised",
    "observe",
    16,
    "pg_stat_statements puts $n into utility statements, too (CALL and SET in 17 and 18)",
    "utility statements are left out, whatever their text",
    "the same",
)
ACTIVITY_QUERY_ID = Difference(
    "activity_query_id",
    "observe",
    14,
    "pg_stat_activity has query_id, and compute_query_id switches it",
    "what a session runs is known by the fingerprint of its text",
    "what a session runs is known by its query id, else by its text",
    ("NULL::int8", "query_id"),
)
LOCK_WAIT_START = Difference(
    "lock_wait_start",
    "observe",
    14,
    "pg_locks has waitstart",
    "how many sessions wait is known, not for how long",
    "the longest wait is read",
    ("NULL", "max(extract(epoch FROM clock_timestamp() - waitstart)) * 1000"),
)
STARTING_STATE = Difference(
    "starting_state",
    "observe",
    18,
    "pg_stat_activity has the state 'starting', and more kinds of processes (io worker)",
    "states and wait events are stored as the server names them; only client backends are counted",
    "the same",
)
IDLE_SESSION_TIMEOUT = Difference(
    "idle_session_timeout",
    "connect",
    14,
    "idle_session_timeout ends sessions that are idle, as the watch is between two looks",
    "nothing to do",
    "switched off in trimtab's own sessions",
    ("", "idle_session_timeout"),
)
TRANSACTION_TIMEOUT = Difference(
    "transaction_timeout",
    "connect",
    17,
    "transaction_timeout ends a session whose transaction lasts too long, a phase of an index build included",
    "nothing to do",
    "switched off in trimtab's own sessions, which have their own limits",
    ("", "transaction_timeout"),
)

ALTER_SYSTEM = Difference(
    "alter_system",
    "connect",
    17,
    "allow_alter_system = off forbids ALTER SYSTEM (as operators of Kubernetes do)",
    "missing settings are told as ALTER SYSTEM, or as what a managed service wants instead",
    "they are told as settings to be changed where the server's operator keeps them",
)

# explain

GENERIC_PLAN = Difference(
    "generic_plan",
    "explain",
    16,
    "EXPLAIN (GENERIC_PLAN) takes text with $n",
    "PREPARE, plan_cache_mode = force_generic_plan, EXPLAIN EXECUTE with NULLs, DEALLOCATE",
    "GENERIC_PLAN",
)
DISABLED_NODES = Difference(
    "disabled_nodes",
    "explain",
    18,
    "a node that enable_… forbids is marked Disabled; before, 10,000,000,000 was added to its cost",
    "that sum is taken out of every cost again, and the node is marked as 18 does it",
    "costs are as they are",
)
FRACTIONAL_ROWS = Difference(
    "fractional_rows",
    "explain",
    18,
    "EXPLAIN ANALYZE tells actual rows with two decimals (0.50), and Index Searches",
    "actual rows are read as floats",
    "the same",
)
BUFFERS_BY_DEFAULT = Difference(
    "buffers_by_default",
    "explain",
    18,
    "EXPLAIN ANALYZE tells buffers without being asked",
    "BUFFERS is asked for by name",
    "the same",
)
SUBPLAN_NAMES = Difference(
    "subplan_names",
    "explain",
    17,
    "conditions name the output of a subplan: (InitPlan 1).col1 instead of $0",
    "a condition that cannot stand alone is refused by the server, and its share of rows is not estimated",
    "a condition that our parser refuses is treated the same",
)
MERGE = Difference(
    "merge",
    "explain",
    15,
    "MERGE; with RETURNING from 17 on",
    "nothing to do",
    "counted as a shape of its own; no plan and no advice, since no SELECT is known that finds its rows",
)

# the catalogue

NEVER_ANALYSED = Difference(
    "never_analysed",
    "catalogue",
    14,
    "pg_class.reltuples is -1 before the first ANALYZE; before, 0 as for an empty table",
    "0 rows in 0 pages count as never analysed",
    "-1 counts as never analysed",
    ("bool_and(l.reltuples = 0 AND l.relpages = 0)", "bool_and(l.reltuples < 0)"),
)
LOCALE_PROVIDER = Difference(
    "locale_provider",
    "catalogue",
    15,
    "a database may sort by ICU (15) or by the built-in provider (17): pg_database.datlocprovider",
    "a database sorts as datcollate says",
    "only libc's C and POSIX and the built-in provider sort by bytes, so that LIKE 'x%' needs no operator class",
    (
        "d.datcollate IN ('C', 'POSIX')",
        "(d.datlocprovider = 'b' OR d.datlocprovider = 'c' AND d.datcollate IN ('C', 'POSIX'))",
    ),
)
DATABASE_COUNTERS_AGE = Difference(
    "database_counters_age",
    "catalogue",
    15,
    "pg_stat_database.stats_reset is empty until somebody resets it; counters survive a restart as before",
    "counters are as old as stats_reset says",
    "counters are as old as those of the WAL (pg_stat_wal.stats_reset), which began with the cluster or its last crash",
    ("NULL::timestamptz", "(SELECT w.stats_reset FROM pg_stat_wal w)"),
)
VIRTUAL_COLUMNS = Difference(
    "virtual_columns",
    "catalogue",
    18,
    "generated columns are virtual unless STORED: they have no statistics and cannot be indexed",
    "every generated column is stored, and indexed like another",
    "a virtual column is no candidate for an index, and the reason names it",
    ("false", "a.attgenerated = 'v'"),
)
NULLS_NOT_DISTINCT = Difference(
    "nulls_not_distinct",
    "catalogue",
    15,
    "UNIQUE NULLS NOT DISTINCT",
    "nothing to do",
    "such an index serves queries as another one does; trimtab builds no unique index",
)
SKIP_SCAN = Difference(
    "skip_scan",
    "advise",
    18,
    "a B-tree on (a, b) may be used for b alone (skip scan), so an index that is there helps more queries",
    "candidates are priced by the server's own planner",
    "the same: the price of today's plan already has the skip scan in it, and nothing is proposed that gains little",
)
HYPOPG_VERSION = Difference(
    "hypopg_version",
    "advise",
    16,
    "HypoPG 1.4.0 is the first for 16, 1.4.1 for 17, 1.4.2 for 18",
    "HypoPG 1.1.4 or later (1.3.1 is tested)",
    "without HypoPG no advice, and the SQL that would give it is said",
)

# rights

READ_ALL_DATA = Difference(
    "read_all_data",
    "rights",
    14,
    "the roles pg_read_all_data and pg_write_all_data",
    "SELECT on every table, schema by schema, with default privileges for tables to come",
    "GRANT pg_read_all_data; SELECT on every table does as well",
)
ROLE_OPTIONS = Difference(
    "role_options",
    "rights",
    16,
    "a membership may be without INHERIT or SET, and CREATEROLE gives less",
    "only a right that is in force without SET ROLE counts (pg_has_role … 'USAGE')",
    "the same; who makes trimtab_explain without being superuser becomes its member for the time of the script",
)
PUBLIC_CREATE = Difference(
    "public_create",
    "rights",
    15,
    "only the database's owner may CREATE in the schema public",
    "CREATE on the table's schema is checked before a build",
    "the same; it is lacking more often",
)
MAINTAIN = Difference(
    "maintain",
    "rights",
    17,
    "the privilege MAINTAIN and the role pg_maintain: ANALYZE without owning the table",
    "the changing role must be a member of the table's owner, which a build needs anyway",
    "the same: MAINTAIN alone lets nobody build an index",
)

# act

CONCURRENT_BUILDS = Difference(
    "concurrent_builds",
    "act",
    14,
    "a concurrent build does not wait for concurrent builds on other tables any more (14.0 to 14.3 did it wrongly)",
    "every transaction that is older counts before a build",
    "the same; servers of 14.0 to 14.3 are refused, since an index built there may lack rows",
)
PREPARED_TRANSACTIONS = Difference(
    "prepared_transactions",
    "act",
    14,
    "a concurrent build waits for prepared transactions (mended in 13.5 and 14.1)",
    "13.0 to 13.4 are refused where max_prepared_transactions allows any",
    "nothing to do from 14.4 on, where builds are allowed at all",
)
MAINTENANCE_SEARCH_PATH = Difference(
    "maintenance_search_path",
    "act",
    17,
    "index builds and ANALYZE run with the search_path pg_catalog, pg_temp",
    "the changing session has that search_path anyway, and only the server's own functions may stand in an index",
    "the same",
)

DIFFERENCES: tuple[Difference, ...] = (
    STATEMENTS_EXEC_TIME,
    STATEMENTS_WAL,
    STATEMENTS_TOPLEVEL,
    STATEMENTS_INFO,
    STATEMENTS_IO_TIME,
    STATEMENTS_SINCE,
    LISTS_SQUASHED,
    NAMES_NOT_OIDS,
    UTILITY_NORMALISED,
    ACTIVITY_QUERY_ID,
    LOCK_WAIT_START,
    STARTING_STATE,
    IDLE_SESSION_TIMEOUT,
    TRANSACTION_TIMEOUT,
    ALTER_SYSTEM,
    GENERIC_PLAN,
    DISABLED_NODES,
    FRACTIONAL_ROWS,
    BUFFERS_BY_DEFAULT,
    SUBPLAN_NAMES,
    MERGE,
    NEVER_ANALYSED,
    LOCALE_PROVIDER,
    DATABASE_COUNTERS_AGE,
    VIRTUAL_COLUMNS,
    NULLS_NOT_DISTINCT,
    SKIP_SCAN,
    HYPOPG_VERSION,
    READ_ALL_DATA,
    ROLE_OPTIONS,
    PUBLIC_CREATE,
    MAINTAIN,
    CONCURRENT_BUILDS,
    PREPARED_TRANSACTIONS,
    MAINTENANCE_SEARCH_PATH,
)

NOT_READ: Mapping[str, str] = {
    "pg_stat_checkpointer (17), pg_stat_bgwriter": "checkpoints are not read",
    "pg_stat_io (16), pg_stat_wal": "read and write times come from pg_stat_statements, by statement",
    "pg_stat_statements: planning, jit (15), local and temporary I/O times (15, 17), parallel workers (18)": (
        "not stored: nothing is decided on them"
    ),
    "pg_stat_all_tables: last_seq_scan (16), n_tup_newpage_upd (16), total_vacuum_time (18)": "not stored",
    "pg_attribute.attstattarget is NULL for the default (17)": "not read",
    "EXPLAIN (SERIALIZE, MEMORY) (17), WAL": "not asked for",
    "pg_replication_slots: conflicting (16), inactive_since (17)": "what a slot holds back is read, as ever",
    "NOT NULL as a constraint, NOT VALID (18)": "nothing is concluded from NOT NULL",
    "io_method and its workers (18)": "settings are watched by name; those that a server lacks are left out",
}
"""What changed, too, and why it does not matter here."""


def refusal(version_num: int, banner: str) -> str | None:
    """Why a server is not watched at all: it is too old, or no PostgreSQL (`banner` is its version()).

    >>> refusal(120_022, "PostgreSQL 12.22 on x86_64-pc-linux-gnu")
    'PostgreSQL 12.22 is older than 13, the oldest that trimtab knows'
    >>> refusal(130_000, "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu)")
    'the server says that it is CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu): trimtab knows PostgreSQL 13 to 18'
    >>> refusal(190_000, "PostgreSQL 19devel on x86_64-pc-linux-gnu") is None
    True
    """
    if not banner.startswith(("PostgreSQL", "EnterpriseDB")):
        return f"the server says that it is {banner[:100]}: trimtab knows PostgreSQL {VERSION_MIN} to {VERSION_MAX}"
    return too_old(version_num)


def too_old(version_num: int) -> str | None:
    """Why a version is too old, None where it is not."""
    if version_num < VERSION_MIN * 10_000:
        return f"PostgreSQL {readable(version_num)} is older than {VERSION_MIN}, the oldest that trimtab knows"
    return None


def is_known(version_num: int) -> bool:
    """Whether trimtab was made for this version."""
    return VERSION_MIN <= version_num // 10_000 <= VERSION_MAX


def about(version_num: int, version: str) -> str:
    """The version as people write it, and whether trimtab knows it; `version` may hold a packager's words.

    >>> about(160_004, "16.4 (Debian 16.4-1.pgdg120+1)")
    'PostgreSQL 16.4 (Debian 16.4-1.pgdg120+1); trimtab knows 13 to 18'
    >>> about(190_000, "19devel")
    'PostgreSQL 19devel is newer than 18, the newest that trimtab knows: it is watched as if it were one, untested'
    """
    if version_num // 10_000 > VERSION_MAX:
        return (
            f"PostgreSQL {version} is newer than {VERSION_MAX}, the newest that trimtab knows: it is watched as if it"
            " were one, untested"
        )
    return f"PostgreSQL {version}; trimtab knows {VERSION_MIN} to {VERSION_MAX}"


def readable(version_num: int) -> str:
    """A version number as people write it.

    >>> readable(130_005), readable(90_624)
    ('13.5', '9.6.24')
    """
    first, second = divmod(version_num, 10_000)
    return f"{first}.{second}" if first >= 10 else f"{first}.{second // 100}.{second % 100}"


def build_flaw(version_num: int, prepared_transactions_max: int) -> str | None:
    """Why an index that this server builds concurrently may lack rows; None where nothing of the kind is known.

    >>> build_flaw(140_003, 0)
    'PostgreSQL 14.3 may build an index concurrently that lacks rows; mended in 14.4'
    >>> build_flaw(130_004, 0), build_flaw(140_004, 10), build_flaw(180_004, 10)
    (None, None, None)
    """
    mended = None
    if 140_000 <= version_num < 140_004:
        mended = "14.4"
    elif version_num < 130_005 and prepared_transactions_max > 0:
        mended = "13.5"
    if mended is None:
        return None
    what = " where transactions are prepared" if mended == "13.5" else ""
    return (
        f"PostgreSQL {readable(version_num)} may build an index concurrently that lacks rows{what}; mended in {mended}"
    )


def session_timeouts(version_num: int) -> tuple[str, ...]:
    """Settings beyond trimtab's own that could end one of its sessions; it sets them to 0 for itself.

    >>> session_timeouts(130_000), session_timeouts(170_000)
    ((), ('idle_session_timeout', 'transaction_timeout'))
    """
    return tuple(d.spelled(version_num) for d in (IDLE_SESSION_TIMEOUT, TRANSACTION_TIMEOUT) if d.applies(version_num))


def read_grant_sql(version_num: int, role: str, schemas: Sequence[str] = ("public",)) -> str:
    """What gives a role the right to read every table, as a DBA would run it in the watched database.

    >>> print(read_grant_sql(130_000, "watch"))
    GRANT USAGE ON SCHEMA public TO watch;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO watch;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO watch;
    >>> read_grant_sql(140_000, "watch")
    'GRANT pg_read_all_data TO watch;'
    """
    name = quoted(role)
    if READ_ALL_DATA.applies(version_num):
        return f"GRANT pg_read_all_data TO {name};"
    return "\n".join(
        line
        for schema in map(quoted, schemas)
        for line in (
            f"GRANT USAGE ON SCHEMA {schema} TO {name};",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name};",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {name};",
        )
    )
