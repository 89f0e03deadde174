"""Rows and spans for the tests of the telemetry store."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence

import pyarrow as pa
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab.store.tables import QUERY_EXECUTIONS, table_of


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


def executions(system: str, rows: Sequence[tuple[str, int, int, int, float]]) -> pa.Table:
    """From (fingerprint, started_at_ms, ended_at_ms, calls, total_exec_time_ms); rows returned are twice the calls."""
    zeros = dict.fromkeys(QUERY_EXECUTIONS.names, 0)
    return table_of(
        "query_executions",
        [
            zeros
            | {
                "system": system,
                "fingerprint": fingerprint,
                "started_at_ms": start,
                "ended_at_ms": end,
                "calls": calls,
                "total_exec_time_ms": total,
                "rows": 2 * calls,
            }
            for fingerprint, start, end, calls, total in rows
        ],
    )


def slice_rows(system: str, windows: Sequence[tuple[int, int]]) -> pa.Table:
    """Looks at the statistics, as [start, end)."""
    return table_of(
        "query_slices",
        [{"system": system, "started_at_ms": start, "ended_at_ms": end, "shapes_count": 1} for start, end in windows],
    )


def events(system: str, messages: Sequence[str], at_ms: int | None = None) -> pa.Table:
    """One server event for each message."""
    at = at_ms or now_ms()
    return table_of(
        "server_events",
        [{"system": system, "happened_at_ms": at, "kind": "connected", "message": message} for message in messages],
    )


def trace_request(
    names: Sequence[str],
    *,
    text: str = "SELECT * FROM orders WHERE id = %s",
    key: str = "db.query.text",
    durations_ms: Sequence[float] | None = None,
    start_ns: int | None = None,
    attributes: Mapping[str, str] | None = None,
) -> bytes:
    """An ExportTraceServiceRequest with one client span for each name."""
    draw = random.Random(repr(names))
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    service = resource.resource.attributes.add()
    service.key, service.value.string_value = "service.name", "shop"
    scope = resource.scope_spans.add()
    first_ns = start_ns or time.time_ns() - 1_000_000_000
    for index, name in enumerate(names):
        span = scope.spans.add()
        span.trace_id, span.span_id, span.name, span.kind = draw.randbytes(16), draw.randbytes(8), name, 3
        span.start_time_unix_nano = first_ns + index
        duration_ms = durations_ms[index] if durations_ms is not None else 1.5
        span.end_time_unix_nano = span.start_time_unix_nano + round(duration_ms * 1e6)
        for attribute, value in {key: text, **(attributes or {})}.items():
            entry = span.attributes.add()
            entry.key, entry.value.string_value = attribute, value
    return request.SerializeToString()
