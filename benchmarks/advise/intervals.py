"""Ratios of sets of indexes from repeated measurements, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 4_000
SEED = 20


@dataclass(frozen=True)
class Ratio:
    """`middle` with the interval that holds 90 % of the draws."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.3g} [{self.low:.3g}, {self.high:.3g}]"


def ratio(
    after: Mapping[str, Sequence[float]], before: Mapping[str, Sequence[float]], calls: Mapping[str, float]
) -> Ratio:
    """Weighed time with one set ÷ with another.

    The same repetitions are drawn for both: they were made in turn, under the same load. Each statement counts with
    the median of its times.
    """
    random = np.random.default_rng(SEED)
    upper, lower = np.zeros(DRAWS), np.zeros(DRAWS)
    for name, weight in calls.items():
        new, old = np.asarray(after[name], float), np.asarray(before[name], float)
        drawn = random.integers(0, len(new), (DRAWS, len(new)))
        upper += weight * np.median(new[drawn], axis=1)
        lower += weight * np.median(old[drawn], axis=1)
    middle = sum(w * float(np.median(after[n])) for n, w in calls.items()) / sum(
        w * float(np.median(before[n])) for n, w in calls.items()
    )
    low, high = np.quantile(upper / lower, (0.05, 0.95))
    return Ratio(middle, float(low), float(high))
