"""Plan flip: a statement that asked an index goes over the whole table from one moment on.

There are two ways. Statistics go wrong: the planner is told that a column has one distinct value, as a bad sample or a
mistaken `SET (n_distinct)` tells it, and takes each value for all rows. Or an index can't be used any more: it is
marked invalid, as a build that broke off leaves it, and marked valid when it is over.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.demo_day.injectors.stage import Did, Stage

MARK = "UPDATE pg_index SET indisvalid = {} WHERE indexrelid = '{}'::regclass"


@dataclass(frozen=True, slots=True)
class Flip:
    """What is done to a table, and what takes it back."""

    table: str
    about: str
    do: tuple[str, ...]
    undo: tuple[str, ...]


def statistics(table: str, column: str) -> Flip:
    """They say that a column has one value."""
    do, undo = (f"ALTER TABLE {table} ALTER COLUMN {column} {what} (n_distinct" for what in ("SET", "RESET"))
    analyze = f"ANALYZE {table} ({column})"
    return Flip(
        table, f"statistics say that {table}.{column} has one value", (do + " = 1)", analyze), (undo + ")", analyze)
    )


def invalid(table: str, index: str) -> Flip:
    """An index can't be used."""
    return Flip(
        table, f"the index {index} can't be used", (MARK.format("false", index),), (MARK.format("true", index),)
    )


FLIPS = (
    statistics("order_items", "order_id"),
    statistics("payments", "order_id"),
    invalid("orders", "orders_user_placed"),
    invalid("events", "events_user_occurred"),
    invalid("products", "products_lower_sku"),
)
"""Of each table, a statement that comes a few times a second looks for few rows by that index."""


@contextmanager
def inject(stage: Stage, chance: int) -> Iterator[Did]:
    """Until it is taken back."""
    flip = random.Random(chance).choice(FLIPS)
    stage.cluster.execute(*flip.do, database=stage.database)
    try:
        yield Did(flip.about, flip.table)
    finally:
        stage.cluster.execute(*flip.undo, database=stage.database)
