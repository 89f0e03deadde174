"""Logs, as JSON: searched, around one of them, over time, grouped, and what can be searched for."""

from __future__ import annotations

from enum import StrEnum

from starlette.requests import Request

from trimtab.api.control.effort import EFFORT, effort_ms_of
from trimtab.api.control.logs_answers import ContextAnswer, PageAnswer, PatternsAnswer
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    NAME_CHARS_MAX,
    SHOWN_CHARS,
    Parameter,
    choice_of,
    flag_of,
    one_of,
    path_text,
    text_of,
    texts_of,
    whole,
)
from trimtab.api.control.reading import FROM, TO, range_of
from trimtab.api.control.sources import ANY_SOURCE
from trimtab.app.log_search.logs import FIELDS_MAX, PATTERNS_MAX
from trimtab.app.service import Service
from trimtab.app.sources.beside import OWN
from trimtab.app.sources.together import search_logs
from trimtab.model.errors import InputError
from trimtab.store.logs.answers import (
    LEVELS,
    LIMIT_MAX,
    CountedValues,
    LogContext,
    LogFields,
    LogHistogram,
    LogPage,
    LogPatterns,
    LogQuery,
)
from trimtab.store.logs.language import TEXT_CHARS_MAX
from trimtab.store.logs.reads import BUCKETS_MAX

ATTRIBUTES_MAX = 20
PAIR_CHARS_MAX = 2_200
AROUND_MAX = 500


class LogOrder(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"


_NAME = {"type": "string", "maxLength": NAME_CHARS_MAX}
_ID = {"type": "string", "maxLength": 64}
CURSOR_CHARS_MAX = 500
_CURSOR = {"type": "string", "maxLength": CURSOR_CHARS_MAX}
FILTERS = (
    Parameter(
        "query",
        "What to look for, in the language of docs/reference/log-search.md",
        {"type": "string", "maxLength": TEXT_CHARS_MAX},
    ),
    Parameter("service", "Name of a service, exact", _NAME),
    Parameter("level_min", "At least so severe", {"enum": list(LEVELS)}),
    Parameter("trace_id", "Records of a trace", _ID),
    Parameter("span_id", "Records of a span", _ID),
    Parameter(
        "attribute",
        "NAME=VALUE that the record or its resource has, the value as text; may be given several times",
        {"type": "array", "items": {"type": "string", "maxLength": PAIR_CHARS_MAX}, "maxItems": ATTRIBUTES_MAX},
    ),
)
SEARCH_PARAMETERS = (
    *FILTERS,
    one_of("order", "What comes first", LogOrder, LogOrder.NEWEST),
    Parameter(
        "limit", "Records of one answer", {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 100}
    ),
    Parameter("cursor", "The next_cursor of the page before, or the id of a record: what comes behind it", _CURSOR),
    EFFORT,
    ANY_SOURCE,
    FROM,
    TO,
)
BUCKETS = Parameter(
    "buckets", "Parts of the range, at most", {"type": "integer", "minimum": 2, "maximum": BUCKETS_MAX, "default": 120}
)
PATTERNS = Parameter(
    "limit", "Patterns of one answer", {"type": "integer", "minimum": 1, "maximum": PATTERNS_MAX, "default": 100}
)
FIELDS = Parameter(
    "limit", "Fields of one answer", {"type": "integer", "minimum": 1, "maximum": FIELDS_MAX, "default": 200}
)
AROUND = Parameter(
    "count", "Records before and after", {"type": "integer", "minimum": 1, "maximum": AROUND_MAX, "default": 50}
)
ALL_SERVICES = Parameter(
    "all_services", "Records of every service, not only of its own", {"type": "boolean", "default": False}
)
NAME = Parameter("name", "Name of an attribute; or service, level, event, severity_text", _NAME, required=True)
PREFIX = Parameter("prefix", "How the name or value begins", _NAME)


def query_of(service: Service, request: Request) -> LogQuery:
    """What the parameters ask for."""
    window = range_of(service, request)
    return LogQuery(
        from_ms=window.from_ms,
        to_ms=window.to_ms,
        text=text_of(request, "query", TEXT_CHARS_MAX) or "",
        service=text_of(request, "service", NAME_CHARS_MAX),
        severity_min=_level(request),
        trace_id=text_of(request, "trace_id", 64),
        span_id=text_of(request, "span_id", 64),
        attributes=_attributes(request),
        limit=whole(request, "limit", 100, 1, LIMIT_MAX),
        order=choice_of(request, "order", LogOrder, LogOrder.NEWEST).value,
        cursor=text_of(request, "cursor", CURSOR_CHARS_MAX),
        effort_ms=effort_ms_of(request),
    )


def _level(request: Request) -> str | None:
    text = text_of(request, "level_min", NAME_CHARS_MAX)
    if text is not None and text not in LEVELS:
        raise InputError(
            f"level_min must be one of {', '.join(LEVELS)}, found {text[:SHOWN_CHARS]!r}", field="level_min"
        )
    return text


def _attributes(request: Request) -> dict[str, str]:
    """NAME=VALUE, divided at the first =."""
    found: dict[str, str] = {}
    for pair in texts_of(request, "attribute", ATTRIBUTES_MAX, PAIR_CHARS_MAX):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise InputError(f"attribute must be NAME=VALUE, found {pair[:SHOWN_CHARS]!r}", field="attribute")
        found[name] = value
    return found


def _search(service: Service, request: Request, _body: None) -> LogPage:
    source = text_of(request, ANY_SOURCE.name, NAME_CHARS_MAX)
    return search_logs(service, source or OWN, query_of(service, request))


def _around(service: Service, request: Request, _body: None) -> LogContext:
    return service.logs.around(
        path_text(request, "record_id"),
        whole(request, "count", 50, 1, AROUND_MAX),
        is_whole=flag_of(request, "all_services", False),
    )


def _histogram(service: Service, request: Request, _body: None) -> LogHistogram:
    return service.logs.histogram(query_of(service, request), whole(request, "buckets", 120, 2, BUCKETS_MAX))


def _patterns(service: Service, request: Request, _body: None) -> LogPatterns:
    count = whole(request, "limit", 100, 1, PATTERNS_MAX)
    return service.logs.patterns(query_of(service, request), count)


def _fields(service: Service, request: Request, _body: None) -> LogFields:
    count = whole(request, "limit", 200, 1, FIELDS_MAX)
    return service.logs.fields(query_of(service, request), count)


def _keys(service: Service, request: Request, _body: None) -> CountedValues:
    return service.logs.attribute_keys(query_of(service, request), text_of(request, "prefix", NAME_CHARS_MAX) or "")


def _values(service: Service, request: Request, _body: None) -> CountedValues:
    name = text_of(request, "name", NAME_CHARS_MAX)
    if name is None:
        raise InputError("name is needed: which attribute's values", field="name")
    return service.logs.attribute_values(
        query_of(service, request), name, text_of(request, "prefix", NAME_CHARS_MAX) or ""
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/logs", "Log records like that", _search, parameters=SEARCH_PARAMETERS, answer=PageAnswer),
    Operation(
        "GET",
        "/logs/around/{record_id}",
        "One log record, and what was logged before and after it",
        _around,
        parameters=(AROUND, ALL_SERVICES),
        answer=ContextAnswer,
    ),
    Operation(
        "GET",
        "/logs/histogram",
        "How many log records match, over time and by level",
        _histogram,
        parameters=(*FILTERS, BUCKETS, EFFORT, FROM, TO),
        answer=LogHistogram,
    ),
    Operation(
        "GET",
        "/logs/patterns",
        "Similar log records, grouped and counted",
        _patterns,
        parameters=(*FILTERS, PATTERNS, EFFORT, FROM, TO),
        answer=PatternsAnswer,
    ),
    Operation(
        "GET",
        "/logs/fields",
        "Attributes that the newest log records have, with their most frequent values",
        _fields,
        parameters=(*FILTERS, FIELDS, EFFORT, FROM, TO),
        answer=LogFields,
    ),
    Operation(
        "GET",
        "/logs/attribute-keys",
        "Names of attributes that log records have",
        _keys,
        parameters=(*FILTERS, PREFIX, EFFORT, FROM, TO),
        answer=CountedValues,
    ),
    Operation(
        "GET",
        "/logs/attribute-values",
        "Values that an attribute of log records has",
        _values,
        parameters=(*FILTERS, NAME, PREFIX, FROM, TO),
        answer=CountedValues,
    ),
)
