"""Docker's engine and Kubernetes' API by answers in their form: what is read, what is not and why, what goes wrong."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.observe.containers.engines import Answer, on_a_port, on_a_socket, recorded
from trimtab.app.infrastructure.container_collecting import ContainersNow, together
from trimtab.app.infrastructure.health import container_health
from trimtab.model.errors import ServerUnreachable
from trimtab.observe.containers.asking import Asking
from trimtab.observe.containers.container import Container, Listed
from trimtab.observe.containers.docker import DockerEngine, numbers_of
from trimtab.observe.containers.kubernetes import Kubernetes, asking_of
from trimtab.observe.containers.series_of import series_of

NAMES = {"a1" * 32: "web", "b2" * 32: "db", "c3" * 32: "job"}


@dataclass
class Engine:
    """Docker's, with what may be wrong with it."""

    asked: list[str] = field(default_factory=list)
    is_later: bool = False
    gone: str = ""
    broken: str = ""

    def __call__(self, path: str, query: dict[str, str], _authorization: str) -> Answer:
        self.asked.append(path)
        if path == "/containers/json":
            assert query == {"all": "1"}
            return 200, recorded("docker_list")
        found = re.fullmatch(r"/containers/([0-9a-f]{64})/(json|stats)", path)
        assert found is not None, path
        name = NAMES[found[1]]
        if name == self.gone:
            return 404, {"message": f"No such container: {found[1]}"}
        if name == self.broken:
            return 500, {"message": "driver failed"}
        if found[2] == "json":
            return 200, recorded(f"docker_{name}")
        assert query == {"stream": "false", "one-shot": "true"}
        return 200, recorded(f"docker_{name}_stats{'_later' if self.is_later and name == 'web' else ''}")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def docker(engine: Engine, tmp_path: Path) -> Iterator[DockerEngine]:
    with on_a_socket(tmp_path / "docker.sock", engine) as address:
        asking = Asking(address)
        yield DockerEngine(asking)
        asking.close()


def by_name(listed: Listed) -> dict[str, Container]:
    return {one.name: one for one in listed.containers}


def test_docker(docker: DockerEngine, engine: Engine) -> None:
    listed = docker.look(1000, 100)
    assert (listed.why, listed.left_out_count) == ("", 0)
    found = by_name(listed)
    web, db, job = (found[f"shop-{name}-1"] for name in ("web", "db", "job"))
    assert (web.state, web.health, web.image) == ("running", "unhealthy", "shop/web:1.4")
    assert web.labels == {"compose_project": "shop", "compose_service": "web"}
    assert web.cpu_limit_cores == 1.5
    assert db.cpu_limit_cores == 2.0
    wanted = {
        "cpu_s": 100.0,
        "cpu_user_s": 60.0,
        "cpu_throttled_s": 5.0,
        "restarts": 3.0,
        "is_healthy": 0.0,
        "memory_limit_bytes": 2.0**29,
    }
    assert {name: web.numbers[name] for name in wanted} == pytest.approx(wanted)
    assert (web.numbers["memory_bytes"], web.numbers["working_set_bytes"]) == (450_000_000, 400_000_000)
    assert (web.numbers["receive_bytes"], web.numbers["transmit_bytes"]) == (1024, 512)
    assert (web.numbers["read_bytes"], web.numbers["written_bytes"]) == (1_052_672, 2_097_152)
    assert web.numbers["started_s"] == pytest.approx(1767323045.123)
    assert (job.state, job.last_end, job.numbers["restarts"]) == ("exited", "OOMKilled", 2)
    assert job.why["cpu_s"] == "it does not run"
    assert job.why["health"] == "no health check is defined"
    assert f"/containers/{'c3' * 32}/stats" not in engine.asked  # it would wait for what does not run
    assert "never kept" not in repr(listed)


def test_docker_of_version_1_of_cgroups() -> None:
    told = recorded("docker_stats_cgroup_1")
    assert isinstance(told, dict)
    found = numbers_of(told)
    assert found["working_set_bytes"] == 73969664 - 32768
    assert (found["memory_most_bytes"], found["memory_failures"], found["rss_bytes"]) == (74600448, 3, 73883648)


def test_what_the_kernel_tells_is_not_asked_of_docker(docker: DockerEngine, engine: Engine) -> None:
    key = "a1" * 32
    docker.look(1000, 100, known={key})
    assert f"/containers/{key}/stats" not in engine.asked
    assert f"/containers/{key}/json" in engine.asked


def test_a_container_that_goes_meanwhile_and_one_that_cannot_be_read(docker: DockerEngine, engine: Engine) -> None:
    engine.gone, engine.broken = "web", "db"
    listed = docker.look(1000, 100)
    found = by_name(listed)
    assert "shop-web-1" not in found
    assert "answered 500" in listed.why
    assert "driver failed" in found["shop-db-1"].why["restarts"]
    assert "memory_bytes" not in found["shop-db-1"].numbers
    assert found["shop-job-1"].numbers["restarts"] == 2


def test_no_more_than_wanted(docker: DockerEngine) -> None:
    listed = docker.look(1000, 2)
    assert (len(listed.containers), listed.left_out_count) == (2, 1)


def test_health_of_containers(docker: DockerEngine, engine: Engine) -> None:
    first = docker.look(10_000, 100)
    engine.is_later = True
    second = docker.look(20_000, 100)
    before = {one.key: one for one in first.containers}
    now = ContainersNow(20_000, second.containers, before, (second,), why="")
    health = container_health(now)
    cpu = health["container_cpu"]
    assert cpu.value == pytest.approx(1.1 / 1.5)
    assert cpu.text == "shop-web-1"
    assert cpu.part("shop-web-1").part("throttled").value == pytest.approx(0.5)
    assert "no limit" not in cpu.part("shop-web-1").why
    assert cpu.part("shop-job-1").why == "it does not run"
    memory = health["container_memory"]
    assert memory.value == pytest.approx(410_000_000 / 2**29)
    assert memory.part("shop-db-1").value is None
    assert "no limit" in memory.part("shop-db-1").why
    restarts = health["container_restart_count"]
    assert restarts.value == 5
    assert restarts.part("shop-job-1").text == "OOMKilled"
    checks = health["container_health_checks"]
    assert (checks.value, checks.text) == (0.5, "not healthy: shop-web-1")
    assert checks.part("shop-job-1").why == "no health check is defined"
    assert all(one.source and one.at_ms for one in health.values())


def test_series_have_cadvisors_names(docker: DockerEngine) -> None:
    [web] = [one for one in docker.look(10_000, 100).containers if one.name == "shop-web-1"]
    series, values = series_of(web)
    found = {one.name: (dict(one.labels), value) for one, value in zip(series, values, strict=True)}
    labels, seconds = found["container_cpu_usage_seconds_total"]
    assert seconds == 100.0
    assert labels == {
        "id": f"/{'a1' * 32}",
        "name": "shop-web-1",
        "image": "shop/web:1.4",
        "cpu": "total",
        "compose_project": "shop",
        "compose_service": "web",
    }
    assert found["container_spec_memory_limit_bytes"][1] == 2**29
    assert found["container_cpu_cfs_throttled_periods_total"][1] == 100
    assert found["container_last_seen"][1] == 10.0


def test_the_kernels_numbers_win_and_the_engines_words(docker: DockerEngine) -> None:
    key = "a1" * 32
    kernel = Container(
        key, key[:12], "cgroup v2", 1000, {"cpu_s": 7.0}, labels={"id": f"/docker/{key}"}, why={"restarts": "x"}
    )
    whole = together(Listed("cgroup v2", (kernel,)), docker.look(1000, 100, {key}), Listed("k", is_absent=True))
    [one] = [one for one in whole if one.key == key]
    assert (one.name, one.numbers["cpu_s"], one.numbers["restarts"]) == ("shop-web-1", 7.0, 3.0)
    assert one.labels["id"] == f"/docker/{key}"
    assert "restarts" not in one.why


@dataclass
class Cluster:
    """Kubernetes' API, with what may be wrong with it."""

    metrics: int = 200
    pods: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def __call__(self, path: str, query: dict[str, str], authorization: str) -> Answer:
        self.tokens.add(authorization)
        if path == "/apis/metrics.k8s.io/v1beta1/pods":
            return self.metrics, recorded("kubernetes_metrics") if self.metrics == 200 else {"message": "no"}
        assert path == "/api/v1/pods"
        self.asked.append(query)
        if self.pods != 200:
            return self.pods, {"kind": "Status", "message": "pods is forbidden: User cannot list resource"}
        return 200, recorded(f"kubernetes_pods_{2 if 'continue' in query else 1}")


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def kubernetes(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kubernetes]:
    monkeypatch.setenv("TRIMTAB_KUBERNETES_TOKEN", "opensesame")
    with on_a_port(cluster) as address:
        asking = asking_of(address)
        yield Kubernetes(asking, "node-1")
        asking.close()


def test_kubernetes(kubernetes: Kubernetes, cluster: Cluster) -> None:
    listed = kubernetes.look(1000, 100)
    found = by_name(listed)
    assert cluster.asked == [
        {"limit": "500", "fieldSelector": "spec.nodeName=node-1"},
        {"limit": "500", "fieldSelector": "spec.nodeName=node-1", "continue": "next-page"},
    ]
    assert cluster.tokens == {"Bearer opensesame"}
    api, sidecar, worker = found["api"], found["sidecar"], found["worker"]
    assert (api.state, api.health, api.last_end, api.numbers["restarts"]) == ("running", "unhealthy", "OOMKilled", 5)
    assert (api.cpu_limit_cores, api.numbers["memory_limit_bytes"]) == (0.5, 2**28)
    assert api.numbers["cpu_cores"] == pytest.approx(0.451234567)
    assert api.numbers["working_set_bytes"] == 250 * 2**20
    assert api.key == "e5" * 32
    assert api.labels == {"namespace": "shop", "pod": "api-7d9f-x2x", "node": "node-1", "container": "api"}
    assert sidecar.why["health"] == "no health check is defined"
    assert (worker.state, worker.numbers["restarts"]) == ("CrashLoopBackOff", 42)
    assert worker.why["cpu_cores"] == "the metrics server does not tell it yet"
    late = found["late"]
    assert "not started yet" in late.why["restarts"]
    assert late.key == "shop/late-0/late"
    assert (found["migrate"].state, found["migrate"].last_end) == ("terminated", "Completed")
    now = ContainersNow(1000, listed.containers, {}, (listed,), why="")
    health = container_health(now)
    assert health["container_cpu"].value == pytest.approx(0.451234567 / 0.5)
    assert health["container_cpu"].text == "shop/api-7d9f-x2x/api"
    assert health["container_restart_count"].value == 47
    names = {one.name for one in series_of(api)[0]}
    assert {"kube_pod_container_status_restarts_total", "kube_pod_container_status_last_terminated_reason"} <= names


def test_a_cluster_without_a_metrics_server(kubernetes: Kubernetes, cluster: Cluster) -> None:
    cluster.metrics = 404
    api = by_name(kubernetes.look(1000, 100))["api"]
    assert api.why["cpu_cores"] == "the cluster has no metrics server (metrics.k8s.io)"
    assert api.numbers["restarts"] == 5


def test_an_account_that_may_not_list_pods(kubernetes: Kubernetes, cluster: Cluster) -> None:
    cluster.pods = 403
    listed = kubernetes.look(1000, 100)
    assert not listed.containers
    assert "answered 403" in listed.why
    assert "pods is forbidden" in listed.why
    health = container_health(ContainersNow(1000, (), {}, (listed,), why=""))
    assert "pods is forbidden" in health["container_cpu"].why


def test_without_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TRIMTAB_KUBERNETES_TOKEN", raising=False)
    assert "no token: set TRIMTAB_KUBERNETES_TOKEN" in Kubernetes(asking_of("http://127.0.0.1:1")).look(1, 1).why
    monkeypatch.setenv("TRIMTAB_KUBERNETES_TOKEN_FILE", str(tmp_path / "none"))
    assert "cannot be read: No such file" in Kubernetes(asking_of("http://127.0.0.1:1")).look(1, 1).why
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ServerUnreachable, match="this is no pod"):
        asking_of("in-cluster")


def why_of(address: str, timeout_s: float = 10.0) -> Listed:
    asking = Asking(address, timeout_s=timeout_s)
    listed = DockerEngine(asking).look(1, 1)
    asking.close()
    return listed


def test_who_does_not_answer_or_says_nonsense(tmp_path: Path) -> None:
    assert "docker.sock" in why_of(f"unix://{tmp_path}/docker.sock").why
    with on_a_port(lambda _path, _query, _authorization: (200, b"<html>")) as address:
        assert "no JSON" in why_of(address).why
    with on_a_port(lambda _path, _query, _authorization: (200, {"items": "none"})) as address:
        assert why_of(address).containers == ()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert "Timeout" in why_of(f"http://127.0.0.1:{silent.getsockname()[1]}", 0.2).why
