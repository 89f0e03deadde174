"""How long each table's rows are kept, and which column says how old a row is.

The schema's TTL clauses say the same days; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Retention:
    """`column` holds a row's time, in units of `1 / per_ms` milliseconds."""

    column: str
    days: int
    per_ms: int = 1


RETENTION: dict[str, Retention] = {
    "query_executions": Retention("started_at_ms", 30),
    "query_slices": Retention("started_at_ms", 30),
    "query_shapes": Retention("seen_at_ms", 90),
    "activity_samples": Retention("sampled_at_ms", 7),
    "table_statistics": Retention("sampled_at_ms", 30),
    "index_statistics": Retention("sampled_at_ms", 30),
    "server_statistics": Retention("sampled_at_ms", 30),
    "server_events": Retention("happened_at_ms", 90),
    "query_plans": Retention("seen_at_ms", 30),
    "own_metrics": Retention("sampled_at_ms", 7),
    "own_logs": Retention("logged_at_ms", 7),
    "spans": Retention("started_at_ns", 7, per_ms=1_000_000),
}
"""By table."""
