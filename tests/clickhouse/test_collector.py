"""What an OpenTelemetry collector has written is found beside what trimtab has stored itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.clickhouse.collected import make_tables, put
from tests.clickhouse.servers import Shard, address_of, new_database
from tests.store.facts_of_a_shop import now_ms, trace_request
from trimtab.app.collected import BothMetrics, metrics_of
from trimtab.model.errors import MissingError
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.answers import LogQuery
from trimtab.store.logs.reads import LogReads
from trimtab.store.metrics.block import Labels, Matcher, QueryTooBig
from trimtab.store.metrics.contract import MetricStore, Samples
from trimtab.store.promql.evaluate import evaluate_instant
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.answers import Operation, SpanEvent, SpanLink, TraceQuery
from trimtab.store.traces.reads import TraceReads

TRACE = "00000000000000000000000000c0ffee"
AT_MS = now_ms() - 60_000
RANGE = (AT_MS - 3_600_000, AT_MS + 3_600_000)
AT = f"fromUnixTimestamp64Milli(toInt64({AT_MS}))"
RESOURCE = "map('service.name', 'billing', 'host.name', 'h1')"
DATABASE = "otel"


@pytest.fixture(scope="module")
def collected(running: list[Shard]) -> Iterator[str]:
    """A trace of two spans, and three lines."""
    first = running[0]
    make_tables(first, DATABASE)
    span = {"Timestamp": AT, "TraceId": f"'{TRACE}'", "ServiceName": "'billing'", "ResourceAttributes": RESOURCE}
    put(
        first,
        f"{DATABASE}.otel_traces",
        [
            span
            | {
                "SpanId": "'00000000000000a1'",
                "SpanName": "'POST /bills'",
                "SpanKind": "'Server'",
                "Duration": "2500000",
                "StatusCode": "'Error'",
                "StatusMessage": "'declined'",
                "SpanAttributes": "map('http.status_code', '502')",
                "ScopeName": "'lib'",
                "ScopeVersion": "'1.2'",
                "Events.Timestamp": f"[{AT}]",
                "Events.Name": "['exception']",
                "Events.Attributes": "[map('exception.type', 'Declined')]",
                "Links.TraceId": "['ab']",
                "Links.SpanId": "['cd']",
                "Links.TraceState": "['x=y']",
                "Links.Attributes": "[map('why', 'retry')]",
            },
            span
            | {
                "SpanId": "'00000000000000a2'",
                "ParentSpanId": "'00000000000000a1'",
                "SpanName": "'INSERT'",
                "SpanKind": "'SPAN_KIND_CLIENT'",
                "Duration": "1000000",
                "StatusCode": "'STATUS_CODE_UNSET'",
                "SpanAttributes": "map('db.system', 'postgresql', 'db.statement', 'INSERT INTO bills VALUES (42)')",
            },
        ],
    )
    for number, (severity, body) in enumerate(((9, "bill 1 was paid"), (9, "bill 2 was paid"), (17, "declined"))):
        put(
            first,
            f"{DATABASE}.otel_logs",
            [
                {
                    "Timestamp": f"{AT} + toIntervalMillisecond({number})",
                    "TraceId": f"'{TRACE}'",
                    "SpanId": "'00000000000000a1'",
                    "SeverityNumber": str(severity),
                    "SeverityText": "'INFO'",
                    "ServiceName": "'billing'",
                    "Body": f"'{body}'",
                    "ResourceAttributes": RESOURCE,
                    "LogAttributes": f"map('bill', '{number}')",
                }
            ],
        )
    put_metrics(first)
    yield DATABASE
    first.ask(f"DROP DATABASE {DATABASE}")


def put_metrics(first: Shard) -> None:
    """Ten minutes of one metric of each kind, a point a minute."""
    common = {
        "ServiceName": "'billing'",
        "ResourceAttributes": "map('service.name', 'billing', 'service.instance.id', 'i1')",
        "ScopeName": "'lib'",
    }
    for minute in range(10):
        at = {"TimeUnix": f"{AT} - toIntervalMinute({9 - minute})", "MetricUnit": "'s'"}
        for method in ("GET", "POST"):
            row = common | at | {"Attributes": f"map('http.method', '{method}')"}
            put(first, f"{DATABASE}.otel_metrics_gauge", [row | {"MetricName": "'queue.wait'", "Value": str(minute)}])
        sums = common | at | {"MetricUnit": "'{request}'", "IsMonotonic": "true"}
        put(
            first,
            f"{DATABASE}.otel_metrics_sum",
            [
                sums | {"MetricName": "'requests'", "Value": str(60 * minute), "AggregationTemporality": "2"},
                sums | {"MetricName": "'deltas'", "Value": "60", "AggregationTemporality": "1"},
            ],
        )
        put(
            first,
            f"{DATABASE}.otel_metrics_histogram",
            [
                common
                | at
                | {
                    "MetricName": "'latency'",
                    "Count": str(4 * minute),
                    "Sum": str(2.0 * minute),
                    "BucketCounts": f"[{minute}, {2 * minute}, {minute}]",
                    "ExplicitBounds": "[0.1, 1]",
                    "AggregationTemporality": "2",
                }
            ],
        )
        put(
            first,
            f"{DATABASE}.otel_metrics_summary",
            [
                common
                | at
                | {
                    "MetricName": "'size'",
                    "Count": str(minute),
                    "Sum": str(minute),
                    "ValueAtQuantiles.Quantile": "[0.5, 0.99]",
                    "ValueAtQuantiles.Value": f"[{minute}, {minute + 0.5}]",
                }
            ],
        )
        put(
            first,
            f"{DATABASE}.otel_metrics_exponential_histogram",
            [
                common
                | at
                | {
                    "MetricName": "'native'",
                    "Count": str(2 * minute),
                    "Sum": str(minute),
                    "Scale": "0",
                    "PositiveOffset": "-1",
                    "PositiveBucketCounts": f"[{minute}, {minute}]",
                    "AggregationTemporality": "2",
                }
            ],
        )


@pytest.fixture(scope="module")
def store(
    collected: str, running: list[Shard], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedTelemetry]:
    """Ours beside theirs, on two shards."""
    limits = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05)
    with (
        new_database(replace(address_of(*running), collector=collected), "beside") as address,
        EmbeddedTelemetry.open(tmp_path_factory.mktemp("beside"), limits, address=address) as telemetry,
    ):
        telemetry.append_otlp_traces(trace_request(["q"] * 10))
        telemetry.flush(120)
        yield telemetry


def test_traces_of_both_are_found(store: EmbeddedTelemetry) -> None:
    reads = TraceReads(store)
    found = reads.search(TraceQuery(*RANGE, limit=100))
    assert len(found.traces) == 11
    (theirs,) = reads.search(TraceQuery(*RANGE, service="billing", status="error")).traces
    assert (theirs.trace_id, theirs.root_service, theirs.root_name) == (TRACE, "billing", "POST /bills")
    assert (theirs.spans_count, theirs.errors_count, theirs.duration_ms) == (2, 1, 2.5)
    by_attribute = reads.search(TraceQuery(*RANGE, attributes={"http.status_code": "502"}))
    assert [trace.trace_id for trace in by_attribute.traces] == [TRACE]
    by_resource = reads.search(TraceQuery(*RANGE, attributes={"host.name": "h1"}))
    assert [trace.trace_id for trace in by_resource.traces] == [TRACE]


def test_a_trace_of_theirs_is_whole(store: EmbeddedTelemetry) -> None:
    trace = TraceReads(store).trace(TRACE)
    first, second = trace.spans
    assert (first.name, first.kind, first.status, first.status_message) == (
        "POST /bills",
        "server",
        "error",
        "declined",
    )
    assert (first.started_at_ns, first.duration_ms) == (AT_MS * 1_000_000, 2.5)
    assert first.attributes == {"http.status_code": "502"}
    assert first.resource_attributes == {"service.name": "billing", "host.name": "h1"}
    assert (first.scope.name, first.scope.version) == ("lib", "1.2")
    assert first.events == (SpanEvent(AT_MS * 1_000_000, "exception", {"exception.type": "Declined"}),)
    assert first.links == (SpanLink("ab", "cd", "x=y", {"why": "retry"}),)
    assert (second.kind, second.status, second.parent_span_id) == ("client", "unset", "00000000000000a1")
    assert second.attributes == {"db.system": "postgresql"}  # no statement with its values
    ranged = TraceReads(store).trace(TRACE, 100, *RANGE)
    assert len(ranged.spans) == 2


def test_services_operations_and_the_map_know_them(store: EmbeddedTelemetry) -> None:
    reads = TraceReads(store)
    assert reads.services(*RANGE).names == ("billing", "shop")
    assert Operation("billing", "POST /bills", "server") in reads.operations(*RANGE).operations
    (edge,) = [edge for edge in reads.service_map(*RANGE).edges if edge.caller == "billing"]
    assert (edge.callee, edge.calls) == ("postgresql", 1)


def test_lines_of_theirs_are_found(store: EmbeddedTelemetry) -> None:
    reads = LogReads(store)

    def bodies(text: str) -> list[object]:
        return [record.body for record in reads.search(LogQuery(*RANGE, text)).records]

    assert bodies("paid") == ["bill 2 was paid", "bill 1 was paid"]
    assert bodies("bill:1") == ["bill 2 was paid"]
    assert bodies("service:billing level:error") == ["declined"]
    of_trace = reads.search(LogQuery(*RANGE, trace_id=TRACE)).records
    assert [record.span_id for record in of_trace] == ["00000000000000a1"] * 3
    histogram = reads.histogram(LogQuery(*RANGE))
    assert {name: sum(counts) for name, counts in histogram.counts.items() if sum(counts)} == {"info": 2, "error": 1}
    patterns = reads.patterns(LogQuery(*RANGE)).patterns
    assert [pattern.count for pattern in patterns] == [2, 1]


def test_a_database_without_the_collectors_tables_is_named(running: list[Shard], tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="the database nothing has no tables of the OpenTelemetry collector"):
        EmbeddedTelemetry.open(tmp_path, address=replace(address_of(*running), collector="nothing"))


def values_of(source: MetricStore, query: str) -> dict[Labels, float]:
    """What an instant query says now, without labels that all have."""
    answer = evaluate_instant(source, query, AT_MS + 1000)
    shared = {"job", "instance", "otel_scope_name"}
    return {
        tuple(pair for pair in labels if pair[0] not in shared): float(value)
        for labels, value in zip(answer.labels, answer.values[:, 0], strict=True)
    }


def test_metrics_of_theirs_are_series(store: EmbeddedTelemetry) -> None:
    slots = store.metrics.register([(("__name__", "own"), ("job", "billing"))]).slots
    store.metrics.append(Samples(slots, np.array([AT_MS]), np.array([7.0])))
    both = metrics_of(store)
    assert isinstance(both, BothMetrics)
    wait = "queue_wait_seconds"
    assert values_of(both, f'{wait}{{job="billing", instance="i1", otel_scope_name="lib"}}') == {
        (("__name__", wait), ("http_method", "GET")): 9,
        (("__name__", wait), ("http_method", "POST")): 9,
    }
    assert values_of(both, f'{wait}{{http_method=~"P.*"}}') == {(("__name__", wait), ("http_method", "POST")): 9}
    assert values_of(both, f"avg_over_time({wait}{{http_method!='GET'}}[5m])") == {(("http_method", "POST"),): 7}
    assert values_of(both, "rate(requests_total[5m])") == {(): pytest.approx(1.0)}
    assert values_of(both, "rate(deltas_total[5m])") == {(): pytest.approx(1.0)}
    assert values_of(both, "histogram_quantile(0.5, rate(latency_seconds_bucket[9m]))") == {(): pytest.approx(0.55)}
    assert values_of(both, 'size_seconds{quantile="0.99"}') == {
        (("__name__", "size_seconds"), ("quantile", "0.99")): 9.5
    }
    assert values_of(both, "histogram_count(native_seconds)") == {(): 18}
    assert values_of(both, "sum(latency_seconds_count) + own") == {}
    assert values_of(both, "sum by (job) (latency_seconds_count) + on (job) own") == {(): 43}
    assert {"own", wait, "requests_total", "latency_seconds_bucket"} <= set(both.label_values("__name__", (), *RANGE))
    assert "http_method" in both.label_names((), *RANGE)
    assert len(both.series([[Matcher("__name__", "=", wait)]], *RANGE)) == 2
    both.collected.samples_max = 5
    with pytest.raises(QueryTooBig, match="more than 5 samples of the collector's"):
        both.select([[Matcher("__name__", "=", wait)]], *RANGE)
