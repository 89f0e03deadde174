"""Clouds, as JSON: accounts, how each question went, machines, scaling, load balancers, databases."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    LIMIT,
    NAME_CHARS_MAX,
    SEARCH,
    SEARCH_CHARS_MAX,
    Parameter,
    limit_of,
    text_of,
)
from trimtab.app.clouds.listing import CloudsAnswer, listed
from trimtab.app.service import Service

ACCOUNT = Parameter(
    "account", "Only of this account ([clouds] in the configuration)", {"type": "string", "maxLength": NAME_CHARS_MAX}
)


def _clouds(service: Service, request: Request, _body: None) -> CloudsAnswer:
    return listed(
        service.clouds.latest(),
        text_of(request, "account", NAME_CHARS_MAX),
        text_of(request, "search", SEARCH_CHARS_MAX) or "",
        limit_of(request),
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/clouds",
        "Clouds: how each question went, instances, scaling groups and events, load balancers, databases; what is "
        "wrong first",
        _clouds,
        parameters=(ACCOUNT, SEARCH, LIMIT),
        answer=CloudsAnswer,
    ),
)
