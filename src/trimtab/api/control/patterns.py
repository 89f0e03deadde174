"""Patterns: cycles, bursts, knees, leads, leaks, saw-teeth, the mix of the workload."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.analyze.patterns.found import Kind
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    LIMIT,
    OFFSET,
    SEARCH,
    SEARCH_CHARS_MAX,
    Parameter,
    limit_of,
    offset_of,
    text_of,
)
from trimtab.app.patterns.answers import FoundPatterns
from trimtab.app.patterns.looking import asked_for
from trimtab.app.service import Service

KIND = Parameter("kind", "Only patterns of this kind", {"type": "string", "enum": [one.value for one in Kind]})


def _patterns(service: Service, request: Request, _body: None) -> FoundPatterns:
    return asked_for(
        service.patterns.now,
        kind=text_of(request, "kind", 20),
        search=text_of(request, "search", SEARCH_CHARS_MAX) or "",
        limit=limit_of(request),
        offset=offset_of(request),
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/patterns",
        "What repeats in series that pages draw, with evidence, and what would follow (not verified)",
        _patterns,
        parameters=(KIND, SEARCH, LIMIT, OFFSET),
        answer=FoundPatterns,
    ),
)
