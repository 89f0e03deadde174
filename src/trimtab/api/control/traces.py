"""Traces, as JSON: searched, one of them whole, who calls whom, and what can be searched for."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from enum import StrEnum

import msgspec
from starlette.requests import Request

from trimtab.api.control.effort import EFFORT, effort_ms_of
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    NAME_CHARS_MAX,
    NUMBER_MAX,
    SHOWN_CHARS,
    Parameter,
    as_whole,
    choice_of,
    one_of,
    path_text,
    text_of,
    texts_of,
    whole,
)
from trimtab.api.control.reading import FROM, TO, range_of
from trimtab.api.control.sources import ANY_SOURCE, SOURCE
from trimtab.api.control.traces_answers import OtlpAnswer, TraceAnswer
from trimtab.api.jaeger.otlp_json import resource_spans
from trimtab.app.service import Service
from trimtab.app.sources.beside import OWN
from trimtab.app.sources.together import search_traces
from trimtab.model.errors import InputError, NotFound, StoreError
from trimtab.store.traces.answers import (
    SPAN_KINDS,
    SPAN_STATUSES,
    CountedTexts,
    FoundTraces,
    Operations,
    ServiceMap,
    Services,
    TraceQuery,
)

TRACES_MAX = 1000
SPANS_MAX = 30_000
ATTRIBUTES_MAX = 20
PAIR_CHARS_MAX = 2_200
DURATION_MS_MAX = 1e12
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?", re.ASCII)


class TraceOrder(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    SLOWEST = "slowest"


_NAME = {"type": "string", "maxLength": NAME_CHARS_MAX}
_DURATION = {"type": "number", "minimum": 0, "maximum": DURATION_MS_MAX}
SERVICE = Parameter("service", "Name of a service, exact", _NAME)
KIND = Parameter("kind", "Kind of the span", {"enum": list(SPAN_KINDS)})
SEARCH_PARAMETERS = (
    SERVICE,
    Parameter("operation", "Name of the span, exact", _NAME),
    KIND,
    Parameter("status", "Status of the span", {"enum": list(SPAN_STATUSES)}),
    Parameter(
        "attribute",
        "KEY=VALUE that the span or its resource has, the value as text; may be given several times",
        {"type": "array", "items": {"type": "string", "maxLength": PAIR_CHARS_MAX}, "maxItems": ATTRIBUTES_MAX},
    ),
    Parameter("duration_min_ms", "The span took at least so long", _DURATION),
    Parameter("duration_max_ms", "The span took at most so long", _DURATION),
    Parameter("caller", "Name of the service whose span is the parent of the span", _NAME),
    Parameter("fingerprint", "Fingerprint of the span's statement", _NAME),
    one_of("order", "What comes first", TraceOrder, TraceOrder.NEWEST),
    Parameter("limit", "Traces of one answer", {"type": "integer", "minimum": 1, "maximum": TRACES_MAX, "default": 20}),
    EFFORT,
    ANY_SOURCE,
    FROM,
    TO,
)
SPANS = Parameter(
    "limit",
    "Spans of the answer: of a larger trace the first",
    {"type": "integer", "minimum": 1, "maximum": SPANS_MAX, "default": SPANS_MAX},
)
AROUND = Parameter(
    "around_ms",
    "About when it was, in Unix milliseconds: it is then looked for a day around that, and found quicker",
    {"type": "integer", "minimum": 0, "maximum": NUMBER_MAX},
)
KEY = Parameter("key", "Key of an attribute", {"type": "string", "maxLength": NAME_CHARS_MAX}, required=True)
PREFIX = Parameter("prefix", "How the value begins", _NAME)
VALUES = Parameter("limit", "Values of one answer", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})


def _search(service: Service, request: Request, _body: None) -> FoundTraces:
    window = range_of(service, request)
    source = text_of(request, SOURCE.name, NAME_CHARS_MAX)
    return search_traces(
        service,
        source or OWN,
        TraceQuery(
            from_ms=window.from_ms,
            to_ms=window.to_ms,
            service=text_of(request, "service", NAME_CHARS_MAX) or "",
            operation=text_of(request, "operation", NAME_CHARS_MAX) or "",
            kind=_known(request, "kind", SPAN_KINDS),
            status=_known(request, "status", SPAN_STATUSES),
            attributes=_attributes(request),
            duration_min_ms=_duration_ms(request, "duration_min_ms"),
            duration_max_ms=_duration_ms(request, "duration_max_ms"),
            fingerprint=text_of(request, "fingerprint", NAME_CHARS_MAX) or "",
            caller=text_of(request, "caller", NAME_CHARS_MAX) or "",
            limit=whole(request, "limit", 20, 1, TRACES_MAX),
            order=choice_of(request, "order", TraceOrder, TraceOrder.NEWEST).value,
            effort_ms=effort_ms_of(request),
        ),
    )


def _trace(service: Service, request: Request, _body: None) -> dict[str, object]:
    """Span by span: no single step of writing it down takes long."""
    around = request.query_params.get("around_ms")
    around_ms = None if around is None else as_whole("around_ms", around, 0, NUMBER_MAX)
    source = text_of(request, SOURCE.name, NAME_CHARS_MAX)
    trace_id, spans_max = path_text(request, "trace_id"), whole(request, "limit", SPANS_MAX, 1, SPANS_MAX)
    if source is None:
        found = service.traces.trace(trace_id, spans_max, around_ms)
    else:
        found = service.sources.trace(source, trace_id, spans_max)
    if not found.spans and found.missing:
        raise StoreError(f"the trace was not found, but not everybody answered: {'; '.join(found.missing)}")
    if not found.spans:
        raise NotFound(f"no trace {found.trace_id}", trace=found.trace_id)
    return {
        "trace_id": found.trace_id,
        "spans": [msgspec.Raw(msgspec.json.encode(span)) for span in found.spans],
        "spans_count": found.spans_count,
        "missing": found.missing,
    }


def _otlp(service: Service, request: Request, _body: None) -> dict[str, object]:
    """What `POST /v1/traces` takes again."""
    around = request.query_params.get("around_ms")
    around_ms = None if around is None else as_whole("around_ms", around, 0, NUMBER_MAX)
    source, trace_id = text_of(request, SOURCE.name, NAME_CHARS_MAX), path_text(request, "trace_id")
    if source is None:
        found = service.traces.one(trace_id, around_ms)
    else:
        found = service.sources.trace(source, trace_id, SPANS_MAX)
    if not found.spans:
        raise StoreError(f"the trace was not found, but not everybody answered: {'; '.join(found.missing)}")
    return {"resourceSpans": [msgspec.Raw(member) for member in resource_spans(found.spans)]}


def _services(service: Service, request: Request, _body: None) -> Services:
    window = range_of(service, request)
    source = text_of(request, SOURCE.name, NAME_CHARS_MAX)
    if source is not None:
        return service.sources.services(source)
    return service.traces.services(window.from_ms, window.to_ms)


def _operations(service: Service, request: Request, _body: None) -> Operations:
    window = range_of(service, request)
    name = text_of(request, "service", NAME_CHARS_MAX) or ""
    source = text_of(request, SOURCE.name, NAME_CHARS_MAX)
    if source is not None:
        return service.sources.operations(source, name)
    return service.traces.operations(window.from_ms, window.to_ms, name, _known(request, "kind", SPAN_KINDS))


def _map(service: Service, request: Request, _body: None) -> ServiceMap:
    window = range_of(service, request)
    return service.traces.service_map(window.from_ms, window.to_ms)


def _keys(service: Service, request: Request, _body: None) -> CountedTexts:
    window = range_of(service, request)
    name = text_of(request, "service", NAME_CHARS_MAX) or ""
    return service.traces.attribute_keys(window.from_ms, window.to_ms, name)


def _values(service: Service, request: Request, _body: None) -> CountedTexts:
    window = range_of(service, request)
    key = text_of(request, "key", NAME_CHARS_MAX)
    if key is None:
        raise InputError("key is needed: which attribute's values", field="key")
    return service.traces.attribute_values(
        key,
        window.from_ms,
        window.to_ms,
        text_of(request, "service", NAME_CHARS_MAX) or "",
        text_of(request, "prefix", NAME_CHARS_MAX) or "",
        whole(request, "limit", 100, 1, 1000),
    )


def _attributes(request: Request) -> dict[str, str]:
    """KEY=VALUE, divided at the first =."""
    found: dict[str, str] = {}
    for pair in texts_of(request, "attribute", ATTRIBUTES_MAX, PAIR_CHARS_MAX):
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InputError(f"attribute must be KEY=VALUE, found {pair[:SHOWN_CHARS]!r}", field="attribute")
        found[key] = value
    return found


def _known(request: Request, name: str, known: Sequence[str]) -> str:
    text = request.query_params.get(name)
    if text is None:
        return ""
    if text not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}, found {text[:SHOWN_CHARS]!r}", field=name)
    return text


def _duration_ms(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    if number > DURATION_MS_MAX:
        raise InputError(
            f"{name} must be a number from 0 to {DURATION_MS_MAX:.0f}, found {text[:SHOWN_CHARS]!r}", field=name
        )
    return number


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/traces",
        "Traces that have a span like that, with what each service did in them",
        _search,
        parameters=SEARCH_PARAMETERS,
        answer=FoundTraces,
    ),
    Operation(
        "GET",
        "/traces/{trace_id}",
        "One trace: its spans with everything they were sent with, but the literals of statements",
        _trace,
        parameters=(SPANS, AROUND, SOURCE),
        answer=TraceAnswer,
    ),
    Operation(
        "GET",
        "/traces/{trace_id}/otlp",
        "One trace as OTLP's JSON, which POST /v1/traces takes again",
        _otlp,
        parameters=(AROUND, SOURCE),
        answer=OtlpAnswer,
    ),
    Operation(
        "GET", "/trace-services", "Services that sent spans", _services, parameters=(SOURCE, FROM, TO), answer=Services
    ),
    Operation(
        "GET",
        "/trace-operations",
        "What services do: names and kinds of spans",
        _operations,
        parameters=(SERVICE, KIND, SOURCE, FROM, TO),
        answer=Operations,
    ),
    Operation(
        "GET",
        "/service-map",
        "Who calls whom, how often, with how many errors, and how long it takes",
        _map,
        parameters=(FROM, TO),
        answer=ServiceMap,
    ),
    Operation(
        "GET",
        "/trace-attributes",
        "Keys of attributes, the most frequent first",
        _keys,
        parameters=(SERVICE, FROM, TO),
        answer=CountedTexts,
    ),
    Operation(
        "GET",
        "/trace-attributes/values",
        "Values of one attribute, the most frequent first",
        _values,
        parameters=(KEY, SERVICE, PREFIX, VALUES, FROM, TO),
        answer=CountedTexts,
    ),
)
