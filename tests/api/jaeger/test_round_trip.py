"""What the older API answers can be imported again, and is the same span then, as far as that JSON can tell it."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tests.api.jaeger.memory import spans_of
from tests.api.jaeger.recorded import FOLDER, trace, trace_names
from tests.api.jaeger.test_answers import RICH
from trimtab.api.jaeger.envelope import enveloped
from trimtab.api.jaeger.ui_json import trace_json
from trimtab.observe.trace_files.documents import jaeger_spans
from trimtab.observe.trace_files.reading import read_requests
from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES, Scope, SpanEvent, SpanLink, StoredSpan, Value

TRACES = [[RICH], *(spans_of(trace(name)) for name in (trace_names() if FOLDER.is_dir() else ()))]
REF_TYPE = "opentracing.ref_type"


@pytest.mark.parametrize("spans", TRACES, ids=lambda spans: f"{spans[0].name} {spans[0].trace_id[-4:]}")
def test_what_is_answered_is_taken_again(spans: list[StoredSpan]) -> None:
    text = b"".join(enveloped([trace_json(spans)]))
    bodies = [body for body, _ in read_requests(io.BytesIO(text), jaeger_spans)]
    again = {one.span_id: one for one in imported(b"".join(bodies))}
    assert [again[span.span_id] for span in spans] == [as_far_as_it_goes(span) for span in spans]


def as_far_as_it_goes(span: StoredSpan) -> StoredSpan:
    """Without what the JSON of Jaeger's page has no place for; lists and the like are texts, times microseconds."""
    shown: dict[str, Value] = {} if not span.db_query_text else {"db.query.text": span.db_query_text}
    shown |= {} if span.sample_weight == 1 else {"trimtab.sample_weight": span.sample_weight}
    warnings = {key: value for key, value in span.attributes.items() if key.startswith("@")}
    attributes = {**{k: v for k, v in span.attributes.items() if k not in warnings}, **shown, **warnings}
    begun_ns = span.started_at_ns // 1000 * 1000
    return replace(
        span,
        started_at_ns=begun_ns,
        attributes={key: value if key in warnings else _plain(value) for key, value in attributes.items()},
        scope=Scope(span.scope.name, span.scope.version),
        events=tuple(replace(event, at_ns=event.at_ns // 1000 * 1000) for event in span.events),
        links=tuple(
            replace(link, attributes={REF_TYPE: link.attributes.get(REF_TYPE, "follows_from")}) for link in span.links
        ),
        db_query_text="",
        sample_weight=1.0,
    )


def _plain(value: Value) -> Value:
    match value:
        case tuple():
            return '["a",1]'
        case dict():
            return '{"a":true}'
        case _:
            return "" if value is None else value


def imported(body: bytes) -> Iterable[StoredSpan]:
    """The spans of a request."""
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        attributes = _attributes(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield StoredSpan(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_span_id=span.parent_span_id.hex(),
                    service_name=str(attributes.get("service.name", "")),
                    name=span.name,
                    kind=SPAN_KINDS[span.kind],
                    started_at_ns=span.start_time_unix_nano,
                    duration_ms=(span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
                    status=SPAN_STATUSES[span.status.code],
                    status_message=span.status.message,
                    trace_state=span.trace_state,
                    flags=span.flags,
                    attributes=_attributes(span.attributes),
                    resource_attributes=attributes,
                    scope=Scope(scope.scope.name, scope.scope.version),
                    events=tuple(SpanEvent(e.time_unix_nano, e.name, _attributes(e.attributes)) for e in span.events),
                    links=tuple(
                        SpanLink(k.trace_id.hex(), k.span_id.hex(), "", _attributes(k.attributes)) for k in span.links
                    ),
                )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    return {one.key: _value(one.value) for one in pairs}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(_value(one) for one in value.array_value.values)
    found: Value = getattr(value, str(kind))
    return found
