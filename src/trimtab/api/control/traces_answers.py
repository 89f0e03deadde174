"""What the API says of one trace: written down for the OpenAPI document, never built."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Attributes = dict[str, Any]
"""Values as they were sent; bytes are base64."""
Kind = Literal["unspecified", "internal", "server", "client", "producer", "consumer"]
Status = Literal["unset", "ok", "error"]


class ScopeAnswer(msgspec.Struct):
    """The instrumentation that made a span."""

    name: str
    version: str
    attributes: Attributes


class EventAnswer(msgspec.Struct):
    """Something that happened in a span."""

    at_ns: int
    name: str
    attributes: Attributes
    dropped_attributes_count: int


class LinkAnswer(msgspec.Struct):
    """Another span that a span says it belongs to."""

    trace_id: str
    span_id: str
    trace_state: str
    attributes: Attributes
    dropped_attributes_count: int
    flags: int


class SpanAnswer(msgspec.Struct):
    """A span whole; `db_query_text` is its statement without literals."""

    trace_id: str
    span_id: str
    parent_span_id: str
    service_name: str
    name: str
    kind: Kind
    started_at_ns: int
    duration_ms: float
    status: Status
    status_message: str
    trace_state: str
    flags: int
    attributes: Attributes
    resource_attributes: Attributes
    scope: ScopeAnswer
    events: list[EventAnswer]
    links: list[LinkAnswer]
    dropped_attributes_count: int
    dropped_events_count: int
    dropped_links_count: int
    db_query_text: str
    db_query_fingerprint: str
    sample_weight: float


class TraceAnswer(msgspec.Struct):
    """One trace: `spans_count` is how many there are, `spans` the first of them, in the order in which they began."""

    trace_id: str
    spans: list[SpanAnswer]
    spans_count: int
    missing: list[str]


class OtlpAnswer(msgspec.Struct, rename="camel"):
    """A trace request of OTLP, in its JSON."""

    resource_spans: list[dict[str, Any]]
