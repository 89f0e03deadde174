"""Single executions of a query shape, from the spans of those who called it."""

from __future__ import annotations

from trimtab.app.reading.answers import Execution, ExecutionOrder
from trimtab.app.reading.ranges import Range
from trimtab.store.span_rows import spans_of
from trimtab.store.telemetry import TelemetryStore


def executions_of(
    telemetry: TelemetryStore, fingerprint: str, within: Range, order: ExecutionOrder, limit: int
) -> tuple[Execution, ...]:
    """See `Reader.executions`. A span does not say which watched system it went to: all with this statement count."""
    slowest = order is ExecutionOrder.SLOWEST
    return tuple(
        Execution(
            trace_id=span.trace_id,
            span_id=span.span_id,
            started_at_ms=span.started_at_ns // 1_000_000,
            duration_ms=span.duration_ms,
            service=span.service_name,
            status=span.status,
            attributes=span.attributes,
        )
        for span in spans_of(telemetry, fingerprint, within.from_ms, within.to_ms, slowest=slowest, limit=limit)
    )
