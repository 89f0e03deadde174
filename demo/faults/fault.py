"""What a fault is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from demo.load.statement import Statement


class FaultKind(StrEnum):
    """The four kinds; every draw has one of each."""

    MISSING_COMPOSITE = "missing_composite"
    MISSING_SPECIAL = "missing_expression_or_partial"
    HOPELESS = "hopeless"
    LIE = "lie"


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which the shop is slow.

    `statement` is the shape that suffers, called `calls_per_s` times a second. `left_out` is the index of the healthy
    shop that is missing, None where none would help. `candidates` are index definitions (what stands after ON) that
    an adviser may come up with: for a lie the first is the one the planner falls for; for a hopeless query none helps.
    """

    kind: FaultKind
    statement: Statement
    calls_per_s: float
    left_out: str | None = None
    candidates: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The table it is about; no two faults of a draw share one."""
        return self.statement.collection

    @property
    def name(self) -> str:
        """Kind and table, such as `lie:orders`."""
        return f"{self.kind}:{self.table}"
