"""What was noticed, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """Why a query shape was picked out."""

    OBJECTIVE_BROKEN = "objective_broken"
    CARRIES_LOAD = "carries_load"
    OBJECTIVE_BURNING = "objective_burning"
    """Not of a query shape: an objective spends its error budget too fast. Its fingerprint is `objective:<name>`."""


class Severity(StrEnum):
    """How much it hurts."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One number with the window and the query that produced it.

    `window_start_ms` is inclusive, `window_end_ms` exclusive (Unix milliseconds).
    """

    name: str
    value: float
    unit: str
    window_start_ms: int
    window_end_ms: int
    source: str
    samples_count: int
    interval_90: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A query shape that breaks its objective or carries the load. `confidence` is in 0..1."""

    system: str
    fingerprint: str
    kind: FindingKind
    severity: Severity
    noticed_at_ms: int
    title: str
    confidence: float
    evidence: tuple[Evidence, ...]
