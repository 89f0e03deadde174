"""Jaeger's JSON as its page and its older API have it. What is not named here is passed over."""

from __future__ import annotations

import msgspec

_NAMES = {
    "span_id": "spanID",
    "trace_id": "traceID",
    "parent_span_id": "parentSpanID",
    "ref_type": "refType",
    "process_id": "processID",
    "service_name": "serviceName",
    "operation_name": "operationName",
    "start_time": "startTime",
}


class Tag(msgspec.Struct, rename=_NAMES):
    """A key with a value; without a type, the value's own type counts."""

    key: str
    value: str | int | float | bool | None = None
    type: str = ""


class Reference(msgspec.Struct, rename=_NAMES):
    """Another span that a span belongs to."""

    span_id: str
    trace_id: str = ""
    ref_type: str = "CHILD_OF"


class Log(msgspec.Struct, rename=_NAMES):
    """Something that happened in a span, in Unix microseconds."""

    timestamp: int | float
    fields: list[Tag] | None = None


class Process(msgspec.Struct, rename=_NAMES):
    """Who sent spans."""

    service_name: str
    tags: list[Tag] | None = None


class Span(msgspec.Struct, rename=_NAMES):
    """A span. Its process is another part of the document (`process_id`), or stands in it."""

    span_id: str
    operation_name: str
    start_time: int | float
    trace_id: str = ""
    parent_span_id: str | None = None
    flags: int | None = None
    references: list[Reference] | None = None
    duration: int | float = 0
    tags: list[Tag] | None = None
    logs: list[Log] | None = None
    process_id: str | None = None
    process: Process | None = None
    warnings: list[str] | None = None


class Trace(msgspec.Struct, rename=_NAMES):
    """A trace."""

    spans: list[Span]
    trace_id: str = ""
    processes: dict[str, Process] | None = None
    warnings: list[str] | None = None
