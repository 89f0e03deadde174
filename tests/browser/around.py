"""A server with what stands around the database: machines, containers, a cloud, data, cost, pipelines, dashboards.

The database is real and probed; the machines are made up (`machines`), containers and cloud answer as recorded.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import uvicorn

from demo.cluster import ROLE_STATEMENTS, Cluster
from tests.browser.machines import STEP_MS, write_machines
from tests.empty_store import make_tables
from tests.integrations.clouds import fake_cloud
from tests.observe.containers.engines import on_a_port
from tests.observe.containers.test_engines import Engine
from tests.store.traces.otlp import NOW_NS, Made, request
from tests.web.business_there import DAY_MS, HOUR_MS, dbt_results, lineage_event, write_use
from tests.web.site import BASE_URL, Site
from trimtab.app.clouds.clouds import Clouds
from trimtab.app.config import Config
from trimtab.app.infrastructure.container_collecting import ContainerCollecting
from trimtab.app.wire import open_service
from trimtab.cli.site import make_site
from trimtab.extend.clouds import CloudError, Trouble
from trimtab.model.business_settings import BusinessPolicy
from trimtab.model.clouds import CloudsPolicy
from trimtab.model.infrastructure_settings import ContainersPolicy
from trimtab.model.system import System
from trimtab.store.tables import table_of

SETUP = (
    "CREATE TABLE customers (id int PRIMARY KEY)",
    "INSERT INTO customers SELECT generate_series(1, 5000)",
    "CREATE TABLE orders (id int, customer_id int, status text, made_at timestamptz)",
    "INSERT INTO orders SELECT n, CASE WHEN n % 50 > 0 THEN n % 5100 END,"
    " CASE WHEN n % 400 = 0 THEN 'lost' ELSE 'paid' END,"
    " now() - interval '90 s' - n * interval '1 s' FROM generate_series(1, 20000) n",
)
FILE = """
probes:
  - name: orders-fresh
    system: shop
    description: An order comes in at least every five minutes, day and night.
    freshness: {table: orders, column: made_at}
    good: < 15 minutes
  - {name: orders-many, system: shop, volume: {table: orders}, good: ">= 10000"}
  - {name: customers-known, system: shop, nulls: {table: orders, column: customer_id}, good: < 1%}
  - {name: ids-once, system: shop, unique: {table: orders, column: id}, good: <= 0%}
  - {name: states-known, system: shop, accepted: {table: orders, column: status, values: [paid, sent]}, good: < 1%}
  - {name: payments-many, system: shop, volume: {table: payments}, good: "> 0"}
prices:
  currency: EUR
  entries:
    - {resource: processor, price: 0.045, as_of: 2026-11-01, source: the provider's list}
    - {resource: io, price: 0.18, as_of: 2026-11-01, source: the provider's list}
    - {resource: storage, price: 0.11, as_of: 2026-11-01, source: the provider's list}
budget: {month: 12}
satisfaction:
  - {name: answers, csat: answers.csv, scale: 5}
  - {name: web, apdex: {service: shop-web, target: 500ms}}
"""
MONITORING = {
    "infrastructure_metrics": {"cpu_usage": {"threshold": 80}, "storage_usage": {"threshold": 90}},
    "application_metrics": {"query_latency": {"slo": "p95 < 500ms"}, "data_freshness": {"slo": "< 15 minutes"}},
    "business_metrics": {"data_quality_score": {"slo": "> 95%"}},
}


@dataclass(frozen=True)
class AroundServer:
    """Where it is, and the hour in which its machines have something to show."""

    url: str
    from_ms: int
    to_ms: int

    def address(self, path: str) -> str:
        """A page of that hour."""
        return f"{path}{'&' if '?' in path else '?'}from={self.from_ms}&to={self.to_ms}"


@contextlib.contextmanager
def around_server(folder: Path) -> Iterator[AroundServer]:
    """See the module; served by this process."""
    folder.mkdir(parents=True, exist_ok=True)
    now_ms = time.time_ns() // 1_000_000
    to_ms = now_ms // STEP_MS * STEP_MS
    (folder / "business.yml").write_text(FILE)
    scores = [5, 4, 5, 5, 3, 4, 5, 5, 2, 5, 4, 5]
    lines = [f"{_iso(now_ms - (place + 1) * 5 * HOUR_MS)},{score}," for place, score in enumerate(scores)]
    (folder / "answers.csv").write_text("\n".join(["time,score,comment", *lines]))
    config = Config(
        business=BusinessPolicy(files=(str(folder / "business.yml"),), pipeline_attributes=("pipeline.name",))
    )
    with Cluster.temporary({"fsync": "off"}) as cluster, on_a_port(Engine()) as engine_url:
        cluster.execute(*ROLE_STATEMENTS, "CREATE DATABASE shop OWNER shop_owner")
        cluster.execute(*SETUP, database="shop")
        service = open_service(config, make_tables(folder / "data"), BASE_URL)
        try:
            site = Site(service, make_site(service))
            service.state.add_system(System("shop", cluster.dsn("shop", "trimtab_watch"), None, now_ms))
            write_machines(service, to_ms)
            _look_at_containers(site, engine_url, to_ms)
            _look_at_a_cloud(site)
            _tell_of_business(site, now_ms)
            site.service.dashboards.put(json.dumps(DASHBOARD).encode(), "anna")
            service.stack.setup("anna", MONITORING)
            with _served(site) as url:
                yield AroundServer(url, to_ms - HOUR_MS, to_ms)
        finally:
            service.close()


def _look_at_containers(site: Site, engine_url: str, to_ms: int) -> None:
    """Two looks, a quarter of a minute apart, so that there are rates."""
    service, moments = site.service, iter((to_ms - STEP_MS, to_ms))
    policy, host = ContainersPolicy(docker=engine_url), service.config.host
    metrics = lambda: getattr(service.telemetry, "metrics", None)  # noqa: E731
    service.infrastructure.containers = ContainerCollecting(
        lambda: policy, lambda: host, metrics, lambda: next(moments)
    )
    service.infrastructure.containers.look()
    service.infrastructure.containers.look()


def _look_at_a_cloud(site: Site) -> None:
    """One account with two regions, of which one does not answer."""
    service = site.service
    with mock.patch.object(fake_cloud, "AT_MS", time.time_ns() // 1_000_000 - 20_000):
        cloud = fake_cloud.full()
    said = "EndpointConnectionError: could not connect to ec2.south-1.example"
    cloud.errors = {"south-1": CloudError(said, trouble=Trouble.UNREACHABLE)}
    service.clouds = Clouds(
        CloudsPolicy(accounts=("prod=aws",)),
        lambda: time.time_ns() // 1_000_000,
        metrics=lambda: getattr(service.telemetry, "metrics", None),
        kinds=lambda: {"aws": cloud.kind()},
    )
    service.clouds.look(60.0)


def _tell_of_business(site: Site, now_ms: int) -> None:
    """Two weeks of use, a week of runs, an hour of requests; every probe has run once."""
    service, visitor = site.service, site.visitor()
    write_use(site, now_ms)
    shape = {"system": "shop", "statement": "select", "tables": ["public.orders"], "seen_at_ms": now_ms + 1}
    texts = {
        "f1": "SELECT customer_id, sum(total) FROM orders WHERE made_at > $1 GROUP BY customer_id",
        "f2": "SELECT status, count(*) FROM orders GROUP BY status",
    }
    rows = [{**shape, "fingerprint": fingerprint, "text": text} for fingerprint, text in texts.items()]
    service.telemetry.write("query_shapes", table_of("query_shapes", rows))
    headers = {"Content-Type": "application/json"}
    for day in range(7):
        at = now_ms - day * DAY_MS - HOUR_MS
        ends = "FAIL" if day == 2 else "COMPLETE"
        for kind, when in (("START", at), (ends, at + 240_000 + day * 15_000)):
            body = lineage_event(kind, f"r{day}", when, "orders_to_warehouse")
            visitor.post("/api/v1/lineage", content=body, headers=headers).raise_for_status()
        body = dbt_results(at, f"d{day}", "success", "error" if day == 4 else "success")
        visitor.post("/api/trimtab/pipelines/dbt", content=body, headers=headers).raise_for_status()
    began_ms = now_ms - 600_000 - NOW_NS / 1e6
    took_ms = [120, 180, 90, 640, 210, 330, 150, 2100, 170, 260]
    spans = [
        Made(9, 90 + place, 0, "shop-web", "GET /", "server", began_ms + place * 20_000, took)
        for place, took in enumerate(took_ms)
    ]
    service.telemetry.append_otlp_traces(request(spans).SerializeToString())
    service.telemetry.flush(60)
    service.business.look_around()
    for name in service.business.probing.now:
        service.business.run_probe(name)
    service.business.round(now_ms)


@contextlib.contextmanager
def _served(site: Site) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        site.service.events.close()
        server.should_exit = True
        thread.join()


def _iso(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).isoformat()


def _panel(
    number: int, kind: str, title: str, expression: str, place: tuple[int, int, int, int], **more: object
) -> dict[str, object]:
    x, y, width, height = place
    legend, unit = str(more.pop("legend", "")), str(more.pop("unit", ""))
    custom = {
        "fillOpacity": 40,
        "stacking": {"mode": "normal" if more.pop("is_stack", False) else "none", "group": "A"},
    }
    return {
        "id": number,
        "type": kind,
        "title": title,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "datasource": {"type": "prometheus"},
        "targets": [{"refId": "A", "expr": expression, "legendFormat": legend}],
        "fieldConfig": {"defaults": {"unit": unit, "custom": custom, **more}, "overrides": []},
    }


_USED = "1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes"
_BUSY = 'sum by (mode) (rate(node_cpu_seconds_total{instance="$host",mode!="idle"}[5m]))'
_LIMITS = {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 0.9}]}
DASHBOARD: dict[str, object] = {
    "uid": "shop-machines",
    "title": "Machines of the shop",
    "description": "As it was exported from a Grafana.",
    "templating": {
        "list": [{"name": "host", "label": "Host", "type": "query", "query": "label_values(node_load1, instance)"}]
    },
    "panels": [
        _panel(
            1, "timeseries", "Processors", _BUSY, (0, 0, 12, 8), legend="{{mode}}", unit="suffix: cores", is_stack=True
        ),
        _panel(2, "timeseries", "Load", "node_load1", (12, 0, 12, 8), legend="{{instance}}"),
        _panel(
            3, "gauge", "Memory", _USED, (0, 8, 8, 6), legend="{{instance}}", unit="percentunit", thresholds=_LIMITS
        ),
        _panel(
            4,
            "bargauge",
            "Programs",
            "sum by (groupname) (rate(namedprocess_namegroup_cpu_seconds_total[5m]))",
            (8, 8, 8, 6),
        ),
        _panel(5, "piechart", "Share of machines", "node_load1", (16, 8, 8, 6)),
    ],
}
"""One of each kind, and one that is not drawn."""
