"""Plan flip: statistics go wrong, and a statement that asked an index goes over the whole table from one moment on.

The planner is told that a column has one distinct value, as a bad sample or a mistaken `SET (n_distinct)` tells it: it
takes each value for all rows. Nothing else is changed; the index is there and stays good.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.demo_day.injectors.stage import Did, Stage

COLUMNS = (
    ("order_items", "order_id"),
    ("payments", "order_id"),
    ("orders", "user_id"),
    ("events", "user_id"),
)
"""Of each, a statement that comes a few times a second looks for single values by an index."""


@contextmanager
def inject(stage: Stage, chance: int) -> Iterator[Did]:
    """From one ANALYZE to another."""
    table, column = random.Random(chance).choice(COLUMNS)
    _tell(stage, table, f"ALTER COLUMN {column} SET (n_distinct = 1)", column)
    try:
        yield Did(f"statistics say that {table}.{column} has one value", table)
    finally:
        _tell(stage, table, f"ALTER COLUMN {column} RESET (n_distinct)", column)


def _tell(stage: Stage, table: str, what: str, column: str) -> None:
    stage.cluster.execute(f"ALTER TABLE {table} {what}", f"ANALYZE {table} ({column})", database=stage.database)
