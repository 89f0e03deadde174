"""What the page reads, as JSON: overview, shapes, lines for charts, executions, changes."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    LIMIT,
    NAME_CHARS_MAX,
    OFFSET,
    SEARCH,
    SEARCH_CHARS_MAX,
    SYSTEM,
    Parameter,
    choice_of,
    flag_of,
    limit_of,
    offset_of,
    one_of,
    path_text,
    text_of,
    texts_of,
    whole,
)
from trimtab.app.reading.answers import (
    ChangesPage,
    Execution,
    ExecutionOrder,
    Overview,
    SeriesAnswer,
    ShapeSort,
    ShapesPage,
    ShapeStory,
)
from trimtab.app.reading.keys import KEY_CHARS_MAX, OBJECTIVE_MEASURES, SHAPE_MEASURES, SYSTEM_MEASURES
from trimtab.app.reading.ranges import Range
from trimtab.app.reading.reader import KEYS_MAX, POINTS_MAX, POINTS_MIN
from trimtab.app.service import Service
from trimtab.model.errors import InputError

MOMENT = (
    r"^(now(-[0-9]{1,7}[smhdw])?|[0-9]{1,13}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2}))$"
)
KEY = (
    rf"^(shape/.+/[^/]+/({'|'.join(SHAPE_MEASURES)})|system/.+/({'|'.join(SYSTEM_MEASURES)})|server/.+/[^/]+"
    rf"|objective/[^/]+/({'|'.join(OBJECTIVE_MEASURES)})|self/.+)$"
)
"""What a key looks like; see `trimtab.app.reading.keys`."""
FROM = Parameter(
    "from",
    "Begin of the range: now-6h, RFC 3339 or Unix milliseconds. A range has 1 minute to 90 days",
    {"type": "string", "pattern": MOMENT, "default": "now-1h"},
)
TO = Parameter("to", "End of the range, exclusive", {"type": "string", "pattern": MOMENT, "default": "now"})
KEYS = Parameter(
    "key",
    "A line: shape/SYSTEM/FINGERPRINT/MEASURE, system/SYSTEM/MEASURE, server/SYSTEM/NAME, objective/NAME/MEASURE or "
    "self/NAME",
    {
        "type": "array",
        "items": {"type": "string", "pattern": KEY, "maxLength": KEY_CHARS_MAX},
        "minItems": 1,
        "maxItems": KEYS_MAX,
    },
    required=True,
)
POINTS = Parameter(
    "points",
    "At most so many steps; they are never shorter than the looks at the system",
    {"type": "integer", "minimum": POINTS_MIN, "maximum": POINTS_MAX, "default": 600},
)
DESCENDING = Parameter("descending", "The greatest first", {"type": "boolean", "default": True})


def range_of(service: Service, request: Request) -> Range:
    """See `FROM` and `TO`."""
    texts = request.query_params.get("from"), request.query_params.get("to")
    for name, text in zip(("from", "to"), texts, strict=True):
        if text == "":
            raise InputError(f"{name} is empty", field=name)
    return service.read.range(*texts)


def _shapes(service: Service, request: Request, _body: None) -> ShapesPage:
    return service.read.shapes(
        text_of(request, "system", NAME_CHARS_MAX),
        range_of(service, request),
        text_of(request, "search", SEARCH_CHARS_MAX) or "",
        choice_of(request, "sort", ShapeSort, ShapeSort.LOAD),
        flag_of(request, "descending", True),
        limit_of(request),
        offset_of(request),
    )


def _shape(service: Service, request: Request, _body: None) -> ShapeStory:
    within = range_of(service, request)
    return service.read.shape(path_text(request, "system"), path_text(request, "fingerprint"), within)


def _executions(service: Service, request: Request, _body: None) -> tuple[Execution, ...]:
    return service.read.executions(
        path_text(request, "system"),
        path_text(request, "fingerprint"),
        range_of(service, request),
        choice_of(request, "order", ExecutionOrder, ExecutionOrder.SLOWEST),
        limit_of(request),
    )


def _series(service: Service, request: Request, _body: None) -> SeriesAnswer:
    keys = texts_of(request, "key", KEYS_MAX, KEY_CHARS_MAX)
    if not keys:
        raise InputError("key: name at least one line", field="key")
    points = whole(request, "points", 600, POINTS_MIN, POINTS_MAX)
    return service.read.series(keys, range_of(service, request), points)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/overview",
        "How the systems do, what is wrong, what was changed last, what is in flight and what waits",
        lambda s, r, _b: s.read.overview(range_of(s, r)),
        parameters=(FROM, TO),
        answer=Overview,
    ),
    Operation(
        "GET",
        "/shapes",
        "Query shapes that ran in a range: sorted, searched, in pages",
        _shapes,
        parameters=(
            FROM,
            TO,
            SYSTEM,
            SEARCH,
            one_of("sort", "What to sort by", ShapeSort, ShapeSort.LOAD),
            DESCENDING,
            LIMIT,
            OFFSET,
        ),
        answer=ShapesPage,
    ),
    Operation(
        "GET",
        "/shapes/{system}/{fingerprint}/executions",
        "Single executions of a query shape, from the spans of those who called it",
        _executions,
        parameters=(
            FROM,
            TO,
            one_of("order", "Which come first", ExecutionOrder, ExecutionOrder.SLOWEST),
            LIMIT,
        ),
        answer=tuple[Execution, ...],
    ),
    Operation(
        "GET",
        "/shapes/{system}/{fingerprint}",
        "One query shape: its text, what it did in a range, its cases and changes",
        _shape,
        parameters=(FROM, TO),
        answer=ShapeStory,
    ),
    Operation(
        "GET",
        "/series",
        "Lines for charts on one grid, and what happened meanwhile",
        _series,
        parameters=(KEYS, FROM, TO, POINTS),
        answer=SeriesAnswer,
    ),
    Operation(
        "GET",
        "/changes",
        "Everything that ever touched a target, with its measured effect and its undo, newest first",
        lambda s, r, _b: s.read.changes_ever(limit_of(r), offset_of(r)),
        parameters=(LIMIT, OFFSET),
        answer=ChangesPage,
    ),
)
