"""A shop as people write them: FastAPI, SQLAlchemy and psycopg, instrumented by OpenTelemetry's own packages.

    python -m tests.cli.application DSN http|grpc ENDPOINT

It serves on a free port of loopback, gets real requests, sends its three signals to ENDPOINT, and prints as JSON what
it sent: every span and log record as OTLP's protobuf, in hexadecimal, and the requests that it counted.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Sequence

import httpx2
import psycopg
import uvicorn
from fastapi import FastAPI, HTTPException
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    LogRecordExporter,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlalchemy import create_engine, text

SECRET = "gold-plated-4711"
"""A literal of a statement: it must not be found in what is kept."""
FLUSH_MS = 20_000

log = logging.getLogger("shop")


class Telemetry:
    """The three providers of the SDK, each with an exporter to trimtab and one that remembers."""

    def __init__(self, protocol: str, endpoint: str) -> None:
        resource = Resource.create(
            {"service.name": "shop", "service.version": "1.2.3", "host.cores": 4, "on.duty": True, "zones": ["a", "b"]}
        )
        self.spans = InMemorySpanExporter()
        self.records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        spans_out, records_out, numbers_out = _by_grpc(endpoint) if protocol == "grpc" else _by_http(endpoint)
        self.traces = TracerProvider(resource=resource)
        self.traces.add_span_processor(SimpleSpanProcessor(self.spans))
        self.traces.add_span_processor(BatchSpanProcessor(spans_out))
        self.logs = LoggerProvider(resource)
        self.logs.add_log_record_processor(SimpleLogRecordProcessor(self.records))
        self.logs.add_log_record_processor(BatchLogRecordProcessor(records_out))
        self.metrics = MeterProvider(
            [PeriodicExportingMetricReader(numbers_out, export_interval_millis=60_000)], resource
        )
        trace.set_tracer_provider(self.traces)
        metrics.set_meter_provider(self.metrics)
        logging.getLogger().addHandler(LoggingHandler(logging.INFO, self.logs))
        logging.getLogger().setLevel(logging.INFO)

    def flush(self) -> None:
        """Everything is sent and was taken, or this raises."""
        for provider in (self.traces, self.logs, self.metrics):
            if not provider.force_flush(FLUSH_MS):
                raise RuntimeError(f"{type(provider).__name__} could not send everything")


def _by_grpc(endpoint: str) -> tuple[SpanExporter, LogRecordExporter, MetricExporter]:
    from opentelemetry.exporter.otlp.proto.grpc import _log_exporter, metric_exporter, trace_exporter

    return (
        trace_exporter.OTLPSpanExporter(endpoint=endpoint, insecure=True, timeout=20),
        _log_exporter.OTLPLogExporter(endpoint=endpoint, insecure=True, timeout=20),
        metric_exporter.OTLPMetricExporter(endpoint=endpoint, insecure=True, timeout=20),
    )


def _by_http(endpoint: str) -> tuple[SpanExporter, LogRecordExporter, MetricExporter]:
    from opentelemetry.exporter.otlp.proto.http import Compression, _log_exporter, metric_exporter, trace_exporter

    packed = Compression.Gzip
    return (
        trace_exporter.OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=20, compression=packed),
        _log_exporter.OTLPLogExporter(f"{endpoint}/v1/logs", timeout=20, compression=packed),
        metric_exporter.OTLPMetricExporter(f"{endpoint}/v1/metrics", timeout=20, compression=packed),
    )


def shop(dsn: str) -> FastAPI:
    """The application: orders by SQLAlchemy, stock by psycopg, and one that breaks."""
    app = FastAPI()
    engine = create_engine(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    SQLAlchemyInstrumentor().instrument(engine=engine)
    PsycopgInstrumentor().instrument()
    tracer = trace.get_tracer("shop.orders", "0.1")
    counted = metrics.get_meter("shop").create_counter("shop_orders", unit="1")

    @app.get("/orders/{number}")
    def order(number: int) -> dict[str, object]:
        with tracer.start_as_current_span("price", attributes={"vat": 0.19, "lines": [1, 2, 3]}) as span:
            span.add_event("priced", {"cents": 1999, "cheap": False})
            with engine.connect() as connection:
                row = connection.execute(text(f"SELECT :number + 1, '{SECRET}'"), {"number": number}).one()
        counted.add(1, {"kind": "web"})
        log.info("order %d was priced", number, extra={"number": number, "gross": 23.79})
        return {"order": row[0]}

    @app.get("/stock")
    def stock() -> dict[str, object]:
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT count(*) FROM pg_class WHERE relname <> %s", (SECRET,)).fetchone()
        log.warning("stock is low")
        return {"stock": 0 if row is None else row[0]}

    @app.get("/broken")
    def broken() -> None:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1/0"))
        except Exception as error:
            log.exception("the till is broken")
            raise HTTPException(500, "the till is broken") from error

    FastAPIInstrumentor.instrument_app(app)
    return app


def run(app: FastAPI, requests_count: int) -> int:
    """Serve, and ask so often; how many orders were answered."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    give_up_at = time.monotonic() + 30
    while not server.started:
        if time.monotonic() > give_up_at:
            raise RuntimeError("the application did not start")
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        for number in range(requests_count):
            client.get(f"/orders/{number}").raise_for_status()
        client.get("/stock").raise_for_status()
        client.get("/broken")
    server.should_exit = True
    thread.join(30)
    return requests_count


def _encoded(spans: Sequence[ReadableSpan]) -> str:
    return str(encode_spans(spans).SerializeToString().hex())


def main() -> None:
    """The command."""
    dsn, protocol, endpoint = sys.argv[1:]
    telemetry = Telemetry(protocol, endpoint)
    orders = run(shop(dsn), requests_count=20)
    telemetry.flush()
    records = encode_logs(telemetry.records.get_finished_logs()).SerializeToString().hex()
    print(json.dumps({"spans": _encoded(telemetry.spans.get_finished_spans()), "logs": records, "orders": orders}))
    telemetry.traces.shutdown()
    telemetry.logs.shutdown()
    telemetry.metrics.shutdown()


if __name__ == "__main__":
    main()
