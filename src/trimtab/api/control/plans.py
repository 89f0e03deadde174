"""Plans of a query: the stored ones, and a new one on demand."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import LIMIT, limit_of, path_text
from trimtab.app.plans import TakenPlan
from trimtab.app.reading.own import OwnStory
from trimtab.app.reading.plan_changes import PlanChange
from trimtab.app.reading.plans import StoredPlan
from trimtab.app.service import Service
from trimtab.model.access import Permission


class PlanRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST /api/trimtab/plans/...: take a plan now. `by` is for those who need no login; others are known."""

    by: str | None = None


def _plans(service: Service, request: Request, _body: None) -> tuple[StoredPlan, ...]:
    return service.read.plans(path_text(request, "system"), path_text(request, "fingerprint"), limit_of(request))


def _changes(service: Service, request: Request, _body: None) -> tuple[PlanChange, ...]:
    return service.read.plan_changes(path_text(request, "system"), path_text(request, "fingerprint"), limit_of(request))


def _plan_now(service: Service, request: Request, body: PlanRequest) -> TakenPlan:
    system, fingerprint = path_text(request, "system"), path_text(request, "fingerprint")
    note(request, target=f"{system} {fingerprint}")
    return service.plan_now(system, fingerprint, acting(request, body.by))


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/plans/{system}/{fingerprint}",
        "Plans of a query without its literals, newest first, with what is wrong with each",
        _plans,
        parameters=(LIMIT,),
        answer=tuple[StoredPlan, ...],
    ),
    Operation(
        "GET",
        "/plan-changes/{system}/{fingerprint}",
        "When a query's plan changed, newest first, with what it took before and after",
        _changes,
        parameters=(LIMIT,),
        answer=tuple[PlanChange, ...],
    ),
    Operation(
        "POST",
        "/plans/{system}/{fingerprint}",
        "Take the plan of a query now; where policy says so, by running it",
        _plan_now,
        PlanRequest,
        answer=TakenPlan,
        permission=Permission.DECIDE,
        action="plan now",
    ),
    Operation(
        "GET",
        "/self",
        "trimtab about itself: its numbers, last log lines, last spans",
        lambda s, _r, _b: s.read.own(),
        answer=OwnStory,
    ),
)
