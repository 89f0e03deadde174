"""What an index costs its writers and how long its build takes: the figures of `advise/index/costs.toml`.

    python -m benchmarks.index_costs [--rows 400000]

On a private PostgreSQL: single-row inserts and updates in one transaction each round, with 0 to 4 indexes beside the
primary key; then CREATE INDEX CONCURRENTLY. Times are pg_stat_statements' (the backend's own, no network).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import psycopg

from demo.cluster import ROLE_STATEMENTS, Cluster

CALLS = 20_000
INDEXES = ("a", "b", "c", "d")


def total_ms(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> float:
    """Execution time of `CALLS` calls of a statement that takes one number."""
    connection.execute("SELECT pg_stat_statements_reset()")
    with connection.transaction(), connection.pipeline():
        for number in range(CALLS):
            connection.execute(statement.encode(), [number])
    row = connection.execute(
        "SELECT sum(total_exec_time) FROM pg_stat_statements WHERE query LIKE 'INSERT%' OR query LIKE 'UPDATE%'"
    ).fetchone()
    return float(str(row[0])) if row else 0.0


def writes(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """One line for each number of indexes: what an insert, a HOT update and an update of an indexed column take."""
    lines = []
    for count in range(len(INDEXES) + 1):
        connection.execute("DROP TABLE IF EXISTS w")
        connection.execute(
            "CREATE TABLE w (id int PRIMARY KEY, a int, b int, c int, d int, e int) WITH (fillfactor = 50)"
        )
        for column in INDEXES[:count]:
            connection.execute(f"CREATE INDEX ON w ({column})".encode())
        mixed = "i * 7919 %% 20000, i * 104729 %% 20000, i * 31 %% 20000"
        insert = f"INSERT INTO w SELECT i, {mixed}, i, 0 FROM (SELECT %s::int) n(i)"
        inserted = total_ms(connection, insert)
        connection.execute("VACUUM ANALYZE w")
        hot = total_ms(connection, "UPDATE w SET e = e + 1 WHERE id = %s")
        connection.execute("VACUUM w")
        cold = total_ms(connection, "UPDATE w SET a = a + 1 WHERE id = %s")
        lines.append(
            f"{count} indexes: insert {inserted / CALLS:.4f} ms, update of an unindexed column {hot / CALLS:.4f} ms, "
            f"of column a {cold / CALLS:.4f} ms"
        )
    return lines


def builds(connection: psycopg.Connection[tuple[object, ...]], rows: int) -> list[str]:
    """Seconds of CREATE INDEX CONCURRENTLY on narrow and wide rows."""
    lines = []
    for width in (10, 500):
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute(
            f"CREATE TABLE t AS SELECT i, md5(i::text) AS h, repeat('x', {width}) AS filler "
            f"FROM generate_series(1, {rows}) i".encode()
        )
        connection.execute("VACUUM ANALYZE t")
        row = connection.execute("SELECT pg_relation_size('t')").fetchone()
        size_bytes = int(str(row[0])) if row else 0
        for column in ("i", "h"):
            began = time.perf_counter()
            connection.execute(f"CREATE INDEX CONCURRENTLY ON t ({column})".encode())
            lines.append(f"{rows} rows, {size_bytes / 1e6:.0f} MB, key {column}: {time.perf_counter() - began:.2f} s")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    options = parser.parse_args(arguments)
    with Cluster.temporary({"autovacuum": "off"}) as cluster:
        cluster.execute(*ROLE_STATEMENTS, "CREATE EXTENSION pg_stat_statements")
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            for line in [*writes(connection), *builds(connection, options.rows)]:
                sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
