"""Stored spans as an ExportTraceServiceRequest on the wire, for who takes OTLP: what `decode` reads, backwards.

What stands in place of a statement goes with it, without the literals that were never stored.
"""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES, Scope, SpanEvent, SpanLink, StoredSpan
from trimtab.store.wire_writing import (
    FIXED32,
    FIXED64,
    Attributes,
    attributes_bytes,
    id_bytes,
    sized,
    text_bytes,
    varint,
)

STATEMENT_KEYS = ("db.query.text", "db.statement")
WEIGHT_KEY = "trimtab.sample_weight"
_KINDS = {name: number for number, name in enumerate(SPAN_KINDS)}
_STATUSES = {name: number for number, name in enumerate(SPAN_STATUSES)}


def encode_spans(spans: Iterable[StoredSpan]) -> bytes:
    """The request; spans behind each other of one resource and scope share it.

    >>> spans = [StoredSpan("0" * 31 + n, "0" * 15 + n, "", "shop", "GET", "server", 1, 2.0, "ok",
    ...     resource_attributes={"service.name": "shop"}) for n in "12"]
    >>> encode_spans(spans).count(b"shop"), encode_spans([])
    (1, b'')
    """
    requests: list[bytes] = []
    resource: Attributes | None = None
    scope = Scope()
    members: list[bytes] = []

    def close() -> None:
        if members:
            told = _scope(scope)
            scoped = sized(b"\x12", (sized(b"\x0a", told) if told else b"") + b"".join(members))
            named = sized(b"\x0a", attributes_bytes(b"\x0a", resource)) if resource else b""
            requests.append(sized(b"\x0a", named + scoped))
            members.clear()

    for span in spans:
        if span.resource_attributes != resource or span.scope != scope:
            close()
            resource, scope = span.resource_attributes, span.scope
        members.append(sized(b"\x12", _span(span)))
    close()
    return b"".join(requests)


def _span(span: StoredSpan) -> bytes:
    parts = [id_bytes(b"\x0a", span.trace_id, 16), id_bytes(b"\x12", span.span_id, 8)]
    if span.trace_state:
        parts.append(sized(b"\x1a", text_bytes(span.trace_state)))
    if span.parent_span_id:
        parts.append(id_bytes(b"\x22", span.parent_span_id, 8))
    parts += [sized(b"\x2a", text_bytes(span.name)), b"\x30", varint(_KINDS.get(span.kind, 0))]
    parts += [b"\x39", FIXED64.pack(span.started_at_ns), b"\x41", FIXED64.pack(span.ended_at_ns)]
    parts.append(attributes_bytes(b"\x4a", span.attributes))
    if span.db_query_text and not any(key in span.attributes for key in STATEMENT_KEYS):
        parts.append(attributes_bytes(b"\x4a", {STATEMENT_KEYS[0]: span.db_query_text}))
    if span.sample_weight != 1.0:
        parts.append(attributes_bytes(b"\x4a", {WEIGHT_KEY: float(span.sample_weight)}))
    parts.append(_count(b"\x50", span.dropped_attributes_count))
    parts += [sized(b"\x5a", _event(event)) for event in span.events]
    parts.append(_count(b"\x60", span.dropped_events_count))
    parts += [sized(b"\x6a", _link(link)) for link in span.links]
    parts.append(_count(b"\x70", span.dropped_links_count))
    message = sized(b"\x12", text_bytes(span.status_message)) if span.status_message else b""
    parts.append(sized(b"\x7a", message + _count(b"\x18", _STATUSES.get(span.status, 0))))
    if span.flags:
        parts += [b"\x85\x01", FIXED32.pack(span.flags)]
    return b"".join(parts)


def _event(event: SpanEvent) -> bytes:
    told = b"\x09" + FIXED64.pack(event.at_ns) + sized(b"\x12", text_bytes(event.name))
    return told + attributes_bytes(b"\x1a", event.attributes) + _count(b"\x20", event.dropped_attributes_count)


def _link(link: SpanLink) -> bytes:
    told = id_bytes(b"\x0a", link.trace_id, 16) + id_bytes(b"\x12", link.span_id, 8)
    if link.trace_state:
        told += sized(b"\x1a", text_bytes(link.trace_state))
    told += attributes_bytes(b"\x22", link.attributes) + _count(b"\x28", link.dropped_attributes_count)
    return told + (b"\x35" + FIXED32.pack(link.flags) if link.flags else b"")


def _scope(scope: Scope) -> bytes:
    named = sized(b"\x0a", text_bytes(scope.name)) if scope.name else b""
    version = sized(b"\x12", text_bytes(scope.version)) if scope.version else b""
    return named + version + attributes_bytes(b"\x1a", scope.attributes)


def _count(tag: bytes, count: int) -> bytes:
    return tag + varint(count) if count else b""
