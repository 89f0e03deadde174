"""What statements become with a set of indexes: ratios with intervals, one by one and together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from trimtab.advise.index.candidates import Candidate
from trimtab.advise.index.plans import Node, bets_on_limit, cost_without_stop, guessed_loop, nodes
from trimtab.advise.index.predict import RESIDUALS_MIN, predict
from trimtab.advise.workload.advice import StatementOutlook
from trimtab.advise.workload.costs import Answer
from trimtab.advise.workload.plan_time import call_ms, interval_figures

DRAWS = 4_000
MANY_TABLES = 5
"""From so many tables in a plan on, errors of joins count in full."""

NORMAL_90 = 1.645
HEAVY = 300
"""So many statements that take most time stand for themselves in the interval of the whole."""

KNOWN_CLASSES = frozenset({"plain", "covering", "loop", "expression"})
"""What the model of times was measured on; other risks have intervals of their own (`prior.toml`)."""


def outlook(
    name: str,
    answers: Sequence[tuple[Answer, Answer]],
    times_ms: Sequence[tuple[float, float]],
    candidates: Sequence[Candidate],
    residuals: Sequence[float],
) -> StatementOutlook:
    """One statement; `answers` (as things are, with the set) and their times are of its texts."""
    cost_before, cost_after = fmean(one.cost for one, _ in answers), fmean(one.cost for _, one in answers)
    before_ms, after_ms = fmean(one for one, _ in times_ms), fmean(one for _, one in times_ms)
    used = frozenset[int]().union(*(answer.used for _, answer in answers))
    if not used or not before_ms:  # what met a fault has no time
        return StatementOutlook(name, 1.0, (1.0, 1.0), cost_before, cost_before, before_ms, before_ms, ())
    plans = [answer.plan for _, answer in answers]
    classes = _classes(plans, [candidates[number] for number in used])
    rows = fmean(float(plan["Plan Rows"]) for plan in plans)
    worst_ms = None
    if "early_stop" in classes:
        worst_ms = fmean(one.rest + cost_without_stop(one.plan) for _, one in answers) / cost_before * before_ms
    made = predict(
        before_ms, after_ms, before_ms, classes=classes, residuals=residuals, rows=rows, cost_at_worst=worst_ms
    )
    interval = made.interval_90
    if len(residuals) < RESIDUALS_MIN and set(classes) <= KNOWN_CLASSES:
        tables = max(sum("Relation Name" in node for node in nodes(plan)) for plan in plans)
        low, high = interval_of(made.ratio, classes, tables)
        floor = min(call_ms(), before_ms / 2) * (1 - made.ratio) / before_ms
        interval = (low, high + max(0.0, floor * math.expm1(NORMAL_90 * interval_figures()["call_spread"])))
    return StatementOutlook(
        name, made.ratio, interval, cost_before, cost_after, before_ms, before_ms * made.ratio, classes
    )


def joined(tables: int) -> float:
    """How much the errors of joins count, 0..1: each join multiplies the errors of those below it.

    >>> joined(1), joined(3), joined(9)
    (0.0, 0.5, 1.0)
    """
    return min(1.0, max(0, tables - 1) / (MANY_TABLES - 1))


def interval_of(ratio: float, classes: Sequence[str], tables: int = 1) -> tuple[float, float]:
    """Where a statement's ratio will be 9 times in 10, by what was measured with this model of times.

    >>> low, high = interval_of(0.5, ("plain",))
    >>> round(low, 2), round(high, 2)
    (0.26, 0.6)
    """
    known = interval_figures()
    gain = abs(math.log(max(ratio, 1e-9)))
    low = min(known["low_max"], known["low"] + known["low_slope"] * gain)
    high = known["high"] + known["high_slope"] * gain
    if "loop" in classes:
        high += known["loop_more"] + known["loop_slope"] * gain * joined(tables)
    high = min(known["high_max"], high)
    low += known["expression_less"] if "expression" in classes else 0.0
    return ratio * math.exp(-low), ratio * math.exp(high)


def weight_error(tables: int, *, is_computed: bool = False) -> float:
    """The standard deviation, on a log scale, of what a model says that a statement takes as things are.

    `is_computed`: it reads several times what WITH computes, of which the planner knows no values (see `is_computed`).
    """
    known = interval_figures()
    return known["weights"] + known["weights_joined"] * joined(tables) + known["weights_computed"] * is_computed


def is_computed(plan: Node) -> bool:
    """Whether what WITH computes is read more than once: joined with itself, as a rule."""
    return len([1 for node in nodes(plan) if node["Node Type"] == "CTE Scan"]) > 1


def usual_error(ratio: float) -> float:
    """How far a prediction of this size may be off, on a log scale: about half of an interval of `interval_of`.

    >>> usual_error(1.0) < usual_error(0.5) < usual_error(0.01)
    True
    """
    low, high = interval_of(ratio, ())
    return math.log(high / low) / 2


def condensed(
    outlooks: Sequence[StatementOutlook], calls: Sequence[float]
) -> tuple[list[StatementOutlook], list[float]]:
    """Of thousands of statements the light ones that stay as they are, taken as one: then `together` is quick."""
    order = sorted(range(len(outlooks)), key=lambda place: -outlooks[place].before_ms * calls[place])
    light = {place for place in order[HEAVY:] if not outlooks[place].rests_on}
    kept = [place for place in range(len(outlooks)) if place not in light]
    found, counts = [outlooks[place] for place in kept], [calls[place] for place in kept]
    count = sum(calls[place] for place in light)
    if count:
        ms = sum(outlooks[place].before_ms * calls[place] for place in light) / count
        found.append(StatementOutlook("", 1.0, (1.0, 1.0), 0.0, 0.0, ms, ms, ()))
        counts.append(count)
    return found, counts


def together(
    outlooks: Sequence[StatementOutlook], calls: Sequence[float], unsure: Mapping[str, float] | None = None
) -> tuple[float, tuple[float, float]]:
    """The ratio of all of them, weighed by calls and time, with the interval that their own errors give.

    Errors add up: each statement's own, a part of it that is common to all (one server, one model of times), what a
    call takes on this server whatever it does, and the weights: what a statement takes today is a model's word where
    nobody measured it (`unsure`: by name, see `weight_error`). A statement's logarithm is taken to be normal, with its
    interval's ends as the quantiles 0.05 and 0.95: large gains come out lower than said more often than higher.
    """
    if not any(one.before_ms * count for one, count in zip(outlooks, calls, strict=True)):
        return 1.0, (1.0, 1.0)
    known = interval_figures()
    counts = np.array(calls, float)
    weights = np.array([one.before_ms for one in outlooks]) * counts
    of_weights = np.array([(unsure or {}).get(one.name, 0.0) for one in outlooks])
    middle = np.log([max(one.predicted_ratio, 1e-9) for one in outlooks])
    low = np.log([max(one.interval_90[0], 1e-9) for one in outlooks])
    high = np.log([max(one.interval_90[1], 1e-9) for one in outlooks])
    random = np.random.default_rng(20)
    own = random.standard_normal((DRAWS, len(outlooks)))
    common = random.standard_normal((DRAWS, 1))
    error = (np.sqrt(known["shared"]) * common + np.sqrt(1 - known["shared"]) * own) / NORMAL_90
    drawn_ratio = np.exp((low + high) / 2 + error * (high - low) / 2)
    floors = np.minimum(call_ms() * counts, weights / 2)
    floor = floors.sum() * np.exp(known["call_spread"] * random.standard_normal(DRAWS))
    scale = np.exp(of_weights * random.standard_normal((DRAWS, len(outlooks))))
    after = (np.maximum(drawn_ratio * weights - floors, 0.0) * scale).sum(axis=1) + floor
    drawn = after / (((weights - floors) * scale).sum(axis=1) + floor)
    ratio = float(np.exp(middle) @ weights / weights.sum())
    return ratio, (float(min(np.quantile(drawn, 0.05), ratio)), float(max(np.quantile(drawn, 0.95), ratio)))


def _classes(plans: Sequence[Node], used: Sequence[Candidate]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    names = [str(node["Index Name"]) for plan in plans for node in nodes(plan) if "Index Name" in node]
    if any(bets_on_limit(plan) for plan in plans):
        found["early_stop"] = None
    if any(guessed_loop(plan, name) for plan in plans for name in set(names)):
        found["loop"] = None
    if any(candidate.table.rows is None for candidate in used):
        found["unknown_statistics"] = None
    if any(key.is_expression for candidate in used for key in candidate.definition.keys):
        found["expression"] = None
    if any(candidate.definition.include for candidate in used):
        found["covering"] = None
    return tuple(found) or ("plain",)
