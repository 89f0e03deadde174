"""The whole server over two shards: spans, logs and metrics go in, APIs answer, also while a shard is away."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.cli.conftest import Server, start_server
from tests.clickhouse.servers import DATABASE, PASSWORD, USER, Shard, shards
from tests.store.facts_of_a_shop import trace_request

SERIES = 40
CONFIG = """
[server]
otlp_grpc_listen = ""
otlp_http_listen = ""
"""
PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Shard]]:
    """Shards that may be killed."""
    with shards(tmp_path_factory.mktemp("shards"), 2) as found:
        yield found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, two: list[Shard]) -> Iterator[Server]:
    """`trimtab up --store` with its password from a file."""
    directory = tmp_path_factory.mktemp("trimtab")
    file = directory / "password"
    file.write_text(PASSWORD)
    store = f"clickhouse://{USER}@{two[0].host},{two[1].host}/{DATABASE}?password_file={file}&connect_timeout_s=1"
    running = start_server(directory / "data", CONFIG, "--store", store, is_executed=True)
    yield running
    running.process.terminate()
    assert running.process.wait(timeout=60) == 0


def logs_request(count: int) -> bytes:
    """Lines of several services."""
    request = ExportLogsServiceRequest()
    for number in range(count):
        resource = request.resource_logs.add()
        name = resource.resource.attributes.add()
        name.key, name.value.string_value = "service.name", f"service-{number % 8}"
        record = resource.scope_logs.add().log_records.add()
        record.time_unix_nano = time.time_ns() - number * 1_000_000
        record.severity_number, record.body.string_value = 9, f"order {number} was paid"
    return request.SerializeToString()


def metrics_request(at_ns: int) -> bytes:
    """One gauge, several series."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.name = "stock"
    for number in range(SERIES):
        point = metric.gauge.data_points.add()
        point.time_unix_nano, point.as_double = at_ns, float(number)
        attribute = point.attributes.add()
        attribute.key, attribute.value.string_value = "item", str(number)
    return request.SerializeToString()


def sent(server: Server, signal: str, body: bytes) -> None:
    reply = httpx2.post(f"{server.url}/v1/{signal}", content=body, headers=PROTOBUF, timeout=30)
    assert reply.status_code == 200, reply.text


def asked(server: Server, path: str, **parameters: str) -> dict[str, object]:
    reply = httpx2.get(f"{server.url}{path}", params=parameters, timeout=60)
    assert reply.status_code == 200, reply.text
    found = reply.json()
    assert isinstance(found, dict)
    return found


def until(is_true: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < give_up_s
        time.sleep(0.1)


def counted(server: Server, at_ms: int) -> tuple[object, object]:
    """How many series PromQL finds, and its warnings."""
    answer = asked(server, "/api/v1/query", query="count(stock)", time=str(at_ms / 1000))
    data = answer["data"]
    assert isinstance(data, dict)
    found = data["result"]
    return (int(found[0]["value"][1]) if found else 0), answer.get("warnings")


def test_everything_comes_in_and_is_found_also_without_a_shard(server: Server, two: list[Shard]) -> None:
    sent(server, "traces", trace_request(["checkout"] * 100))
    sent(server, "logs", logs_request(80))
    sent(server, "metrics", metrics_request(time.time_ns()))
    for table, count in (("spans", 100), ("log_records", 80)):
        until(lambda: sum(shard.count(f"{DATABASE}.{table}") for shard in two) >= count)  # noqa: B023
        assert all(shard.count(f"{DATABASE}.{table}") > 0 for shard in two), table
    traces = asked(server, "/jaeger/api/traces", service="shop", limit="200", lookback="1h")
    assert isinstance(traces["data"], list)
    assert len(traces["data"]) == 100
    assert counted(server, time.time_ns() // 1_000_000) == (SERIES, None)

    two[1].kill()
    found = asked(server, "/jaeger/api/traces", service="shop", limit="200", lookback="1h")
    assert isinstance(found["data"], list)
    assert 20 < len(found["data"]) < 80
    assert two[1].host in str(found["errors"])
    assert two[1].host in str(server.json("status"))
    assert counted(server, time.time_ns() // 1_000_000) == (SERIES, None)  # memory has them all
    sent(server, "traces", trace_request(["meanwhile"] * 50))

    two[1].start()
    until(lambda: sum(shard.count(f"{DATABASE}.spans") for shard in two) >= 150)
    until(lambda: len(str(asked(server, "/jaeger/api/traces", service="shop", limit="200")["errors"])) < 8)
    found = asked(server, "/jaeger/api/traces", service="shop", limit="200", lookback="1h")
    assert isinstance(found["data"], list)
    assert len(found["data"]) == 150


def test_the_password_is_nowhere(server: Server) -> None:
    log = (server.data_dir.parent / f"{server.data_dir.name}.log").read_text()
    command_line = Path(f"/proc/{server.process.pid}/cmdline").read_text()
    told = str(server.json("status")) + httpx2.get(f"{server.url}/settings", timeout=30).text
    for text in (log, command_line, told):
        assert PASSWORD not in text
        assert "päss" not in text


def test_a_second_server_is_told_who_has_the_database(server: Server, two: list[Shard], tmp_path: Path) -> None:
    os.environ["STORE_PASSWORD"] = PASSWORD
    store = f"clickhouse://{USER}:${{STORE_PASSWORD}}@{two[0].host},{two[1].host}/{DATABASE}"
    with pytest.raises(AssertionError, match=rf"written by another trimtab: process {server.process.pid} on "):
        start_server(tmp_path / "other", CONFIG, "--store", store)
