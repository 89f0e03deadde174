"""What the store's tests run on here: shards behind the shim, and a real server where CLICKHOUSE_URL names one."""

from __future__ import annotations

import os

URL = "CLICKHOUSE_URL"
REAL: tuple[str, ...] = ("real server",) if os.environ.get(URL) else ()
SPREAD: tuple[int | str, ...] = (2, *REAL)
"""Where rows are spread, or may be."""


def name_of(kind: object) -> str:
    """For people."""
    return {1: "one shard", 2: "two shards"}.get(kind, str(kind)) if isinstance(kind, int) else str(kind)
