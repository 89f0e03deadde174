"""Spans that cannot be kept are refused by themselves, and the sender is told how many and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.api.test_otlp import LIMITS, PROTOBUF, serving
from tests.empty_store import MakeTables
from tests.store.traces.otlp import Made, request
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


@pytest.fixture
def telemetry(tmp_path: Path, tables_made: MakeTables) -> Iterator[EmbeddedTelemetry]:
    """A store of its own."""
    with EmbeddedTelemetry.open(tables_made(tmp_path), LIMITS) as store:
        yield store


def mixed() -> ExportTraceServiceRequest:
    """Eight spans of two services: two are good."""
    made = request([Made(n, n, service=("a", "b")[n % 2], name=f"span {n}") for n in range(1, 9)])
    spans = {span.name: span for one in made.resource_spans for scope in one.scope_spans for span in scope.spans}
    spans["span 1"].trace_id = b"short"
    spans["span 2"].span_id = bytes(8)
    spans["span 3"].trace_id = bytes(16)
    spans["span 4"].parent_span_id = b"123"
    spans["span 5"].start_time_unix_nano = 1
    spans["span 6"].start_time_unix_nano = time.time_ns() + 7_200_000_000_000
    return made


def test_the_rest_is_stored_and_the_sender_is_told(telemetry: EmbeddedTelemetry) -> None:
    with serving(telemetry, LIMITS) as url:
        answer = httpx2.post(f"{url}/v1/traces", content=mixed().SerializeToString(), headers=PROTOBUF)
        nothing = mixed()
        for resource in nothing.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    span.trace_id = b""
        none = httpx2.post(f"{url}/v1/traces", content=nothing.SerializeToString(), headers=PROTOBUF)
    assert (answer.status_code, none.status_code) == (200, 200)
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert told.rejected_spans == 6
    assert told.error_message == (
        "6 spans refused: 2 trace_id is not 16 bytes, or all zero; 2 span_id or parent_span_id is not 8 bytes, or"
        " span_id is all zero; 1 began before the 7 days that spans are kept; 1 begins more than 3600 s in the future"
    )
    assert ExportTraceServiceResponse.FromString(none.content).partial_success.rejected_spans == 8
    telemetry.flush(20)
    rows = telemetry.query("SELECT name, service_name FROM spans ORDER BY name").to_pylist()
    assert [(row["name"], row["service_name"]) for row in rows] == [("span 7", "b"), ("span 8", "a")]
    status = telemetry.status()
    assert status.refused_spans == {"bad_trace_id": 10, "bad_span_id": 2, "too_old": 1, "too_new": 1}
    assert status.outdated_spans_count == 2


def test_a_good_request_is_answered_with_nothing(telemetry: EmbeddedTelemetry) -> None:
    with serving(telemetry, LIMITS) as url:
        body = request([Made(1, 1)]).SerializeToString()
        assert httpx2.post(f"{url}/v1/traces", content=body, headers=PROTOBUF).content == b""
