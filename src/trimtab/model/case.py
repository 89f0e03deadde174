"""A case: one problem, from the first finding to the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.change import Proposal
from trimtab.model.finding import Finding


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    PROPOSED = "proposed"
    CHANGING = "changing"
    CLOSED = "closed"


class Verdict(StrEnum):
    """How a case ended."""

    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    NO_ADVICE = "no_advice"
    REJECTED = "rejected"
    RECOVERED = "recovered"
    """It went by itself: an objective does not burn any more."""


@dataclass(frozen=True, slots=True)
class Case:
    """One problem of one query shape. `id` counts from 1; `verdict` is None until the case is closed."""

    id: int
    system: str
    fingerprint: str
    kind: str
    state: CaseState
    opened_at_ms: int
    updated_at_ms: int
    finding: Finding
    query_text: str
    proposals: tuple[Proposal, ...] = ()
    change_id: str | None = None
    verdict: Verdict | None = None
    reason: str | None = None
