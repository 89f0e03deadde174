"""What queries read from shards, and which of these did not answer: kept for the thread that asks until it takes it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from trimtab.store.engine import Engine, Merge, Parameters

if TYPE_CHECKING:
    import pyarrow as pa


class _Missing(threading.local):
    def __init__(self) -> None:
        self.reasons: dict[str, None] = {}


_MISSING = _Missing()


def gathered(engine: Engine, sql: str, parameters: Parameters | None = None, merge: Merge | None = None) -> pa.Table:
    """Columns of numbers from all shards that answer."""
    found = engine.gather(sql, parameters, merge, is_wide=True)
    _MISSING.reasons |= dict.fromkeys(found.missing)
    return found.table


def taken() -> tuple[str, ...]:
    """Why what this thread read since the last call is not everything."""
    reasons, _MISSING.reasons = _MISSING.reasons, {}
    return tuple(reasons)
