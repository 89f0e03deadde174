"""The databases of `make bench-advise` on a private server, with everything in memory: TPC-H, an application, TPC-DS.

Their data is looked for below TRIMTAB_BENCH_DATA: `tpch` (see `benchmarks.advise.tpch`), or a Python with DuckDB's
generators (see `public_benchmarks`), which then makes it. The application is made by SQL, it needs nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.advise import application, public_benchmarks, tpch
from benchmarks.advise.public_benchmarks import NoDuckDb
from benchmarks.advise.references import data_folder
from demo.cluster import ROLE_STATEMENTS, Cluster
from trimtab.advise.workload.statements import WorkloadStatement, read_statements

SETTINGS = {
    "shared_buffers": "6GB",
    "effective_cache_size": "8GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "autovacuum": "off",
    "fsync": "off",
}
VACUUMS_MAX = 10
_HIDDEN = (
    b"SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    b" AND relallvisible < 0.9 * relpages"
)
TPCDS_SCALE = 0.2
TPCDS_LEFT_OUT = frozenset(f"q{number}" for number in (1, 4, 6, 9, 10, 11, 30, 32, 35, 41, 81, 95))
"""As the paper of index_selection_evaluation has it, and those that take minutes without a rewrite (1, 30, 81)."""

TPCDS_EVERY = 3
"""Of the others every third: with all of them the public advisers take a quarter of an hour each."""


@contextmanager
def server() -> Iterator[Cluster]:
    """A private server with the roles of the product."""
    with Cluster.temporary(SETTINGS) as cluster:
        cluster.execute(*ROLE_STATEMENTS)
        yield cluster


def filled(cluster: Cluster, name: str, scale: float = 1.0) -> list[WorkloadStatement] | str:
    """Make and fill a database; its statements, or why it is not there. At scale 1, TPC-DS has its own 0.2."""
    began = time.monotonic()
    try:
        statements = {"tpch": _tpch, "application": _application, "tpcds": _tpcds}[name](cluster, scale)
    except NoDuckDb as error:
        return str(error)
    print(f"{name}: loaded in {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True)
    return statements


def _tpch(cluster: Cluster, scale: float) -> list[WorkloadStatement]:
    folder = data_folder("tpch") if scale == 1.0 else None
    if folder is None:
        folder = generated("tpch", scale)
    _empty(cluster, "tpch")
    with psycopg.connect(cluster.dsn("tpch"), autocommit=True) as connection:
        tpch.load(connection, folder)
        _vacuumed(connection)
    found = read_statements((folder / "queries.sql").read_text())[0]
    return [one for one in found if one.name not in tpch.LEFT_OUT]


def _vacuumed(connection: psycopg.Connection[Any]) -> None:
    """Until pages are marked all-visible: a snapshot that was older than the rows may have kept VACUUM from it, and no
    index could answer alone then."""
    for _ in range(VACUUMS_MAX):
        connection.execute(b"VACUUM ANALYZE")
        row = connection.execute(_HIDDEN).fetchone()
        if row is not None and row[0] == 0:
            return
        time.sleep(1.0)
    raise RuntimeError(f"after {VACUUMS_MAX} times VACUUM there are tables whose pages are not all-visible: {row}")


def _application(cluster: Cluster, scale: float) -> list[WorkloadStatement]:
    _empty(cluster, "application")
    with psycopg.connect(cluster.dsn("application"), autocommit=True) as connection:
        for statement in application.statements_of(scale):
            connection.execute(statement.encode())
        _vacuumed(connection)
    return read_statements(application.WORKLOAD)[0]


def _tpcds(cluster: Cluster, scale: float) -> list[WorkloadStatement]:
    folder = generated("tpcds", TPCDS_SCALE * scale)
    public_benchmarks.load(cluster, "tpcds", folder)
    cluster.execute("CREATE EXTENSION pg_trgm", database="tpcds")
    found = read_statements((folder / "queries.sql").read_text())[0]
    return [one for one in found if one.name not in TPCDS_LEFT_OUT][::TPCDS_EVERY]


def generated(name: str, scale: float) -> Path:
    """A folder with the rows of a public benchmark, made where it is not there yet."""
    folder = Path(tempfile.gettempdir()) / "trimtab-bench" / f"{name}-{scale:g}"
    public_benchmarks.make(name, scale, folder)
    return folder


def _empty(cluster: Cluster, name: str) -> None:
    cluster.execute(f"CREATE DATABASE {name}")
    cluster.execute("CREATE EXTENSION hypopg", "CREATE EXTENSION pg_trgm", database=name)
