"""Every receiver of spans and log records of a running server, one way to send to each of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import grpc
import httpx2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.cli.conftest import Server
from trimtab.api.otlp_grpc import LOGS, TRACES

Signal = Literal["spans", "log_records"]
Make = Callable[[str, Iterable[int]], bytes]
_GONE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}


class Gone(Exception):
    """The server is not there any more."""


@dataclass(frozen=True)
class Told:
    """What a receiver said. `code` is HTTP's, also for gRPC: 200, 400, 429, 503, or 500 for what is none of these."""

    code: int
    text: str
    is_whole: bool
    """Whether all of it was taken."""


@dataclass(frozen=True)
class Receiver:
    """`make` writes a body of records with these numbers (attribute `seq`), of a service with that name."""

    name: str
    signal: Signal
    make: Make
    path: str
    content_type: str = ""

    @property
    def is_grpc(self) -> bool:
        """Over gRPC `path` is the method."""
        return not self.content_type


class Wire:
    """Connections to a server."""

    def __init__(self, server: Server, grpc_port: int) -> None:
        self._http = httpx2.Client(base_url=server.url, timeout=60)
        self.channel = grpc.insecure_channel(f"127.0.0.1:{grpc_port}")
        grpc.channel_ready_future(self.channel).result(timeout=30)

    def send(self, receiver: Receiver, body: bytes) -> Told:
        """Raises Gone."""
        return self._call(receiver.path, body) if receiver.is_grpc else self._post(receiver, body)

    def _post(self, receiver: Receiver, body: bytes) -> Told:
        try:
            answer = self._http.post(receiver.path, content=body, headers={"Content-Type": receiver.content_type})
        except httpx2.TransportError as error:
            raise Gone(str(error)) from error
        return told_of_post(answer.status_code, answer.text)

    def _call(self, method: str, body: bytes) -> Told:
        try:
            answer = self.channel.unary_unary(method)(body, timeout=60)
        except grpc.RpcError as error:
            return told_of_call(error)
        return Told(200, repr(answer), is_whole=not answer)

    def close(self) -> None:
        """Both."""
        self._http.close()
        self.channel.close()


def told_of_post(status: int, text: str) -> Told:
    """Of an answer over HTTP."""
    is_whole = status == 200 and "partial" not in text.lower() and '"errors":true' not in text
    return Told(status, text, is_whole)


def told_of_call(error: grpc.RpcError) -> Told:
    """Of a call that was not taken. Raises Gone."""
    code, text = error.code(), error.details() or ""
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED or (code == grpc.StatusCode.UNAVAILABLE and "free" in text):
        return Told(503, text, is_whole=False)
    if code in _GONE:
        raise Gone(text) from error
    return Told(400 if code == grpc.StatusCode.INVALID_ARGUMENT else 500, f"{code} {text}", is_whole=False)


def _span(name: str, number: int, now_ns: int) -> dict[str, object]:
    return {
        "traceId": f"{abs(hash(name)) % (1 << 60) + 1:016x}{number + 1:016x}",
        "spanId": f"{number + 1:016x}",
        "name": "GET /orders",
        "kind": 2,
        "startTimeUnixNano": str(now_ns - 5_000_000),
        "endTimeUnixNano": str(now_ns),
        "attributes": [
            {"key": "seq", "value": {"intValue": str(number)}},
            {"key": "http.route", "value": {"stringValue": "/orders"}},
            {"key": "cached", "value": {"boolValue": False}},
        ],
        "events": [{"timeUnixNano": str(now_ns), "name": "e", "attributes": []}],
        "status": {"code": 2, "message": "no"} if number % 7 == 0 else {},
    }


def _record(number: int, now_ns: int) -> dict[str, object]:
    return {
        "timeUnixNano": str(now_ns),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": f"order {number} placed"},
        "attributes": [
            {"key": "seq", "value": {"intValue": str(number)}},
            {"key": "nested", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"doubleValue": 1.5}}]}}},
        ],
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
    }


def _resource(name: str) -> dict[str, object]:
    return {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}


def traces_json(name: str, numbers: Iterable[int]) -> bytes:
    """OTLP as JSON."""
    now_ns = time.time_ns()
    scope = {"scope": {"name": "tests"}, "spans": [_span(name, number, now_ns) for number in numbers]}
    return json.dumps({"resourceSpans": [{"resource": _resource(name), "scopeSpans": [scope]}]}).encode()


def logs_json(name: str, numbers: Iterable[int]) -> bytes:
    """OTLP as JSON."""
    now_ns = time.time_ns()
    scope = {"scope": {"name": "tests"}, "logRecords": [_record(number, now_ns) for number in numbers]}
    return json.dumps({"resourceLogs": [{"resource": _resource(name), "scopeLogs": [scope]}]}).encode()


def _bytes_for_ids(found: object) -> None:
    """Protobuf's own JSON has ids as base64."""
    import base64

    if isinstance(found, dict):
        for key in ("traceId", "spanId"):
            if key in found:
                found[key] = base64.b64encode(bytes.fromhex(found[key])).decode()
    for one in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        _bytes_for_ids(one)


def _packed(text: bytes, request: ExportTraceServiceRequest | ExportLogsServiceRequest) -> bytes:
    from google.protobuf.json_format import ParseDict

    document = json.loads(text)
    _bytes_for_ids(document)
    ParseDict(document, request)
    return request.SerializeToString()


def traces_protobuf(name: str, numbers: Iterable[int]) -> bytes:
    """OTLP as protobuf."""
    return _packed(traces_json(name, numbers), ExportTraceServiceRequest())


def logs_protobuf(name: str, numbers: Iterable[int]) -> bytes:
    """OTLP as protobuf."""
    return _packed(logs_json(name, numbers), ExportLogsServiceRequest())


def logs_bulk(name: str, numbers: Iterable[int]) -> bytes:
    """As Filebeat writes them."""
    lines = []
    for number in numbers:
        document = {
            "@timestamp": time.time_ns() // 1_000_000,
            "message": f"order {number} placed",
            "log": {"level": "info"},
            "service": {"name": name},
            "seq": number,
            "trace": {"id": f"{number + 1:032x}"},
        }
        lines += ['{"create":{"_index":"orders"}}', json.dumps(document)]
    return ("\n".join(lines) + "\n").encode()


PROTOBUF, JSON, NDJSON = "application/x-protobuf", "application/json", "application/x-ndjson"
RECEIVERS = (
    Receiver("traces-protobuf", "spans", traces_protobuf, "/v1/traces", PROTOBUF),
    Receiver("traces-json", "spans", traces_json, "/v1/traces", JSON),
    Receiver("traces-grpc", "spans", traces_protobuf, TRACES),
    Receiver("logs-protobuf", "log_records", logs_protobuf, "/v1/logs", PROTOBUF),
    Receiver("logs-json", "log_records", logs_json, "/v1/logs", JSON),
    Receiver("logs-grpc", "log_records", logs_protobuf, LOGS),
    Receiver("logs-bulk", "log_records", logs_bulk, "/elasticsearch/_bulk", NDJSON),
)
