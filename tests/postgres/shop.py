"""A small shop on a server of any version: roles, tables, a load whose counts are known."""

from __future__ import annotations

import time
from collections.abc import Mapping

import psycopg

from demo.cluster import Cluster
from tests.postgres.servers import PACKAGED
from trimtab.sql.versions import (
    ACTIVITY_QUERY_ID,
    MERGE,
    NULLS_NOT_DISTINCT,
    READ_ALL_DATA,
    VIRTUAL_COLUMNS,
    read_grant_sql,
)

DATABASE = "shop"
ORDERS = 20_000

SETTINGS: Mapping[str, str] = {
    "shared_buffers": "32MB",
    "fsync": "off",
    "autovacuum": "off",
    "max_prepared_transactions": "4",
    "track_activity_query_size": "16kB",
}

BY_CUSTOMER = "SELECT * FROM orders WHERE customer_id = {}"
BY_LIST = "SELECT count(*) FROM orders WHERE id IN ({})"
WAITING = "SELECT count(*) FROM empty_table WHERE a = 1"
TOUCH = "UPDATE orders SET note = 'touched {0}' WHERE id = {0}"
MERGED = "MERGE INTO orders o USING (VALUES ({})) v(id) ON o.id = v.id WHEN MATCHED THEN UPDATE SET note = 'merged'"


def cluster_of(major: int, settings: Mapping[str, str] | None = None) -> Cluster:
    """A server of that version, not yet made; settings that it does not know are left out."""
    made = Cluster.temporary({**SETTINGS, **(settings or {})})
    made.programs = PACKAGED[major].programs
    if not ACTIVITY_QUERY_ID.applies(major * 10_000):
        made.without = frozenset({"compute_query_id"})
    return made


def make_roles(cluster: Cluster, major: int) -> None:
    """The demo's roles, with the rights that the version has."""
    modern = READ_ALL_DATA.applies(major * 10_000)
    cluster.execute(
        "CREATE ROLE trimtab_watch LOGIN IN ROLE pg_monitor",
        "ALTER ROLE trimtab_watch SET default_transaction_read_only = on",
        "CREATE ROLE shop_owner NOLOGIN",
        "CREATE ROLE shop_app LOGIN",
        "CREATE ROLE trimtab_change LOGIN IN ROLE shop_owner, pg_monitor",
        "CREATE ROLE stranger LOGIN",
    )
    if modern:
        cluster.execute(
            "GRANT pg_read_all_data, pg_write_all_data TO shop_app", read_grant_sql(140_000, "trimtab_watch")
        )


def make_shop(cluster: Cluster, major: int, database: str = DATABASE) -> None:
    """The database with its tables, filled and analysed."""
    number = major * 10_000
    cluster.execute(f"CREATE DATABASE {database}")
    statements = [
        "SET synchronous_commit = on",
        "CREATE SCHEMA tools",
        "GRANT USAGE ON SCHEMA tools TO PUBLIC",
        "CREATE EXTENSION pg_stat_statements SCHEMA tools",
        "ALTER SCHEMA public OWNER TO shop_owner",
        'CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL COLLATE "C", email text)',
        "CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL,"
        " total numeric(10, 2) NOT NULL, note text, created_at timestamptz NOT NULL,"
        " total_cents bigint GENERATED ALWAYS AS ((total * 100)::bigint) STORED)",
        "CREATE TABLE never_analysed (a int, b text)",
        "CREATE TABLE empty_table (a int)",
        "CREATE VIEW open_orders AS SELECT id, customer_id, created_at FROM orders WHERE status = 'open'",
        "CREATE TABLE metrics (host text NOT NULL, at date NOT NULL) PARTITION BY RANGE (at)",
        "CREATE TABLE metrics_1 PARTITION OF metrics FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
        "INSERT INTO customers SELECT i, 'Name ' || i, 'c' || i || '@example.org' FROM generate_series(1, 1000) i",
        "INSERT INTO orders SELECT i, i % 1000, CASE WHEN i % 50 = 0 THEN 'open' ELSE 'done' END, i % 700, 'n',"
        f" timestamptz '2026-01-01' + i * interval '1 min' FROM generate_series(1, {ORDERS}) i",
        "INSERT INTO never_analysed SELECT i, 'b' FROM generate_series(1, 5000) i",
        "INSERT INTO metrics SELECT 'h' || i % 9, '2026-01-15' FROM generate_series(1, 1000) i",
        "CREATE INDEX orders_status_total ON orders (status, total)",
    ]
    if NULLS_NOT_DISTINCT.applies(number):
        statements.append("CREATE UNIQUE INDEX customers_email ON customers (email) NULLS NOT DISTINCT")
    if VIRTUAL_COLUMNS.applies(number):
        statements.append("ALTER TABLE orders ADD COLUMN doubled bigint GENERATED ALWAYS AS (id * 2) VIRTUAL")
    statements += [f"ALTER TABLE {table} OWNER TO shop_owner" for table in ("customers", "orders", "never_analysed")]
    statements += [f"VACUUM ANALYZE {table}" for table in ("customers", "orders", "empty_table", "metrics")]
    if not READ_ALL_DATA.applies(number):
        statements += [
            *read_grant_sql(number, "trimtab_watch").split("\n"),
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop_app",
            "GRANT USAGE ON SCHEMA public TO shop_app",
        ]
    cluster.execute(*statements, database=database)


class Doings:
    """What happens in the shop while somebody looks: the load, a session that waits, and things that hold back."""

    def __init__(self, cluster: Cluster, major: int, database: str = DATABASE) -> None:
        self._cluster, self._major, self._database = cluster, major, database
        self._blocker = psycopg.connect(cluster.dsn(database), autocommit=True)
        self._waiter = psycopg.connect(cluster.dsn(database, "shop_app"), autocommit=True)

    def begin(self) -> None:
        """The load; then an unused slot, a prepared transaction, and a session that waits for a lock."""
        run_load(self._cluster, self._major, self._database)
        self._cluster.execute("SELECT pg_create_physical_replication_slot('unused')")
        for statement in ("BEGIN", "PREPARE TRANSACTION 'left'", "BEGIN", "LOCK empty_table IN ACCESS EXCLUSIVE MODE"):
            self._blocker.execute(statement.encode())
        self._waiter.pgconn.send_query(WAITING.encode())
        deadline_s = time.monotonic() + 10
        while not self._cluster_waits():
            assert time.monotonic() < deadline_s, "nobody waits for the lock"
            time.sleep(0.02)

    def end(self) -> None:
        """Let go of everything."""
        self._blocker.execute("ROLLBACK")
        self._blocker.execute("ROLLBACK PREPARED 'left'")
        while self._waiter.pgconn.get_result() is not None:
            pass
        self._cluster.execute("SELECT pg_drop_replication_slot('unused')")

    def close(self) -> None:
        """Close both sessions."""
        self._waiter.close()
        self._blocker.close()

    def _cluster_waits(self) -> bool:
        row = self._blocker.execute("SELECT /* trimtab */ count(*) FROM pg_locks WHERE NOT granted").fetchone()
        return row is not None and row[0] == 1


def run_load(cluster: Cluster, major: int, database: str = DATABASE) -> None:
    """Statements of `EXPECTED_CALLS`, and some that are left out."""
    with psycopg.connect(cluster.dsn(database, "shop_app"), autocommit=True) as app:
        for number in (5, 6, 7):
            app.execute(BY_CUSTOMER.format(number).encode())
        for numbers in ("1, 2, 3", "4, 5"):
            app.execute(BY_LIST.format(numbers).encode())
        app.execute(TOUCH.format(9).encode())
        if MERGE.applies(major * 10_000):
            app.execute(MERGED.format(9).encode())
        app.execute(b"SET work_mem = '4MB'")
        app.execute(b"SELECT /* trimtab */ count(*) FROM orders")


def expected_calls(major: int) -> dict[str, int]:
    """How often each statement of the load runs, by its text with one literal."""
    calls = {BY_CUSTOMER.format(1): 3, BY_LIST.format(1): 2, TOUCH.format(1): 1}
    return calls | ({MERGED.format(1): 1} if MERGE.applies(major * 10_000) else {})
