"""What was noticed: one episode of one series, whoever noticed it, and which fault it may come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.demo_day.truth import Injected, Kind

CALLS, MEAN_MS = "calls_per_s", "mean_ms"
ALL_STATEMENTS = "all statements of the shop"
"""Stands for the text of a shape."""
TOGETHER_MINUTES, SPAN_MINUTES = 2.0, 5.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """`name` is the metric's, `measure` what of it was looked at; of a query shape, `name` is "" and `tables` are its.

    `start_ms`, `end_ms`: its first and last odd sample (Unix ms); `told_ms`: when the API was first seen to have it.
    """

    name: str
    measure: str
    labels: Mapping[str, str]
    tables: tuple[str, ...]
    text: str
    start_ms: int
    end_ms: int
    told_ms: int
    test: str
    score: float
    observed: float
    expected: float | None

    @property
    def series(self) -> str:
        """For people: the metric with the labels that tell it apart, or the statement."""
        if not self.name:
            return f"{self.measure} of {self.text[:60]}"
        left_out = ("__name__", "job", "instance", "service_name", "service_instance_id")
        labels = ",".join(f"{key}={value}" for key, value in sorted(self.labels.items()) if key not in left_out)
        return f"{self.name}{{{labels}}}" if labels else self.name


LATENCY = (
    "traces_span_metrics_duration_seconds_sum",
    "pg_stat_statements_seconds_total",
    "trimtab_postgres_query_duration_seconds_sum",
    "trimtab_postgres_connections_active",
    "pg_stat_activity_count",
    "trimtab_postgres_oldest_(transaction|snapshot).*",
)
"""What becomes slow when the database does, and how many sessions are busy because of it."""
PROCESSOR = (
    "node_cpu_seconds_total",
    "node_load1",
    "node_procs_running",
    "node_pressure_cpu_.*",
    "node_schedstat_.*",
    "namedprocess_namegroup_cpu_seconds_total",
)
CONCERNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.SLOW_DISK: (
        *LATENCY,
        "node_disk_.*",
        "node_pressure_io_.*",
        "node_procs_blocked",
        "node_processes_state",
        "node_vmstat_pg(pgin|pgout|majfault)",
        "node_cpu_seconds_total",
        "pg_stat_statements_block_(read|write)_seconds_total",
        "trimtab_.*(fsync|spool|append|load).*",
    ),
    Kind.LOCK_STORM: (*LATENCY, "trimtab_postgres_(locks_waiting|longest_lock_wait_seconds|connections.*)"),
    Kind.PLAN_FLIP: (
        *LATENCY,
        *PROCESSOR,
        "pg_stat_user_tables_(seq|idx)_scan",
        "pg_stat_database_(tup_returned|tup_fetched|blks_hit|blks_read)",
        "pg_stat_statements_block_read_seconds_total",
        "trimtab_postgres_plan_changes_total",
        "node_disk_(read|reads|io).*",
    ),
    Kind.MEMORY_LEAK: (
        "process_memory_usage.*",
        "namedprocess_namegroup_memory_bytes",
        "node_memory_(MemFree|MemAvailable|AnonPages|Active|Active_anon|Inactive_anon|Committed_AS|AnonHugePages)_bytes",
    ),
    Kind.TRAFFIC_SURGE: (
        *PROCESSOR,
        "traces_span_metrics_calls_total",
        "pg_stat_statements_(calls|rows|seconds)_total",
        "trimtab_postgres_query_duration_seconds_count",
        "pg_stat_database_(xact_commit|tup_.*|blks_.*)",
        "trimtab_postgres_(rows_written_total|connections_active)",
        "pg_stat_user_tables_idx_scan",
        "process_cpu_time.*",
        "node_network_.*",
        "node_netstat_.*",
        "node_context_switches_total",
        "node_intr_total",
        "trimtab_.*(spans|otlp|rows|requests|received).*",
    ),
}
"""Metrics that a fault moves, as patterns of whole names. What is not here does not count as found."""
_PATTERNS = {kind: re.compile("|".join(patterns)) for kind, patterns in CONCERNS.items()}


def concerns(alarm: Alarm, fault: Injected) -> bool:
    """Whether this series is one that the fault moves: of a locked table or a turned plan only statements on it."""
    if not alarm.name:
        match fault.kind:
            case Kind.SLOW_DISK:
                return alarm.measure == MEAN_MS
            case Kind.LOCK_STORM | Kind.PLAN_FLIP:
                return alarm.measure == MEAN_MS and _is_on(fault.table, alarm)
            case Kind.TRAFFIC_SURGE:
                return alarm.measure == CALLS
            case _:
                return False
    if alarm.name == "pg_stat_user_tables_seq_scan" and fault.table:
        return alarm.labels.get("relname") == fault.table
    return _PATTERNS[fault.kind].fullmatch(alarm.name) is not None


def _is_on(table: str, alarm: Alarm) -> bool:
    if alarm.tables:
        return any(one.rpartition(".")[2] == table for one in alarm.tables)
    return re.search(rf"\b{re.escape(table)}\b", alarm.text) is not None


def together(alarms: Sequence[Alarm], minute_ms: float) -> list[list[Alarm]]:
    """Alarms as the page groups them: each begins at most two steps after the one before, all within five minutes.

    On the real clock it is a minute; steps are shorter there.
    """
    groups: list[list[Alarm]] = []
    for alarm in sorted(alarms, key=lambda one: one.start_ms):
        if groups and (
            alarm.start_ms - groups[-1][-1].start_ms <= TOGETHER_MINUTES * minute_ms
            and alarm.start_ms - groups[-1][0].start_ms <= SPAN_MINUTES * minute_ms
        ):
            groups[-1].append(alarm)
        else:
            groups.append([alarm])
    return groups
