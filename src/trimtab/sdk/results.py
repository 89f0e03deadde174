"""What the seed's classes answer, under the seed's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trimtab.advise.verify.answers import Measured
from trimtab.analyze.queries.plans.hint import Hint
from trimtab.app.query_advice.asking import RewriteAdvice
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
    """Advice on one query.

    `optimized_query` is another form of it whose certificate holds, else the query as given; `rewrites` are all that
    were found, `plan_hints` what its plan shows. `measured` is what a clone said, where one was asked for.
    `problems` say what could not be looked at, and why.
    """

    original_query: str
    optimized_query: str
    index_recommendations: tuple[Proposal, ...]
    improvement_estimate: ImprovementEstimate
    rewrites: tuple[RewriteAdvice, ...] = ()
    plan_hints: tuple[Hint, ...] = ()
    measured: Measured | None = None
    problems: tuple[str, ...] = ()

    @property
    def certificate(self) -> Mapping[str, object] | None:
        """What stands behind `optimized_query`: proof, prices, comparisons; None where it is the original."""
        found = next((one for one in self.rewrites if one.is_advised and one.sql == self.optimized_query), None)
        return None if found is None else found.certificate


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
