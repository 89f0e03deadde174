"""TPC-H and TPC-DS in a private PostgreSQL: rows and statements made by DuckDB's extensions, keys as the standards say.

DuckDB is no dependency of this project: a Python that has `duckdb` and `duckdb-ext-tpch`, `duckdb-ext-tpcds` is looked
for at TRIMTAB_BENCH_DATA/duckdb/bin/python (or named by TRIMTAB_BENCH_DUCKDB).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from demo.cluster import ROLE_STATEMENTS, Cluster

DUCKDB_VARIABLE = "TRIMTAB_BENCH_DUCKDB"
DATA_VARIABLE = "TRIMTAB_BENCH_DATA"

KEYS: dict[str, dict[str, str]] = {
    "tpch": {
        "region": "r_regionkey",
        "nation": "n_nationkey",
        "part": "p_partkey",
        "supplier": "s_suppkey",
        "partsupp": "ps_partkey, ps_suppkey",
        "customer": "c_custkey",
        "orders": "o_orderkey",
        "lineitem": "l_orderkey, l_linenumber",
    },
    "tpcds": {
        "call_center": "cc_call_center_sk",
        "catalog_page": "cp_catalog_page_sk",
        "catalog_returns": "cr_item_sk, cr_order_number",
        "catalog_sales": "cs_item_sk, cs_order_number",
        "customer": "c_customer_sk",
        "customer_address": "ca_address_sk",
        "customer_demographics": "cd_demo_sk",
        "date_dim": "d_date_sk",
        "household_demographics": "hd_demo_sk",
        "income_band": "ib_income_band_sk",
        "inventory": "inv_date_sk, inv_item_sk, inv_warehouse_sk",
        "item": "i_item_sk",
        "promotion": "p_promo_sk",
        "reason": "r_reason_sk",
        "ship_mode": "sm_ship_mode_sk",
        "store": "s_store_sk",
        "store_returns": "sr_item_sk, sr_ticket_number",
        "store_sales": "ss_item_sk, ss_ticket_number",
        "time_dim": "t_time_sk",
        "warehouse": "w_warehouse_sk",
        "web_page": "wp_web_page_sk",
        "web_returns": "wr_item_sk, wr_order_number",
        "web_sales": "ws_item_sk, ws_order_number",
        "web_site": "web_site_sk",
    },
}
GENERATORS = {"tpch": ("dbgen", "tpch_queries"), "tpcds": ("dsdgen", "tpcds_queries")}

_SCRIPT = """
import pathlib, sys
import duckdb, duckdb_ext
name, scale, out, make, texts = sys.argv[1:]
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
(file,) = pathlib.Path(list(duckdb_ext.__path__)[0]).rglob(name + ".duckdb_extension")
c = duckdb.connect()
c.execute(f"LOAD '{file}'")
c.execute("SET threads = 1")
c.execute(f"CALL {make}(sf={scale})")
ddl = []
for (table,) in c.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall():
    columns = c.execute("SELECT column_name, data_type, is_nullable FROM information_schema.columns "
                        "WHERE table_name = ? ORDER BY ordinal_position", [table]).fetchall()
    ddl.append(f"CREATE TABLE {table} (" + ", ".join(
        f"{n} {t}" + (" NOT NULL" if null == "NO" else "") for n, t, null in columns) + ")")
    c.execute(f"COPY {table} TO '{folder / table}.csv' (HEADER false)")
(folder / "ddl.sql").write_text(";\\n".join(ddl))
rows = c.execute(f"SELECT query_nr, query FROM {texts}()").fetchall()
(folder / "queries.sql").write_text("\\n".join(f"-- name: q{n}\\n{q.strip().rstrip(';')};" for n, q in rows))
"""


class NoDuckDb(RuntimeError):
    """DuckDB with its extensions is not there; the message says where it is looked for."""


def duckdb_python() -> Path:
    """The Python that has DuckDB."""
    named = os.environ.get(DUCKDB_VARIABLE)
    root = os.environ.get(DATA_VARIABLE)
    found = Path(named) if named else Path(root) / "duckdb" / "bin" / "python" if root else None
    if found is None or not found.exists():
        raise NoDuckDb(
            f"no Python with duckdb: set {DUCKDB_VARIABLE}, or {DATA_VARIABLE} to a folder with duckdb/bin/python"
        )
    return found


def make(name: str, scale: float, folder: Path) -> None:
    """Rows as CSV, tables and statements of `tpch` or `tpcds`; nothing to do where they are there."""
    if (folder / "queries.sql").exists():
        return
    command = [str(duckdb_python()), "-c", _SCRIPT, name, str(scale), str(folder), *GENERATORS[name]]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=3_600)


def load(cluster: Cluster, name: str, folder: Path) -> str:
    """A database with the rows, the keys and statistics; its DSN."""
    cluster.execute(f"CREATE DATABASE {name}")
    cluster.execute("CREATE EXTENSION hypopg", *(folder / "ddl.sql").read_text().split(";\n"), database=name)
    with psycopg.connect(cluster.dsn(name), autocommit=True) as connection:
        for table, key in KEYS[name].items():
            with (
                connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT csv)".encode()) as copy,
                (folder / f"{table}.csv").open("rb") as file,
            ):
                while data := file.read(1 << 20):
                    copy.write(data)
            connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({key})".encode())
        connection.execute("VACUUM ANALYZE")
    return cluster.dsn(name)


@contextmanager
def server() -> Iterator[Cluster]:
    """A private server that holds both."""
    settings = {"shared_buffers": "1GB", "fsync": "off", "autovacuum": "off", "work_mem": "64MB"}
    with Cluster.temporary(settings) as cluster:
        cluster.execute(*ROLE_STATEMENTS)
        yield cluster
