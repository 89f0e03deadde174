"""What a record of predictions says about the next one: how far to move it, and how wide its interval has to be.

All of it on a log scale: a residual is log(measured ÷ predicted), 0 is a perfect prediction. `interval_score` judges
intervals (Gneiting and Raftery 2007): narrow is good, to miss is bad; `against_history` compares them with those of
somebody who always says "as it was on average so far".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

SHRINK = 10.0
"""A kind with so many cases is moved half of the way that its own record says, the rest by all kinds together."""
OWN_INTERVAL_MIN = 20
"""From so many cases on, a record gives the interval, too."""
COVERAGE = 0.90
HISTORY_MIN = 5
"""So many earlier cases are needed before history can say anything."""


@dataclass(frozen=True, slots=True)
class Correction:
    """To be added to log(predicted); `low` and `high` are the 5 and 95 % quantiles of what then is left, None where
    the record is too short for an interval. `count` cases of the kind, `count_all` of all kinds.
    """

    shift: float = 0.0
    low: float | None = None
    high: float | None = None
    count: int = 0
    count_all: int = 0

    @property
    def factor(self) -> float:
        """What the predicted ratio is multiplied by."""
        return math.exp(self.shift)


def correction(same_kind: Sequence[float], all_kinds: Sequence[float]) -> Correction:
    """From residuals of the same kind of advice, and of all kinds (those of the same among them).

    >>> correction([], [])
    Correction(shift=0.0, low=None, high=None, count=0, count_all=0)
    >>> round(correction([0.4] * 10, [0.4] * 10).factor, 2)   # all of it would be 1.49
    1.35
    >>> round(correction([], [0.4] * 10).factor, 2)
    1.22
    """
    common = _shrunken(all_kinds, 0.0)
    shift = _shrunken(same_kind, common)
    judged_by = same_kind if len(same_kind) >= OWN_INTERVAL_MIN else all_kinds
    if len(judged_by) < OWN_INTERVAL_MIN:
        return Correction(shift, count=len(same_kind), count_all=len(all_kinds))
    low, high = quantiles(judged_by)
    return Correction(shift, min(low - shift, 0.0), max(high - shift, 0.0), len(same_kind), len(all_kinds))


def _shrunken(residuals: Sequence[float], towards: float) -> float:
    if not residuals:
        return towards
    count = len(residuals)
    return (count * median(residuals) + SHRINK * towards) / (count + SHRINK)


def quantiles(residuals: Sequence[float]) -> tuple[float, float]:
    """The interval that holds the next residual with probability `COVERAGE` at least, if it is drawn like these.

    >>> quantiles([i / 10 for i in range(20)])
    (0.0, 1.9)
    """
    ordered = sorted(residuals)
    count = len(ordered)
    miss = (1 - COVERAGE) / 2
    low = math.floor((count + 1) * miss)
    high = math.ceil((count + 1) * (1 - miss))
    return ordered[max(1, low) - 1], ordered[min(count, high) - 1]


def interval_score(low: float, high: float, seen: float) -> float:
    """The width of a 90 % interval of a ratio on a log scale, and 20 times by how much the ratio seen is outside.

    >>> round(interval_score(0.5, 2.0, 1.0), 2), round(interval_score(0.5, 2.0, 4.0), 2)
    (1.39, 15.25)
    """
    bottom, top, value = math.log(low), math.log(high), math.log(seen)
    return top - bottom + 2 / (1 - COVERAGE) * (max(0.0, bottom - value) + max(0.0, value - top))


@dataclass(frozen=True, slots=True)
class Judged:
    """A prediction and what was measured: ratios after ÷ before, all above 0."""

    low: float
    high: float
    measured: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Mean interval scores over the same cases, ours and of "as it was so far"; lower is better.

    `inside_count` of `count` measured ratios lay in the stated interval.
    """

    count: int
    inside_count: int
    score: float | None
    history_score: float | None

    @property
    def beats_history(self) -> bool | None:
        """None where there are too few cases to compare."""
        return None if self.score is None or self.history_score is None else self.score < self.history_score


def against_history(cases: Sequence[Judged]) -> Comparison:
    """Compare with always predicting the historical mean of log ratios, with the quantiles of history around it.

    `cases` are oldest first; each is judged by what was measured before it, from the `HISTORY_MIN`th on.

    >>> good = [Judged(r / 1.1, r * 1.1, r) for r in (0.1, 0.9, 0.5, 0.02, 0.7, 0.3, 0.05)]
    >>> found = against_history(good)
    >>> found.inside_count, found.beats_history
    (7, True)
    """
    inside = sum(case.low <= case.measured <= case.high for case in cases)
    ours: list[float] = []
    theirs: list[float] = []
    for place, case in enumerate(cases):
        if place < HISTORY_MIN:
            continue
        past = [math.log(earlier.measured) for earlier in cases[:place]]
        mean = fmean(past)
        low, high = quantiles([value - mean for value in past])
        ours.append(interval_score(case.low, case.high, case.measured))
        theirs.append(interval_score(math.exp(mean + low), math.exp(mean + high), case.measured))
    if not ours:
        return Comparison(len(cases), inside, None, None)
    return Comparison(len(cases), inside, fmean(ours), fmean(theirs))
