"""Traces for the browser's tests and benchmarks: those of a shop, and one of ten thousand spans."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import httpx2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from benchmarks.traces.shop import SERVICES
from benchmarks.traces.spans import Sheets
from tests.browser.chromium import TIMEOUT_MS

BIG_SPANS = 10_000
BIG_ID = "ab" * 16
HEADERS = {"Content-Type": "application/x-protobuf"}
_NAMES = ("GET", "SELECT", "POST /reserve", "UPDATE")


@dataclass(frozen=True)
class SentTraces:
    """What was sent: the big trace, one of the shop that failed, and the range that has all."""

    big_path: str
    failed_path: str
    from_ms: int
    to_ms: int


def send_traces(url: str, spans_count: int = 6_000, *, end_ms: int | None = None) -> SentTraces:
    """Send them to a server, as of the half hour before `end_ms` (now), and wait until they can be found."""
    to_ns = (time.time_ns() if end_ms is None else end_ms * 1_000_000) - 10_000_000_000
    from_ns = to_ns - 1_800_000_000_000
    bodies = [body for sheet in Sheets(seed=7).fill(spans_count, from_ns, to_ns) for body in sheet.bodies]
    with httpx2.Client(base_url=url, timeout=60) as client:
        for body in [*bodies, big_trace(from_ns + 600_000_000_000)]:
            client.post("/v1/traces", content=body, headers=HEADERS).raise_for_status()
        big_ms, limits = from_ns // 1_000_000 + 600_000, {"from": str(from_ns // 1_000_000), "to": str(to_ns // 10**6)}
        give_up_at = time.monotonic() + TIMEOUT_MS / 1000
        while client.get(f"/api/trimtab/traces/{BIG_ID}", params={"limit": 1}).status_code != 200:
            if time.monotonic() > give_up_at:
                raise TimeoutError("the traces were never stored")
            time.sleep(0.1)
        found = client.get(
            "/api/trimtab/traces", params={**limits, "operation": "checkout", "status": "error", "limit": 1}
        )
        failed = found.raise_for_status().json()["traces"][0]
    return SentTraces(
        f"/traces/{BIG_ID}?at={big_ms}",
        f"/traces/{failed['trace_id']}?at={failed['started_at_ns'] // 1_000_000}",
        from_ns // 1_000_000,
        to_ns // 1_000_000 + 10_000,
    )


def big_trace(start_ns: int, spans_count: int = BIG_SPANS) -> bytes:
    """A nightly report in some hundred batches of some dozen calls each; one call of a hundred fails."""
    draw = random.Random(5)
    made = ExportTraceServiceRequest()
    scopes: dict[str, ScopeSpans] = {}
    for service in SERVICES:
        resource = made.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        scopes[service] = resource.scope_spans.add()
    number, at_ms = 1, 200.0
    _add(scopes["reports"], 1, 0, "POST /reports/nightly", start_ns, 0, 42_000)
    while number < spans_count:
        number += 1
        batch, calls = number, draw.randint(8, 60)
        took_ms = 40_000 * calls / spans_count
        name = draw.choice(("load page", "export batch", "reconcile"))
        _add(scopes[draw.choice(SERVICES[:5])], batch, 1, name, start_ns, at_ms, took_ms)
        for call in range(calls):
            if number >= spans_count:
                break
            number += 1
            began_ms, long_ms = at_ms + call * took_ms / calls, took_ms / calls * draw.uniform(0.4, 1.3)
            span = _add(scopes[draw.choice(SERVICES)], number, batch, draw.choice(_NAMES), start_ns, began_ms, long_ms)
            if draw.random() < 0.01:
                span.status.code = span.status.STATUS_CODE_ERROR
                event = span.events.add(name="exception", time_unix_nano=span.end_time_unix_nano)
                event.attributes.add(key="exception.message").value.string_value = f"lost row {number}"
        at_ms += took_ms * 0.98
    return made.SerializeToString()


def _add(scope: ScopeSpans, number: int, parent: int, name: str, start_ns: int, at_ms: float, took_ms: float) -> Span:
    span: Span = scope.spans.add(
        trace_id=bytes.fromhex(BIG_ID),
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=Span.SPAN_KIND_SERVER if not parent else Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=start_ns + round(at_ms * 1e6),
        end_time_unix_nano=start_ns + round((at_ms + took_ms) * 1e6),
    )
    span.attributes.add(key="batch.number").value.int_value = number
    return span
