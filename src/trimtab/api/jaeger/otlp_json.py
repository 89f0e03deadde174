"""Spans as OTLP's JSON, as Jaeger's API 3 has it: hexadecimal ids, 64-bit numbers as texts, nothing that is empty."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from trimtab.api.jaeger.attributes import WARNINGS_KEY, shown_attributes
from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES, Scope, StoredSpan, Value

Json = dict[str, object]
_KINDS = {name: number for number, name in enumerate(SPAN_KINDS)}
_STATUSES = {name: number for number, name in enumerate(SPAN_STATUSES)}
_encode = msgspec.json.Encoder().encode


def resource_spans(spans: Sequence[StoredSpan], warnings: Iterable[str] = ()) -> Iterator[bytes]:
    """Members of the list `resourceSpans`, one for each resource and scope, in the order of their first spans.

    Warnings of the trace stand with its first span: the format has no other place.

    >>> span = StoredSpan("0" * 31 + "1", "0" * 15 + "2", "", "", "foobar", "server", 0, 0.0, "error")
    >>> made = next(resource_spans([span]))
    >>> made[:50], made[-53:]
    (b'{"resource":{},"scopeSpans":[{"scope":{},"spans":[', b'02","name":"foobar","kind":2,"status":{"code":2}}]}]}')
    """
    told = list(warnings)
    if told and spans:
        spans = [_warned(spans[0], told), *spans[1:]]
    groups: dict[tuple[bytes, bytes], list[bytes]] = {}
    resources: dict[int, bytes] = {}
    scopes: dict[int, bytes] = {}
    for span in spans:
        # spans of one resource mostly share the very object: its text is then made once
        resource = resources.get(id(span.resource_attributes))
        if resource is None:
            resource = resources[id(span.resource_attributes)] = _encode(_listed(span.resource_attributes))
        scope = scopes.get(id(span.scope))
        if scope is None:
            scope = scopes[id(span.scope)] = _encode(_scope(span.scope))
        groups.setdefault((resource, scope), []).append(_encode(span_json(span)))
    for (resource, scope), members in groups.items():
        yield b'{"resource":%s,"scopeSpans":[{"scope":%s,"spans":[%s]}]}' % (resource, scope, b",".join(members))


def span_json(span: StoredSpan) -> Json:
    """One span."""
    made: Json = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "traceState": span.trace_state,
        "parentSpanId": span.parent_span_id,
        "flags": span.flags,
        "name": span.name,
        "kind": _KINDS.get(span.kind, 0),
        "startTimeUnixNano": _moment(span.started_at_ns),
        "endTimeUnixNano": _moment(span.ended_at_ns),
        **_listed(shown_attributes(span)),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": [
            _without_empty(
                {
                    "timeUnixNano": _moment(event.at_ns),
                    "name": event.name,
                    **_listed(event.attributes),
                    "droppedAttributesCount": event.dropped_attributes_count,
                }
            )
            for event in span.events
        ],
        "droppedEventsCount": span.dropped_events_count,
        "links": [
            _without_empty(
                {
                    "traceId": link.trace_id,
                    "spanId": link.span_id,
                    "traceState": link.trace_state,
                    **_listed(link.attributes),
                    "droppedAttributesCount": link.dropped_attributes_count,
                    "flags": link.flags,
                }
            )
            for link in span.links
        ],
        "droppedLinksCount": span.dropped_links_count,
    }
    status = _without_empty({"message": span.status_message, "code": _STATUSES.get(span.status, 0)})
    return {**_without_empty(made), "status": status}


def value_json(value: Value) -> Json:
    """An AnyValue.

    >>> value_json(2**60), value_json(True), value_json(b"ab")
    ({'intValue': '1152921504606846976'}, {'boolValue': True}, {'bytesValue': 'YWI='})
    >>> value_json(("a", 1.5))
    {'arrayValue': {'values': [{'stringValue': 'a'}, {'doubleValue': 1.5}]}}
    """
    match value:
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": number_json(value)}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case dict():
            return {"kvlistValue": {"values": [{"key": key, "value": value_json(one)} for key, one in value.items()]}}
        case None:
            return {}
        case _:
            return {"arrayValue": {"values": [value_json(one) for one in value]}}


def number_json(value: float) -> float | str:
    """A number, or what protobuf's JSON says in place of those that JSON does not have.

    >>> number_json(1.5), number_json(float("-inf"))
    (1.5, '-Infinity')
    """
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _listed(attributes: Mapping[str, Value]) -> Json:
    if not attributes:
        return {}
    return {"attributes": [{"key": key, "value": value_json(value)} for key, value in attributes.items()]}


def _scope(scope: Scope) -> Json:
    return _without_empty({"name": scope.name, "version": scope.version, **_listed(scope.attributes)})


def _without_empty(made: Json) -> Json:
    return {name: value for name, value in made.items() if value}


def _moment(at_ns: int) -> str:
    return str(at_ns) if at_ns else ""


def _warned(span: StoredSpan, warnings: list[str]) -> StoredSpan:
    before = span.attributes.get(WARNINGS_KEY)
    kept = before if isinstance(before, tuple) else () if before is None else (before,)
    return replace(span, attributes={**span.attributes, WARNINGS_KEY: (*kept, *warnings)})
