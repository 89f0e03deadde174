"""`POST /v1/logs` and its gRPC twin: encodings, what is left out, broken bodies, and the SDK's own exporters."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry._logs import LogRecord as SdkRecord
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette

from tests.api.serving import running
from tests.empty_store import MakeTables
from tests.observe.metrics.wire import mutated
from tests.store.logs.requests import any_of, record, request
from trimtab.api.otlp import otlp_routes
from trimtab.api.otlp_grpc import LOGS, OtlpGrpc
from trimtab.api.otlp_signals import Signals
from trimtab.app.access import Access
from trimtab.cli.listening import bind
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.store.limits import TelemetryLimits
from trimtab.store.state_database import StateDatabase
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
LIMITS = TelemetryLimits(
    load_interval_s=0.05,
    logs_load_interval_s=0.05,
    message_bytes_max=200_000,
    message_spans_max=500,
    inflight_bytes_max=600_000,
)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}


@pytest.fixture
def telemetry(tmp_path: Path, tables_made: MakeTables) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(tables_made(tmp_path / "data"), LIMITS) as opened:
        yield opened


@pytest.fixture
def signals(telemetry: EmbeddedTelemetry) -> Signals:
    return Signals(telemetry, LIMITS, MetricsIn(lambda: telemetry.metrics))


@pytest.fixture
def url(signals: Signals) -> Iterator[str]:
    with running(Starlette(routes=list(otlp_routes(signals)))) as address:
        yield address


@pytest.fixture
def address(signals: Signals, tmp_path: Path) -> Iterator[str]:
    database = StateDatabase(tmp_path / "state.db")
    server = OtlpGrpc(signals, Access(database, lambda: time.time_ns() // 1_000_000), bind("127.0.0.1", 0))
    server.start()
    yield f"127.0.0.1:{server.port}"
    server.stop(5)
    database.close()


def stored(telemetry: EmbeddedTelemetry, columns: str = "body") -> list[dict[str, Any]]:
    telemetry.flush()
    found: list[dict[str, Any]] = telemetry.query(
        f"SELECT {columns} FROM log_records ORDER BY at_ns, spool_segment, record_no"
    ).to_pylist()
    return found


@pytest.mark.parametrize("encoding", PACKERS)
def test_protobuf(url: str, telemetry: EmbeddedTelemetry, encoding: str) -> None:
    headers = PROTOBUF | {"Content-Encoding": encoding}
    answer = httpx2.post(f"{url}/v1/logs", content=PACKERS[encoding](request(record("one"))), headers=headers)
    assert answer.status_code == 200
    assert ExportLogsServiceResponse.FromString(answer.content).ByteSize() == 0
    assert stored(telemetry) == [{"body": "one"}]


@pytest.mark.parametrize("encoding", PACKERS)
def test_json(url: str, telemetry: EmbeddedTelemetry, encoding: str) -> None:
    one = {
        "timeUnixNano": str(time.time_ns()),
        "severityText": "WARN",
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "eee19b7ec3c1b174",
        "body": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "5"}}]}},
        "attributes": [{"key": "n", "value": {"doubleValue": 1.5}}],
        "unknown": 1,
    }
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [one]}]}]}
    headers = JSON | {"Content-Encoding": encoding}
    answer = httpx2.post(f"{url}/v1/logs", content=PACKERS[encoding](json.dumps(body).encode()), headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    [row] = stored(telemetry, "body, level, trace_id, span_id, attributes")
    assert row == {
        "body": '{"a":5}',
        "level": 4,
        "trace_id": "5b8efff798038103d269b633813fc60c",
        "span_id": "eee19b7ec3c1b174",
        "attributes": [("n", "1.5")],
    }


def test_partial_success(url: str, address: str, telemetry: EmbeddedTelemetry) -> None:
    day_ns = 86_400_000_000_000
    body = request(
        record("old", time.time_ns() - 15 * day_ns), record("good"), record("new", time.time_ns() + 2 * day_ns)
    )
    answer = ExportLogsServiceResponse.FromString(httpx2.post(f"{url}/v1/logs", content=body, headers=PROTOBUF).content)
    assert answer == ExportLogsServiceResponse.FromString(call(address, body))
    assert answer.partial_success.rejected_log_records == 2
    assert answer.partial_success.error_message == "2 of 3 log records were left out: 1 too_old, 1 too_new"
    assert [row["body"] for row in stored(telemetry)] == ["good", "good"]
    assert telemetry.logs.refused == {"too_old": 2, "too_new": 2}


def test_bodies_that_are_refused(url: str, telemetry: EmbeddedTelemetry) -> None:
    def refusal(body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        answer = httpx2.post(f"{url}/v1/logs", content=body, headers=headers)
        message = answer.json()["message"] if headers is JSON else Status.FromString(answer.content).message
        return answer.status_code, message

    assert refusal(b"\x0a\x05abc", PROTOBUF)[0] == 400
    assert "byte 0" in refusal(b"\x0a\x05abc", PROTOBUF)[1]
    assert refusal(request(record("a")).replace(b"\x0a\x01a", b"\x0a\x01\xff"), PROTOBUF)[0] == 400
    assert refusal(b"{", JSON)[0] == 400
    bad_id = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "xx"}]}]}]}
    assert refusal(json.dumps(bad_id).encode(), JSON) == (400, "traceId must be 32 hexadecimal digits")
    assert refusal(bytes(200_001), PROTOBUF)[0] == 413
    assert refusal(request(*(record("") for _ in range(501))), PROTOBUF)[1].startswith("a request may hold 500")
    wide = request(*(record("") for _ in range(400)), resource={"big": "x" * 5000})
    assert "resources and scopes" in refusal(wide, PROTOBUF)[1]
    assert httpx2.post(f"{url}/v1/logs", content=b"", headers={"Content-Type": "text/plain"}).status_code == 415
    assert stored(telemetry) == []
    assert telemetry.logs.refused_bodies == {"body_broken": 7, "body_too_long": 1, "full": 0}


def call(address: str, body: bytes) -> bytes:
    channel = grpc.insecure_channel(address)
    try:
        return channel.unary_unary(LOGS)(body, timeout=20)
    finally:
        channel.close()


def test_a_broken_body_over_grpc(address: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(address, b"\x0a\x05abc")
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("way", ["http", "http gzip", "grpc", "grpc gzip"])
def test_the_sdks_own_exporters(url: str, address: str, telemetry: EmbeddedTelemetry, way: str) -> None:
    packed = way.endswith("gzip")
    exporter: Any
    if way.startswith("http"):
        compression = Compression.Gzip if packed else Compression.NoCompression
        exporter = OTLPLogExporter(f"{url}/v1/logs", compression=compression, timeout=10)
    else:
        exporter = GrpcExporter(
            address,
            insecure=True,
            timeout=10,
            compression=grpc.Compression.Gzip if packed else grpc.Compression.NoCompression,
        )
    provider = LoggerProvider(Resource.create({"service.name": "checkout"}), shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tests")
    with tracer.start_as_current_span("pay") as span:
        provider.get_logger("shop.pay", "1.2").emit(
            SdkRecord(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.ERROR,
                severity_text="ERROR",
                body="payment of 17 EUR failed",
                attributes={"order": 5, "ratio": 0.5, "tags": ["a", "b"]},
            )
        )
        context = span.get_span_context()
    assert provider.force_flush(10_000)
    provider.shutdown()
    [row] = stored(telemetry, "*")
    assert (row["service_name"], row["body"], row["level"]) == ("checkout", "payment of 17 EUR failed", 5)
    assert dict(row["attributes"]) == {"order": "5", "ratio": "0.5", "tags": '["a","b"]'}
    assert row["attribute_kinds"] == "ida"
    assert (int(row["trace_id"], 16), int(row["span_id"], 16)) == (context.trace_id, context.span_id)
    assert json.loads(row["scope"])["name"] == "shop.pay"


def test_hostile_bodies_break_nothing(url: str, address: str, telemetry: EmbeddedTelemetry) -> None:
    dice = random.Random(5)
    good = [request(*(record(any_of(dice), None, {"a": any_of(dice)}) for _ in range(3))) for _ in range(10)]
    statuses: dict[int, int] = {}
    with httpx2.Client() as client:
        for _ in range(300):
            status = client.post(f"{url}/v1/logs", content=mutated(good, dice), headers=PROTOBUF).status_code
            statuses[status] = statuses.get(status, 0) + 1
    assert set(statuses) == {200, 400}
    for body in good:
        call(address, body)
    found = stored(telemetry)
    assert len(found) == telemetry.logs.stored_count > 30
    assert telemetry.status().quarantined_count == 0
