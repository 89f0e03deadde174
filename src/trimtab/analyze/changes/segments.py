"""Two segmenters that know nothing of each other, and the test of what they propose."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

LANDMARKS = 8
KERNEL_WIDTH = 0.7
"""Of the Gaussian kernel, in standard deviations of the noise: narrow, since real noise is more peaked than normal."""
KERNEL_PENALTY, LEVEL_PENALTY = 0.5, 1.0
"""What a cut costs a segmenter, in log(points). Low: the test takes out what is too weak."""
TAIL = 3.0
"""Degrees of freedom of the Student's t that the robust segmenter takes noise for."""
LEVELS_MAX = 128
LOSS_SIGMAS_MAX = 64
APART_MAX = 6
"""Cuts of both segmenters that are so few points apart are the same."""
ALONE = 5.0
"""A cut that one segmenter alone sees has to be so many times rarer."""
WINDOW, OVERLAP = 2000, 250
"""Longer series are segmented in windows, so that time grows with the points alone."""


@dataclass(frozen=True)
class Segments:
    """Cuts (first points of new levels), how rare each is, and what the noise is like.

    `p_values` are those of the whole series: how often one without changes has a cut like that. `factor` is the
    long-run variance ÷ the variance: so many points tell as much as one that is independent.
    """

    cuts: I64
    p_values: F64
    factor: float


def segments(values: F64, min_segment: int, p_value_max: float) -> Segments:
    """Levels of finite `values` in their order.

    >>> rng = np.random.default_rng(1)
    >>> found = segments(np.concatenate([rng.normal(10, 1, 60), rng.normal(15, 1, 40)]), 5, 0.02)
    >>> found.cuts.tolist(), bool(found.p_values[0] < 1e-6)
    ([60], True)
    """
    from trimtab.analyze.changes.confirm_kernels import confirm
    from trimtab.analyze.changes.place_kernels import place
    from trimtab.analyze.changes.scale_kernels import standardise

    nothing = Segments(np.empty(0, np.int64), np.empty(0), 1.0)
    if values.size < 2 * min_segment:
        return nothing
    standard = np.empty(values.size)
    if standardise(np.ascontiguousarray(values), standard) == 0.0:
        return nothing
    by_kernel, by_level = [], []
    for low, high, begin, end in _windows(values.size):
        part = standard[low:high]
        by_kernel.append(_inside(_kernel_cuts(part, min_segment) + low, begin, end))
        by_level.append(_inside(_level_cuts(part, min_segment) + low, begin, end))
    cuts, others = np.concatenate(by_kernel), np.concatenate(by_level)
    if not cuts.size:
        return nothing
    scores, told = np.empty(cuts.size), np.ones(1)
    count = confirm(
        standard,
        np.argsort(standard, kind="stable"),
        cuts,
        cuts.size,
        _near(cuts, others),
        score_needed(p_value_max, values.size, min_segment),
        score_needed(p_value_max / ALONE, values.size, min_segment),
        lags_of(values.size),
        scores,
        told,
    )
    p_values = np.array([p_value_of(score, values.size, min_segment) for score in scores[:count]])
    cuts = cuts[:count].copy()
    place(standard, cuts, float(told[0]), min_segment)
    return Segments(cuts, p_values, float(told[0]))


def _windows(size: int) -> list[tuple[int, int, int, int]]:
    """Beginning and end of each window, and of the part of it that is its own."""
    if size <= WINDOW + OVERLAP:
        return [(0, size, 0, size)]
    own = WINDOW - 2 * OVERLAP
    begins = range(0, size, own)
    return [(max(at - OVERLAP, 0), min(at + own + OVERLAP, size), at, min(at + own, size)) for at in begins]


def _inside(cuts: I64, begin: int, end: int) -> I64:
    return cuts[(cuts >= begin) & (cuts < end)]


def _near(cuts: I64, others: I64) -> NDArray[np.bool_]:
    if not others.size:
        return np.zeros(cuts.size, np.bool_)
    after = np.searchsorted(others, cuts)
    right = np.abs(others[np.minimum(after, others.size - 1)] - cuts)
    left = np.abs(others[np.maximum(after - 1, 0)] - cuts)
    near: NDArray[np.bool_] = np.minimum(left, right) <= APART_MAX
    return near


def _kernel_cuts(standard: F64, min_segment: int) -> I64:
    from trimtab.analyze.changes.partition_kernels import partition
    from trimtab.analyze.changes.scale_kernels import feature_sums

    size = standard.size
    sums = np.zeros((size + 1, LANDMARKS))
    feature_sums(standard, np.sort(standard), KERNEL_WIDTH, sums)
    cuts = np.empty(size, np.int64)
    return cuts[: partition(sums, KERNEL_PENALTY * math.log(size), min_segment, cuts)]


def _level_cuts(standard: F64, min_segment: int) -> I64:
    from trimtab.analyze.changes.level_kernels import level_path
    from trimtab.analyze.changes.scale_kernels import grid_of_levels

    size = standard.size
    levels, cuts = np.empty(max(LEVELS_MAX, size)), np.empty(size, np.int64)
    count = grid_of_levels(standard, 5, levels[:LEVELS_MAX])
    penalty = LEVEL_PENALTY * math.log(size)
    return cuts[: level_path(standard, levels[:count], _losses(), penalty, min_segment, cuts)]


@functools.cache
def _losses() -> F64:
    """Of distances in sixteenths of a standard deviation: -log density of Student's t, less its least."""
    distances = np.arange(16 * LOSS_SIGMAS_MAX) / 16
    losses: F64 = 0.5 * (TAIL + 1) * np.log1p(distances * distances / TAIL)
    return losses


def lags_of(size: int) -> int:
    """So many neighbours count in the long-run variance (Newey & West's rule; five at least)."""
    return max(5, int(4 * (size / 100) ** (2 / 9)))


def p_value_of(score: float, size: int, min_segment: int) -> float:
    """How often the largest of all standardised steps in `size` points without a change is above `score`.

    The tail of the largest value of a Brownian bridge that is divided by its standard deviation, over all places that
    leave `min_segment` points on both sides (Miller & Siegmund, 1982).

    >>> round(p_value_of(3.5, 200, 5), 4), round(p_value_of(5.0, 200, 5), 6), p_value_of(1.0, 200, 5)
    (0.0216, 5.3e-05, 1.0)
    """
    if score < 1.5:
        return 1.0
    share = min(min_segment / size, 0.49)
    density = math.exp(-score * score / 2) / math.sqrt(2 * math.pi)
    tail = density * ((score - 1 / score) * 2 * math.log((1 - share) / share) + 4 / score)
    return max(min(tail, 1.0), 1e-300)


@functools.lru_cache(4096)
def score_needed(p_value: float, size: int, min_segment: int) -> float:
    """The score whose p-value is `p_value`."""
    if p_value_of(1.5, size, min_segment) <= p_value:
        return 1.5
    low, high = 1.5, 12.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (middle, high) if p_value_of(middle, size, min_segment) > p_value else (low, middle)
    return high
