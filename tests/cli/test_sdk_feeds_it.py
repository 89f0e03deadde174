"""OpenTelemetry's own SDK feeds a real trimtab by HTTP and by gRPC: what it counted is what PromQL says. (Grade S.)

A few seconds as a test, ten minutes in `make soak`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import httpx2
import pytest
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from tests.cli.conftest import CONFIG, start_server
from tests.prometheus import free_port

pytestmark = [pytest.mark.store, pytest.mark.slow]

FEED_S = 600.0 if os.environ.get("TRIMTAB_SOAK") else 4.0
EXPORT_MS = 500
DELTA: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
}


def value_of(url: str, query: str) -> float:
    answer = httpx2.get(f"{url}/api/v1/query", params={"query": query}, timeout=120).json()
    (row,) = answer["data"]["result"]
    return float(row["value"][1])


def test_what_the_sdk_counted_is_what_promql_says(tmp_path: Path) -> None:
    grpc_port = free_port()
    ports = f'[server]\notlp_grpc_listen = "127.0.0.1:{grpc_port}"\notlp_http_listen = ""\n'
    server = start_server(tmp_path / "data", CONFIG + ports)
    http_url = f"{server.url}/v1/metrics"
    exporters = {
        "http": HttpExporter(endpoint=http_url, timeout=30),
        "http-delta": HttpExporter(endpoint=http_url, timeout=30, preferred_temporality=DELTA),
        "grpc": GrpcExporter(endpoint=f"http://127.0.0.1:{grpc_port}", insecure=True, timeout=30),
        "grpc-delta": GrpcExporter(
            endpoint=f"http://127.0.0.1:{grpc_port}", insecure=True, timeout=30, preferred_temporality=DELTA
        ),
    }
    providers = {
        name: MeterProvider(
            [PeriodicExportingMetricReader(exporter, export_interval_millis=EXPORT_MS)],
            Resource.create({"service.name": name}),
        )
        for name, exporter in exporters.items()
    }
    try:
        meters = {name: provider.get_meter("feed") for name, provider in providers.items()}
        counters = {name: meter.create_counter("feed_ticks", unit="1") for name, meter in meters.items()}
        times = {name: meter.create_histogram("feed_latency", unit="s") for name, meter in meters.items()}
        counted = 0
        until = time.monotonic() + FEED_S
        while time.monotonic() < until:
            for name, counter in counters.items():
                counter.add(1)
                times[name].record(0.001 * (counted % 50))
            counted += 1
            time.sleep(0.005)
        for provider in providers.values():
            assert provider.force_flush(30_000)
        for name in exporters:
            assert value_of(server.url, f'feed_ticks_total{{job="{name}"}}') == counted, name
            assert value_of(server.url, f'feed_latency_seconds_count{{job="{name}"}}') == counted, name
            inside = value_of(server.url, f'feed_latency_seconds_bucket{{job="{name}", le="+Inf"}}')
            assert inside == counted, name
        told = httpx2.get(f"{server.url}/metrics").text
        refused = [line for line in told.splitlines() if line.startswith("trimtab_samples_refused_total")]
        assert all(line.endswith(" 0.0") for line in refused if 'protocol="otlp"' in line), refused
    finally:
        for provider in providers.values():
            provider.shutdown()
        server.process.terminate()
        assert server.process.wait(timeout=120) == 0
