"""Which series are made of which facts: one table.

Names are postgres_exporter's where it has one for the same thing; what it has no name for begins with
`trimtab_postgres_`. All carry `job="postgres"` and `instance`, the name of the watched system. Units are base units:
facts in milliseconds become seconds.

Statements are not told apart, so that their number never makes the number of series; the own pages have each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from trimtab.store.metrics.block import Labels

JOB = "postgres"
BOUNDS_S = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0),
)
"""Upper bounds of the histogram of statements."""
DURATION = "trimtab_postgres_query_duration_seconds"
WAITS = ("IO", "IPC", "LWLock", "Lock")
"""What running sessions may wait for: 0 from the first look on, so that the first wait of a system is seen as one."""
TABLES_MAX = 100
"""So many tables of a system have series of their own: the biggest."""


@dataclass(frozen=True, slots=True)
class Series:
    """One metric. `scale` makes the base unit of what the fact has."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    scale: float = 1.0


SERVER: Mapping[str, Series] = {
    "connections": Series("trimtab_postgres_connections", "gauge", "Sessions of clients on the server."),
    "connections_active": Series("trimtab_postgres_connections_active", "gauge", "Sessions that run a statement."),
    "connections_idle_in_transaction": Series(
        "trimtab_postgres_connections_idle_in_transaction", "gauge", "Sessions that hold a transaction and do nothing."
    ),
    "connections_max": Series("pg_settings_max_connections", "gauge", "Sessions that the server allows."),
    "oldest_transaction_s": Series(
        "trimtab_postgres_oldest_transaction_seconds", "gauge", "Age of the oldest open transaction of a client."
    ),
    "oldest_snapshot_transactions": Series(
        "trimtab_postgres_oldest_snapshot_transactions", "gauge", "How many transactions the oldest snapshot is back."
    ),
    "prepared_transactions": Series("trimtab_postgres_prepared_transactions", "gauge", "Prepared transactions."),
    "oldest_prepared_transaction_s": Series(
        "trimtab_postgres_oldest_prepared_transaction_seconds", "gauge", "Age of the oldest prepared transaction."
    ),
    "oldest_unfrozen_transactions": Series(
        "trimtab_postgres_oldest_unfrozen_transactions",
        "gauge",
        "Transactions since the oldest row that is not frozen: at 2^31 the server stops taking writes.",
    ),
    "locks_waiting": Series("trimtab_postgres_locks_waiting", "gauge", "Locks that sessions wait for."),
    "lock_wait_ms_max": Series(
        "trimtab_postgres_longest_lock_wait_seconds", "gauge", "How long the longest of them waits.", 0.001
    ),
    "is_replica": Series("pg_replication_is_replica", "gauge", "1 where the server is a replica."),
    "replicas": Series("trimtab_postgres_replicas", "gauge", "Replicas that are connected."),
    "replica_lag_bytes_max": Series(
        "trimtab_postgres_replica_lag_bytes", "gauge", "WAL that the slowest replica has not replayed."
    ),
    "replica_lag_ms_max": Series(
        "trimtab_postgres_replica_lag_seconds", "gauge", "How far the slowest replica is behind.", 0.001
    ),
    "slot_retained_bytes_max": Series(
        "trimtab_postgres_slot_retained_bytes", "gauge", "WAL that the replication slot furthest back retains."
    ),
    "slots_inactive": Series("trimtab_postgres_slots_inactive", "gauge", "Replication slots that nobody reads."),
    "replay_age_ms": Series(
        "pg_replication_lag_seconds", "gauge", "On a replica: age of what was replayed last.", 0.001
    ),
    "database_bytes": Series("pg_database_size_bytes", "gauge", "Size of the database."),
    "transactions_committed": Series("pg_stat_database_xact_commit", "counter", "Transactions that were committed."),
    "transactions_rolled_back": Series(
        "pg_stat_database_xact_rollback", "counter", "Transactions that were rolled back, by error or by wish."
    ),
    "blocks_read": Series("pg_stat_database_blks_read", "counter", "Blocks that were not in shared buffers."),
    "blocks_hit": Series("pg_stat_database_blks_hit", "counter", "Blocks that were in shared buffers."),
    "temporary_bytes": Series("pg_stat_database_temp_bytes", "counter", "Bytes written to temporary files."),
    "deadlocks": Series("pg_stat_database_deadlocks", "counter", "Deadlocks."),
    "recovery_conflicts": Series("pg_stat_database_conflicts", "counter", "Statements cancelled by recovery."),
    "rows_scanned": Series("pg_stat_database_tup_returned", "counter", "Rows that scans went over."),
    "rows_fetched": Series("pg_stat_database_tup_fetched", "counter", "Rows fetched by index."),
    "rows_written": Series("trimtab_postgres_rows_written_total", "counter", "Rows inserted, updated and deleted."),
}
"""By the name of the number in `server_statistics`."""

STATEMENTS: Mapping[str, Series] = {
    "calls": Series("pg_stat_statements_calls_total", "counter", "Statements that were executed."),
    "total_exec_time_ms": Series(
        "pg_stat_statements_seconds_total", "counter", "Time in which statements were executed.", 0.001
    ),
    "rows": Series("pg_stat_statements_rows_total", "counter", "Rows that statements gave or changed."),
    "blk_read_time_ms": Series(
        "pg_stat_statements_block_read_seconds_total", "counter", "Time in which blocks were read.", 0.001
    ),
    "blk_write_time_ms": Series(
        "pg_stat_statements_block_write_seconds_total", "counter", "Time in which blocks were written.", 0.001
    ),
}
"""By the column of `query_executions`."""

TABLES: Mapping[str, Series] = {
    "n_live_tup": Series("pg_stat_user_tables_n_live_tup", "gauge", "Rows that are alive."),
    "n_dead_tup": Series("pg_stat_user_tables_n_dead_tup", "gauge", "Rows that are dead and not vacuumed."),
    "seq_scan": Series("pg_stat_user_tables_seq_scan", "counter", "Scans of the whole table."),
    "idx_scan": Series("pg_stat_user_tables_idx_scan", "counter", "Scans by index."),
    "relation_bytes": Series("pg_table_size_bytes", "gauge", "Size of the table without its indexes."),
}
"""By the column of `table_statistics`."""

UP = Series("pg_up", "gauge", "1 while the server answers, 0 while it does not.")
ACTIVITY = Series("pg_stat_activity_count", "gauge", "Client sessions of the database by state and what they wait for.")
HISTOGRAM = Series(
    DURATION,
    "histogram",
    "How long statements took: the database times executions of one kind together, each look has one mean for them.",
)
PLAN_CHANGES = Series(
    "trimtab_postgres_plan_changes_total",
    "counter",
    "How often a query's plan was found to do other steps than before.",
)
EVERY: tuple[Series, ...] = (
    UP,
    ACTIVITY,
    HISTOGRAM,
    PLAN_CHANGES,
    *SERVER.values(),
    *STATEMENTS.values(),
    *TABLES.values(),
)


def labels(name: str, system: str, **others: str) -> Labels:
    """Labels of one series, sorted by name.

    >>> labels("pg_up", "shop")
    (('__name__', 'pg_up'), ('instance', 'shop'), ('job', 'postgres'))
    """
    pairs = {"__name__": name, "job": JOB, "instance": system, **others}
    return tuple(sorted((key, value) for key, value in pairs.items() if value))
