"""The seed's `setup_monitoring` as it is written, on the demo's shop under load and on this machine: every metric of
its table is there, is true by another reading, has its objective, is quiet while all is well, and alerts when pushed.

What is another one than in the seed is said where it is set: windows and waits are seconds, and three thresholds stand
just above what this machine does anyway (memory, disk, and a file system where nobody may mount one).
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from demo.shop.fill import fill
from tests.api.serving import running
from tests.conftest import Database
from tests.demo.test_load import application
from tests.empty_store import make_tables
from tests.sdk.pushing import burning_processors, busy_disk, busy_loopback, full_file_system, holding_memory
from tests.store.traces import otlp
from trimtab import (
    CostMetric,
    CPUMetric,
    DataSystemMonitoringStack,
    DiskIOMetric,
    ErrorRateMetric,
    FreshnessMetric,
    LatencyMetric,
    MemoryMetric,
    NetworkIOMetric,
    QualityMetric,
    SatisfactionMetric,
    StorageMetric,
    SuccessRateMetric,
    ThroughputMetric,
)
from trimtab.app.config import Config, check_file
from trimtab.app.service import Service
from trimtab.app.stack.answers import MetricRow, StackReport
from trimtab.app.wire import open_service
from trimtab.cli.site import make_site
from trimtab.model.errors import InputError, NotFound, ServerUnreachable

pytestmark = [pytest.mark.postgres, pytest.mark.store, pytest.mark.slow]

MONITORING_CONFIG: dict[str, Mapping[str, object]] = {
    "infrastructure_metrics": {
        "cpu_usage": CPUMetric(threshold=80),
        "memory_usage": MemoryMetric(threshold=85),
        "disk_io": DiskIOMetric(threshold=90),
        "network_io": NetworkIOMetric(threshold=75),
        "storage_usage": StorageMetric(threshold=90),
    },
    "application_metrics": {
        "query_latency": LatencyMetric(slo="p95 < 500ms"),
        "throughput": ThroughputMetric(slo="> 1000 rps"),
        "error_rate": ErrorRateMetric(slo="< 0.1%"),
        "data_freshness": FreshnessMetric(slo="< 5 minutes"),
        "pipeline_success_rate": SuccessRateMetric(slo="> 99.9%"),
    },
    "business_metrics": {
        "data_quality_score": QualityMetric(slo="> 95%"),
        "processing_cost": CostMetric(budget_threshold=True),
        "user_satisfaction": SatisfactionMetric(target="> 4.5/5"),
    },
}
"""As the seed has it."""

CONFIG = """
[host]
interval_s = 1
slow_interval_s = 1
[containers]
collect = false
[watch]
slice_s = 1
cost_share_max = 0.5
[detect]
load_share_min = 1.0
latency_objective_ms = 3600000
[business]
files = ["business.yml"]
"""
BUSINESS = """
probes:
  - {{name: fresh, system: shop, every: 10s, freshness: {{table: deliveries, column: at}}}}
  - {{name: email, system: shop, every: 10s, nulls: {{table: deliveries, column: email}}}}
prices:
  currency: EUR
  entries: [{{resource: fixed, price: 100, as_of: "2026-11", source: "a test"}}]
budget: {{month: {budget}}}
satisfaction:
  - {{name: survey, csat: answers.csv, scale: 5}}
"""
WAIT_S = 150.0
WINDOW_S, CALLS_WINDOW_S = 8, 20
PUSHED_BYTES = 700 * 2**20
RECENT = "histogram_quantile(0.95, sum by (le, instance) (rate(trimtab_postgres_query_duration_seconds_bucket[20s])))"
RECENT_CALLS = "sum by (instance) (rate(pg_stat_statements_calls_total[20s]))"
"""Of the last seconds, so that nobody has to wait until all of the last minute is of the load, or is not any more."""


@dataclass
class Shop:
    """The demo's shop, watched by a server, with everything that the table asks for."""

    service: Service
    stack: DataSystemMonitoringStack
    database: Database
    folder: Path
    fired: set[str] = field(default_factory=set)

    def report(self) -> StackReport:
        """How all stands now."""
        self.service.business.round(self.service.now_ms())
        found = self.stack.monitoring_status()
        self.fired |= {one.name for one in found.metrics if one.alert_state == "firing"}
        return found

    def wait_for(self, wanted: Callable[[StackReport], object], what: str) -> StackReport:
        """Until it is so; what is not yet where it does not come."""
        give_up_at = time.monotonic() + WAIT_S
        while True:
            found = self.report()
            if wanted(found):
                return found
            states = [(one.name, one.value, one.alert_state, one.why) for one in found.metrics]
            assert time.monotonic() < give_up_at, f"{what}: {states}"
            time.sleep(2.0)

    def run_pipeline(self, first: int, count: int, status: str) -> None:
        """Runs of a pipeline, as spans."""
        at_ms = (time.time_ns() - otlp.NOW_NS) / 1e6 - 2000
        spans = [
            otlp.Made(number, number, name="pipeline.orders", at_ms=at_ms, took_ms=500, status=status)
            for number in range(first, first + count)
        ]
        self.service.telemetry.append_otlp_traces(otlp.request(spans).SerializeToString())
        self.service.telemetry.flush()

    def probe(self) -> None:
        """Ask again now."""
        for name in ("fresh", "email"):
            self.service.business.run_probe(name)


def tell(folder: Path, *, budget: float, scores: tuple[int, ...]) -> None:
    """What the business says."""
    (folder / "business.yml").write_text(BUSINESS.format(budget=budget))
    with (folder / "answers.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(("time", "score"))
        writer.writerows((datetime.now(UTC).isoformat(), score) for score in scores)


@pytest.fixture
def shop(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("TRIMTAB_COLLECT", "on")
    monkeypatch.setattr("trimtab.observe.postgres.watcher.SLOW_LOOKS_S_MIN", 3.0)
    monkeypatch.setattr("trimtab.observe.postgres.watcher.SLOW_LOOKS_SLICES", 3)
    fill(database.dsn(), 1, scale=0.01)
    database.execute(
        "CREATE TABLE deliveries AS SELECT i AS id, now() AS at, 'a@b' AS email FROM generate_series(1, 100) i",
        "GRANT SELECT ON deliveries TO trimtab_watch",
    )
    (tmp_path / "trimtab.toml").write_text(CONFIG)
    tell(tmp_path, budget=1e9, scores=(5, 5, 5, 4))
    service = open_service(
        check_file(tmp_path / "trimtab.toml").wanted(), make_tables(tmp_path / "data"), "http://127.0.0.1:1"
    )
    try:
        service.watched_series.interval_s = 1.0
        service.start()
        with running(make_site(service)) as url:
            made = Shop(service, DataSystemMonitoringStack(url), database, tmp_path)
            assert made.stack.watch(database.dsn("trimtab_watch"), "shop") == "shop"
            yield made
    finally:
        service.close()


def quick(config: Mapping[str, Mapping[str, object]], **others: Mapping[str, object]) -> dict[str, object]:
    """The same with seconds in place of minutes, and some metrics in place of others."""
    merged = {section: {**metrics, **others.get(section, {})} for section, metrics in config.items()}
    return {**merged, "window": f"{WINDOW_S}s", "interval": "1s", "for": "0s"}


def by_name(report: StackReport) -> dict[str, MetricRow]:
    """Metrics of a report."""
    return {one.name: one for one in report.metrics}


def test_the_seeds_example_runs_as_it_is_written(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing was set up"):
        shop.stack.monitoring_status()
    first = shop.stack.setup_monitoring(MONITORING_CONFIG)
    assert first.is_changed
    assert [part.part for part in first.parts if not part.is_set_up] == ["notification", "dashboards in Grafana"]
    again = shop.stack.setup_monitoring(MONITORING_CONFIG)
    assert (again.is_changed, again.changes) == (False, [])
    assert again.said.startswith("nothing changed")
    shop.run_pipeline(1, 9, "ok")
    with application(shop.database.dsn("shop_app"), tmp_path, None):
        _all_is_well(shop)
    _pushed_over(shop, tmp_path)


def _all_is_well(shop: Shop) -> None:
    """Everything is measured, true by another reading, objective-backed, and what is not of this machine is quiet."""
    calm: dict[str, Mapping[str, object]] = {
        "infrastructure_metrics": {
            "network_io": NetworkIOMetric(threshold=75, link_speed_bytes=1e12, devices_left_out="none")
        },
        "application_metrics": {"throughput": ThroughputMetric(slo="> 1 rps", query=RECENT_CALLS)},
    }
    changed = shop.stack.setup_monitoring(quick(MONITORING_CONFIG, **calm))
    assert "throughput: slo > 1000 rps → slo > 1 rps" in changed.changes
    shop.wait_for(_has_all, "all metrics have data")
    shop.wait_for(lambda found: (by_name(found)["throughput"].value or 0.0) > 1, "the application is under way")
    shop.database.execute("UPDATE deliveries SET at = now()")
    shop.probe()
    readings = [Readings.taken(shop)]

    def is_compared(report: StackReport) -> bool:
        readings.append(Readings.taken(shop))
        return _has_all(report) and readings[-1].at_s - readings[0].at_s > CALLS_WINDOW_S + 2

    found = by_name(shop.wait_for(is_compared, "all metrics have data for as long as the window of throughput"))
    _compare(found, readings)
    shop.wait_for(
        lambda _: all(one.objective in shop.service.objectives.standing.objectives for one in _promised(found)),
        "objectives are counted",
    )
    assert len(_promised(found)) == 13, "each has its objective"
    calm_names = {name for name, one in found.items() if one.section != "infrastructure_metrics"}
    assert not calm_names & {name for name, one in found.items() if one.alert_state == "firing"}


def _has_all(report: StackReport) -> bool:
    return all(one.value is not None for one in report.metrics)


def _promised(found: Mapping[str, MetricRow]) -> list[MetricRow]:
    return [one for one in found.values() if one.objective]


@dataclass(frozen=True)
class Readings:
    """The same things, read without trimtab."""

    at_s: float
    busy: float
    ticks: float
    memory_percent: float
    disk_ms: dict[str, float]
    calls: float
    mean_ms: list[tuple[float, float]]
    committed: float
    rolled_back: float

    @classmethod
    def taken(cls, shop: Shop) -> Readings:
        """Now."""
        ticks = [float(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        memory = {line.split(":")[0]: float(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()}
        disks = [line.split() for line in Path("/proc/diskstats").read_text().splitlines()]
        with psycopg.connect(shop.database.dsn(), autocommit=True) as connection:
            shapes = connection.execute(
                "SELECT mean_exec_time, calls FROM pg_stat_statements s JOIN pg_roles r ON r.oid = userid"
                " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " AND rolname NOT LIKE 'trimtab%' AND query ~* '^(select|insert|update|delete|with)'"
            ).fetchall()
            row = connection.execute(
                "SELECT xact_commit, xact_rollback FROM pg_stat_database WHERE datname = current_database()"
            ).fetchone()
        assert row is not None
        return cls(
            time.monotonic(),
            sum(ticks) - ticks[3] - ticks[4],
            sum(ticks),
            100 * (1 - memory["MemAvailable"] / memory["MemTotal"]),
            {disk[2]: float(disk[12]) for disk in disks if not disk[2].startswith(("loop", "ram", "zram"))},
            sum(float(calls) for _, calls in shapes),
            sorted((float(mean), float(calls)) for mean, calls in shapes),
            float(row[0]),
            float(row[1]),
        )

    @property
    def p95_ms(self) -> float:
        """95 of 100 statements belong to kinds whose mean is not above this."""
        total, through = sum(calls for _, calls in self.mean_ms), 0.0
        for mean, calls in self.mean_ms:
            through += calls
            if through >= 0.95 * total:
                return mean
        return 0.0


def _compare(found: Mapping[str, MetricRow], readings: Sequence[Readings]) -> None:
    before, recent, after = readings[0], readings[-1], readings[-1]
    for recent in reversed(readings):
        if after.at_s - recent.at_s >= WINDOW_S:
            break
    passed_s = after.at_s - before.at_s
    values = {name: one.value for name, one in found.items()}
    assert all(value is not None for value in values.values())
    busy = 100 * (after.busy - recent.busy) / (after.ticks - recent.ticks)
    disk = max(after.disk_ms[name] - recent.disk_ms[name] for name in after.disk_ms) / (after.at_s - recent.at_s) / 10
    calls = (after.calls - before.calls) / passed_s
    rolled_back, committed = after.rolled_back - before.rolled_back, after.committed - before.committed
    assert values["cpu_usage"] == pytest.approx(busy, abs=25)
    assert values["memory_usage"] == pytest.approx(after.memory_percent, abs=5)
    assert values["disk_io"] == pytest.approx(disk, abs=40)
    assert values["throughput"] == pytest.approx(calls, rel=0.5)
    assert values["error_rate"] == pytest.approx(rolled_back / max(committed + rolled_back, 1), abs=0.01)
    assert values["query_latency"] is not None
    assert after.p95_ms / 3 < values["query_latency"] * 1000 < after.p95_ms * 3 + 1
    freshness = values["data_freshness"]
    assert freshness is not None
    assert freshness < WAIT_S
    assert values["pipeline_success_rate"] == 1.0
    assert values["data_quality_score"] == 1.0
    assert values["user_satisfaction"] == pytest.approx(4.75 / 5)
    spent = values["processing_cost"]
    assert spent is not None
    assert spent * 1e9 == pytest.approx(100), "a fixed price alone: what the month will cost is known"
    storage, network = values["storage_usage"], values["network_io"]
    assert storage is not None
    assert network is not None
    assert 0 <= network < 75
    assert 0 < storage <= 100


def _pushed_over(shop: Shop, tmp_path: Path) -> None:
    """Each over its threshold; each alert is seen firing."""
    calm = by_name(shop.report())
    memory, disk = calm["memory_usage"].value, calm["disk_io"].value
    assert memory is not None
    assert disk is not None
    with ExitStack() as pushes:
        mounted = pushes.enter_context(full_file_system(tmp_path / "small"))
        storage = calm["storage_usage"].value if mounted is None else None
        pushed: dict[str, Mapping[str, object]] = {
            "infrastructure_metrics": {
                "memory_usage": MemoryMetric(threshold=min(memory + 1, 85)),
                "disk_io": DiskIOMetric(threshold=max(min(90, disk / 2), 5)),
                "network_io": NetworkIOMetric(threshold=75, link_speed_bytes=1e7, devices_left_out="none"),
                "storage_usage": StorageMetric(threshold=90 if storage is None else max(storage - 1, 1)),
            },
            "application_metrics": {"query_latency": LatencyMetric(slo="p95 < 500ms", query=RECENT)},
        }
        shop.stack.setup_monitoring(quick(MONITORING_CONFIG, **pushed))
        pushes.enter_context(burning_processors())
        pushes.enter_context(holding_memory(PUSHED_BYTES))
        pushes.enter_context(busy_loopback())
        pushes.enter_context(busy_disk(tmp_path))
        shop.wait_for(lambda _: _of(shop, "infrastructure_metrics") <= shop.fired, "the machine's alerts fire")
    tell(shop.folder, budget=1e-6, scores=(2, 3))
    shop.run_pipeline(100, 3, "error")
    shop.database.execute("UPDATE deliveries SET at = now() - interval '1 hour', email = NULL")
    shop.probe()
    with psycopg.connect(shop.database.dsn("shop_app"), autocommit=True) as session:

        def slow_and_wrong(found: StackReport) -> bool:
            session.execute("SELECT pg_sleep(0.6)")
            for _number in range(20):
                with pytest.raises(psycopg.errors.DivisionByZero):
                    session.execute("SELECT 1 / 0")
            return by_name(found).keys() <= shop.fired

        shop.wait_for(slow_and_wrong, "all alerts fire")


def _of(shop: Shop, section: str) -> set[str]:
    return {one.name for one in shop.stack.monitoring_status().metrics if one.section == section}


def test_a_server_inside_this_process(tmp_path: Path) -> None:
    with DataSystemMonitoringStack(data_dir=tmp_path / "data", config=Config()) as stack:
        report = stack.deploy_monitoring_stack({"application_metrics": {"throughput": {"slo": "> 5 rps"}}})
        assert (
            report.metrics[0].why == "no data: needs a watched PostgreSQL: trimtab watch DSN, with pg_stat_statements"
        )
        assert [part.part for part in report.parts if not part.is_set_up] != []
        with pytest.raises(InputError, match=r"throughput.slo: .*no.*short forms"):
            stack.setup_monitoring({"application_metrics": {"throughput": {"slo": "fast"}}})
        assert stack.monitoring_status().metrics[0].wish == "> 5 rps", "what was wrong changed nothing"


def test_where_nobody_answers_and_where_a_token_would_be_seen() -> None:
    with pytest.raises(ServerUnreachable, match="is 'trimtab up' running there"):
        DataSystemMonitoringStack("http://127.0.0.1:1").setup_monitoring(MONITORING_CONFIG)
    with pytest.raises(InputError, match="in the clear"):
        DataSystemMonitoringStack("http://trimtab.example", token="secret")
    with pytest.raises(InputError, match="server is a URL"):
        DataSystemMonitoringStack("trimtab.example")
