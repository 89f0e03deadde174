"""Alerts as JSON: those that fire, the history, who is told of them, and silences."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Answer, Operation
from trimtab.api.control.parameters import (
    LIMIT,
    NUMBER_MAX,
    OFFSET,
    SEARCH,
    SEARCH_CHARS_MAX,
    Parameter,
    as_whole,
    limit_of,
    offset_of,
    path_text,
    text_of,
)
from trimtab.app.notify.alertmanager_api import SeenGroup
from trimtab.app.notify.answers import AlertNow, AlertPast, NotifyStatus
from trimtab.app.notify.silencing import Made, Silences
from trimtab.app.reading.ranges import parse_range
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.store.alert_history import HistoryQuery

TOTAL = "X-Total-Count"
NAME_CHARS_MAX = 200
HISTORY_FROM = "now-7d"
_TEXT = {"type": "string", "maxLength": NAME_CHARS_MAX}
SEVERITY = Parameter("severity", "Only alerts with this label", _TEXT)
SOURCE = Parameter("alert_source", "Only alerts from here: rule, objective, finding, change, triggered, deadman", _TEXT)
FROM = Parameter("from", f"Beginning: now-6h, RFC 3339 or Unix milliseconds [{HISTORY_FROM}]", {"type": "string"})
TO = Parameter("to", "End, exclusive [now]", {"type": "string"})


class PastAnswer(msgspec.Struct):
    """One alert of the history, how often the same one fired at all, and its newest times."""

    alert: AlertPast
    times_count: int
    times: tuple[AlertPast, ...]


class GroupsAnswer(msgspec.Struct):
    """Groups of each Alertmanager; `missing` says who could not be asked, and why."""

    groups: dict[str, tuple[SeenGroup, ...]]
    missing: dict[str, str]


class SilenceRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A silence to be made. `matchers` as in Alertmanager: `job="shop", severity=~"page|ticket"`. `places` are names of
    Alertmanagers and `trimtab`; empty: everywhere."""

    matchers: Annotated[str, msgspec.Meta(max_length=20_000)]
    ends_at_ms: Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]
    comment: str
    starts_at_ms: Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)] | None = None
    places: tuple[str, ...] = ()
    by: str | None = None


class MadeAnswer(msgspec.Struct):
    """What became of it in each place."""

    made: tuple[Made, ...]


class TriggerRequest(msgspec.Struct, forbid_unknown_fields=True):
    """An alert that somebody triggers. It ends after `length_s` (0: now); again with the same labels it goes on."""

    name: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    value: float = 1.0
    length_s: float = 3600.0
    by: str | None = None


class TriggeredAnswer(msgspec.Struct):
    """Its fingerprint: it fires within seconds."""

    fingerprint: str


class DoneAnswer(msgspec.Struct):
    """It is done."""

    done: bool = True


def history_query(service: Service, request: Request) -> HistoryQuery:
    """What the parameters ask of the history."""
    within = parse_range(
        request.query_params.get("from") or HISTORY_FROM, request.query_params.get("to") or "now", service.now_ms()
    )
    return HistoryQuery(
        within.from_ms,
        within.to_ms,
        search=text_of(request, "search", SEARCH_CHARS_MAX) or "",
        severity=text_of(request, "severity", NAME_CHARS_MAX) or "",
        source=text_of(request, "alert_source", NAME_CHARS_MAX) or "",
        limit=limit_of(request),
        offset=offset_of(request),
    )


def _history(service: Service, request: Request, _body: None) -> Answer:
    total, rows = service.notify.history(history_query(service, request))
    return Answer(rows, {TOTAL: str(total)})


def _past(service: Service, request: Request, _body: None) -> PastAnswer:
    number = as_whole("alert_id", path_text(request, "alert_id"), 1, NUMBER_MAX)
    return PastAnswer(*service.notify.past(number))


def _groups(service: Service, _request: Request, _body: None) -> GroupsAnswer:
    return GroupsAnswer(*service.notify.groups())


def _silence(service: Service, request: Request, body: SilenceRequest) -> MadeAnswer:
    by = acting(request, body.by)
    note(request, target=body.matchers[:200], comment=body.comment[:200])
    return MadeAnswer(
        service.notify.silencing.make(
            by,
            body.matchers,
            body.ends_at_ms,
            body.comment,
            starts_at_ms=body.starts_at_ms,
            places=body.places,
        )
    )


def _expire(service: Service, request: Request, _body: None) -> DoneAnswer:
    place, number = path_text(request, "place"), path_text(request, "silence_id")
    note(request, target=f"{place} {number}"[:200])
    service.notify.silencing.expire(place, number)
    return DoneAnswer()


def _trigger(service: Service, request: Request, body: TriggerRequest) -> TriggeredAnswer:
    by = acting(request, body.by)
    note(request, target=body.name[:200])
    return TriggeredAnswer(
        service.notify.triggering.trigger(by, body.name, body.labels, body.annotations, body.value, body.length_s)
    )


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/alerts",
        "Alerts that are pending or fire, the worst first, and what keeps each quiet",
        lambda s, _r, _b: s.notify.alerts(),
        answer=tuple[AlertNow, ...],
    ),
    Operation(
        "GET",
        "/alerts/history",
        "Alerts that fired, newest first",
        _history,
        parameters=(FROM, TO, SEARCH, SEVERITY, SOURCE, LIMIT, OFFSET),
        answer=tuple[AlertPast, ...],
        headers=((TOTAL, "How many alerts fit, on all pages"),),
    ),
    Operation("GET", "/alerts/history/{alert_id}", "One alert of the history", _past, answer=PastAnswer),
    Operation(
        "GET",
        "/alerts/delivery",
        "Who is told of alerts, how that goes, and what was delivered, confirmed and lost",
        lambda s, _r, _b: s.notify.status(),
        answer=NotifyStatus,
    ),
    Operation("GET", "/alerts/groups", "Groups as each Alertmanager has them", _groups, answer=GroupsAnswer),
    Operation(
        "POST",
        "/alerts/trigger",
        "Let an alert fire: an anomaly that was seen elsewhere, a job that failed",
        _trigger,
        TriggerRequest,
        answer=TriggeredAnswer,
        permission=Permission.DECIDE,
        action="alert trigger",
    ),
    Operation(
        "GET",
        "/silences",
        "Silences of trimtab and of every Alertmanager that have not ended, or ended today",
        lambda s, _r, _b: s.notify.silencing.listed(),
        answer=Silences,
    ),
    Operation(
        "POST",
        "/silences",
        "Keep alerts quiet for a while, everywhere or in some places",
        _silence,
        SilenceRequest,
        answer=MadeAnswer,
        permission=Permission.DECIDE,
        action="silence add",
    ),
    Operation(
        "DELETE",
        "/silences/{place}/{silence_id}",
        "End a silence now",
        _expire,
        answer=DoneAnswer,
        permission=Permission.DECIDE,
        action="silence end",
    ),
)
