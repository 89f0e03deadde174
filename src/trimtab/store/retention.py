"""How long each table's rows are kept, and which column says how old a row is.

The schema's TTL clauses say the days of `RetentionPolicy` as it is by default (a test compares them); `keep` makes the
tables say what is set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from trimtab.model.retention import RetentionPolicy

if TYPE_CHECKING:
    from trimtab.store.engine import Engine

DAY_MS = 86_400_000
_DAYS = re.compile(r"toIntervalDay\((\d+)\)")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Retention:
    """`column` holds a row's time, in units of `1 / per_ms` milliseconds. `setting` is the field that says the days."""

    column: str
    days: int
    setting: str
    per_ms: int = 1


def _by(setting: str, column: str, per_ms: int = 1) -> Retention:
    return Retention(column, getattr(RetentionPolicy(), setting), setting, per_ms)


RETENTION: Mapping[str, Retention] = {
    "query_executions": _by("statements_days", "started_at_ms"),
    "query_slices": _by("statements_days", "started_at_ms"),
    "query_shapes": _by("minutes_days", "seen_at_ms"),
    "activity_samples": _by("sessions_days", "sampled_at_ms"),
    "table_statistics": _by("statistics_days", "sampled_at_ms"),
    "index_statistics": _by("statistics_days", "sampled_at_ms"),
    "server_statistics": _by("statistics_days", "sampled_at_ms"),
    "server_events": _by("minutes_days", "happened_at_ms"),
    "query_plans": _by("plans_days", "seen_at_ms"),
    "own_metrics": _by("own_days", "sampled_at_ms"),
    "own_logs": _by("own_days", "logged_at_ms"),
    "objective_slices": _by("objectives_days", "slice_ms"),
    "metric_samples": _by("metrics_days", "at_ms"),
    "metric_starts": _by("metrics_days", "at_ms"),
    "metric_histograms": _by("metrics_days", "at_ms"),
    "metric_exemplars": _by("metrics_days", "at_ms"),
    "metric_minutes_5": _by("metrics_5m_days", "end_ms"),
    "metric_hours": _by("metrics_1h_days", "end_ms"),
    "metric_histogram_minutes_5": _by("metrics_5m_days", "end_ms"),
    "metric_histogram_hours": _by("metrics_1h_days", "end_ms"),
    "log_records": _by("logs_days", "at_ns", per_ms=1_000_000),
    "log_minutes": _by("logs_days", "minute_ms"),
    "log_resources": _by("logs_days", "day_ms"),
    "spans": _by("spans_days", "started_at_ns", per_ms=1_000_000),
    "span_operations": _by("spans_days", "day_ms"),
    "span_resources": _by("spans_days", "day_ms"),
    "span_words": _by("spans_days", "day_ms"),
    "query_minutes": _by("minutes_days", "minute_ms"),
    "slice_minutes": _by("minutes_days", "minute_ms"),
    "span_minutes": _by("span_minutes_days", "minute_ms"),
    "span_calls": _by("span_minutes_days", "minute_ms"),
}
"""By table, as it is where nothing is set."""


def keep(engine: Engine, policy: RetentionPolicy | None) -> Mapping[str, Retention]:
    """Make the tables keep their rows so long (None: as they do); how long each does now.

    The engine drops what is older in the background, also after a crash in between.
    """
    tables = engine.read("SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()")
    found = {row["name"]: _DAYS.search(row["engine_full"]) for row in tables.to_pylist()}
    kept: dict[str, Retention] = {}
    for name, default in RETENTION.items():
        clause = found.get(f"{name}_local", found.get(name))  # on a cluster, what is in front keeps nothing
        days = default.days if clause is None else int(clause[1])
        wanted = days if policy is None else getattr(policy, default.setting)
        if wanted != days:
            engine.write(
                f"ALTER TABLE {name} MODIFY TTL"
                f" toDateTime(intDiv({default.column}, {1000 * default.per_ms})) + INTERVAL {wanted} DAY"
            )
            log.info("retention_changed", table=name, days=wanted, days_before=days)
        kept[name] = replace(default, days=wanted)
    return kept
