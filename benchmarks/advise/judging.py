"""How good stated 90 % intervals were: how many hold, and their score beside "always the historical mean".

The score is that of Gneiting and Raftery (2007): the width of an interval, and 20 times by how much what was measured
is outside; lower is better. On a log scale a ratio of 0.1 that comes out as 0.2 is as wrong as 1 that comes out as 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from trimtab.advise.record.correcting import Corrections
from trimtab.advise.record.kinds import WORKLOAD
from trimtab.model.estimates import Estimate
from trimtab.stats.prediction_record import interval_score

COVERAGE = 0.90
BAND = 0.95
"""The binomial band holds so much of what a right 90 % interval would show."""

LEAST = 1e-6
NORMAL_90 = 1.645


@dataclass(frozen=True)
class Case:
    """A stated ratio with its interval, and the measured one."""

    workload: str
    predicted: float
    low: float
    high: float
    measured: float

    @property
    def is_inside(self) -> bool:
        """Whether the interval holds."""
        return self.low <= self.measured <= self.high


def band(count: int) -> tuple[int, int]:
    """How many of `count` right intervals hold, 95 times in 100.

    >>> band(200)
    (171, 188)
    """
    shares = np.array([math.comb(count, k) * COVERAGE**k * (1 - COVERAGE) ** (count - k) for k in range(count + 1)])
    below = np.cumsum(shares)
    ends = (int(np.searchsorted(below, share)) for share in ((1 - BAND) / 2, (1 + BAND) / 2))
    return next(ends), next(ends)


def score(cases: Sequence[Case]) -> float:
    """The mean score of the stated intervals."""
    return fmean(_score(one.low, one.high, one.measured) for one in cases)


def plain_score(cases: Sequence[Case]) -> float:
    """The same on ratios as they are."""
    return fmean(_plain(one.low, one.high, one.measured) for one in cases)


def historical(cases: Sequence[Case], *, logs: bool = True) -> float:
    """The mean score of "as it was on average": mean and spread of all other measured ratios, by their quantiles or
    by a normal distribution, whichever does better."""
    values = [math.log(max(one.measured, LEAST)) if logs else one.measured for one in cases]
    by_quantiles: list[float] = []
    by_spread: list[float] = []
    for place, value in enumerate(values):
        others = values[:place] + values[place + 1 :]
        low, high = np.quantile(others, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
        by_quantiles.append(_outside(float(low), float(high), value))
        middle, spread = fmean(others), stdev(others)
        by_spread.append(_outside(middle - NORMAL_90 * spread, middle + NORMAL_90 * spread, value))
    return min(fmean(by_quantiles), fmean(by_spread))


def with_record(cases: Sequence[tuple[Case, float]]) -> list[Case]:
    """Cases (with the ratio as the adviser says it) corrected by the record of those before, as the product does."""
    found: list[Case] = []
    kept: list[Estimate] = []
    for number, (case, raw) in enumerate(cases):
        made = Corrections(kept).applied(WORKLOAD, raw, (case.low, case.high))
        found.append(Case(case.workload, made.ratio, *made.interval_90, case.measured))
        kept.append(
            Estimate(
                str(number), number, "bench", "", WORKLOAD, "", raw, made.ratio, made.interval_90, made.count,
                measured_ratio=case.measured,
            )
        )  # fmt: skip
    return found


def tell(cases: Sequence[Case]) -> None:
    """Print the judgement in two lines."""
    if len(cases) < 3:
        print(f"  {len(cases)} cases: too few to judge")
        return
    inside = sum(one.is_inside for one in cases)
    low, high = band(len(cases))
    verdict = "within" if low <= inside <= high else "below" if inside < low else "above"
    under = sum(one.measured < one.low for one in cases)
    print(
        f"  {inside} of {len(cases)} ({inside / len(cases):.0%}) in their 90 % interval: {verdict} the binomial band of"
        f" {low} to {high} ({under} came out lower, {len(cases) - inside - under} higher)"
    )
    ours, theirs = score(cases), historical(cases)
    plain, plain_theirs = plain_score(cases), historical(cases, logs=False)
    print(
        f"  interval score {ours:.2f} (log scale), always the historical mean {theirs:.2f};"
        f" {plain:.3f} and {plain_theirs:.3f} on plain ratios: {'better' if ours < theirs else 'NOT better'}"
        f" and {'better' if plain < plain_theirs else 'NOT better'}"
    )


def _score(low: float, high: float, seen: float) -> float:
    return interval_score(max(low, LEAST), max(high, LEAST), max(seen, LEAST))


def _plain(low: float, high: float, seen: float) -> float:
    return _outside(low, high, seen)


def _outside(low: float, high: float, seen: float) -> float:
    return high - low + 2 / (1 - COVERAGE) * (max(0.0, low - seen) + max(0.0, seen - high))
