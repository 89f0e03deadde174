"""Cases, the decisions that people make on them, and the ledger."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import LIMIT, case_id_of, limit_of
from trimtab.app.service import Service
from trimtab.model.access import Permission

HASH_CHARS_SHOWN = 100


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST .../reject and .../rollback. `by` is for those who need no login; others are known."""

    by: str | None = None
    reason: str | None = None


class ApprovalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST .../approve. `content_hash` binds the approval to the exact change that was seen."""

    content_hash: str
    by: str | None = None


def _approve(service: Service, request: Request, body: ApprovalRequest) -> dict[str, object]:
    note(request, content_hash=body.content_hash[:HASH_CHARS_SHOWN])
    return service.approve(case_id_of(request), acting(request, body.by), body.content_hash)


def _reject(service: Service, request: Request, body: DecisionRequest) -> dict[str, object]:
    note(request, reason=body.reason)
    return service.reject(case_id_of(request), acting(request, body.by), body.reason)


def _roll_back(service: Service, request: Request, body: DecisionRequest) -> dict[str, object]:
    note(request, reason=body.reason)
    return service.roll_back(case_id_of(request), acting(request, body.by), body.reason)


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/cases", "Cases, newest first", lambda s, r, _b: s.cases(limit_of(r)), parameters=(LIMIT,)),
    Operation("GET", "/cases/{case_id}", "One case with its change and ledger", lambda s, r, _b: s.case(case_id_of(r))),
    Operation(
        "POST",
        "/cases/{case_id}/approve",
        "Approve the proposed change",
        _approve,
        ApprovalRequest,
        permission=Permission.DECIDE,
        action="case approve",
    ),
    Operation(
        "POST",
        "/cases/{case_id}/reject",
        "Reject the proposed change",
        _reject,
        DecisionRequest,
        permission=Permission.DECIDE,
        action="case reject",
    ),
    Operation(
        "POST",
        "/cases/{case_id}/rollback",
        "Take the applied change back",
        _roll_back,
        DecisionRequest,
        permission=Permission.DECIDE,
        action="case rollback",
    ),
    Operation(
        "GET",
        "/ledger",
        "Everything that was ever done, newest first",
        lambda s, r, _b: s.ledger(limit_of(r)),
        parameters=(LIMIT,),
    ),
)
