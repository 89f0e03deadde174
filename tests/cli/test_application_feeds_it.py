"""An application as people write them sends traces, logs and metrics: what it sent is what is answered. (Grade S.)"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from tests.cli.application import SECRET
from tests.cli.conftest import CONFIG, Server, start_server
from tests.conftest import Database
from tests.prometheus import free_port

pytestmark = [pytest.mark.store, pytest.mark.postgres, pytest.mark.slow]

STATEMENTS = ("db.statement", "db.query.text")
LOADED_S = 30.0


def plain(value: AnyValue) -> object:
    """A value of OTLP as Python has it, its type told."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(list(value.kvlist_value.values))
    return None if kind is None else (kind, getattr(value, kind))


def attributes(pairs: list[KeyValue]) -> dict[str, object]:
    """Without statements: these are kept without their literals."""
    return {pair.key: plain(pair.value) for pair in pairs if pair.key not in STATEMENTS}


def told(span: Span) -> dict[str, object]:
    """Everything of a span that has to come back."""
    return {
        "name": span.name,
        "parent": span.parent_span_id.hex(),
        "kind": span.kind,
        "from": span.start_time_unix_nano,
        "to": span.end_time_unix_nano,
        "attributes": attributes(list(span.attributes)),
        "status": (span.status.code, span.status.message),
        "events": [(e.time_unix_nano, e.name, attributes(list(e.attributes))) for e in span.events],
        "links": [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    }


def by_id(data: ExportTraceServiceRequest | TracesData) -> dict[str, dict[str, object]]:
    """Spans by trace and span id, each with its resource and scope."""
    return {
        f"{span.trace_id.hex()}/{span.span_id.hex()}": {
            **told(span),
            "resource": attributes(list(resource.resource.attributes)),
            "scope": (scope.scope.name, scope.scope.version),
        }
        for resource in data.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


def sent_by_application(dsn: str, protocol: str, endpoint: str) -> dict[str, Any]:
    """Run it to its end; what it says it sent."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.application", dsn, protocol, endpoint],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def get(server: Server, path: str, **parameters: object) -> Any:
    answer = httpx2.get(f"{server.url}{path}", params={k: str(v) for k, v in parameters.items()}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def kept_spans(server: Server, trace_ids: set[str]) -> dict[str, dict[str, object]]:
    """What Jaeger's API says of these traces."""
    found: dict[str, dict[str, object]] = {}
    for trace_id in sorted(trace_ids):
        answer = get(server, f"/jaeger/api/v3/traces/{trace_id}")["result"]
        assert SECRET not in json.dumps(answer)
        for resource in answer["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    for holder in (span, *span.get("links", [])):
                        _to_base64(holder)
        found |= by_id(ParseDict(answer, TracesData()))
    return found


def _to_base64(holder: dict[str, Any]) -> None:
    import base64

    for name in ("traceId", "spanId", "parentSpanId"):
        if holder.get(name):
            holder[name] = base64.b64encode(bytes.fromhex(holder[name])).decode()


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_what_an_application_sent_is_what_is_answered(tmp_path: Path, database: Database, protocol: str) -> None:
    grpc_port = free_port()
    ports = f'[server]\notlp_grpc_listen = "127.0.0.1:{grpc_port}"\notlp_http_listen = ""\n'
    server = start_server(tmp_path / "data", CONFIG + ports)
    try:
        endpoint = server.url if protocol == "http" else f"http://127.0.0.1:{grpc_port}"
        sent = sent_by_application(database.dsn(), protocol, endpoint)
        spans = by_id(ExportTraceServiceRequest.FromString(bytes.fromhex(sent["spans"])))
        trace_ids = {key.partition("/")[0] for key in spans}
        assert len(spans) > 60
        assert len(trace_ids) > 20

        give_up_at = time.monotonic() + LOADED_S
        while (kept := kept_spans_or_none(server, trace_ids)) is None or len(kept) < len(spans):
            assert time.monotonic() < give_up_at, "spans were not loaded in time"
            time.sleep(0.2)
        assert kept == spans
        check_logs(server, ExportLogsServiceRequest.FromString(bytes.fromhex(sent["logs"])))

        query = 'sum(shop_orders_total{job="shop", kind="web"})'
        assert get(server, "/api/v1/query", query=query)["data"]["result"][0]["value"][1] == str(sent["orders"])
        services = get(server, "/jaeger/api/services")["data"]
        assert [name for name in services if name != "trimtab"] == ["shop"]  # it keeps slow requests of its own, too
    finally:
        server.process.terminate()
        assert server.process.wait(timeout=180) == 0


def kept_spans_or_none(server: Server, trace_ids: set[str]) -> dict[str, dict[str, object]] | None:
    """None while one of the traces is not there yet."""
    try:
        return kept_spans(server, trace_ids)
    except httpx2.HTTPStatusError as error:
        if error.response.status_code != 404:
            raise
        return None


def bare(value: object) -> object:
    """As JSON has it, without the type."""
    if isinstance(value, tuple):
        return value[1]
    return [bare(one) for one in value] if isinstance(value, list) else value


def check_logs(server: Server, sent: ExportLogsServiceRequest) -> None:
    """Every record is found, with the span that it belongs to."""
    expected = sorted(
        (
            record.time_unix_nano,
            plain(record.body),
            record.severity_number,
            record.trace_id.hex(),
            record.span_id.hex(),
            sorted((key, bare(value)) for key, value in attributes(list(record.attributes)).items()),
        )
        for resource in sent.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    )
    give_up_at = time.monotonic() + LOADED_S
    while len(found := get(server, "/api/trimtab/logs", service="shop", limit=1000)["records"]) < len(expected):
        assert time.monotonic() < give_up_at, f"{len(found)} of {len(expected)} records were loaded in time"
        time.sleep(0.2)
    kept = sorted(
        (
            record["at_ns"],
            ("string_value", record["body"]),
            record["severity_number"],
            record["trace_id"],
            record["span_id"],
            sorted(record["attributes"].items()),
        )
        for record in found
    )
    assert kept == expected
    of_orders = [record for record in kept if "was priced" in record[1][1]]
    assert len(of_orders) == 20
    trace_id = of_orders[0][3]
    of_trace = get(server, "/api/trimtab/logs", trace_id=trace_id)["records"]
    assert sorted(one["at_ns"] for one in of_trace) == [record[0] for record in kept if record[3] == trace_id]
