"""A Prometheus-compatible server as the store of metrics: asked through trimtab it says what it says itself."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.browser.servers import QUIET, running
from tests.prometheus import free_port, running_prometheus
from tests.promql.sending import Sent, send_example

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
