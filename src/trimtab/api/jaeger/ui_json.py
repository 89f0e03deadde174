"""Traces as the older API has them: the JSON of Jaeger's page. Times are microseconds.

What OTLP has and this JSON does not: a span's kind, status, scope and trace state become tags, links references,
events logs. Attributes of scopes and of links, and counts of what was dropped, have no place in it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from trimtab.api.jaeger.attributes import WARNINGS_KEY, shown_attributes
from trimtab.api.jaeger.otlp_json import number_json
from trimtab.api.jaeger.words import shown_id
from trimtab.store.traces.answers import StoredSpan, Value

Json = dict[str, object]
SAFE_INTEGER_MAX = 2**53 - 1
"""Beyond it a browser's numbers are not exact: such values are sent as texts."""
NO_SERVICE = "OTLPResourceNoServiceName"
"""What Jaeger calls the service of a resource that says none."""
REF_TYPE_KEY = "opentracing.ref_type"
_encode = msgspec.json.Encoder().encode


def trace_json(spans: Sequence[StoredSpan], warnings: Iterable[str] = ()) -> bytes:
    """One trace: its spans, and their processes by number.

    >>> span = StoredSpan("0" * 31 + "1", "0" * 15 + "2", "", "shop", "GET /", "server", 5_000, 0.002, "unset")
    >>> made = msgspec.json.decode(trace_json([span]))
    >>> made["traceID"], made["processes"]
    ('0000000000000001', {'p1': {'serviceName': 'shop', 'tags': []}})
    >>> made["spans"][0]["tags"], made["spans"][0]["duration"]
    ([{'key': 'span.kind', 'type': 'string', 'value': 'server'}], 2)
    """
    ids: dict[tuple[str, bytes], str] = {}
    seen: dict[tuple[int, str], str] = {}
    members: list[bytes] = []
    for span in spans:
        # spans of one resource mostly share the very object: its text is then made once
        known = (id(span.resource_attributes), span.service_name)
        process = seen.get(known)
        if process is None:
            tags = _encode(_tags((k, v) for k, v in span.resource_attributes.items() if k != "service.name"))
            process = ids.setdefault((span.service_name or NO_SERVICE, tags), f"p{len(ids) + 1}")
            seen[known] = process
        members.append(_encode(span_json(span, process)))
    processes = b",".join(
        b'%s:{"serviceName":%s,"tags":%s}' % (_encode(process), _encode(service), tags)
        for (service, tags), process in ids.items()
    )
    trace_id = _encode(shown_id(spans[0].trace_id) if spans else "")
    told = list(warnings) or None
    return b'{"traceID":%s,"spans":[%s],"processes":{%s},"warnings":%s}' % (
        trace_id,
        b",".join(members),
        processes,
        _encode(told),
    )


def span_json(span: StoredSpan, process: str) -> Json:
    """One span."""
    attributes = shown_attributes(span)
    warnings = attributes.get(WARNINGS_KEY)
    shown = shown_id(span.trace_id)
    made: Json = {"traceID": shown, "spanID": span.span_id}
    if span.flags:
        made["flags"] = span.flags
    made |= {
        "operationName": span.name,
        "references": _references(span, shown),
        "startTime": span.started_at_ns // 1000,
        "duration": span.duration_ns // 1000,
        "tags": _span_tags(span, attributes),
        "logs": [
            {
                "timestamp": event.at_ns // 1000,
                "fields": [*([_tag("event", event.name)] if event.name else ()), *_tags(event.attributes.items())],
            }
            for event in span.events
        ],
        "processID": process,
        "warnings": None if warnings is None else _texts(warnings),
    }
    return made


def _references(span: StoredSpan, shown: str) -> list[Json]:
    """The parent first, as clients look for it; then the links."""
    found: list[Json] = []
    if span.parent_span_id:
        found.append({"refType": "CHILD_OF", "traceID": shown, "spanID": span.parent_span_id})
    for link in span.links:
        is_child = link.attributes.get(REF_TYPE_KEY) == "child_of"
        found.append(
            {
                "refType": "CHILD_OF" if is_child else "FOLLOWS_FROM",
                "traceID": shown_id(link.trace_id),
                "spanID": link.span_id,
            }
        )
    return found


def _span_tags(span: StoredSpan, attributes: Mapping[str, Value]) -> list[Json]:
    made = []
    if span.scope.name:
        made.append(_tag("otel.scope.name", span.scope.name))
    if span.scope.version:
        made.append(_tag("otel.scope.version", span.scope.version))
    made += _tags((key, value) for key, value in attributes.items() if key != WARNINGS_KEY)
    if span.kind not in ("", "unspecified"):
        made.append(_tag("span.kind", span.kind))
    if span.status in ("ok", "error"):
        made.append(_tag("otel.status_code", span.status.upper()))
    if span.status == "error":
        made.append(_tag("error", True))
    if span.status_message:
        made.append(_tag("otel.status_description", span.status_message))
    if span.trace_state:
        made.append(_tag("w3c.tracestate", span.trace_state))
    return made


def _tags(pairs: Iterable[tuple[str, Value]]) -> list[Json]:
    return [_tag(key, value) for key, value in pairs]


def _tag(key: str, value: Value) -> Json:
    match value:
        case str():
            return {"key": key, "type": "string", "value": value}
        case bool():
            return {"key": key, "type": "bool", "value": value}
        case int():
            is_safe = -SAFE_INTEGER_MAX <= value <= SAFE_INTEGER_MAX
            return {"key": key, "type": "int64", "value": value if is_safe else str(value)}
        case float():
            return {"key": key, "type": "float64", "value": number_json(value)}
        case bytes():
            return {"key": key, "type": "binary", "value": base64.b64encode(value).decode()}
        case None:
            return {"key": key, "type": "string", "value": ""}
        case _:
            return {"key": key, "type": "string", "value": _encode(value).decode()}


def _texts(value: Value) -> list[str]:
    found = value if isinstance(value, tuple) else (value,)
    return [one if isinstance(one, str) else _encode(one).decode() for one in found]
