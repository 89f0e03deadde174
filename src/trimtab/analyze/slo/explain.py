"""When a set of burn rules would fire, and what of the budget is gone by then, for errors that begin and stay.

Errors of a constant share e begin at once after a clean time. Over a window w they are e·t/w of all after t, so that a
rule with the factor F fires when both windows are above F·(1 - target):

    t = long · F · (1 - target) / e     (the short window is there sooner, as it is shorter), then `for`
    spent = e · t / ((1 - target) · period)

and never where e is not above F·(1 - target). Traffic is taken as even. Where measuring only began, the time before it
counts as the clean one (see `budget.Burn`), so that the same times hold; but a rule waits until a short window is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.analyze.slo.quantities import duration_text
from trimtab.model.objectives import BurnRule, Objective

ERROR_RATIOS = (1.0, 0.1, 0.02, 0.01, 0.005, 0.0015)
"""100, 10, 2, 1, 0.5 and 0.15 %: from an outage to a slow leak."""


@dataclass(frozen=True, slots=True)
class Firing:
    """What errors of one share do. `rule` None: nothing fires, ever (`fires_after_ms` and `spent_ratio` are None)."""

    error_ratio: float
    burn_rate: float
    rule: str | None
    severity: str | None
    fires_after_ms: float | None
    spent_ratio: float | None
    spends_all_after_ms: float | None
    """When the whole budget would be gone; None: it is not spent faster than allowed."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A set of rules on an objective: for each share of errors the rule that fires first, and what each rule does."""

    objective: str
    target: float
    period_ms: int
    first: tuple[Firing, ...]
    by_rule: tuple[tuple[BurnRule, tuple[Firing, ...]], ...]
    notices: tuple[str, ...]


def explain(objective: Objective, error_ratios: Sequence[float] = ERROR_RATIOS) -> Explained:
    """What the rules of an objective do at these shares of errors."""
    period_ms, target = objective.window.length_ms, objective.target
    by_rule = tuple(
        (rule, tuple(firing_of(rule, target, period_ms, error) for error in error_ratios))
        for rule in objective.burn_rules
    )
    first = tuple(
        _first([row[place] for _, row in by_rule], target, period_ms, error) for place, error in enumerate(error_ratios)
    )
    return Explained(objective.name, target, period_ms, first, by_rule, tuple(_notices(objective)))


def firing_of(rule: BurnRule, target: float, period_ms: int, error_ratio: float) -> Firing:
    """One rule at one share of errors.

    >>> from trimtab.analyze.slo.burn_rules import rules_of
    >>> fast = rules_of("workbook", 30 * 86_400_000)[0]
    >>> found = firing_of(fast, 0.999, 30 * 86_400_000, 0.1)
    >>> round(found.fires_after_ms / 60_000, 2), round(found.spent_ratio, 4)
    (8.64, 0.02)
    """
    allowed = float(f"{1.0 - target:.12g}")
    burn = float(f"{error_ratio / allowed:.12g}")
    all_ms = period_ms / burn if burn > 1 else None
    if burn <= rule.factor:
        return Firing(error_ratio, burn, None, None, None, None, all_ms)
    after_ms = max(rule.long_ms, rule.short_ms) * rule.factor / burn + rule.for_ms
    return Firing(error_ratio, burn, rule.name, rule.severity, after_ms, burn * after_ms / period_ms, all_ms)


def _first(firings: Sequence[Firing], target: float, period_ms: int, error_ratio: float) -> Firing:
    fired = [one for one in firings if one.fires_after_ms is not None]
    if fired:
        return min(fired, key=lambda one: one.fires_after_ms or 0.0)
    burn = float(f"{error_ratio / (1.0 - target):.12g}")
    return Firing(error_ratio, burn, None, None, None, None, period_ms / burn if burn > 1 else None)


def _notices(objective: Objective) -> list[str]:
    most, target = 1.0 / objective.allowed_bad_ratio, f"{objective.target:.6g}"
    found = [
        f"rule {rule.name} can never fire: it wants more than {rule.factor:g} times the allowed errors, and with a "
        f"target of {target} errors of 100 % are {most:.4g} times as many"
        for rule in objective.burn_rules
        if rule.factor >= most
    ]
    if objective.burn_rules:
        waits = ", ".join(f"{rule.name} {duration_text(rule.short_ms)}" for rule in objective.burn_rules)
        found.append(
            "where measuring only began, the time before counts as without errors, and no rule fires before one short "
            f"window was measured ({waits})"
        )
    if not objective.burn_rules:
        found.append("there are no burn rules: nothing fires")
    elif min(rule.factor for rule in objective.burn_rules) > 1.001:
        slowest = min(rule.factor for rule in objective.burn_rules)
        found.append(
            f"errors between 1 and {slowest:g} times the allowed ones spend the whole budget, and no rule fires"
        )
    return found
