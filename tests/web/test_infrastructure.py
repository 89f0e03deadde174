"""Pages, API and commands of infrastructure, over series of this machine, of another one, and containers."""

from __future__ import annotations

import html
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

import numpy as np
import pytest
from rich.console import Console
from starlette.testclient import TestClient

from tests.observe.containers.engines import recorded
from tests.observe.containers.test_engines import NAMES
from tests.web.infrastructure_there import HOSTILE, Clock, open_infrastructure
from tests.web.site import Site
from trimtab.app.exploring.explorer import Explorer
from trimtab.app.infrastructure.host_collecting import HostCollecting, is_on
from trimtab.app.infrastructure.host_questions import CHARTS, LIST, ONE, asked_of
from trimtab.app.infrastructure.hosts import host_of, hosts_of
from trimtab.cli import infrastructure_output
from trimtab.model.errors import NotFound, StoreError
from trimtab.model.infrastructure import CLOUD_KEYS, CONTAINER_KEYS, SYSTEM_KEYS
from trimtab.model.infrastructure_settings import HostPolicy
from trimtab.sdk.infrastructure_monitor import InfrastructureMonitor, SystemMonitor
from trimtab.store.metrics.contract import Samples
from trimtab.web.series import QUERIES_MAX

pytestmark = pytest.mark.store

FULL = Path(__file__).resolve().parents[3] / "shared" / "data" / "dashboards" / "rfmoz-node-exporter-full.json"
NOT_HERE = re.compile(
    r"node_(systemd_.*|textfile_.*|power_supply_.*|hwmon_.*|cooling_.*|cpu_scaling_.*|schedstat_.*|nf_conntrack_.*"
    r"|pressure_.*|memory_HardwareCorrupted.*|memory_Zswap.*|network_speed_bytes|kernel_hung_tasks|entropy_.*|interrupts.*"
    r"|memory_DirectMap.*|memory_HugePages.*|exporter|arp_entries|timex_.*|network_receive_nohandler_total"
    r"|netstat_TcpExt_TCPRcvQDrop|memory_(NFS_Unstable|Percpu|Shmem.*|Vmalloc.*)_bytes|disk_(discard|flush).*"
    r"|tcp_connection_states|softnet_(received|flow).*|udp_queues)"
)
"""What depends on the machine and its kernel, or needs what only node_exporter has (systemd's bus, text files)."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_infrastructure(tmp_path_factory.mktemp("infrastructure") / "data") as made:
        yield made


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.visitor()


def range_of(site: Site) -> str:
    end_ms = site.service.infrastructure.host.now.at_ms + 10_000
    return f"from={end_ms - 900_000}&to={end_ms}"


def text_of(page: str) -> str:
    """What a person reads."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", page.partition("<main")[2])))


def explorer(site: Site) -> Explorer:
    return Explorer(site.service.querying, lambda: None)


def test_the_list_of_hosts(site: Site, client: TestClient) -> None:
    page = client.get(f"/infrastructure?{range_of(site)}")
    assert page.status_code == 200, page.text
    assert "onerror=alert(1)>" not in page.text
    shown = text_of(page.text)
    assert shown.index("db1:9100") < shown.index("here")  # it has an alert
    assert "1 firing" in shown
    assert "this machine" in shown
    assert "silent" in shown
    assert "98 %" in shown
    assert "/data" in shown
    found = client.get(f"/infrastructure?{range_of(site)}&q=DB1&fragment=hosts")
    assert "db1:9100" in found.text
    assert "this machine" not in found.text


def test_one_host_of_others(site: Site, client: TestClient) -> None:
    page = client.get(f"/infrastructure/hosts/linux/{quote('db1:9100')}?{range_of(site)}")
    assert page.status_code == 200, page.text
    shown = text_of(page.text)
    for told in (
        "DiskFull",
        "50 %",
        "96 %",
        "98 %",
        "95 %",
        "pages swapped 30 /s",
        "tasks waited 60 %",
        "read-only yes",
    ):
        assert told in shown, told
    assert "882 B used, 18 B available, 1,000 B in all" in shown, "as df counts: 98 % of what is to be had"
    assert "named/{device} {direction}/" in html.unescape(page.text)
    assert "ranked/{groupname}/" in html.unescape(page.text)
    assert "Each core 3" in shown
    assert re.search(r"\b0 10 % 2 50 % 10 90 %", shown), "by their numbers, not as text"
    assert "process-exporter" in shown
    assert "No watched system has this host's address" in shown


@pytest.mark.parametrize(
    ("job", "instance"),
    [("linux", ".."), ("linux", "."), ("linux", "x" * 300), ("monitoring/node", "a/../b"), ("-", "~1"), ("..", "-")],
)
def test_every_name_in_the_list_leads_to_its_page(site: Site, job: str, instance: str) -> None:
    at_ms = site.service.infrastructure.host.now.at_ms
    labels = {"__name__": "node_time_seconds", "job": job, "instance": instance}
    store = site.service.querying.store
    slots = store.register([tuple(sorted(labels.items()))]).slots
    assert not store.append(Samples(slots, np.array([at_ms]), np.array([at_ms / 1000]))).refused
    client = site.visitor()
    listed = client.get(f"/infrastructure?{range_of(site)}&q={quote(instance)}").text
    links = dict(
        reversed(one) for one in re.findall(r'href="(/infrastructure/hosts/[^"?]*)[^"]*" title="([^"]*)"', listed)
    )
    assert client.get(f"{links[instance]}?{range_of(site)}").status_code == 200
    folded = urljoin("http://x/", links[instance])
    assert folded == f"http://x{links[instance]}", "no part of it leads up"
    assert not {".", "..", "%2e", "%2e%2e"} & set(links[instance].lower().split("/"))


def test_this_machine(site: Site, client: TestClient) -> None:
    page = client.get(f"/infrastructure/hosts/node/here?{range_of(site)}")
    assert page.status_code == 200, page.text
    shown = text_of(page.text)
    for told in ("Processors", "Memory", "Disk", "File system", "TCP", "Busiest processes"):
        assert told in shown
    keys = [json.loads(html.unescape(one)) for one in re.findall(r'data-keys="([^"]*)"', page.text)]
    assert len(keys) == len(CHARTS) <= QUERIES_MAX
    answer = client.get(
        "/series?" + "&".join(f"key={quote(key)}" for one in keys for key in one) + "&" + range_of(site)
    )
    told_series = answer.json()
    assert not [note for note in told_series["notes"].values() if note["error"]]
    drawn = {one["key"] for one in told_series["series"] if any(value is not None for value in one["values"])}
    assert len(drawn) >= len(keys) - 1  # a machine may have no disk that reads


def test_a_host_that_nobody_knows(site: Site, client: TestClient) -> None:
    assert client.get("/infrastructure/hosts/node/nobody").status_code == 404
    with pytest.raises(NotFound, match="nothing is known of a host"):
        host_of(explorer(site), "node", "nobody", site.service.infrastructure.host.now.at_ms)
    silent = client.get(f"/infrastructure/hosts/linux/{quote(HOSTILE, safe='')}?{range_of(site)}")
    assert silent.status_code == 200
    assert "silent" in silent.text
    assert "onerror=alert(1)>" not in silent.text


def test_a_host_of_which_only_some_series_come_is_a_host(site: Site, client: TestClient) -> None:
    """Pages of forecasts and capacity lead to it, though nobody says what time it has."""
    at_ms = site.service.infrastructure.host.now.at_ms
    labels = [("__name__", "node_memory_MemTotal_bytes"), ("instance", "bare"), ("job", "node")]
    store = site.service.querying.store
    slot = store.register([tuple(labels)]).slots[0]
    store.append(Samples(np.array([slot], np.int32), np.array([at_ms - 1000], np.int64), np.array([64.0])))
    page = client.get(f"/infrastructure/hosts/node/bare?{range_of(site)}")
    assert page.status_code == 200
    assert "silent" not in text_of(page.text)


def test_every_question_can_be_asked(site: Site) -> None:
    """Each has an answer for this machine, but those about what it may not have."""
    at_ms = site.service.infrastructure.host.now.at_ms
    facts = host_of(explorer(site), "node", "here", at_ms)
    assert facts.trouble is None
    empty = {name for name in ONE if not facts.rows[name]}
    assert empty <= {
        "alerts",
        "net_speed",
        "failed",
        "oom_kills",
        "groups_cpu",
        *(n for n in ONE if "pressure" in ONE[n]),
    }
    own = [one for one in hosts_of(explorer(site), at_ms, ("node", "here")).hosts if one.is_own]
    assert len(own) == 1
    assert own[0].cpu_ratio is not None
    assert 0 <= own[0].cpu_ratio <= 1.001
    for query in (*LIST.values(), *CHARTS.values()):
        site.service.querying.parse(asked_of(query, HOSTILE, HOSTILE))


def test_series_are_those_that_the_dashboard_of_node_exporter_asks_for(site: Site) -> None:
    if not FULL.is_file():
        pytest.skip("the dashboard 1860 (node exporter full) is not on this machine")
    wanted = set(re.findall(r"\bnode_\w+", FULL.read_text("utf-8")))
    at_ms = site.service.infrastructure.host.now.at_ms
    there = set(site.service.querying.store.label_values("__name__", [], at_ms - 600_000, at_ms))
    missing = {name for name in wanted - there if not NOT_HERE.fullmatch(name)}
    assert not missing
    assert len(wanted & there) > 150


def test_containers(site: Site, client: TestClient) -> None:
    page = client.get("/infrastructure/containers")
    assert page.status_code == 200, page.text
    shown = text_of(page.text)
    assert shown.index("shop-web-1") < shown.index("shop-db-1")  # it is not healthy
    for told in (
        "unhealthy",
        "healthy",
        "OOMKilled",
        "exited",
        "no check",
        "of 1.5 cores",
        "of 512 MiB",
        "no cluster is named",
    ):
        assert told in shown, told
    assert "never kept" not in page.text
    store = site.service.querying.store
    at_ms = site.service.infrastructure.containers.now.at_ms
    names = set(store.label_values("__name__", [], at_ms - 600_000, at_ms))
    assert {
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
        "container_restarts_total",
    } <= names
    assert len(NAMES) == len(recorded("docker_list"))  # type: ignore[arg-type]


def test_the_api_and_the_commands(client: TestClient) -> None:
    health = client.get("/api/trimtab/infrastructure").json()
    assert list(health["system"]) == list(SYSTEM_KEYS)
    assert set(health["containers"]) == set(CONTAINER_KEYS)
    assert set(health["cloud"]) == set(CLOUD_KEYS)
    for group in ("system", "containers", "cloud"):
        for name, one in health[group].items():
            assert one["value"] is not None or one["why"], name
            assert one["value"] is None or (one["unit"] and one["at_ms"] and one["source"]), name
    host = client.get("/api/trimtab/infrastructure/host").json()
    assert {one["kind"] for one in host["resources"]} >= {"cpu", "memory", "filesystem", "tcp"}
    hosts = client.get("/api/trimtab/infrastructure/hosts").json()
    containers = client.get("/api/trimtab/infrastructure/containers").json()
    assert [one["container"]["name"] for one in containers["containers"]] == ["shop-db-1", "shop-job-1", "shop-web-1"]
    draws = (
        (infrastructure_output.health, health, "memory_utilization"),
        (infrastructure_output.host, host, "busiest processes"),
        (infrastructure_output.hosts, hosts, "here"),
        (infrastructure_output.containers, containers, "1.5 cores"),
    )
    for draw, told, wanted in draws:
        written = io.StringIO()
        draw(Console(file=written, width=400), told)
        assert wanted in written.getvalue()


def test_a_store_that_is_full_is_counted_and_said(site: Site) -> None:
    class Full:
        def register(self, labels: object) -> object:
            raise StoreError("no room")

    collecting = HostCollecting(HostPolicy, Full, Clock())  # type: ignore[arg-type]
    collecting.look()
    assert collecting.store_failures_count == 1
    assert collecting.problem == "what was seen of the host could not be stored: no room"
    assert {one.name: one.value for one in collecting.numbers()}["trimtab_host_store_failures_total"] == 1


def test_collecting_runs_on_a_thread_and_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMTAB_COLLECT", "on")
    seen = threading.Event()
    collecting = HostCollecting(HostPolicy, lambda: None, Clock(), lambda _now: seen.set())
    collecting.start()
    assert seen.wait(60)
    collecting.stop()
    assert not [one for one in threading.enumerate() if one.name == "host"]
    monkeypatch.setenv("TRIMTAB_COLLECT", "off")
    assert not is_on(collect=True)


def test_the_monitor_from_python() -> None:
    slept: list[float] = []
    monitor = InfrastructureMonitor(interval_s=0.05)
    monitor.system_monitor = SystemMonitor(0.05, sleep=slept.append)
    health = monitor.monitor_infrastructure_health()
    assert slept == [0.05]
    assert [one for one in health.system if not health["system"][one].is_known] == []
    assert not [one for group, one in health.unread() if group == "system"]
    assert monitor.system_monitor.get_memory_usage().part("MemTotal").unit == "bytes"
    assert monitor.container_monitor.is_containerized() in (True, False)
    assert monitor.cloud_monitor.get_lb_health().why
    monitor.close()


def test_a_cell_with_many_values_breaks_between_values_alone() -> None:
    values = [{"name": f"value number {number}", "value": 0.0447 * number, "unit": "ratio"} for number in range(1, 8)]
    lines = infrastructure_output._several(values, is_folded=True).split("\n")
    assert max(map(len, lines)) <= infrastructure_output.CELL_CHARS
    assert len(lines) > 2
    assert all(line.startswith("value number ") for line in lines)
    assert "\n" not in infrastructure_output._several(values, is_folded=False), "a row in a pipe is a line"
