"""The traces of one document, whichever kind it is: spans with their resources and scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab.model.errors import InputError
from trimtab.observe.otlp import traces_from_json
from trimtab.observe.trace_files.jaeger_model import Trace
from trimtab.observe.trace_files.jaeger_spans import Placed, spans_of
from trimtab.observe.trace_files.places import bad, bad_json

T = TypeVar("T")
Reader = Callable[[bytes, str], Iterator[Placed]]


_NOTHING = msgspec.Raw()


class _Fields(msgspec.Struct, rename={"resource_spans": "resourceSpans"}):
    """By which fields a document is known."""

    data: msgspec.Raw = _NOTHING
    spans: msgspec.Raw = _NOTHING
    result: msgspec.Raw = _NOTHING
    resource_spans: msgspec.Raw = _NOTHING


def jaeger_spans(text: bytes, place: str) -> Iterator[Placed]:
    """Of `{"data": [trace, …]}`, of one trace, of a list of traces, or of what Jaeger's API 3 answers."""
    if text.lstrip()[:1] == b"[":
        yield from _traces(text, place)
        return
    fields = _fields(text, place)
    if fields.data:
        yield from _traces(bytes(fields.data), _below(place, "data"))
    elif fields.spans:
        yield from spans_of(_decoded(text, Trace, place), place)
    elif fields.result or fields.resource_spans:
        yield from otlp_spans(text, place)
    else:
        raise bad(place, "it is no JSON of Jaeger: there is neither 'data' nor 'spans' in it")


def otlp_spans(text: bytes, place: str) -> Iterator[Placed]:
    """Of a request in OTLP's JSON, also where it is the `result` of Jaeger's API 3."""
    fields = _fields(text, place)
    if fields.result:
        text, place = bytes(fields.result), _below(place, "result")
        fields = _fields(text, place)
    if not fields.resource_spans:
        raise bad(place, "it is no traces in OTLP's JSON: there is no 'resourceSpans' in it")
    try:
        request = ExportTraceServiceRequest.FromString(traces_from_json(text))
    except InputError as error:
        raise bad(place, error.message) from error
    for r, resource in enumerate(request.resource_spans):
        for s, scope in enumerate(resource.scope_spans):
            for n, span in enumerate(scope.spans):
                here = f"{_below(place, 'resourceSpans')}[{r}].scopeSpans[{s}].spans[{n}]"
                if len(span.trace_id) != 16 or not any(span.trace_id):
                    raise bad(f"{here}.traceId", "the span has no trace id")
                if len(span.span_id) != 8 or not any(span.span_id):
                    raise bad(f"{here}.spanId", "the span has no id")
                yield resource.resource, scope.scope, span


def _traces(text: bytes, place: str) -> Iterator[Placed]:
    for number, trace in enumerate(_decoded(text, list[Trace], place)):
        yield from spans_of(trace, f"{place}[{number}]")


def _fields(text: bytes, place: str) -> _Fields:
    return _decoded(text, _Fields, place)


def _decoded(text: bytes, kind: type[T], place: str) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_json(place, error) from error
    except RecursionError as error:
        raise bad(place, "it is nested too deeply") from error


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
