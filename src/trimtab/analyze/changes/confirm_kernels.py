"""What segmenters propose is tested: cuts that chance, its memory or a slow drift explain are taken out again."""

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.changes.comparing_kernels import (
    CLIP,
    TAIL_SCALE,
    is_drift,
    long_run_factor,
    loss_of_level,
    normal_score,
    pull,
    rank_step,
    shortness,
)
from trimtab.store.compiled import kernel

SLACK = 1.0
"""Where two levels are much likelier than one, ranks may be so much weaker: they do not see how peaked noise is."""


@kernel("void(float64[::1],float64[::1],float64[::1],int64,int64)")
def _around_median(
    values: NDArray[np.float64], residuals: NDArray[np.float64], room: NDArray[np.float64], low: int, high: int
) -> None:
    room[low:high] = values[low:high]
    part = room[low:high]
    part.sort()
    count = high - low
    median = part[count // 2] if count % 2 else (part[count // 2] + part[count // 2 - 1]) / 2.0
    for index in range(low, high):
        residuals[index] = values[index] - median


@kernel("void(float64[::1],int64[::1],int64)")
def _without_means(values: NDArray[np.float64], edges: NDArray[np.int64], count: int) -> None:
    """Of each of `count + 1` levels."""
    for level in range(count + 1):
        mean = 0.0
        for index in range(edges[level], edges[level + 1]):
            mean += values[index]
        mean /= edges[level + 1] - edges[level]
        for index in range(edges[level], edges[level + 1]):
            values[index] -= mean


@kernel("int64(float64[::1],int64[::1],int64[::1],int64,boolean[::1],float64,float64,int64,float64[::1],float64[::1])")
def confirm(
    values: NDArray[np.float64],
    order: NDArray[np.int64],
    cuts: NDArray[np.int64],
    count: int,
    agreed: NDArray[np.bool_],
    needed_agreed: float,
    needed_alone: float,
    lags: int,
    scores: NDArray[np.float64],
    told: NDArray[np.float64],
) -> int:
    """Take out the weakest cut until all that are left are strong enough; how many are left.

    `values` are in standard deviations, `agreed` says which of the `cuts[:count]` both segmenters propose. `cuts`,
    `agreed` and `scores` (normal numbers as rare as the steps) are left with what remains; `told` is the factor of the
    long-run variance in the end.
    """
    size = values.size
    residuals = np.empty(size)
    bounded = np.empty(size)
    room = np.empty(size)
    pulls = np.empty(size)
    steps = np.empty(count)
    gains = np.empty(count)
    drifts = np.zeros(count, np.bool_)
    edges = np.empty(count + 2, np.int64)
    edges[0] = 0
    edges[1 : count + 1] = cuts[:count]
    edges[count + 1] = size
    for index in range(count + 1):
        _around_median(values, residuals, room, edges[index], edges[index + 1])
    changed_from, changed_to = 0, count
    scale_before = -1.0
    while True:
        for index in range(size):
            room[index] = abs(residuals[index])
        room.sort()
        scale = 1.4826 * room[size // 2]
        if scale <= 0.0:
            total = 0.0
            for index in range(size):
                total += room[index]
            scale = 1.2533 * total / size
        for index in range(size):
            score = residuals[index] / scale if scale > 0.0 else 0.0
            bounded[index] = min(max(score, -CLIP), CLIP)
        _without_means(bounded, edges, count)
        factor = long_run_factor(bounded, edges, count + 2, lags)
        told[0] = factor
        tail_scale = max(scale * TAIL_SCALE, 1e-9)
        surplus = pull(residuals, tail_scale, pulls)
        _without_means(pulls, edges, count)
        surplus *= max(factor, long_run_factor(pulls, edges, count + 2, lags))
        if tail_scale != scale_before:
            losses_from, losses_to = 0, count
            scale_before = tail_scale
        else:
            losses_from, losses_to = changed_from, changed_to
        for index in range(losses_from, losses_to):
            low, cut, high = edges[index], edges[index + 1], edges[index + 2]
            one = loss_of_level(values, low, high, tail_scale, room)
            two = loss_of_level(values, low, cut, tail_scale, room) + loss_of_level(values, cut, high, tail_scale, room)
            gains[index] = max(one - two, 0.0)
        for index in range(changed_from, changed_to):
            steps[index] = rank_step(values, order, edges[index], edges[index + 1], edges[index + 2])
        weakest, weakest_margin = -1, np.inf
        for index in range(count):
            low, cut, high = edges[index], edges[index + 1], edges[index + 2]
            if changed_from <= index < changed_to:
                if scale > 0.0:
                    limit = CLIP * scale
                    for row in range(low, high):
                        level = values[row] - residuals[row]
                        room[row] = (level + min(max(residuals[row], -limit), limit)) / scale
                    drifts[index] = is_drift(room, low, cut, high)
                else:
                    drifts[index] = False
            by_rank = normal_score(steps[index], float(high - low), factor)
            by_level = math.sqrt(2.0 * gains[index] / surplus)
            scores[index] = max(by_rank, min(by_level, by_rank + SLACK)) - shortness(min(cut - low, high - cut), size)
            margin = scores[index] - (needed_agreed if agreed[index] else needed_alone)
            if drifts[index]:
                margin = min(margin, scores[index] - 1e6)
            if margin < weakest_margin:
                weakest, weakest_margin = index, margin
        if weakest < 0 or weakest_margin >= 0.0:
            return count
        for index in range(weakest, count - 1):
            agreed[index] = agreed[index + 1]
            steps[index] = steps[index + 1]
            gains[index] = gains[index + 1]
            drifts[index] = drifts[index + 1]
        for index in range(weakest + 1, count + 1):
            edges[index] = edges[index + 1]
        count -= 1
        cuts[:count] = edges[1 : count + 1]
        _around_median(values, residuals, room, edges[weakest], edges[weakest + 1])
        changed_from, changed_to = max(weakest - 1, 0), min(weakest + 1, count)
