"""Forecasts, and issues that they foresee."""

from __future__ import annotations

from starlette.requests import Request

from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    LIMIT,
    NAME_CHARS_MAX,
    OFFSET,
    SEARCH,
    SEARCH_CHARS_MAX,
    Parameter,
    limit_of,
    offset_of,
    text_of,
)
from trimtab.app.forecasting.answers import (
    SORTS,
    ForecastsAnswer,
    IssuesAnswer,
    forecast_issues,
    forecasts,
    kinds,
)
from trimtab.app.forecasting.subjects import ID_CHARS_MAX
from trimtab.app.service import Service

SERIES = Parameter(
    "series", "Only this series, with the points of its forecast", {"type": "string", "maxLength": ID_CHARS_MAX}
)
KIND = Parameter("kind", "Only series of this kind", {"type": "string", "enum": kinds()})
SORT = Parameter(
    "sort",
    "By name, by how often forecasts held (worst first), or by error against the naive forecast (worst first)",
    {"type": "string", "enum": list(SORTS), "default": "name"},
)


def _forecasts(service: Service, request: Request, _body: None) -> ForecastsAnswer:
    return forecasts(
        service.forecasts,
        series=text_of(request, "series", ID_CHARS_MAX),
        search=text_of(request, "search", SEARCH_CHARS_MAX) or "",
        kind=text_of(request, "kind", NAME_CHARS_MAX),
        sort=text_of(request, "sort", NAME_CHARS_MAX) or "name",
        limit=limit_of(request),
        offset=offset_of(request),
    )


def _issues(service: Service, _request: Request, _body: None) -> IssuesAnswer:
    return forecast_issues(service.forecasts)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/forecasts",
        "Series that are forecast, each with its model, its range ahead, and whether past forecasts held",
        _forecasts,
        parameters=(SERIES, SEARCH, KIND, SORT, LIMIT, OFFSET),
        answer=ForecastsAnswer,
    ),
    Operation(
        "GET",
        "/forecast-issues",
        "Issues before they happen: limits that forecasts cross, when and how probably, with recommended actions",
        _issues,
        answer=IssuesAnswer,
    ),
)
