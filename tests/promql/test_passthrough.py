"""A Prometheus-compatible server as the store of metrics: asked through trimtab it says what it says itself."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import grpc
import httpx2
import pytest
from google.rpc.status_pb2 import Status

from tests.browser.servers import QUIET, running
from tests.cli.conftest import start_server
from tests.observe.metrics.test_otlp_metrics import gauge, number, request
from tests.prometheus import free_port, running_prometheus
from tests.promql.sending import Sent, send_example
from trimtab.api.otlp_grpc import METRICS

pytestmark = [pytest.mark.store, pytest.mark.slow]


@contextmanager
def running_victoria_metrics(directory: Path) -> Iterator[str]:
    program = shutil.which("victoria-metrics")
    assert program is not None
    directory.mkdir(parents=True, exist_ok=True)
    base = f"http://127.0.0.1:{free_port()}"
    command = [program, f"-storageDataPath={directory}", f"-httpListenAddr={base.removeprefix('http://')}"]
    command += ["-search.latencyOffset=0s", "-search.disableCache", "-loggerLevel=ERROR"]
    process = subprocess.Popen(command, cwd=directory)
    try:
        for _ in range(600):
            try:
                if httpx2.get(f"{base}/health", timeout=2).status_code == 200:
                    break
            except httpx2.HTTPError:
                time.sleep(0.05)
        yield base
    finally:
        process.terminate()
        process.wait(30)


def questions(sent: Sent) -> list[tuple[str, str, dict[str, str]]]:
    window = {"start": str(sent.start_ms / 1000), "end": str(sent.end_ms / 1000)}
    return [
        ("GET", "/api/v1/query", {"query": "sum(up)", "time": str(sent.end_ms / 1000)}),
        ("POST", "/api/v1/query_range", {"query": "rate(requests_total[5m])", "step": "60", **window}),
        ("GET", "/api/v1/labels", window),
        ("GET", "/api/v1/label/job/values", window),
        ("POST", "/api/v1/series", {"match[]": "up", **window}),
        ("GET", "/api/v1/query", {"query": "sum(", "time": "1"}),
    ]


def ask(base: str, method: str, path: str, values: dict[str, str]) -> tuple[int, object]:
    if method == "POST":
        answer = httpx2.post(base + path, data=values, timeout=30)
    else:
        answer = httpx2.get(base + path, params=values, timeout=30)
    told = answer.json()
    told.pop("stats", None)
    return answer.status_code, told


@pytest.mark.parametrize("kind", ["prometheus", "victoria-metrics"])
def test_answers_are_those_of_the_server_behind(kind: str, tmp_path: Path) -> None:
    server = running_prometheus if kind == "prometheus" else running_victoria_metrics
    with server(tmp_path / "behind") as behind, running(tmp_path / "own", QUIET, "--metrics", behind) as own:
        sent = send_example(behind)
        deadline_s = time.monotonic() + 20
        while not ask(behind, *questions(sent)[0])[1]["data"]["result"]:  # type: ignore[index]
            assert time.monotonic() < deadline_s
            time.sleep(0.1)
        for method, path, values in questions(sent):
            assert ask(own.url, method, path, values) == ask(behind, method, path, values), path


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with running(tmp_path, QUIET, "--metrics", nobody) as own:
        status, told = ask(own.url, "GET", "/api/v1/query", {"query": "up"})
        assert status == 502
        assert nobody in told["error"]  # type: ignore[index]


def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as failed, running(tmp_path, QUIET, "--metrics", "http://me:secret@prom:9090"):
        pass
    assert "secret" not in str(failed.value)


def test_metrics_that_queries_would_never_find_are_not_taken(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    port = free_port()
    config = f'[server]\notlp_grpc_listen = "127.0.0.1:{port}"\notlp_http_listen = ""\n'
    server = start_server(tmp_path / "own", config, "--metrics", nobody)
    try:
        body = bytes(request(gauge("load", number(1.5, time.time_ns() // 1_000_000))))
        kind = {"Content-Type": "application/x-protobuf"}
        written = httpx2.post(f"{server.url}/api/v1/write", content=b"", headers=kind, timeout=30)
        assert (written.status_code, nobody in written.text) == (404, True)
        sent = httpx2.post(f"{server.url}/v1/metrics", content=body, headers=kind, timeout=30)
        assert (sent.status_code, nobody in Status.FromString(sent.content).message) == (404, True)
        with closing(grpc.insecure_channel(f"127.0.0.1:{port}")) as channel, pytest.raises(grpc.RpcError) as refused:
            channel.unary_unary(METRICS)(body, timeout=30, wait_for_ready=True)
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert nobody in refused.value.details()
        assert httpx2.post(f"{server.url}/v1/logs", content=b"", headers=kind, timeout=30).status_code == 200
        told = httpx2.get(f"{server.url}/metrics", timeout=30).text
        for protocol, count in (("otlp", 2), ("remote_write", 1)):
            labels = f'protocol="{protocol}",reason="elsewhere"'
            assert f"trimtab_metric_bodies_refused_total{{{labels}}} {count}.0" in told
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0
    assert f"WARNING: metrics are asked of {nobody}" in (tmp_path / "own.log").read_text()
