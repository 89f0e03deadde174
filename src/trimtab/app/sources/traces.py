"""Questions to a store of traces, and its answers as the own store gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from trimtab.extend.sources import FoundOperation, FoundSpan, TraceQuestion
from trimtab.extend.sources import Value as Given
from trimtab.model.errors import InputError
from trimtab.store.traces.answers import (
    SPAN_KINDS,
    SPAN_STATUSES,
    FoundTraces,
    Operation,
    Operations,
    Scope,
    ServiceShare,
    SpanEvent,
    SpanLink,
    StoredSpan,
    Trace,
    TraceQuery,
    TraceSummary,
    Value,
)


def question_of(query: TraceQuery) -> TraceQuestion:
    """The same for who knows nothing of trimtab; InputError for what other stores are not asked."""
    if query.from_ms >= query.to_ms:
        raise InputError(f"the range must begin before it ends, unlike {query.from_ms}..{query.to_ms}", field="from_ms")
    for field, value in (("kind", query.kind), ("fingerprint", query.fingerprint), ("caller", query.caller)):
        if value:
            raise InputError(f"other stores than the own one are not asked by {field}", field=field)
    attributes = dict(query.attributes)
    if query.status == "error":
        attributes["error"] = "true"
    elif query.status:
        raise InputError("other stores than the own one are asked by status error alone", field="status")
    return TraceQuestion(
        query.from_ms,
        query.to_ms,
        query.service,
        query.operation,
        attributes,
        query.duration_min_ms,
        query.duration_max_ms,
        query.limit,
    )


def found_of(traces: Sequence[Sequence[FoundSpan]], query: TraceQuery) -> FoundTraces:
    """An answer as a list of traces, in the order that was asked for."""
    summaries = [summary_of([_span(span) for span in spans]) for spans in traces if spans]
    if query.order == "slowest":
        summaries.sort(key=lambda one: one.duration_ms, reverse=True)
    else:
        summaries.sort(key=lambda one: one.started_at_ns, reverse=True)
    return FoundTraces(tuple(summaries), query.from_ms)


def trace_of(trace_id: str, spans: Sequence[FoundSpan], spans_max: int) -> Trace:
    """One trace, of very many spans the first."""
    ordered = sorted(spans, key=lambda span: span.started_at_ns)
    return Trace(trace_id, tuple(map(_span, ordered[:spans_max])), len(ordered))


def operations_of(service: str, found: Sequence[FoundOperation]) -> Operations:
    """What a service does."""
    ordered = sorted(found, key=lambda one: (one.name, one.kind))
    return Operations(tuple(Operation(service, one.name, one.kind) for one in ordered))


def summary_of(spans: Sequence[StoredSpan]) -> TraceSummary:
    """A trace, all in all; it has a span at least."""
    ordered = sorted(spans, key=lambda span: span.started_at_ns)
    ids = {span.span_id for span in ordered}
    root = next((span for span in ordered if not span.parent_span_id), None)
    root = root or next((span for span in ordered if span.parent_span_id not in ids), ordered[0])
    shares: dict[str, list[int]] = {}
    for span in ordered:
        share = shares.setdefault(span.service_name, [0, 0])
        share[0] += 1
        share[1] += span.status == "error"
    ended_at_ns = max(span.ended_at_ns for span in ordered)
    return TraceSummary(
        root.trace_id,
        root.service_name,
        root.name,
        ordered[0].started_at_ns,
        (ended_at_ns - ordered[0].started_at_ns) / 1e6,
        len(ordered),
        sum(share[1] for share in shares.values()),
        tuple(ServiceShare(name, *shares[name]) for name in sorted(shares)),
    )


def _service(span: FoundSpan) -> str:
    name = span.resource.get("service.name", "")
    return name if isinstance(name, str) else str(name)


def _span(span: FoundSpan) -> StoredSpan:
    return StoredSpan(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        service_name=_service(span),
        name=span.name,
        kind=_word(SPAN_KINDS, span.kind),
        started_at_ns=span.started_at_ns,
        duration_ms=(span.ended_at_ns - span.started_at_ns) / 1e6,
        status=_word(SPAN_STATUSES, span.status),
        status_message=span.status_message,
        trace_state=span.trace_state,
        flags=span.flags,
        attributes=_values(span.attributes),
        resource_attributes=_values(span.resource),
        scope=Scope(span.scope_name, span.scope_version),
        events=tuple(SpanEvent(one.at_ns, one.name, _values(one.attributes)) for one in span.events),
        links=tuple(
            SpanLink(one.trace_id, one.span_id, one.trace_state, _values(one.attributes)) for one in span.links
        ),
    )


def _values(attributes: Mapping[str, Given]) -> dict[str, Value]:
    return cast("dict[str, Value]", dict(attributes))


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if 0 <= number < len(words) else words[0]
