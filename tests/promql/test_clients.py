"""Clients of Prometheus use trimtab unchanged: promtool, prometheus-api-client, what Grafana's data source sends.

promtool and prometheus-api-client are the real ones. Grafana cannot be had from Debian's packages or PyPI: its
requests are made by hand as its data source makes them (contract tests).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime

import httpx2
import pytest
from prometheus_api_client import PrometheusConnect

from tests.promql.sending import STEP_MS, Sent

pytestmark = [pytest.mark.store, pytest.mark.slow]


def promtool(*arguments: str) -> str:
    program = shutil.which("promtool")
    assert program is not None
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class TestPromtool:
    def test_instant(self, filled: Sent) -> None:
        at = f"{filled.end_ms / 1000:.3f}"
        out = promtool("query", "instant", "--time", at, filled.url, 'up{job="api"}')
        assert 'up{instance="10.0.0.0:9100", job="api"} => 1 @[' in out

    def test_range(self, filled: Sent) -> None:
        start, end = f"{(filled.end_ms - 60_000) / 1000:.3f}", f"{filled.end_ms / 1000:.3f}"
        query = 'rate(requests_total{job="api"}[5m])'
        out = promtool("query", "range", "--start", start, "--end", end, "--step", "15s", filled.url, query)
        lines = [line for line in out.splitlines() if " @[" in line]
        assert len(lines) == 5
        assert {round(float(line.split()[0]), 9) for line in lines} == {2.0}

    def test_series_and_labels(self, filled: Sent) -> None:
        out = promtool("query", "series", "--match", "temperature", filled.url)
        assert '{__name__="temperature", instance="10.0.0.1:9100", job="db"}' in out
        assert promtool("query", "labels", filled.url, "job").split() == ["api", "db"]


class TestPrometheusApiClient:
    def test_names_values_and_queries(self, filled: Sent) -> None:
        client = PrometheusConnect(url=filled.url)
        assert client.check_prometheus_connection()
        assert {"up", "requests_total", "temperature"} <= set(client.all_metrics())
        assert client.get_label_values("job") == ["api", "db"]
        now = client.custom_query("sum(up)", params={"time": filled.end_ms / 1000})
        assert now[0]["value"][1] == "2"
        found = client.custom_query_range(
            "sum by (job) (rate(requests_total[5m]))",
            start_time=datetime.fromtimestamp((filled.end_ms - 600_000) / 1000, UTC),
            end_time=datetime.fromtimestamp(filled.end_ms / 1000, UTC),
            step="15s",
        )
        assert [row["metric"]["job"] for row in found] == ["api", "db"]
        assert {round(float(value), 9) for _, value in found[0]["values"]} == {2.0}


class TestGrafanasDataSource:
    """What it sends: a form by POST for queries, GET for names, the health check, exemplars, metadata, the build."""

    def test_health_and_build(self, filled: Sent) -> None:
        health = httpx2.post(f"{filled.url}/api/v1/query", data={"query": "1+1", "time": "4"}).json()
        assert health == {"status": "success", "data": {"resultType": "scalar", "result": [4, "2"]}}
        build = httpx2.get(f"{filled.url}/api/v1/status/buildinfo").json()["data"]
        assert build["version"].startswith("3.")

    def test_a_panel(self, filled: Sent) -> None:
        form = {
            "query": "sum by (job) (rate(requests_total[1m]))",
            "start": str((filled.end_ms - 900_000) / 1000),
            "end": str(filled.end_ms / 1000),
            "step": "15",
        }
        answer = httpx2.post(f"{filled.url}/api/v1/query_range", data=form).json()
        assert answer["data"]["resultType"] == "matrix"
        (api, _db) = answer["data"]["result"]
        assert api["metric"] == {"job": "api"}
        assert len(api["values"]) == 900_000 // STEP_MS + 1

    def test_variables_and_completion(self, filled: Sent) -> None:
        window = {"start": str(filled.start_ms // 1000), "end": str(filled.end_ms // 1000)}
        names = httpx2.get(f"{filled.url}/api/v1/label/__name__/values", params=window).json()["data"]
        assert {"up", "requests_total"} <= set(names)
        labels = httpx2.get(f"{filled.url}/api/v1/labels", params={**window, "match[]": "up"}).json()["data"]
        assert labels == ["__name__", "instance", "job"]
        values = httpx2.get(f"{filled.url}/api/v1/label/instance/values", params={**window, "match[]": 'up{job="db"}'})
        assert values.json()["data"] == ["10.0.0.1:9100"]
        series = httpx2.post(f"{filled.url}/api/v1/series", data={**window, "match[]": '{job="db"}'}).json()["data"]
        assert {one["__name__"] for one in series} == {"up", "requests_total", "temperature"}
        assert httpx2.get(f"{filled.url}/api/v1/metadata").json()["status"] == "success"

    def test_exemplars(self, filled: Sent) -> None:
        window = {"start": str(filled.start_ms // 1000), "end": str(filled.end_ms // 1000)}
        form = {"query": "rate(requests_total[5m])", **window}
        answer = httpx2.post(f"{filled.url}/api/v1/query_exemplars", data=form)
        assert answer.json() == {"status": "success", "data": []}

    def test_errors_are_told_in_the_shape_that_it_shows(self, filled: Sent) -> None:
        answer = httpx2.post(f"{filled.url}/api/v1/query", data={"query": "sum("})
        assert answer.status_code == 400
        told = answer.json()
        assert told["status"] == "error"
        assert told["errorType"] == "bad_data"
        assert "parse error" in told["error"]


def test_what_the_api_refuses(filled: Sent) -> None:
    base = f"{filled.url}/api/v1"
    cases = {
        "/query": 'invalid parameter "query": it is missing or empty',
        "/query?query=up&time=noon": 'invalid parameter "time": cannot parse "noon" to a valid timestamp',
        "/query_range?query=up&start=1&end=0&step=1": "end timestamp must not be before start time",
        "/query_range?query=up&start=0&end=1&step=0": "zero or negative query resolution step widths",
        "/query_range?query=up&start=0&end=20000&step=1": "exceeded maximum resolution of 11,000 points",
        "/query_range?query=up[5m]&start=0&end=1&step=1": 'invalid expression type "range vector"',
        "/series": "no match[] parameter provided",
        "/series?match[]=rate(up[5m])": "is not a series selector",
    }
    for path, told in cases.items():
        answer = httpx2.get(base + path)
        assert answer.status_code == 400, path
        assert told in answer.json()["error"], path
    missing = httpx2.get(f"{base}/nothing")
    assert missing.status_code == 404
    assert missing.json()["errorType"] == "not_found"
    head = json.loads(httpx2.get(f"{base}/status/tsdb").content)["data"]["headStats"]
    assert head["numSeries"] >= 6
    assert 0 < head["minTime"] <= head["maxTime"]
    for what in ("healthy", "ready"):  # newer promtools ask: check healthy, check ready
        assert httpx2.get(f"{filled.url}/-/{what}").status_code == 200
