"""Which tables have their rows spread over the shards of a store, and by what: they are large. All others are on the
first shard. Who reads one of these gathers (`Engine.gather`); who inserts takes a shard's own rows (`SHARD(…)`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

SPREAD: Mapping[str, str] = {
    "spans": "trace_id",
    "span_minutes": "fingerprint",
    "span_calls": "caller",
    "log_records": "service_name",
    "log_minutes": "pattern",
    "metric_samples": "id",
    "metric_minutes_5": "id",
    "metric_hours": "id",
}
"""By table, the key: rows of one key are on one shard."""


def spread_tables_in(sql: str) -> list[str]:
    """Those that a statement names.

    >>> spread_tables_in("SELECT id FROM metric_samples WHERE id IN (SELECT id FROM metric_series)")
    ['metric_samples']
    """
    words = set(re.findall(r"\w+", sql))
    return [name for name in SPREAD if name in words]
