"""Cases, the decisions that people make on them, and the ledger."""

from __future__ import annotations

import msgspec

from trimtab.api.control.operation import Operation
from trimtab.api.control.parameters import LIMIT, case_id_of, limit_of


class DecisionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST .../reject and .../rollback."""

    by: str
    reason: str | None = None


class ApprovalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """POST .../approve. `content_hash` binds the approval to the exact change that was seen."""

    by: str
    content_hash: str


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/cases", "Cases, newest first", lambda s, r, _b: s.cases(limit_of(r)), parameters=(LIMIT,)),
    Operation("GET", "/cases/{case_id}", "One case with its change and ledger", lambda s, r, _b: s.case(case_id_of(r))),
    Operation(
        "POST",
        "/cases/{case_id}/approve",
        "Approve the proposed change",
        lambda s, r, b: s.approve(case_id_of(r), b.by, b.content_hash),
        ApprovalRequest,
    ),
    Operation(
        "POST",
        "/cases/{case_id}/reject",
        "Reject the proposed change",
        lambda s, r, b: s.reject(case_id_of(r), b.by, b.reason),
        DecisionRequest,
    ),
    Operation(
        "POST",
        "/cases/{case_id}/rollback",
        "Take the applied change back",
        lambda s, r, b: s.roll_back(case_id_of(r), b.by, b.reason),
        DecisionRequest,
    ),
    Operation(
        "GET",
        "/ledger",
        "Everything that was ever done, newest first",
        lambda s, r, _b: s.ledger(limit_of(r)),
        parameters=(LIMIT,),
    ),
)
