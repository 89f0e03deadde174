"""What the seed's classes answer, under the seed's names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from trimtab.model.change import Effect, Proposal
from trimtab.model.objectives import BudgetEnd, Objective


@dataclass(frozen=True, slots=True)
class ImprovementEstimate:
    """Predicted mean execution time, after ÷ before, with a 90 % interval and where that comes from.

    `ratio` is 1 and `interval_90` None where nothing is proposed; `reason` then says why.
    """

    ratio: float
    interval_90: tuple[float, float] | None
    source: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class QueryOptimization:
    """Advice on one query. `optimized_query` is the query as given: this version rewrites nothing."""

    original_query: str
    optimized_query: str
    index_recommendations: tuple[Proposal, ...]
    improvement_estimate: ImprovementEstimate


@dataclass(frozen=True, slots=True)
class RemediationResult:
    """How a remediation ended.

    `success`: kept. `ineffective`: it did not help and was taken back. `aborted`: a check refused it and nothing was
    touched. `error`: it failed, and what it had begun was undone. `change_id` leads to the ledger.
    """

    status: Literal["success", "ineffective", "aborted", "error"]
    reason: str
    rolled_back: bool
    effect: Effect | None
    change_id: str | None


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """What is left of an error budget; None where nothing was counted.

    `consumed_percentage` holds a ratio, as in the seed; `consumed_ratio` is its honest name. `coverage_ratio` says how
    much of the window was measured: what was not is neither good nor bad. `burn_rate` 1 spends exactly the budget.
    """

    slo: Objective
    consumed_percentage: float | None
    remaining_budget: float | None
    burn_rate: float | None
    coverage_ratio: float
    good: float
    total: float
    ends: BudgetEnd | None

    @property
    def consumed_ratio(self) -> float | None:
        """Bad events as a share of those that may be bad."""
        return self.consumed_percentage
