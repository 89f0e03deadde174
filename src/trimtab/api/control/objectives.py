"""Objectives: what was promised, how it stands, when its rules fire, and time that does not count."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.analyze.slo.explain import explain
from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import NAME_CHARS_MAX, SEARCH, SEARCH_CHARS_MAX, Parameter, path_text, text_of
from trimtab.app.objectives.answers import (
    ExclusionRow,
    ObjectiveDetail,
    ObjectivesAnswer,
    detail_of,
    exclusion_row,
    explained_json,
)
from trimtab.app.objectives.excluding import exclude
from trimtab.app.objectives.listing import listed
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.model.errors import InputError, NotFound
from trimtab.model.objectives import BudgetState

STATE = Parameter(
    "state", "Only those whose budget stands so", {"type": "string", "enum": [state.value for state in BudgetState]}
)
SERVICE = Parameter("service", "Only of this service", {"type": "string", "maxLength": NAME_CHARS_MAX})


class Excluded(msgspec.Struct, forbid_unknown_fields=True):
    """Time that does not count. `is_reset`: nothing before `end_ms` does (and `start_ms` is of no meaning)."""

    reason: str
    start_ms: int = 0
    end_ms: int | None = None
    is_reset: bool = False


def _list(service: Service, request: Request, _body: None) -> ObjectivesAnswer:
    return listed(
        service.objectives.standing,
        text_of(request, "search", SEARCH_CHARS_MAX) or "",
        _state(request),
        text_of(request, "service", NAME_CHARS_MAX),
    )


def _state(request: Request) -> str | None:
    text = text_of(request, "state", NAME_CHARS_MAX)
    if text is not None and text not in {state.value for state in BudgetState}:
        known = ", ".join(state.value for state in BudgetState)
        raise InputError(f"state must be one of {known}, found {text[:30]!r}", field="state")
    return text


def _one(service: Service, request: Request, _body: None) -> ObjectiveDetail:
    return detail_of(service.objectives.named(path_text(request, "name")))


def _explain(service: Service, request: Request, _body: None) -> dict[str, object]:
    return explained_json(explain(service.objectives.named(path_text(request, "name")).objective))


def _exclude(service: Service, request: Request, body: Excluded) -> ExclusionRow:
    name = path_text(request, "name")
    note(request, target=name)
    made = exclude(
        service.objectives,
        name,
        acting(request),
        body.reason,
        start_ms=body.start_ms,
        end_ms=body.end_ms,
        is_reset=body.is_reset,
        now_ms=service.now_ms(),
    )
    return exclusion_row(made)


def _include(service: Service, request: Request, _body: None) -> dict[str, bool]:
    text = path_text(request, "exclusion_id")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise NotFound(f"there is no exclusion {text[:50]!r}", field="exclusion_id")
    name = path_text(request, "name")
    note(request, target=name)
    service.objectives.include(name, int(text), acting(request))
    return {"done": True}


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/objectives",
        "Objectives: good share, error budget left, burn rate, coverage, when it ends; and the files they are from",
        _list,
        parameters=(SEARCH, STATE, SERVICE),
        answer=ObjectivesAnswer,
    ),
    Operation("GET", "/objectives/{name}", "One objective, whole", _one, answer=ObjectiveDetail),
    Operation(
        "GET",
        "/objectives/{name}/explain",
        "When its burn rules fire, and what is spent by then, at 100, 10, 2, 1, 0.5 and 0.15 % errors",
        _explain,
    ),
    Operation(
        "POST",
        "/objectives/{name}/exclusions",
        "Take time out of an objective (maintenance), or begin its budget anew (is_reset), with a reason",
        _exclude,
        body=Excluded,
        status=201,
        answer=ExclusionRow,
        permission=Permission.DECIDE,
        action="objective exclude",
    ),
    Operation(
        "DELETE",
        "/objectives/{name}/exclusions/{exclusion_id}",
        "Take an exclusion back",
        _include,
        permission=Permission.DECIDE,
        action="objective include",
    ),
)
