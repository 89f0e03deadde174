"""OTLP's JSON, in which Jaeger's API 3 answers, as spans."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.extend.sources import FoundEvent, FoundLink, FoundSpan, Value

_KINDS = {f"SPAN_KIND_{name}": number for number, name in enumerate(
    ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
)}  # fmt: skip
_STATUSES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


def spans_of(resource_spans: Sequence[Mapping[str, Any]]) -> Iterator[FoundSpan]:
    """Every span of a list of ResourceSpans."""
    for member in resource_spans:
        resource = attributes_of(member.get("resource", {}).get("attributes", ()))
        for scoped in member.get("scopeSpans", ()):
            scope = scoped.get("scope", {})
            for span in scoped.get("spans", ()):
                yield _span(span, resource, scope)


def _span(span: Mapping[str, Any], resource: Mapping[str, Value], scope: Mapping[str, Any]) -> FoundSpan:
    status = span.get("status", {})
    return FoundSpan(
        trace_id=id_of(span.get("traceId", ""), 16),
        span_id=id_of(span.get("spanId", ""), 8),
        parent_span_id=id_of(span.get("parentSpanId", ""), 8),
        name=str(span.get("name", "")),
        kind=_number(span.get("kind", 0), _KINDS),
        started_at_ns=int(span.get("startTimeUnixNano", 0)),
        ended_at_ns=int(span.get("endTimeUnixNano", 0)),
        status=_number(status.get("code", 0), _STATUSES),
        status_message=str(status.get("message", "")),
        trace_state=str(span.get("traceState", "")),
        flags=int(span.get("flags", 0)),
        attributes=attributes_of(span.get("attributes", ())),
        resource=resource,
        scope_name=str(scope.get("name", "")),
        scope_version=str(scope.get("version", "")),
        events=tuple(
            FoundEvent(
                int(one.get("timeUnixNano", 0)), str(one.get("name", "")), attributes_of(one.get("attributes", ()))
            )
            for one in span.get("events", ())
        ),
        links=tuple(
            FoundLink(
                id_of(one.get("traceId", ""), 16),
                id_of(one.get("spanId", ""), 8),
                str(one.get("traceState", "")),
                attributes_of(one.get("attributes", ())),
            )
            for one in span.get("links", ())
        ),
    )


def attributes_of(pairs: Sequence[Mapping[str, Any]]) -> dict[str, Value]:
    """KeyValues.

    >>> attributes_of([{"key": "n", "value": {"intValue": "7"}}, {"key": "b", "value": {"boolValue": True}}])
    {'n': 7, 'b': True}
    """
    return {str(pair["key"]): value_of(pair.get("value", {})) for pair in pairs}


def value_of(value: Mapping[str, Any]) -> Value:
    """An AnyValue.

    >>> value_of({"arrayValue": {"values": [{"doubleValue": 1.5}, {"stringValue": "a"}]}})
    (1.5, 'a')
    """
    for kind, inner in value.items():
        match kind:
            case "stringValue":
                return str(inner)
            case "intValue":
                return int(inner)
            case "boolValue":
                return bool(inner)
            case "doubleValue":
                return float(inner)
            case "bytesValue":
                return base64.b64decode(inner)
            case "arrayValue":
                return tuple(value_of(one) for one in inner.get("values", ()))
            case "kvlistValue":
                return attributes_of(inner.get("values", ()))
    return None


def id_of(text: str, size: int) -> str:
    """An id in hexadecimal digits; older versions of Jaeger wrote base64, as protobuf's JSON has bytes.

    >>> id_of("00F067AA0BA902B7", 8), id_of("APBnqgupArc=", 8), id_of("", 8)
    ('00f067aa0ba902b7', '00f067aa0ba902b7', '')
    """
    if len(text) == 2 * size:
        return bytes.fromhex(text).hex()
    return base64.b64decode(text, validate=True).hex()


def _number(value: object, words: Mapping[str, int]) -> int:
    return words.get(value, 0) if isinstance(value, str) else int(str(value))
