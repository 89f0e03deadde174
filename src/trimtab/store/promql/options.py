"""How a query is evaluated, and how much it may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def never() -> bool:
    """Nobody cancels."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Defaults are those of Prometheus 3."""

    lookback_ms: int = 300_000
    """How old the newest sample of a series may be."""
    is_left_open: bool = True
    """Windows without their first instant; False: with it, and the other ways of Prometheus 2.42."""
    removes_names_late: bool = False
    """Names of metrics go at the end of the evaluation (Prometheus' `promql-delayed-name-removal`)."""
    uses_types: bool = False
    """The label `__type__` says whether a metric is a counter, not the end of its name."""
    subquery_step_ms: int = 60_000
    """Step of subqueries that name none."""
    timeout_s: float = 120.0
    samples_max: int = 50_000_000
    """Samples (and cells of results) that may be in memory at one time."""
    cancelled: Callable[[], bool] = never
    """Asked between operators: whether nobody waits any more."""
