"""Fill the shop: every row is made by the server from the seed, two tables at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import psycopg

from demo.shop.catalogue import FOREIGN_KEYS, INDEXES, rows_at

TABLES_FOLDER = Path(__file__).parent / "tables"
WORKERS_COUNT = 2
OPTIONS = "-c statement_timeout=180s -c synchronous_commit=on -c maintenance_work_mem=128MB -c work_mem=64MB"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Filled:
    """What was made: rows of each table and how long it took."""

    rows: dict[str, int]
    seconds: float

    @property
    def rows_total(self) -> int:
        """All rows together."""
        return sum(self.rows.values())


def _connect(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    """A session that commits synchronously: VACUUM marks no page all-visible whose commit is not on disk yet."""
    connection = psycopg.connect(
        dsn,
        autocommit=True,
        connect_timeout=10,
        cursor_factory=psycopg.ClientCursor,
        application_name="shop fill",
        options=OPTIONS,
    )
    connection.execute("SET client_min_messages = warning")
    return connection


def _table_sql(name: str) -> list[str]:
    text = (TABLES_FOLDER / f"{name}.sql").read_text()
    return [part.strip() for part in text.split(";\n") if part.strip()]


def _make_table(dsn: str, table: str, parameters: dict[str, object], left_out: Collection[str]) -> None:
    with _connect(dsn) as connection:
        connection.execute("SET ROLE shop_owner")
        for statement in _table_sql(table):
            connection.execute(statement.encode(), parameters)
        connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))".encode()
        )
        for index in INDEXES:
            if index.table == table and index.name not in left_out:
                connection.execute(index.ddl.encode())


def _validate_keys(dsn: str, table: str) -> None:
    with _connect(dsn) as connection:
        connection.execute("SET ROLE shop_owner")
        for referencing, column, _ in FOREIGN_KEYS:
            if referencing == table:
                connection.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {table}_{column}_fkey".encode())


def _tidy(dsn: str, command: str, table: str) -> None:
    with _connect(dsn) as connection:
        connection.execute("SET ROLE shop_owner")
        connection.execute(f"{command} {table}".encode())


def _all_done(jobs: list[Future[None]], say: Say, names: list[str]) -> None:
    pending = dict(zip(jobs, names, strict=True))
    while pending:
        done, _ = wait(pending, timeout=0.2, return_when="FIRST_COMPLETED")
        for job in done:
            job.result()
            say(pending.pop(job))


def cancel_all(dsn: str) -> None:
    """End every session of the fill, so that its threads come back at once."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop fill'"
        )


def fill(
    dsn: str,
    seed: int,
    *,
    scale: float = 1.0,
    left_out: Collection[str] = (),
    say: Say = lambda _: None,
) -> Filled:
    """Make tables, rows, indexes and keys in an empty database.

    `dsn` is a superuser's; everything made belongs to `shop_owner`. `left_out` names indexes of the healthy shop
    that are not made. `scale` in (0, 1] shrinks the shop. Raises `psycopg.Error` when the server refuses.
    Interrupted (KeyboardInterrupt and the like), it ends its own sessions on the server before it goes.
    """
    began = time.monotonic()
    rows = rows_at(scale)
    with _connect(dsn) as connection:
        row = connection.execute("SELECT date_trunc('minute', now())::text").fetchone()
        anchor = row[0] if row else "now"
        parameters: dict[str, object] = {"seed": seed, "anchor": anchor, **rows}
        for statement in _table_sql("helpers"):
            connection.execute(statement.encode(), parameters)
        with ThreadPoolExecutor(WORKERS_COUNT, thread_name_prefix="fill") as pool:
            try:
                tables = list(rows)
                made = [pool.submit(_make_table, dsn, table, parameters, left_out) for table in tables]
                _all_done(made, say, [f"{table}: {rows[table]:,} rows" for table in tables])
                for table, column, referenced in FOREIGN_KEYS:
                    connection.execute(
                        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_fkey FOREIGN KEY ({column}) "
                        f"REFERENCES {referenced} (id) NOT VALID".encode()
                    )
                keyed = [table for table in tables if any(table == key[0] for key in FOREIGN_KEYS)]
                checked = [pool.submit(_validate_keys, dsn, table) for table in keyed]
                _all_done(checked, say, [f"{table}: foreign keys checked" for table in keyed])
                # last, since an open transaction anywhere keeps pages from being marked all-visible
                for command in ("VACUUM (FREEZE)", "ANALYZE"):
                    tidied = [pool.submit(_tidy, dsn, command, table) for table in tables]
                    _all_done(tidied, lambda _: None, tables)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                cancel_all(dsn)
                raise
        connection.execute("DROP SCHEMA fill CASCADE")
    return Filled(rows, time.monotonic() - began)
