"""`POST /v1/metrics`: both encodings, packed or not, what is left out, and the SDK's own exporter."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.api.serving import running
from tests.observe.metrics.fake_store import FakeStore
from tests.observe.metrics.test_otlp_metrics import NOW, gauge, good_bodies, number, request
from tests.observe.metrics.wire import mutated
from trimtab.api.otlp import otlp_routes
from trimtab.api.otlp_signals import Signals
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.store.limits import TelemetryLimits
from trimtab.store.telemetry import TelemetryStore

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
LIMITS = IngestLimits(body_bytes_max=200_000, inflight_bytes_max=300_000)


NO_TELEMETRY = cast("TelemetryStore", None)
"""Nothing but metrics comes here."""

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def metrics(store: FakeStore) -> MetricsIn:
    return MetricsIn(lambda: store, LIMITS)


@pytest.fixture
def app(metrics: MetricsIn) -> Starlette:
    return Starlette(routes=list(otlp_routes(Signals(NO_TELEMETRY, TelemetryLimits(), metrics))))


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app)


@pytest.fixture
def url(app: Starlette) -> Iterator[str]:
    with running(app) as address:
        yield address


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
def test_protobuf_is_answered_in_protobuf(client: TestClient, store: FakeStore, encoding: str) -> None:
    body = bytes(request(gauge("load", number(1.5))))
    packed = PACKERS[encoding](body)
    answer = client.post("/v1/metrics", content=packed, headers=PROTOBUF | {"Content-Encoding": encoding})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert not ExportMetricsServiceResponse.FromString(answer.content).HasField("partial_success")
    assert store.of("load") == {NOW: 1.5}


def document() -> dict[str, Any]:
    exemplar = {"asDouble": 1, "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"}
    point = {
        "timeUnixNano": str(NOW * 1_000_000),
        "asInt": "5",
        "attributes": [{"key": "a", "value": {"stringValue": "b"}}],
        "exemplars": [exemplar],
        "aFieldOfTomorrow": 1,
    }
    total = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}
    metric = {"name": "requests", "unit": "1", "sum": total}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


def test_json_is_answered_in_json(client: TestClient, store: FakeStore) -> None:
    answer = client.post("/v1/metrics", content=json.dumps(document()), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert store.of("requests_total", a="b") == {NOW: 5.0}
    assert dict(store.examples[0].labels)["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_what_is_not_taken_is_told(client: TestClient, metrics: MetricsIn) -> None:
    bad = document()
    bad["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["sum"]["aggregationTemporality"] = 0
    answer = client.post("/v1/metrics", content=json.dumps(bad), headers=JSON)
    assert answer.status_code == 200
    told = answer.json()["partialSuccess"]
    assert told["rejectedDataPoints"] == "1"
    assert "temporality_unspecified: 1" in told["errorMessage"]
    assert metrics.counts.refused["otlp", "temporality_unspecified"] == 1


@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        (b"\x0a\x05abc", PROTOBUF, 400, "broken"),
        (b"{", JSON, 400, "in JSON"),
        (b"[]", JSON, 400, "not a JSON object"),
        (b'{"resourceMetrics": 5}', JSON, 400, "in JSON"),
        (b'{"resourceMetrics": "\xff"}', JSON, 400, "not UTF-8"),
        (b"abc", PROTOBUF | {"Content-Encoding": "br"}, 400, "'br' is not known"),
        (zstandard.compress(b"abc")[:5], PROTOBUF | {"Content-Encoding": "zstd"}, 400, "cut short"),
        (b"abcdefgh", PROTOBUF | {"Content-Encoding": "zstd"}, 400, "not zstd"),
        (zstandard.compress(b"abc")[:-1], PROTOBUF | {"Content-Encoding": "zstd"}, 400, "cut short"),
        (zstandard.compress(b"abc") + b"x", PROTOBUF | {"Content-Encoding": "zstd"}, 400, "followed by"),
        (zstandard.compress(bytes(100_000_000)), PROTOBUF | {"Content-Encoding": "zstd"}, 413, "unpacked"),
        (gzip.compress(bytes(100_000_000)), PROTOBUF | {"Content-Encoding": "gzip"}, 413, "unpacked"),
        (bytes(200_001), PROTOBUF, 413, "200000 bytes"),
        (b"x", {"Content-Type": "text/plain"}, 415, "content-type"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_bad_bodies(
    client: TestClient, metrics: MetricsIn, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    answer = client.post("/v1/metrics", content=body, headers=headers)
    assert answer.status_code == status
    is_json = headers["Content-Type"] == "application/json"
    told = answer.json()["message"] if is_json else Status.FromString(answer.content).message
    assert message in told
    assert metrics.room.taken_bytes == 0


def test_a_full_store_is_told_with_retry_after(client: TestClient, store: FakeStore, metrics: MetricsIn) -> None:
    store.is_full = True
    answer = client.post("/v1/metrics", content=bytes(request(gauge("load", number(1)))), headers=PROTOBUF)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert Status.FromString(answer.content).code == 8
    assert metrics.counts.bodies["otlp", "full"] == 1


@pytest.mark.slow
def test_bodies_broken_at_random_are_never_an_error_of_ours(client: TestClient) -> None:
    dice = random.Random(20260105)
    good = good_bodies()
    statuses = {
        client.post("/v1/metrics", content=mutated(good, dice), headers=PROTOBUF).status_code for _ in range(500)
    }
    assert statuses == {200, 400}


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_the_sdk_exporter_is_understood(
    store: FakeStore, url: str, compression: Compression, temporality: AggregationTemporality
) -> None:
    exporter = OTLPMetricExporter(
        f"{url}/v1/metrics",
        compression=compression,
        preferred_temporality={Counter: temporality, Histogram: temporality},
        timeout=10,
    )
    use_sdk(exporter)
    check_sdk(store)


def use_sdk(exporter: Any) -> None:
    """Every instrument, exported twice."""
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    provider = MeterProvider(
        [reader],
        Resource.create({"service.name": "cart", "service.instance.id": "a1", "host.name": "h"}),
        shutdown_on_exit=False,
        views=[View(instrument_name="latency", aggregation=ExponentialBucketHistogramAggregation())],
    )
    meter = provider.get_meter("tests", "1.0")
    counter = meter.create_counter("requests", "{request}", "Requests.")
    moving = meter.create_up_down_counter("connections")
    meter.create_observable_gauge("cpu.utilization", [lambda _: [Observation(0.5, {"cpu": 0})]], "1")
    duration = meter.create_histogram("duration", "s")
    latency = meter.create_histogram("latency", "ms")
    for _ in range(2):
        counter.add(3, {"http.method": "GET"})
        moving.add(2)
        duration.record(0.3)
        latency.record(12.0)
        assert provider.force_flush(10_000)
    provider.shutdown()


def check_sdk(store: FakeStore) -> None:
    """What came out: totals, whatever the temporality was."""
    shared = {"job": "cart", "instance": "a1", "otel_scope_name": "tests", "otel_scope_version": "1.0"}
    by_name: dict[str, list[float]] = {}
    for labels, found in store.values.items():
        have = dict(labels)
        if have["__name__"] != "target_info":
            assert shared.items() <= have.items()
        by_name.setdefault(have["__name__"], []).extend(found[at] for at in sorted(found))
    assert by_name["requests_total"][:2] == [3.0, 6.0]
    assert by_name["connections"][:2] == [2.0, 4.0]
    assert set(by_name["cpu_utilization_ratio"]) == {0.5}
    assert by_name["duration_seconds_count"][:2] == [1.0, 2.0]
    assert by_name["duration_seconds_sum"][:2] == [0.3, 0.6]
    assert set(by_name["target_info"]) == {1.0}
    (native,) = store.native.values()
    assert [native[at].count for at in sorted(native)][:2] == [1.0, 2.0]
    assert store.told["requests_total"].kind == "counter"


def test_the_request_of_the_tests_is_a_request() -> None:
    assert len(ExportMetricsServiceRequest.FromString(bytes(request(gauge("a", number(1))))).resource_metrics) == 1
