"""Tracing, as any application sets it up: the OpenTelemetry SDK, batches, OTLP over HTTP."""

from __future__ import annotations

import os

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
QUEUE_SPANS_MAX = 20_000
EXPORT_DELAY_MS = 500
EXPORT_TIMEOUT_S = 5.0


def start_tracing(service_name: str) -> tuple[TracerProvider, Tracer]:
    """A provider that exports to `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`; without it spans are made and dropped.

    Where the receiver is away, at most `QUEUE_SPANS_MAX` spans wait; the application never does.
    """
    provider = TracerProvider(resource=Resource.create({"service.name": service_name, "service.version": "1.0"}))
    if os.environ.get(ENDPOINT_VARIABLE):
        provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(timeout=EXPORT_TIMEOUT_S),
                max_queue_size=QUEUE_SPANS_MAX,
                schedule_delay_millis=EXPORT_DELAY_MS,
            )
        )
    return provider, provider.get_tracer("shop")
