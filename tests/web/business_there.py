"""A site that has everything about business: a real database that is probed, two weeks of use, runs, answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.cluster import Cluster
from tests.empty_store import make_tables
from tests.web.site import BASE_URL, Site
from trimtab.app.config import Config
from trimtab.app.wire import open_service
from trimtab.cli.site import make_site
from trimtab.model.business_settings import BusinessPolicy
from trimtab.model.system import System
from trimtab.store.tables import table_of

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
DATABASE = "business"
HOSTILE = "<script>alert(1)</script>"
SETUP = (
    "CREATE TABLE orders (id int, customer_id int, status text, made_at timestamptz)",
    "INSERT INTO orders SELECT n, CASE WHEN n > 10 THEN n END, CASE WHEN n <= 20 THEN 'lost' ELSE 'paid' END,"
    " now() - interval '60 s' FROM generate_series(1, 100) n",
)
FILE = f"""
probes:
  - name: orders_fresh
    system: shop
    description: "{HOSTILE}"
    freshness: {{table: orders, column: made_at}}
    good: < 1h
  - {{name: orders_many, system: shop, volume: {{table: orders}}, good: ">= 1000"}}
  - {{name: customers_known, system: shop, nulls: {{table: orders, column: customer_id}}}}
  - {{name: ids_once, system: shop, unique: {{table: orders, column: id}}}}
  - {{name: states_known, system: shop, accepted: {{table: orders, column: status, values: [paid]}}, good: < 50%}}
  - {{name: nowhere, system: shop, volume: {{table: no_such_table}}, good: "> 0"}}
  - {{name: answer, system: shop, sql: SELECT 6 * 7, unit: answers}}
  - {{name: elsewhere, system: bank, volume: {{table: accounts}}, good: "> 0"}}
quality: {{weights: {{freshness: 2}}}}
prices:
  currency: EUR
  entries:
    - {{resource: processor, price: 0.10, as_of: 2026-11-01, source: "a bill {HOSTILE}"}}
    - {{resource: io, price: 0.20, as_of: 2026-11-01, source: a bill}}
    - {{resource: storage, price: 0.10, as_of: 2026-11-01, source: a bill}}
budget: {{month: 1.5}}
satisfaction:
  - {{name: answers, csat: answers.csv, scale: 5}}
  - {{name: web, apdex: {{service: shop-web, target: 500ms}}}}
  - {{name: series, query: vector(3)}}
"""
EXECUTIONS = (
    *("calls", "rows", "shared_blks_hit", "shared_blks_dirtied", "shared_blks_written"),
    *("temp_blks_read", "temp_blks_written", "wal_bytes"),
)


@contextmanager
def business_site(cluster: Cluster, folder: Path, now_ms: int) -> Iterator[Site]:
    """Open, fill, run all probes once, close."""
    cluster.execute(f"CREATE DATABASE {DATABASE}")
    cluster.execute(*SETUP, database=DATABASE)
    (folder / "business.yml").write_text(FILE)
    lines = [f"{_iso(now_ms - (place + 1) * HOUR_MS)},{score},words" for place, score in enumerate([5, 5, 4, 5, 3])]
    wrong = ["soon,5,x", f"{_iso(now_ms)},9,x", "2126-01-01,1,x"]
    (folder / "answers.csv").write_text("\n".join(["time,score,comment", *lines, *wrong]))
    config = Config(business=BusinessPolicy(files=(str(folder / "business.yml"),)))
    service = open_service(config, make_tables(folder / "data"), BASE_URL)
    try:
        site = Site(service, make_site(service))
        service.state.add_system(System("shop", cluster.dsn(DATABASE, "trimtab_watch"), None, now_ms))
        write_use(site, now_ms)
        service.business.look_around()
        for name in service.business.probing.now:
            service.business.run_probe(name)
        yield site
    finally:
        service.close()
        cluster.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def write_use(site: Site, now_ms: int, days: int = 14) -> None:
    """Two weeks, a row an hour: two statements that took 1,350 and 450 s, of which 0 s waited; a tenth of a GiB."""
    first_ms = (now_ms // HOUR_MS - days * 24) * HOUR_MS
    hours = range(first_ms, now_ms // HOUR_MS * HOUR_MS, HOUR_MS)
    executions, slices, storage = [], [], []
    for at in hours:
        slices.append({"system": "shop", "started_at_ms": at, "ended_at_ms": at + HOUR_MS, "shapes_count": 2})
        storage.append(
            {"system": "shop", "sampled_at_ms": at, "name": "database_bytes", "value": 2.0**30 / 10, "unit": "bytes"}
        )
        for fingerprint, took_s in (("f1", 1350.0), ("f2", 450.0)):
            executions.append(
                {
                    **dict.fromkeys(EXECUTIONS, 1),
                    "system": "shop",
                    "fingerprint": fingerprint,
                    "started_at_ms": at,
                    "ended_at_ms": at + HOUR_MS,
                    "total_exec_time_ms": took_s * 1000,
                    "shared_blks_read": 1000,
                    "blk_read_time_ms": 0.0,
                    "blk_write_time_ms": 0.0,
                }
            )
    telemetry = site.service.telemetry
    telemetry.write("query_executions", table_of("query_executions", executions))
    telemetry.write("query_slices", table_of("query_slices", slices))
    telemetry.write("server_statistics", table_of("server_statistics", storage))
    shape = {"system": "shop", "fingerprint": "f1", "text": f"SELECT '{HOSTILE}'", "statement": "select", "tables": []}
    telemetry.write("query_shapes", table_of("query_shapes", [{**shape, "seen_at_ms": now_ms}]))
    telemetry.flush()


def _iso(at_ms: int) -> str:
    import datetime as dt

    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).isoformat()


def lineage_event(kind: str, run: str, at_ms: int, name: str = "load") -> bytes:
    """An event of OpenLineage."""
    event = {
        "eventType": kind,
        "eventTime": _iso(at_ms),
        "run": {"runId": run},
        "job": {"namespace": "etl", "name": name},
    }
    return json.dumps(event).encode()


def dbt_results(at_ms: int, run: str, *statuses: str) -> bytes:
    """A run_results.json."""
    results = [
        {"status": status, "unique_id": f"model.shop.m{place}", "execution_time": 3600.0, "message": None}
        for place, status in enumerate(statuses)
    ]
    metadata = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
        "generated_at": _iso(at_ms),
        "invocation_id": run,
    }
    return json.dumps({"metadata": metadata, "results": results, "elapsed_time": 60.0, "args": {}}).encode()
