"""Old and new measured in turn on one machine: their ratio, with an interval that a few blocks can carry.

Each block holds old, new, new, old (ABBA): what drifts evenly within a block cancels. Blocks are resampled; since a
bootstrap of so few is too narrow, its deviations are widened by Student's quantile over the normal one and by
sqrt(n / (n - 1)) (Hesterberg 2015, "expanded percentile"). `tests/stats/test_paired.py` counts how often it holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.confidence_sequence import student_widening

Array = NDArray[np.float64]
REPETITIONS = 2_000
BLOCKS_MIN = 3
"""With fewer blocks nothing is known of the noise, and there is no interval."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """new ÷ old of the mean, and where it is 9 times in 10; the interval is (0, inf) with less than `BLOCKS_MIN`."""

    ratio: float
    interval_90: tuple[float, float]

    @property
    def is_harm(self) -> bool:
        """Whether it is proven slower by more than a tenth."""
        return self.interval_90[0] > HARM


HARM = 1.10
"""A statement that is proven slower than this is not paid for by the gain of others."""


def paired_ratio(old: Array, new: Array, *, seed: int = 1) -> Ratio:
    """The ratio for one statement; `old` and `new` are its time in each block, shape (blocks,), above 0.

    The middle is the geometric mean of the blocks' ratios: one block that was disturbed does not outweigh the rest.

    >>> found = paired_ratio(np.array([10.0, 11.0, 9.0, 10.0]), np.array([5.0, 5.6, 4.4, 5.1]))
    >>> round(found.ratio, 2), [round(end, 2) for end in found.interval_90]
    (0.5, [0.49, 0.51])
    """
    logs = np.log(new) - np.log(old)
    middle = float(logs.mean())
    if len(logs) < BLOCKS_MIN:
        return Ratio(math.exp(middle), (0.0, math.inf))
    drawn = logs[_picks(len(logs), seed)].mean(axis=1)
    low, high = _ends(drawn, middle, len(logs))
    return Ratio(math.exp(middle), (math.exp(low), math.exp(high)))


def total_ratio(old: list[Array], new: list[Array], weights: list[float], *, seed: int = 1) -> Ratio:
    """The ratio of sum(weight * time) over statements; each statement's blocks are drawn by themselves.

    A statement whose plan is the same has arrays of one equal value: it weighs, and adds no noise.

    >>> one = [np.array([10.0, 10.0, 10.0]), np.array([30.0, 30.0, 30.0])]
    >>> two = [np.array([1.0, 1.0, 1.0]), np.array([30.0, 30.0, 30.0])]
    >>> round(total_ratio(one, two, [3.0, 1.0]).ratio, 2)
    0.55
    """
    before = after = 0.0
    drawn_before, drawn_after = np.zeros(REPETITIONS), np.zeros(REPETITIONS)
    blocks = 1 << 30
    for place, (was, now, weight) in enumerate(zip(old, new, weights, strict=True)):
        before += weight * float(was.mean())
        after += weight * float(now.mean())
        if len(was) == 1 or (np.ptp(was) == 0 and np.ptp(now) == 0):
            drawn_before += weight * was[0]
            drawn_after += weight * now[0]
            continue
        blocks = min(blocks, len(was))
        picks = _picks(len(was), seed + place)
        drawn_before += weight * was[picks].mean(axis=1)
        drawn_after += weight * now[picks].mean(axis=1)
    if before <= 0 or after <= 0:
        return Ratio(1.0, (0.0, math.inf))
    ratio = after / before
    if blocks == 1 << 30:
        return Ratio(ratio, (ratio, ratio))
    if blocks < BLOCKS_MIN:
        return Ratio(ratio, (0.0, math.inf))
    low, high = _ends(np.log(drawn_after / drawn_before), math.log(ratio), blocks)
    return Ratio(ratio, (math.exp(low), math.exp(high)))


def _picks(count: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, count, (REPETITIONS, count))


def _ends(drawn: Array, middle: float, blocks: int) -> tuple[float, float]:
    wider = math.sqrt(blocks / (blocks - 1)) * student_widening(blocks - 1.0, 0.10)
    low, high = (float(np.quantile(drawn, q)) for q in (0.05, 0.95))
    return middle - wider * (middle - low), middle + wider * (high - middle)
