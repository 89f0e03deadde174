"""Looks at settings that change how statements run: a change between two looks is an event.

Only names on this list are read: others may hold secrets (primary_conninfo, archive_command). A name that a version
does not have is left out.
"""

from __future__ import annotations

from trimtab.observe.postgres.facts import EventKind, Facts, Moment
from trimtab.observe.postgres.session import Session

WATCHED = (
    *("shared_buffers", "work_mem", "maintenance_work_mem", "hash_mem_multiplier", "temp_buffers", "huge_pages"),
    *("effective_cache_size", "effective_io_concurrency", "random_page_cost", "seq_page_cost", "cpu_tuple_cost"),
    *("cpu_index_tuple_cost", "cpu_operator_cost", "parallel_setup_cost", "parallel_tuple_cost"),
    *(
        "min_parallel_table_scan_size",
        "max_parallel_workers_per_gather",
        "max_parallel_workers",
        "max_worker_processes",
    ),
    *("jit", "jit_above_cost", "plan_cache_mode", "default_statistics_target"),
    *("from_collapse_limit", "recursive_worktable_factor"),
    *("join_collapse_limit", "geqo_threshold", "constraint_exclusion", "cursor_tuple_fraction"),
    *("enable_seqscan", "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan", "enable_nestloop"),
    *("enable_hashjoin", "enable_mergejoin", "enable_sort", "enable_hashagg", "enable_material", "enable_memoize"),
    *("enable_incremental_sort", "enable_partitionwise_join", "enable_partitionwise_aggregate"),
    *("enable_partition_pruning", "enable_gathermerge", "enable_parallel_append", "enable_parallel_hash"),
    *("enable_tidscan", "enable_async_append", "enable_presorted_aggregate", "enable_group_by_reordering"),
    *("enable_distinct_reordering", "enable_self_join_elimination"),
    *("io_method", "io_workers", "io_combine_limit", "recovery_prefetch"),
    *("synchronous_commit", "fsync", "full_page_writes", "wal_level", "wal_compression", "wal_buffers"),
    *("max_wal_size", "min_wal_size", "checkpoint_timeout", "checkpoint_completion_target", "commit_delay"),
    *("autovacuum", "autovacuum_max_workers", "autovacuum_naptime", "autovacuum_vacuum_cost_limit"),
    *("autovacuum_vacuum_scale_factor", "autovacuum_analyze_scale_factor", "vacuum_cost_delay"),
    *("autovacuum_vacuum_max_threshold", "vacuum_buffer_usage_limit"),
    *("max_connections", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"),
    *("idle_session_timeout", "transaction_timeout"),
    *("track_io_timing", "track_activities", "track_activity_query_size", "compute_query_id"),
    *("pg_stat_statements.max", "pg_stat_statements.track", "pg_stat_statements.track_utility"),
)

# Values of this session only (its own timeouts, for example) are not the server's.
_SQL = """
SELECT name, CASE WHEN source = 'session' THEN reset_val ELSE setting END, coalesce(unit, '')
FROM pg_settings WHERE name = ANY(%s)
"""


class SettingLooks:
    """Remembers the last values; keeps them over a reconnect, since a restart is when most settings change."""

    name = "settings"

    def __init__(self) -> None:
        self._before: dict[str, str] | None = None

    def forget(self) -> None:
        """Nothing: values before a gap and after it can be compared."""

    def collect(self, session: Session, moment: Moment) -> Facts:  # noqa: ARG002  (all looks take a moment)
        """An event for each value that changed."""
        rows = session.rows(self.name, _SQL, (list(WATCHED),))
        now = {name: f"{value} {unit}".strip() for name, value, unit in rows}
        facts = Facts()
        for name in sorted(now) if self._before is not None else ():
            then = (self._before or {}).get(name, "(not there)")
            if then != now[name]:
                facts.say(EventKind.SETTING_CHANGED, f"{name}: {then} → {now[name]}")
        self._before = now
        return facts
