"""Trace requests for tests, written with protobuf's own classes: not with what is tested."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES, Value

NOW_NS = time.time_ns() - 600_000_000_000
"""Ten minutes ago, when the tests began."""


@dataclass(frozen=True)
class Made:
    """A span to be sent. Ids are small numbers; times are ms after `NOW_NS`."""

    trace: int
    span: int
    parent: int = 0
    service: str = "shop"
    name: str = "GET /"
    kind: str = "internal"
    at_ms: float = 0.0
    took_ms: float = 1.0
    status: str = "unset"
    attributes: Mapping[str, Value] = field(default_factory=dict)
    resource: Mapping[str, Value] = field(default_factory=dict)


def any_value(value: Value) -> AnyValue:
    """An attribute's value."""
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, bytes):
        made.bytes_value = value
    elif isinstance(value, tuple):
        made.array_value.CopyFrom(ArrayValue())
        made.array_value.values.extend(any_value(item) for item in value)
    elif isinstance(value, dict):
        made.kvlist_value.CopyFrom(KeyValueList())
        for key, item in value.items():
            made.kvlist_value.values.add(key=key).value.CopyFrom(any_value(item))
    return made


def fill(attributes: object, values: Mapping[str, Value]) -> None:
    """Add attributes to a repeated KeyValue."""
    for key, value in values.items():
        attributes.add(key=key).value.CopyFrom(any_value(value))  # type: ignore[attr-defined]


def trace_id(number: int) -> bytes:
    """An id of 16 bytes."""
    return number.to_bytes(16, "big")


def span_id(number: int) -> bytes:
    """An id of 8 bytes."""
    return number.to_bytes(8, "big")


def put_span(spans: ResourceSpans, made: Made) -> Span:
    """One span into the scope that is there or made."""
    scope = spans.scope_spans[0] if spans.scope_spans else spans.scope_spans.add()
    span: Span = scope.spans.add()
    span.trace_id, span.span_id = trace_id(made.trace), span_id(made.span)
    if made.parent:
        span.parent_span_id = span_id(made.parent)
    span.name, span.kind = made.name, SPAN_KINDS.index(made.kind)  # type: ignore[assignment]
    span.start_time_unix_nano = NOW_NS + round(made.at_ms * 1e6)
    span.end_time_unix_nano = span.start_time_unix_nano + round(made.took_ms * 1e6)
    span.status.code = SPAN_STATUSES.index(made.status)  # type: ignore[assignment]
    fill(span.attributes, made.attributes)
    return span


def request(spans: Sequence[Made]) -> ExportTraceServiceRequest:
    """A request with a resource for each service and its attributes."""
    made = ExportTraceServiceRequest()
    resources: dict[str, ResourceSpans] = {}
    for span in spans:
        values: dict[str, Value] = {"service.name": span.service, **span.resource}
        key = repr(sorted(values.items(), key=lambda one: one[0]))
        if key not in resources:
            resources[key] = made.resource_spans.add()
            fill(resources[key].resource.attributes, values)
        put_span(resources[key], span)
    return made
