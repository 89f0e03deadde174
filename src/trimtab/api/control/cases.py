"""Cases, the decisions that people make on them, and the ledger."""

from __future__ import annotations

import msgspec
from starlette.requests import Request

from trimtab.api.control.acting import acting, note
from trimtab.api.control.answers import CaseAnswer, CaseDetailAnswer
from trimtab.api.control.operation import Answer, Operation
from trimtab.api.control.parameters import (
    BEFORE_SEQ,
    LIMIT,
    NAME_CHARS_MAX,
    OFFSET,
    SEARCH,
    SEARCH_CHARS_MAX,
    SYSTEM,
    Parameter,
    Reason,
    before_seq_of,
    case_id_of,
    limit_of,
    offset_of,
    text_of,
    texts_of,
)
from trimtab.app.reading.answers import CaseStory
from trimtab.app.reading.cases import STANDINGS
from trimtab.app.service import Service
from trimtab.model.access import Permission
from trimtab.model.change import LedgerEntry

HASH_CHARS_SHOWN = 100


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST .../reject and .../rollback. `by` is for those who need no login; others are known."""

    by: str | None = None
    reason: Reason | None = None


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


def _cases(service: Service, request: Request, _body: None) -> Answer:
    total, found = service.find_cases(
        states=texts_of(request, "state", len(STANDINGS), NAME_CHARS_MAX),
        system=text_of(request, "system", NAME_CHARS_MAX),
        search=text_of(request, "search", SEARCH_CHARS_MAX) or "",
        limit=limit_of(request),
        offset=offset_of(request),
    )
    return Answer(found, {TOTAL: str(total)})


TOTAL = "X-Total-Count"
STATES = Parameter(
    "state",
    "Only cases that stand so: a verdict, or a state where there is no verdict yet; closed means any verdict",
    {"type": "array", "items": {"enum": list(STANDINGS)}, "maxItems": len(STANDINGS)},
)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/cases",
        "Cases, newest first",
        _cases,
        parameters=(STATES, SYSTEM, SEARCH, LIMIT, OFFSET),
        answer=tuple[CaseAnswer, ...],
        headers=((TOTAL, "How many cases fit, on all pages"),),
    ),
    Operation(
        "GET",
        "/cases/{case_id}",
        "One case with its change and ledger",
        lambda s, r, _b: s.case(case_id_of(r)),
        answer=CaseDetailAnswer,
    ),
    Operation(
        "GET",
        "/cases/{case_id}/story",
        "One case as a story: timeline, checks, judgement, undo, evidence",
        lambda s, r, _b: s.read.case(case_id_of(r)),
        answer=CaseStory,
    ),
    Operation(
        "POST",
        "/cases/{case_id}/approve",
        "Approve the proposed change",
        _approve,
        ApprovalRequest,
        answer=CaseDetailAnswer,
        permission=Permission.DECIDE,
        action="case approve",
    ),
    Operation(
        "POST",
        "/cases/{case_id}/reject",
        "Reject the proposed change",
        _reject,
        DecisionRequest,
        answer=CaseDetailAnswer,
        permission=Permission.DECIDE,
        action="case reject",
    ),
    Operation(
        "POST",
        "/cases/{case_id}/rollback",
        "Take the applied change back",
        _roll_back,
        DecisionRequest,
        answer=CaseDetailAnswer,
        permission=Permission.DECIDE,
        action="case rollback",
    ),
    Operation(
        "GET",
        "/ledger",
        "Everything that was ever done, newest first",
        lambda s, r, _b: s.ledger(limit_of(r), before_seq_of(r)),
        parameters=(LIMIT, BEFORE_SEQ),
        answer=tuple[LedgerEntry, ...],
    ),
)
