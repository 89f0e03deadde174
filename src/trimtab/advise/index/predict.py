"""From plan costs to milliseconds: a predicted ratio with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab.advise.index.knowledge import costs, priors

RESIDUALS_MIN = 20
"""From so many measured changes on, the ledger's own record replaces the prior."""

COVERAGE = 0.90


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean times in ms; `ratio` is after ÷ before, `interval_90` where it will be 9 times in 10.

    `source` says by what, in words that a DBA can judge: "holds 9 times in 10, by" + source.
    """

    before_ms: float
    after_ms: float
    ratio: float
    interval_90: tuple[float, float]
    source: str


def predict(
    cost_before: float,
    cost_after: float,
    before_ms: float,
    *,
    classes: Sequence[str] = ("plain",),
    residuals: Sequence[float] = (),
    floor_ms: float | None = None,
    cost_at_worst: float | None = None,
    rows: float = 0.0,
) -> Prediction:
    """What a call will take: the floor that no index removes, and the rest in proportion to the plan's cost.

    The floor is a call's own time and that of each of the `rows` it returns, at most half of today's time.
    `residuals` are log(measured ÷ predicted) of changes measured earlier. `classes` name what the plan rests on (see
    `prior.toml`); the widest counts. `cost_at_worst` is the plan's cost if a bet in it is lost: the interval reaches
    up to it.

    >>> p = predict(1000.0, 10.0, 20.02, floor_ms=0.02)
    >>> round(p.after_ms, 2), round(p.ratio, 3)
    (0.22, 0.011)
    """
    figures = costs()
    call_ms = figures.floor_ms if floor_ms is None else floor_ms
    floor = min(call_ms + rows * figures.floor_ms_per_row, before_ms / 2)
    after_ms = floor + cost_after / cost_before * (before_ms - floor)
    low, high, source = _log_interval(classes, residuals)
    low_ms = max(min(call_ms, floor) / 2, after_ms * math.exp(low))
    high_ms = after_ms * math.exp(high)
    if len(residuals) < RESIDUALS_MIN:  # what was measured here was measured among others already
        high_ms += min(figures.among_others_ms, before_ms / 2)
    if cost_at_worst is not None:
        factor = max(priors()[name].lost_bet_factor for name in classes)
        worst_ms = floor + factor * cost_at_worst / cost_before * (before_ms - floor)
        source += "; upwards to the plan's cost if its LIMIT never stops early"
        high_ms = max(high_ms, worst_ms)
    return Prediction(before_ms, after_ms, after_ms / before_ms, (low_ms / before_ms, high_ms / before_ms), source)


def _log_interval(classes: Sequence[str], residuals: Sequence[float]) -> tuple[float, float, str]:
    rows = [priors()[name] for name in classes] or [priors()["plain"]]
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    if len(residuals) < RESIDUALS_MIN:
        return low, high, "; ".join(dict.fromkeys(row.source for row in rows))
    own_low, own_high = conformal(residuals)
    source = f"{len(residuals)} changes that were measured here, against what was predicted for them"
    risky = [row for row in rows if row.name != "plain"]
    if any(row.high > own_high for row in risky):
        own_high = max(row.high for row in risky)
        source += f", widened upwards for {', '.join(row.name.replace('_', ' ') for row in risky)}"
    return own_low, own_high, source


def conformal(residuals: Sequence[float]) -> tuple[float, float]:
    """The interval that holds the next residual with probability `COVERAGE` at least, if it is drawn like these.

    >>> conformal([i / 10 for i in range(20)])
    (0.0, 1.9)
    """
    ordered = sorted(residuals)
    count = len(ordered)
    miss = (1 - COVERAGE) / 2
    low = math.floor((count + 1) * miss)
    high = math.ceil((count + 1) * (1 - miss))
    return (ordered[max(1, low) - 1], ordered[min(count, high) - 1])
