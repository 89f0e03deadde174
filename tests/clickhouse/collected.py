"""Tables as the OpenTelemetry collector's ClickHouse exporter makes them, with a few rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.clickhouse.servers import Shard

TEXTS = "Map(LowCardinality(String), String)"
OFTEN = "LowCardinality(String)"
_METRIC = {
    "ResourceAttributes": TEXTS,
    "ResourceSchemaUrl": "String",
    "ScopeName": "String",
    "ScopeVersion": "String",
    "ScopeAttributes": TEXTS,
    "ScopeDroppedAttrCount": "UInt32",
    "ScopeSchemaUrl": "String",
    "ServiceName": OFTEN,
    "MetricName": "String",
    "MetricDescription": "String",
    "MetricUnit": "String",
    "Attributes": TEXTS,
    "StartTimeUnix": "DateTime64(9)",
    "TimeUnix": "DateTime64(9)",
}
_EXEMPLARS = f"Nested(FilteredAttributes {TEXTS}, TimeUnix DateTime64(9), Value Float64, SpanId String, TraceId String)"
TABLES: Mapping[str, Mapping[str, str]] = {
    "otel_traces": {
        "Timestamp": "DateTime64(9)",
        "TraceId": "String",
        "SpanId": "String",
        "ParentSpanId": "String",
        "TraceState": "String",
        "SpanName": OFTEN,
        "SpanKind": OFTEN,
        "ServiceName": OFTEN,
        "ResourceAttributes": TEXTS,
        "ScopeName": "String",
        "ScopeVersion": "String",
        "SpanAttributes": TEXTS,
        "Duration": "UInt64",
        "StatusCode": OFTEN,
        "StatusMessage": "String",
        "Events": f"Nested(Timestamp DateTime64(9), Name {OFTEN}, Attributes {TEXTS})",
        "Links": f"Nested(TraceId String, SpanId String, TraceState String, Attributes {TEXTS})",
    },
    "otel_logs": {
        "Timestamp": "DateTime64(9)",
        "TimestampTime": "DateTime DEFAULT toDateTime(Timestamp)",
        "TraceId": "String",
        "SpanId": "String",
        "TraceFlags": "UInt8",
        "SeverityText": OFTEN,
        "SeverityNumber": "UInt8",
        "ServiceName": OFTEN,
        "Body": "String",
        "ResourceSchemaUrl": OFTEN,
        "ResourceAttributes": TEXTS,
        "ScopeSchemaUrl": OFTEN,
        "ScopeName": "String",
        "ScopeVersion": OFTEN,
        "ScopeAttributes": TEXTS,
        "LogAttributes": TEXTS,
    },
    "otel_metrics_gauge": {**_METRIC, "Value": "Float64", "Flags": "UInt32", "Exemplars": _EXEMPLARS},
    "otel_metrics_sum": {
        **_METRIC,
        "Value": "Float64",
        "Flags": "UInt32",
        "Exemplars": _EXEMPLARS,
        "AggregationTemporality": "Int32",
        "IsMonotonic": "Boolean",
    },
    "otel_metrics_histogram": {
        **_METRIC,
        "Count": "UInt64",
        "Sum": "Float64",
        "BucketCounts": "Array(UInt64)",
        "ExplicitBounds": "Array(Float64)",
        "Exemplars": _EXEMPLARS,
        "Flags": "UInt32",
        "Min": "Float64",
        "Max": "Float64",
        "AggregationTemporality": "Int32",
    },
    "otel_metrics_exponential_histogram": {
        **_METRIC,
        "Count": "UInt64",
        "Sum": "Float64",
        "Scale": "Int32",
        "ZeroCount": "UInt64",
        "PositiveOffset": "Int32",
        "PositiveBucketCounts": "Array(UInt64)",
        "NegativeOffset": "Int32",
        "NegativeBucketCounts": "Array(UInt64)",
        "Exemplars": _EXEMPLARS,
        "Flags": "UInt32",
        "Min": "Float64",
        "Max": "Float64",
        "AggregationTemporality": "Int32",
    },
    "otel_metrics_summary": {
        **_METRIC,
        "Count": "UInt64",
        "Sum": "Float64",
        "ValueAtQuantiles": "Nested(Quantile Float64, Value Float64)",
        "Flags": "UInt32",
    },
}
_ORDER = {
    "otel_traces": "(ServiceName, SpanName, toDateTime(Timestamp))",
    "otel_logs": "(ServiceName, TimestampTime, Timestamp)",
}


def make_tables(shard: Shard, database: str) -> None:
    """All of them, empty."""
    shard.ask(f"CREATE DATABASE {database}")
    for table, columns in TABLES.items():
        listed = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        order = _ORDER.get(table, "(ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))")
        day = "toDate(Timestamp)" if "Timestamp" in columns else "toDate(TimeUnix)"
        shard.ask(f"CREATE TABLE {database}.{table} ({listed}) ENGINE = MergeTree PARTITION BY {day} ORDER BY {order}")


def put(shard: Shard, table: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Insert rows; each value is an expression of SQL."""
    for row in rows:
        names = ", ".join(f"`{name}`" for name in row)
        shard.ask(f"INSERT INTO {table} ({names}) SELECT {', '.join(row.values())}")
