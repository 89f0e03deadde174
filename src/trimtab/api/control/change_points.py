"""Changes of level: of live series as they were found, and of histories that are sent."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.anomalies import number_of
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import (
    LIMIT,
    OFFSET,
    SEARCH,
    SEARCH_CHARS_MAX,
    Parameter,
    Reason,
    flag_of,
    limit_of,
    offset_of,
    text_of,
)
from trimtab.api.control.reading import FROM, TO, range_of
from trimtab.app.change_points.answers import ChangePointRow, ChangePointsAnswer, change_points_of, row_of
from trimtab.app.change_points.history import HistoryAnswer, SentHistory, answer_of
from trimtab.app.forecasting.subjects import ID_CHARS_MAX
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.store.change_point_state import Wanted

HISTORY_BYTES_MAX = 16_000_000
SERIES = Parameter("series", "Only of this series", {"type": "string", "maxLength": ID_CHARS_MAX})
DISMISSED = Parameter(
    "dismissed", "Those of which somebody said that they are none", {"type": "boolean", "default": False}
)
PROVISIONAL = Parameter("provisional", "Only those that are not confirmed yet", {"type": "boolean", "default": False})


class NoChange(msgspec.Struct, forbid_unknown_fields=True):
    """Why it is no change."""

    reason: Reason = ""


def _list(service: Service, request: Request, _body: None) -> ChangePointsAnswer:
    within = range_of(service, request)
    wanted = Wanted(
        within.from_ms,
        within.to_ms,
        text_of(request, "search", SEARCH_CHARS_MAX) or "",
        text_of(request, "series", ID_CHARS_MAX),
        flag_of(request, "dismissed", False),
        True if flag_of(request, "provisional", False) else None,
    )
    return change_points_of(service.change_points, wanted, limit_of(request), offset_of(request))


def _one(service: Service, request: Request, _body: None) -> ChangePointRow:
    return row_of(service.change_points.state.one(number_of(request, "change_point_id")))


def _history(service: Service, _request: Request, body: SentHistory) -> HistoryAnswer:
    return answer_of(body, service.config.change_points)


def _dismiss(service: Service, request: Request, body: NoChange) -> ChangePointRow:
    number = number_of(request, "change_point_id")
    note(request, target=str(number))
    found = service.change_points.dismiss(number, acting(request), body.reason)
    note(request, series=found.title[:200], reason=body.reason[:200])
    return row_of(found)


def _take_back(service: Service, request: Request, _body: None) -> ChangePointRow:
    number = number_of(request, "change_point_id")
    note(request, target=str(number))
    return row_of(service.change_points.take_back(number))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/change-points",
        "Changes of level of live series, newest first, each with its ratio and interval, and what stands beside it",
        _list,
        parameters=(FROM, TO, SEARCH, SERIES, DISMISSED, PROVISIONAL, LIMIT, OFFSET),
        answer=ChangePointsAnswer,
    ),
    Operation("GET", "/change-points/{change_point_id}", "One change of level", _one, answer=ChangePointRow),
    Operation(
        "POST",
        "/change-points",
        "Find changes of level in histories that are sent (one number a commit, say). Nothing is kept",
        _history,
        body=SentHistory,
        answer=HistoryAnswer,
        permission=Permission.DECIDE,
        action="change points of a history",
        body_bytes_max=HISTORY_BYTES_MAX,
    ),
    Operation(
        "POST",
        "/change-points/{change_point_id}/not-a-change",
        "Say that a change of level is none: it is kept, and not shown with the others",
        _dismiss,
        body=NoChange,
        answer=ChangePointRow,
        permission=Permission.DECIDE,
        action="no change point",
    ),
    Operation(
        "DELETE",
        "/change-points/{change_point_id}/not-a-change",
        "Take back that a change of level is none",
        _take_back,
        answer=ChangePointRow,
        permission=Permission.DECIDE,
        action="change point after all",
    ),
)
