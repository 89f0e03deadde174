"""Spans in a list: what the Jaeger API asks, answered in the plainest way, to test the API alone."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.store.traces.answers import (
    SPAN_KINDS,
    SPAN_STATUSES,
    FoundTraces,
    Operation,
    Operations,
    Scope,
    ServiceEdge,
    ServiceMap,
    Services,
    ServiceShare,
    SpanEvent,
    SpanLink,
    StoredSpan,
    Trace,
    TraceQuery,
    TraceSummary,
    Value,
)


def spans_of(document: Any) -> list[StoredSpan]:
    """The spans of a request in OTLP's JSON."""
    return list(_spans(document))


def _spans(document: Any) -> Iterator[StoredSpan]:
    for resource in document["resourceSpans"]:
        attributes = _attributes(resource.get("resource", {}))
        for scoped in resource["scopeSpans"]:
            told = scoped.get("scope", {})
            scope = Scope(told.get("name", ""), told.get("version", ""), _attributes(told))
            for span in scoped["spans"]:
                yield _span(span, attributes, scope)


def _span(span: Any, resource: dict[str, Value], scope: Scope) -> StoredSpan:
    begun_ns, ended_ns = int(span.get("startTimeUnixNano", 0)), int(span.get("endTimeUnixNano", 0))
    status = span.get("status", {})
    return StoredSpan(
        trace_id=span["traceId"],
        span_id=span["spanId"],
        parent_span_id=span.get("parentSpanId", ""),
        service_name=str(resource.get("service.name", "")),
        name=span["name"],
        kind=SPAN_KINDS[span.get("kind", 0)],
        started_at_ns=begun_ns,
        duration_ms=(ended_ns - begun_ns) / 1e6,
        status=SPAN_STATUSES[status.get("code", 0)],
        status_message=status.get("message", ""),
        attributes=_attributes(span),
        resource_attributes=resource,
        scope=scope,
        events=tuple(
            SpanEvent(int(event.get("timeUnixNano", 0)), event.get("name", ""), _attributes(event))
            for event in span.get("events", ())
        ),
        links=tuple(
            SpanLink(link["traceId"], link["spanId"], link.get("traceState", ""), _attributes(link))
            for link in span.get("links", ())
        ),
    )


def _attributes(holder: Any) -> dict[str, Value]:
    return {one["key"]: _value(one["value"]) for one in holder.get("attributes", ())}


def _value(told: Any) -> Value:
    ((kind, value),) = told.items()
    match kind:
        case "intValue":
            return int(value)
        case "doubleValue":
            return float(value)
        case "bytesValue":
            return base64.b64decode(value)
        case "arrayValue":
            return tuple(_value(one) for one in value["values"])
        case _:
            assert isinstance(value, str | bool)
            return value


@dataclass
class MemoryTraces:
    """A source of traces over a list of spans."""

    spans: Sequence[StoredSpan]
    missing: tuple[str, ...] = ()

    def search(self, query: TraceQuery) -> FoundTraces:
        """Newest first."""
        hits = sorted((s for s in self.spans if _fits(s, query)), key=lambda s: -s.started_at_ns)
        ids = list(dict.fromkeys(span.trace_id for span in hits))[: query.limit]
        return FoundTraces(tuple(self._summary(one) for one in ids), query.from_ms, self.missing)

    def _summary(self, trace_id: str) -> TraceSummary:
        spans = self.trace(trace_id, len(self.spans)).spans
        root = next((span for span in spans if not span.parent_span_id), spans[0])
        begun = min(span.started_at_ns for span in spans)
        names = sorted({span.service_name for span in spans})
        shares = [(name, [s.status for s in spans if s.service_name == name]) for name in names]
        return TraceSummary(
            trace_id,
            root.service_name,
            root.name,
            begun,
            (max(span.ended_at_ns for span in spans) - begun) / 1e6,
            len(spans),
            sum(span.status == "error" for span in spans),
            tuple(ServiceShare(name, len(statuses), statuses.count("error")) for name, statuses in shares),
        )

    def trace(self, trace_id: str, spans_max: int, around_ms: int | None = None) -> Trace:
        """In the order in which they began."""
        found = sorted((s for s in self.spans if s.trace_id == trace_id), key=lambda s: (s.started_at_ns, s.span_id))
        return Trace(trace_id, tuple(found[:spans_max]), len(found), self.missing)

    def whole(self, summaries: Sequence[TraceSummary], spans_max: int) -> tuple[Trace, ...]:
        """In the order of the summaries."""
        assert sum(one.spans_count for one in summaries) <= spans_max
        return tuple(self.trace(one.trace_id, spans_max) for one in summaries)

    def services(self, from_ms: int, to_ms: int) -> Services:
        """Sorted."""
        return Services(tuple(sorted({s.service_name for s in self.spans if _within(s, from_ms, to_ms)})), self.missing)

    def operations(self, from_ms: int, to_ms: int, service: str = "", kind: str = "") -> Operations:
        """Sorted."""
        found = {
            (span.service_name, span.name, span.kind)
            for span in self.spans
            if _within(span, from_ms, to_ms) and service in ("", span.service_name) and kind in ("", span.kind)
        }
        return Operations(tuple(Operation(*one) for one in sorted(found)), self.missing)

    def service_map(self, from_ms: int, to_ms: int) -> ServiceMap:
        """Edges from parents to children of other services."""
        by_id = {(span.trace_id, span.span_id): span for span in self.spans}
        counts: dict[tuple[str, str], int] = {}
        for span in self.spans:
            parent = by_id.get((span.trace_id, span.parent_span_id))
            if parent is not None and parent.service_name != span.service_name and _within(span, from_ms, to_ms):
                key = (parent.service_name, span.service_name)
                counts[key] = counts.get(key, 0) + 1
        edges = tuple(ServiceEdge(*key, calls, 0, 1.0, 1.0, 1.0) for key, calls in sorted(counts.items()))
        return ServiceMap((), edges, from_ms, to_ms, from_ms, self.missing)


def _within(span: StoredSpan, from_ms: int, to_ms: int) -> bool:
    return from_ms * 1_000_000 <= span.started_at_ns < to_ms * 1_000_000


def _fits(span: StoredSpan, query: TraceQuery) -> bool:
    least, most = query.duration_min_ms, query.duration_max_ms
    return (
        _within(span, query.from_ms, query.to_ms)
        and query.service in ("", span.service_name)
        and query.operation in ("", span.name)
        and query.kind in ("", span.kind)
        and query.status in ("", span.status)
        and (least is None or span.duration_ms >= least)
        and (most is None or span.duration_ms <= most)
        and all(_has(span, key, text, query.attributes_anywhere) for key, text in query.attributes.items())
    )


def _has(span: StoredSpan, key: str, text: str, anywhere: bool) -> bool:
    holders: list[Mapping[str, Value]] = [span.attributes, span.resource_attributes]
    if anywhere:
        holders += [span.scope.attributes, *(e.attributes for e in span.events), *(k.attributes for k in span.links)]
    told = [_text(holder[key]) for holder in holders if key in holder]
    return any(one == text or (anywhere and re.fullmatch(text, one) is not None) for one in told)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
