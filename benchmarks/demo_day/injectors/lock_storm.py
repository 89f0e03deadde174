"""Lock storm: sessions that lock a table for writing, one behind the other, each for a second or so.

It is what a bad migration does, or a job that goes over a table in transactions that are too long. Those who write to
the table wait behind them, and those who read do not.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from benchmarks.demo_day.injectors.stage import Did, Stage

SESSIONS = 4
TABLES = ("users", "payments", "products", "orders")
"""Each is written to by a statement of its own request."""
HELD_S = (0.4, 0.9)
END_S = 10.0


@contextmanager
def inject(stage: Stage, chance: int) -> Iterator[Did]:
    """Four sessions want the table all the time; each has it for 0.4 to 0.9 s."""
    table = random.Random(chance).choice(TABLES)
    stop = threading.Event()
    dsn = stage.cluster.dsn(stage.database, "shop_app")
    sessions = [
        threading.Thread(target=_want, args=(dsn, table, chance + number, stop), name=f"storm-{number}", daemon=True)
        for number in range(SESSIONS)
    ]
    for session in sessions:
        session.start()
    try:
        yield Did(f"{SESSIONS} sessions lock {table} in turn", table)
    finally:
        stop.set()
        for session in sessions:
            session.join(END_S)


def _want(dsn: str, table: str, chance: int, stop: threading.Event) -> None:
    draws = random.Random(chance)
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5, application_name="migration") as connection:
        connection.execute("SET statement_timeout = '30s'")
        while not stop.is_set():
            with connection.transaction():
                connection.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE".encode())
                stop.wait(draws.uniform(*HELD_S))
