"""Types of answers that the service gives as plain JSON: written down for the OpenAPI document, never built."""

from __future__ import annotations

import msgspec

from trimtab.app.reading.answers import Undo
from trimtab.model.case import CaseState, Verdict
from trimtab.model.change import Change, LedgerEntry, Proposal
from trimtab.model.finding import Finding


class CaseAnswer(msgspec.Struct):
    """A case with its change."""

    id: int
    system: str
    fingerprint: str
    kind: str
    state: CaseState
    opened_at_ms: int
    updated_at_ms: int
    finding: Finding
    query_text: str
    proposals: list[Proposal]
    change_id: str | None
    verdict: Verdict | None
    reason: str | None
    change: Change | None


class CaseDetailAnswer(CaseAnswer):
    """A case with its change, whose turn it is, how the change is (or would be) taken back, and its ledger."""

    waits_for: str | None
    undo: Undo | None
    ledger: list[LedgerEntry]


class QueryAnswer(msgspec.Struct):
    """What one shape did in the detection window."""

    system: str
    fingerprint: str
    text: str | None
    calls: int
    mean_exec_time_ms: float
    total_exec_time_ms: float
    load_share: float
