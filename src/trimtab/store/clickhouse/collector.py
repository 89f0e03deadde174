"""Tables of the OpenTelemetry collector's ClickHouse exporter, read as they are, beside our own.

Where a statement reads `spans` or `log_records`, it reads what we stored and what the collector stored, in the shape of
ours: so every question that can be asked of ours is answered from both. Nothing is written there. The collector keeps
attributes as texts: their types are lost. Statements of databases are left out of what is shown, as they are of ours
when they are stored (`docs/adr/0003`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

TRACES, LOGS = "otel_traces", "otel_logs"

_MARGIN_NS = 86_400_000_000_000
_STATEMENTS = "key NOT IN ('db.query.text', 'db.statement')"
_PARAMETERS = r"NOT match(key, '^db\\.(query|operation|statement)\\.parameter')"
_NANOSECONDS = "toUnixTimestamp64Nano(Timestamp)"
_DAY_MS = "intDiv(toUnixTimestamp64Nano(Timestamp), 86400000000000) * 86400000"
_EVENTS = (
    "if(empty(`Events.Name`), '', toJSONString(CAST(arrayMap((at, name, told) -> (toUnixTimestamp64Nano(at),"
    " toString(name), CAST(told, 'Map(String, String)')), `Events.Timestamp`, `Events.Name`, `Events.Attributes`),"
    " 'Array(Tuple(at_ns Int64, name String, attributes Map(String, String)))')))"
)
_LINKS = (
    "if(empty(`Links.TraceId`), '', toJSONString(CAST(arrayMap((trace, span, state, told) -> (trace, span, state,"
    " CAST(told, 'Map(String, String)')), `Links.TraceId`, `Links.SpanId`, `Links.TraceState`, `Links.Attributes`),"
    " 'Array(Tuple(trace_id String, span_id String, trace_state String, attributes Map(String, String)))')))"
)
_SCOPE = "if(ScopeName = '', '', toJSONString(map('name', toString(ScopeName), 'version', toString(ScopeVersion))))"
_RESOURCE = "if(empty(ResourceAttributes), '', toJSONString(CAST(ResourceAttributes, 'Map(String, String)')))"
_OFTEN, _PAIRS = "LowCardinality(String)", "Map(LowCardinality(String), String)"

_SPANS: Mapping[str, tuple[str, str]] = {
    "trace_id": ("String", "TraceId"),
    "span_id": ("String", "SpanId"),
    "parent_span_id": ("String", "ParentSpanId"),
    "service_name": (_OFTEN, "ServiceName"),
    "name": (_OFTEN, "SpanName"),
    "kind": (_OFTEN, "lower(replaceOne(SpanKind, 'SPAN_KIND_', ''))"),
    "started_at_ns": ("Int64", _NANOSECONDS),
    "duration_ms": ("Float64", "Duration / 1e6"),
    "status": (_OFTEN, "lower(replaceOne(StatusCode, 'STATUS_CODE_', ''))"),
    "status_message": (_OFTEN, "StatusMessage"),
    "trace_state": (_OFTEN, "TraceState"),
    "flags": ("UInt32", "0"),
    "db_query_text": (_OFTEN, "''"),
    "db_query_fingerprint": (_OFTEN, "''"),
    "attributes": (_PAIRS, f"mapFilter((key, value) -> {_STATEMENTS} AND {_PARAMETERS}, SpanAttributes)"),
    "attribute_kinds": (_OFTEN, "''"),
    "resource_attributes": (_PAIRS, "ResourceAttributes"),
    "resource": (_OFTEN, _RESOURCE),
    "scope": (_OFTEN, _SCOPE),
    "events": ("String", _EVENTS),
    "links": ("String", _LINKS),
    "dropped_attributes_count": ("UInt32", "0"),
    "dropped_events_count": ("UInt32", "0"),
    "dropped_links_count": ("UInt32", "0"),
    "sample_weight": ("Float32", "1"),
    "spool_segment": ("UInt64", "0"),
}
"""Of our table: type, and what it is in the collector's."""
_OPERATIONS: Mapping[str, tuple[str, str]] = {
    "day_ms": ("Int64", _DAY_MS),
    **{name: _SPANS[name] for name in ("service_name", "name", "kind")},
}
_RESOURCES: Mapping[str, tuple[str, str]] = {
    "day_ms": ("Int64", _DAY_MS),
    "service_name": _SPANS["service_name"],
    "resource": ("String", _RESOURCE),
}
_RECORDS: Mapping[str, tuple[str, str]] = {
    "at_ns": ("Int64", _NANOSECONDS),
    "observed_at_ns": ("Int64", _NANOSECONDS),
    "level": ("UInt8", "if(SeverityNumber BETWEEN 1 AND 24, intDiv(SeverityNumber - 1, 4) + 1, 0)"),
    "severity_number": ("UInt8", "SeverityNumber"),
    "severity_text": (_OFTEN, "SeverityText"),
    "service_name": (_OFTEN, "ServiceName"),
    "body": ("String", "Body"),
    "body_kind": (_OFTEN, "'s'"),
    "attributes": (_PAIRS, "LogAttributes"),
    "attribute_kinds": (_OFTEN, "''"),
    "resource": (_OFTEN, _RESOURCE),
    "scope": (_OFTEN, _SCOPE),
    "trace_id": ("String", "TraceId"),
    "span_id": ("String", "SpanId"),
    "event_name": (_OFTEN, "''"),
    "flags": ("UInt32", "TraceFlags"),
    "dropped_attributes_count": ("UInt32", "0"),
    "pattern": ("UInt64", "bitAnd(cityHash64(replaceRegexpAll(Body, '[0-9]+', '0')), 0xFFFFFFFFFFFFFFFE)"),
    "record_no": ("UInt32", "bitAnd(cityHash64(TraceId, SpanId, Body, LogAttributes, ResourceAttributes), 0xFFFFFFFF)"),
    "spool_segment": ("UInt64", "0"),
}
_TABLES = {
    "spans": (TRACES, _SPANS),
    "span_operations": (TRACES, _OPERATIONS),
    "span_resources": (TRACES, _RESOURCES),
    "log_records": (LOGS, _RECORDS),
    "log_resources": (LOGS, {"day_ms": ("Int64", _DAY_MS), "resource": ("String", _RESOURCE)}),
}
_READ = re.compile(rf"\b(FROM|JOIN)\s+({'|'.join(_TABLES)})\b")


def beside(
    sql: str, own_database: str, database: str, tables: Collection[str], parameters: Mapping[str, object]
) -> str:
    """The statement with the collector's rows in it, too; `tables` are those that its database has.

    Where the parameters say a range of time, the collector's table is only looked at there (and a day around it).
    """
    is_ranged = "from_ns" in parameters and "to_ns" in parameters

    def both(found: re.Match[str]) -> str:
        theirs, columns = _TABLES[found[2]]
        if theirs not in tables:
            return found[0]
        mine = ", ".join(columns)
        other = ", ".join(f"CAST({what}, '{type_}') AS {name}" for name, (type_, what) in columns.items())
        inside = ""
        if is_ranged:
            first, last = (
                f"fromUnixTimestamp64Nano({{{name}:Int64}} {sign} {_MARGIN_NS})"
                for name, sign in (("from_ns", "-"), ("to_ns", "+"))
            )
            inside = f" WHERE Timestamp >= {first} AND Timestamp <= {last}"
        return (
            f"{found[1]} (SELECT {mine} FROM {own_database}.{found[2]}"
            f" UNION ALL SELECT {other} FROM {database}.{theirs}{inside}) AS {found[2]}"
        )

    return _READ.sub(both, sql)
