"""OTLP over HTTP against a real server: the SDK's own exporter, both encodings, and every way to be refused."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette

from tests.empty_store import MakeTables
from tests.store.facts_of_a_shop import now_ms, trace_request
from trimtab.api.otlp import otlp_routes
from trimtab.api.otlp_signals import Signals
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.sql.fingerprint import fingerprint
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}
LIMITS = TelemetryLimits(
    load_interval_s=0.05, spans_load_interval_s=0.05, message_bytes_max=200_000, inflight_bytes_max=300_000
)
SPAN: dict[str, Any] = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "parentSpanId": "",
    "name": "SELECT orders",
    "kind": 3,
    "attributes": [
        {"key": "db.query.text", "value": {"stringValue": "SELECT * FROM orders WHERE id = $1"}},
        {"key": "n", "value": {"intValue": "42"}},
    ],
    "links": [{"traceId": "1" * 32, "spanId": "2" * 16}],
    "status": {},
    "aFieldOfTomorrow": {"x": 1},
}


@contextmanager
def serving(telemetry: EmbeddedTelemetry, limits: TelemetryLimits) -> Iterator[str]:
    """A uvicorn on a free port; gives its URL."""
    signals = Signals(telemetry, limits, MetricsIn(lambda: None))
    app = Starlette(routes=list(otlp_routes(signals)))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert server.started
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def telemetry(tmp_path: Path, tables_made: MakeTables) -> Iterator[EmbeddedTelemetry]:
    with EmbeddedTelemetry.open(tables_made(tmp_path), LIMITS) as store:
        yield store


@pytest.fixture
def url(telemetry: EmbeddedTelemetry) -> Iterator[str]:
    with serving(telemetry, LIMITS) as address:
        yield address


def spans_named(telemetry: EmbeddedTelemetry, name: str) -> list[dict[str, Any]]:
    telemetry.flush(20)
    return telemetry.query("SELECT * FROM spans WHERE name = {name:String}", {"name": name}).to_pylist()


def document(name: str, **changes: object) -> dict[str, Any]:
    start_ns = time.time_ns()
    times = {"startTimeUnixNano": str(start_ns), "endTimeUnixNano": str(start_ns + 3_000_000)}
    span = SPAN | times | {"name": name} | changes
    service = {"key": "service.name", "value": {"stringValue": "web"}}
    return {"resourceSpans": [{"resource": {"attributes": [service]}, "scopeSpans": [{"spans": [span]}]}]}


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_the_sdk_exporter_is_understood(telemetry: EmbeddedTelemetry, url: str, compression: Compression) -> None:
    exporter = OTLPSpanExporter(f"{url}/v1/traces", compression=compression, timeout=10)
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    name = f"sdk {compression.name}"
    text = f"SELECT * FROM {compression.name} WHERE id = %s"
    with tracer.start_as_current_span("checkout") as root:
        for _ in range(50):
            with tracer.start_as_current_span(name, kind=SpanKind.CLIENT, attributes={"db.query.text": text}):
                pass
    assert provider.force_flush(10_000)
    provider.shutdown()
    rows = spans_named(telemetry, name)
    assert len(rows) == 50
    assert {row["trace_id"] for row in rows} == {f"{root.get_span_context().trace_id:032x}"}
    assert {row["parent_span_id"] for row in rows} == {f"{root.get_span_context().span_id:016x}"}
    assert {(row["service_name"], row["kind"]) for row in rows} == {("shop", "client")}
    mark = fingerprint(text)
    assert mark is not None
    assert telemetry.latency(mark, now_ms() - 60_000, now_ms() + 1000).count == 50


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_json_has_hexadecimal_ids(telemetry: EmbeddedTelemetry, url: str, packed: bool) -> None:
    name = f"json {packed}"
    body = json.dumps(document(name)).encode()
    headers = JSON | ({"Content-Encoding": "gzip"} if packed else {})
    answer = httpx2.post(f"{url}/v1/traces", content=gzip.compress(body) if packed else body, headers=headers)
    assert (answer.status_code, answer.json(), answer.headers["content-type"]) == (200, {}, "application/json")
    (row,) = spans_named(telemetry, name)
    assert (row["trace_id"], row["span_id"], row["parent_span_id"]) == (SPAN["traceId"], SPAN["spanId"], "")
    assert (row["service_name"], row["kind"], row["duration_ms"]) == ("web", "client", 3.0)
    assert dict(row["attributes"]) == {"n": "42"}
    assert row["db_query_text"] == "SELECT * FROM orders WHERE id = $1"


def test_protobuf_is_answered_in_protobuf(telemetry: EmbeddedTelemetry, url: str) -> None:
    answer = httpx2.post(f"{url}/v1/traces", content=trace_request(["pb"] * 3), headers=PROTOBUF)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    ExportTraceServiceResponse().ParseFromString(answer.content)
    assert len(spans_named(telemetry, "pb")) == 3


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"\x0a\x05abc", PROTOBUF, "not an ExportTraceServiceRequest"),
        (b"{", JSON, "in JSON"),
        (b"[]", JSON, "not a JSON object"),
        (b'{"resourceSpans": 5}', JSON, "in JSON"),
        (b"[" * 100_000, JSON, ""),
        (json.dumps(document("x", traceId="abc")).encode(), JSON, "traceId must be 32 hexadecimal digits"),
        (json.dumps(document("x", spanId=7)).encode(), JSON, "spanId must be 16 hexadecimal digits"),
        (
            json.dumps(document("x", traceId=base64.b64encode(bytes(16)).decode())).encode(),
            JSON,
            "traceId must be 32 hexadecimal digits",
        ),
        (json.dumps(document("x", links=[{"spanId": "zz"}])).encode(), JSON, "spanId must be"),
        (b"not gzip", PROTOBUF | {"Content-Encoding": "gzip"}, "not gzip"),
        (gzip.compress(b"abc")[:-4], PROTOBUF | {"Content-Encoding": "gzip"}, "cut short"),
        (b"abc", PROTOBUF | {"Content-Encoding": "br"}, "content-encoding 'br' is not known"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_bad_body_is_refused_in_its_own_encoding(
    telemetry: EmbeddedTelemetry, url: str, body: bytes, headers: dict[str, str], message: str
) -> None:
    before = telemetry.status().accepted_messages_count["spans"]
    answer = httpx2.post(f"{url}/v1/traces", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == headers["Content-Type"]
    status = Status()
    if headers["Content-Type"] == "application/json":
        document = answer.json()
        status = Status(code=document["code"], message=document["message"])
    else:
        status.ParseFromString(answer.content)
    assert status.code == 3
    assert message in status.message
    assert telemetry.status().accepted_messages_count["spans"] == before


def test_an_unknown_content_type_is_refused(url: str) -> None:
    answer = httpx2.post(f"{url}/v1/traces", content=b"x", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_a_long_body_is_refused_packed_or_not(url: str) -> None:
    long = bytes(200_001)
    assert httpx2.post(f"{url}/v1/traces", content=long, headers=PROTOBUF).status_code == 413
    packed = PROTOBUF | {"Content-Encoding": "gzip"}
    assert httpx2.post(f"{url}/v1/traces", content=gzip.compress(long), headers=packed).status_code == 413
    bomb = gzip.compress(bytes(100_000_000))
    assert httpx2.post(f"{url}/v1/traces", content=bomb, headers=packed).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield bytes(10_000)

    assert httpx2.post(f"{url}/v1/traces", content=pieces(), headers=PROTOBUF).status_code == 413


def third_beside_two_slow_ones(url: str, body: bytes) -> tuple[httpx2.Response | None, list[int]]:
    """The first 429 that a third sender gets while two bodies are still coming, and what those two got in the end."""
    may_end = threading.Event()
    answers: list[int] = []

    def slowly() -> Iterator[bytes]:
        yield body[:-1]
        may_end.wait(30)
        yield body[-1:]

    def send() -> None:
        answers.append(httpx2.post(f"{url}/v1/traces", content=slowly(), headers=PROTOBUF, timeout=60).status_code)

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    refused = None
    give_up_at = time.monotonic() + 3
    while refused is None and time.monotonic() < give_up_at:
        answer = httpx2.post(f"{url}/v1/traces", content=body, headers=PROTOBUF)
        refused = answer if answer.status_code == 429 else None
    may_end.set()
    for sender in senders:
        sender.join(60)
    return (refused if answers == [200, 200] else None), answers


def test_too_much_at_once_is_told_to_come_back(telemetry: EmbeddedTelemetry, url: str) -> None:
    """Two bodies that are still coming take the room; a third is told so, and is welcome afterwards."""
    body = trace_request(["slow"] * 1000)
    assert 150_000 > len(body) > 100_000
    refused = None
    for _ in range(5):  # a probe may take the room before a slow sender does: then neither waits, and it is tried again
        refused, answers = third_beside_two_slow_ones(url, body)
        if refused is not None:
            break
    assert refused is not None
    assert int(refused.headers["retry-after"]) > 0
    assert answers == [200, 200]
    assert httpx2.post(f"{url}/v1/traces", content=body, headers=PROTOBUF).status_code == 200


def test_a_full_spool_is_told_with_retry_after(
    telemetry: EmbeddedTelemetry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry._spool, "_limits", TelemetryLimits(spool_bytes_max=10))
    answer = httpx2.post(f"{url}/v1/traces", content=trace_request(["q"]), headers=PROTOBUF)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    status = Status()
    status.ParseFromString(answer.content)
    assert status.code == 8
    assert "the limit of 10" in status.message
    monkeypatch.undo()
    assert httpx2.post(f"{url}/v1/traces", content=trace_request(["q"]), headers=PROTOBUF).status_code == 200


def test_a_sender_that_goes_away_leaves_nothing_behind(telemetry: EmbeddedTelemetry, url: str) -> None:
    class Gone(Exception):
        pass

    def broken() -> Iterator[bytes]:
        yield bytes(1000)
        raise Gone

    with pytest.raises(Gone):
        httpx2.post(f"{url}/v1/traces", content=broken(), headers=PROTOBUF)
    assert httpx2.post(f"{url}/v1/traces", content=trace_request(["still"]), headers=PROTOBUF).status_code == 200


def test_a_closed_store_is_unavailable(telemetry: EmbeddedTelemetry, url: str) -> None:
    telemetry.close()
    answer = httpx2.post(f"{url}/v1/traces", content=trace_request(["q"]), headers=PROTOBUF)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
