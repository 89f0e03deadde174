"""OTLP trace requests on their way: protobuf body → spool message → decoded by the engine itself.

An ExportTraceServiceRequest is nothing but repeated field 1, so requests laid end to end are one request, and one
length in front makes that the `ProtobufList` envelope whose rows are ResourceSpans. The schema names only what is
kept; the engine skips the rest. Python sees one row for each distinct statement text, never a span.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa

from trimtab.store.engine import Body, Engine
from trimtab.store.frames import Message
from trimtab.store.limits import TelemetryLimits
from trimtab.store.retention import DAY_MS
from trimtab.store.span_statement import stored_statement

_SCALAR_COLUMNS = (
    "string_value Nullable(String), bool_value Nullable(UInt64), int_value Nullable(Int64),"
    " double_value Nullable(Float64)"
)
_ATTRIBUTES = (
    f"Array(Tuple(key String, value Tuple({_SCALAR_COLUMNS},"
    f" array_value Tuple(values Array(Tuple({_SCALAR_COLUMNS}))),"
    f" kvlist_value Tuple(values Array(Tuple(key String, value Tuple({_SCALAR_COLUMNS})))),"
    " bytes_value Nullable(String))))"
)
_COLUMNS = (
    f"resource Tuple(attributes {_ATTRIBUTES}),"
    " scope_spans Array(Tuple(spans Array(Tuple(trace_id String, span_id String, parent_span_id String, name String,"
    " kind Int64, start_time_unix_nano UInt64, end_time_unix_nano UInt64,"
    f" attributes {_ATTRIBUTES}, status Tuple(code Int64)))))"
)
_STATEMENT_KEYS = "('db.query.text', 'db.statement')"
_PARAMETER_KEYS = "^db\\\\.(query|operation|statement)\\\\.parameter"

_SURVEY_COLUMNS = (
    "scope_spans Array(Tuple(spans Array(Tuple(start_time_unix_nano UInt64,"
    " trace_id String, attributes Array(Tuple(key String, value Tuple(string_value Nullable(String))))))))"
)
_STATEMENT_COLUMNS = "statement String, text String, fingerprint String"


def _spans(more: str) -> str:
    """SQL for one row a span of the body: its `span`, `statement`, `is_kept`, and `more`."""
    return (
        f"(SELECT {more}arrayJoin(arrayJoin(scope_spans).spans) AS span,"
        " arrayFilter(a -> a.key = 'db.query.text', span.attributes)[1].value.string_value AS query_text,"
        " arrayFilter(a -> a.key = 'db.statement', span.attributes)[1].value.string_value AS old_text,"
        " ifNull(if(ifNull(query_text, '') = '', old_text, query_text), '') AS statement,"
        " span.start_time_unix_nano BETWEEN {first_ns:UInt64} AND {last_ns:UInt64} AS is_kept"
        " FROM BODY(requests))"
    )


def _scalar(value: str) -> str:
    """SQL for a Scalar as JSON."""
    return (
        f"coalesce(toJSONString({value}.string_value), toString({value}.int_value), toString({value}.double_value),"
        f" toString(toBool({value}.bool_value)), 'null')"
    )


def _attribute(value: str) -> str:
    """SQL for a Value as text: a scalar as it is, bytes as base64, arrays and maps (one level deep) as JSON."""
    items = f"arrayStringConcat(arrayMap(v -> {_scalar('v')}, {value}.array_value.values), ',')"
    entries = (
        f"arrayStringConcat(arrayMap(e -> concat(toJSONString(e.key), ':', {_scalar('e.value')}),"
        f" {value}.kvlist_value.values), ',')"
    )
    return (
        f"coalesce({value}.string_value, toString({value}.int_value), toString({value}.double_value),"
        f" toString(toBool({value}.bool_value)), base64Encode({value}.bytes_value),"
        f" nullIf(concat('[', {items}, ']'), '[]'), nullIf(concat('{{', {entries}, '}}'), '{{}}'), '')"
    )


def _map(attributes: str) -> str:
    """SQL for attributes as a map, without statements and their parameters: those are private."""
    kept = f"arrayFilter(a -> a.key NOT IN {_STATEMENT_KEYS} AND NOT match(a.key, '{_PARAMETER_KEYS}'), {attributes})"
    pairs = f"arrayMap(a -> (a.key, {_attribute('a.value')}), {kept})"
    return f"CAST({pairs}, 'Map(LowCardinality(String), String)')"


_SURVEY = (
    f"SELECT statement, sum(NOT is_kept) AS outdated_count FROM {_spans('')} WHERE SHARD(span.trace_id)"
    " GROUP BY statement"
)
_CHECK = f"SELECT * FROM {_spans('resource, ')} FORMAT Null"
_INSERT = (
    "INSERT INTO spans (trace_id, span_id, parent_span_id, service_name, name, kind, started_at_ns, duration_ms,"
    " status, db_query_text, db_query_fingerprint, attributes, resource_attributes, spool_segment)"
    " SELECT lower(hex(span.trace_id)), lower(hex(span.span_id)), lower(hex(span.parent_span_id)),"
    " ifNull(arrayFilter(a -> a.key = 'service.name', resource.attributes)[1].value.string_value, ''), span.name,"
    " ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer']"
    "[if(span.kind BETWEEN 0 AND 5, span.kind, 0) + 1],"
    " toInt64(span.start_time_unix_nano),"
    " if(span.end_time_unix_nano > span.start_time_unix_nano,"
    " toFloat64(span.end_time_unix_nano - span.start_time_unix_nano) / 1e6, 0),"
    " ['unset', 'ok', 'error'][if(span.status.code BETWEEN 0 AND 2, span.status.code, 0) + 1],"
    " stored.text, stored.fingerprint,"
    f" {_map('span.attributes')}, {_map('resource.attributes')}, {{segment:UInt64}}"
    f" FROM {_spans('resource, ')} AS spans"
    " ANY LEFT JOIN BODY(statements) AS stored USING (statement) WHERE is_kept AND SHARD(span.trace_id)"
)


class SpansSink:
    """Puts trace requests into the engine, all at once. `outdated_count` is how many spans were out of time: older than
    `days`, their retention, or too far in the future."""

    def __init__(self, engine: Engine, limits: TelemetryLimits, days: int) -> None:
        self._engine = engine
        self._settings = engine.proto_settings("schema/otlp_spans.proto", "ResourceSpans")
        self._limits = limits
        self._age_ns_max = days * DAY_MS * 1_000_000
        self.outdated_count = 0

    def _window(self) -> dict[str, int]:
        now_ns = time.time_ns()
        return {
            "first_ns": now_ns - self._age_ns_max,
            "last_ns": now_ns + int(self._limits.span_ahead_s_max * 1e9),
        }

    def load(self, segment_id: int, messages: Sequence[Message]) -> None:
        """Insert; raises EngineRefused."""
        window = self._window()
        requests = _envelope(messages)
        bodies = {"requests": Body(requests, "ProtobufList", _SURVEY_COLUMNS)}
        survey = self._engine.write(f"{_SURVEY}{self._settings}", window, bodies)
        bodies = {
            "requests": Body(requests, "ProtobufList", _COLUMNS),
            "statements": Body([_statements(survey["statement"].to_pylist())], "ArrowStream", _STATEMENT_COLUMNS),
        }
        self._engine.write(f"{_INSERT}{self._settings}", {"segment": segment_id, **window}, bodies)
        self.outdated_count += sum(survey["outdated_count"].to_pylist())

    def check(self, messages: Sequence[Message]) -> None:
        """Decode and store nothing; raises EngineRefused where the engine cannot read it."""
        bodies = {"requests": Body(_envelope(messages), "ProtobufList", _COLUMNS)}
        self._engine.write(f"{_CHECK}{self._settings}", self._window(), bodies)


def _envelope(messages: Sequence[Message]) -> list[bytes]:
    """The length of all bodies as a varint, then the bodies."""
    length = sum(len(message.payload) for message in messages)
    digits = bytearray()
    while length > 0x7F:
        digits.append(length & 0x7F | 0x80)
        length >>= 7
    digits.append(length)
    return [bytes(digits), *(message.payload for message in messages)]


def _statements(texts: Sequence[str]) -> bytes:
    """An Arrow stream that says for each text what is stored in its place."""
    stored = [stored_statement(text) for text in texts]
    table = pa.table(
        {
            "statement": pa.array(texts, pa.string()),
            "text": pa.array([text for text, _ in stored], pa.string()),
            "fingerprint": pa.array([fingerprint for _, fingerprint in stored], pa.string()),
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
