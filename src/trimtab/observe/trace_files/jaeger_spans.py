"""Jaeger's spans as OTLP's.

A span's kind, error, status, scope and trace state are tags in Jaeger and fields in OTLP. The reference to the parent
becomes the parent; every other reference a link that says which kind it was, as Jaeger's own translation does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from trimtab.observe.trace_files.jaeger_model import Process, Reference, Trace
from trimtab.observe.trace_files.jaeger_model import Span as JaegerSpan
from trimtab.observe.trace_files.jaeger_tags import attributes_of, texts
from trimtab.observe.trace_files.places import bad

WARNINGS_KEY = "@jaeger@warnings"
REF_TYPE_KEY = "opentracing.ref_type"
NO_SERVICE = "OTLPResourceNoServiceName"
_REF_TYPES = {"CHILD_OF": "child_of", "FOLLOWS_FROM": "follows_from"}
_KINDS = {
    "internal": Span.SPAN_KIND_INTERNAL,
    "server": Span.SPAN_KIND_SERVER,
    "client": Span.SPAN_KIND_CLIENT,
    "producer": Span.SPAN_KIND_PRODUCER,
    "consumer": Span.SPAN_KIND_CONSUMER,
}
_SCOPE_KEYS = {"otel.scope.name": "name", "otel.library.name": "name"} | {
    "otel.scope.version": "version",
    "otel.library.version": "version",
}
_HEX = re.compile(r"[0-9a-fA-F]+")
_TIME_US_MAX = (2**63 - 1) // 1000

Placed = tuple[Resource, InstrumentationScope, Span]


def spans_of(trace: Trace, place: str) -> Iterator[Placed]:
    """Every span of a trace with its resource and scope. BadFile names the place of what is wrong.

    Warnings of the trace stand with its first span: OTLP has no place for them.
    """
    at = f"{place}." if place else ""
    resources = {
        name: resource_of(process, f"{at}processes.{name}") for name, process in (trace.processes or {}).items()
    }
    for number, span in enumerate(trace.spans):
        here = f"{at}spans[{number}]"
        if span.process is not None:
            resource = resource_of(span.process, f"{here}.process")
        elif span.process_id is None or span.process_id not in resources:
            raise bad(f"{here}.processID", f"there is no process {span.process_id!r}")
        else:
            resource = resources[span.process_id]
        made, scope = _span(span, trace.trace_id, here)
        if number == 0 and trace.warnings:
            _warn(made, trace.warnings)
        yield resource, scope, made


def resource_of(process: Process, place: str) -> Resource:
    """The resource that a process is."""
    made = Resource()
    if process.service_name != NO_SERVICE:
        made.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value=process.service_name)))
    made.attributes.extend(attributes_of(process.tags, f"{place}.tags"))
    return made


def _span(span: JaegerSpan, trace_id_text: str, place: str) -> tuple[Span, InstrumentationScope]:
    trace_id = id_of(span.trace_id or trace_id_text, 16, f"{place}.traceID")
    begun_ns = _time_ns(span.start_time, f"{place}.startTime")
    made = Span(
        trace_id=trace_id,
        span_id=id_of(span.span_id, 8, f"{place}.spanID"),
        name=span.operation_name,
        start_time_unix_nano=begun_ns,
        end_time_unix_nano=begun_ns + _time_ns(span.duration, f"{place}.duration"),
        flags=_flags(span.flags, f"{place}.flags"),
    )
    scope = InstrumentationScope()
    for attribute in attributes_of(span.tags, f"{place}.tags"):
        if not _is_field(attribute, made, scope):
            made.attributes.append(attribute)
    for number, log in enumerate(span.logs or ()):
        here = f"{place}.logs[{number}]"
        event = made.events.add(time_unix_nano=_time_ns(log.timestamp, f"{here}.timestamp"))
        for attribute in attributes_of(log.fields, f"{here}.fields"):
            if attribute.key == "event" and attribute.value.HasField("string_value") and not event.name:
                event.name = attribute.value.string_value
            else:
                event.attributes.append(attribute)
    _refer(made, span, trace_id, place)
    if span.warnings:
        _warn(made, span.warnings)
    return made, scope


def _is_field(attribute: KeyValue, span: Span, scope: InstrumentationScope) -> bool:
    """Whether a tag is a field of the span in OTLP: it is set, and is no attribute then."""
    key, value = attribute.key, attribute.value
    text = value.string_value
    if key == "span.kind" and text in _KINDS:
        span.kind = _KINDS[text]
    elif key == "error" and (value.bool_value or text == "true"):
        span.status.code = Status.STATUS_CODE_ERROR
    elif key == "otel.status_code" and text.upper() in ("OK", "ERROR"):
        if span.status.code != Status.STATUS_CODE_ERROR:  # an error is one, whatever else is said
            span.status.code = Status.STATUS_CODE_OK if text.upper() == "OK" else Status.STATUS_CODE_ERROR
    elif key == "otel.status_description" and text:
        span.status.message = text
    elif key == "w3c.tracestate" and text:
        span.trace_state = text
    elif key in _SCOPE_KEYS and text:
        setattr(scope, _SCOPE_KEYS[key], text)
    else:
        return False
    return True


def _refer(made: Span, span: JaegerSpan, trace_id: bytes, place: str) -> None:
    """Parent and links."""
    read = [
        (
            id_of(reference.trace_id, 16, f"{place}.references[{n}].traceID") if reference.trace_id else trace_id,
            id_of(reference.span_id, 8, f"{place}.references[{n}].spanID"),
            _ref_type(reference, f"{place}.references[{n}].refType"),
        )
        for n, reference in enumerate(span.references or ())
    ]
    own = [one for one in read if one[0] == trace_id]
    parent = next((one for one in own if one[2] == "child_of"), None) or next(iter(own), None)
    if parent is not None:
        made.parent_span_id = parent[1]
    elif span.parent_span_id and span.parent_span_id.strip("0"):
        made.parent_span_id = id_of(span.parent_span_id, 8, f"{place}.parentSpanID")
    for one in read:
        if one is parent and one[2] == "child_of":
            continue
        link = made.links.add(trace_id=one[0], span_id=one[1])
        link.attributes.append(KeyValue(key=REF_TYPE_KEY, value=AnyValue(string_value=one[2])))


def _ref_type(reference: Reference, place: str) -> str:
    found = _REF_TYPES.get(reference.ref_type.upper())
    if found is None:
        raise bad(place, f"a reference is CHILD_OF or FOLLOWS_FROM, found {reference.ref_type[:50]!r}")
    return found


def _warn(span: Span, warnings: Sequence[str]) -> None:
    before = next((one for one in span.attributes if one.key == WARNINGS_KEY), None)
    if before is None:
        span.attributes.append(KeyValue(key=WARNINGS_KEY, value=texts(warnings)))
    else:
        before.value.array_value.values.extend(texts(warnings).array_value.values)


def id_of(text: str, size_bytes: int, place: str) -> bytes:
    """An id of hexadecimal digits, filled up where it is shorter: ids of 64 bits are ids of 128 that begin with zeros.

    >>> id_of("1f", 8, "x").hex()
    '000000000000001f'
    """
    digits = 2 * size_bytes
    if len(text) > digits or not _HEX.fullmatch(text):
        raise bad(place, f"an id has up to {digits} hexadecimal digits, found {text[:50]!r}")
    if not text.strip("0"):
        raise bad(place, "an id of zeros is none")
    return bytes.fromhex(text.zfill(digits))


def _time_ns(time_us: float, place: str) -> int:
    if not 0 <= time_us <= _TIME_US_MAX:
        raise bad(place, f"microseconds are from 0 to {_TIME_US_MAX}, found {time_us}")
    return time_us * 1000 if isinstance(time_us, int) else round(time_us * 1000)


def _flags(flags: int | None, place: str) -> int:
    if not 0 <= (flags or 0) < 2**32:
        raise bad(place, f"flags have 32 bits, found {flags}")
    return flags or 0
