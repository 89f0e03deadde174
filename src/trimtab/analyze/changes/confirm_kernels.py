"""What segmenters propose is tested: cuts that chance, its memory or a slow drift explain are taken out again."""

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

CORRELATION_MAX = 0.97
CLIP = 2.5
"""Residuals count for at most so many standard deviations in the long-run variance and against a line."""


@kernel("float64(float64[::1],int64[::1],int64,int64,int64)")
def rank_step(values: NDArray[np.float64], order: NDArray[np.int64], low: int, cut: int, high: int) -> float:
    """Wilcoxon's statistic of two neighbours, in standard deviations; ties count as their middle rank.

    `order` sorts all values. 0 where all of both are equal.
    """
    ranked = 0
    rank_sum = squares = 0.0
    index = 0
    count = order.size
    while index < count:
        at = order[index]
        if at < low or at >= high:
            index += 1
            continue
        value = values[at]
        same = right = 0
        while index < count and (values[order[index]] == value or order[index] < low or order[index] >= high):
            at = order[index]
            index += 1
            if at < low or at >= high:
                continue
            same += 1
            if at >= cut:
                right += 1
        rank = ranked + (same + 1) / 2.0
        ranked += same
        rank_sum += right * rank
        squares += same * rank * rank
    total = high - low
    rights = high - cut
    middle = (total + 1) / 2.0
    spread = (squares - total * middle * middle) / (total - 1)
    variance = rights * (total - rights) / total * spread
    if variance <= 0.0:
        return 0.0
    return (rank_sum - rights * middle) / math.sqrt(variance)


@kernel("float64(float64[::1],int64[::1],int64,int64)")
def long_run_factor(scores: NDArray[np.float64], edges: NDArray[np.int64], count: int, lags: int) -> float:
    """Long-run variance ÷ variance of residuals (1 for independent ones, at least 1), as Newey & West (1987) weigh it.

    `edges[:count]` are the levels' beginnings and the end; pairs across levels do not count. It is at least what the
    correlation of neighbours alone comes to where it dies out slowly (AR(1): Andrews, 1991), which few lags do not see.
    """
    squares = 0.0
    for index in range(scores.size):
        squares += scores[index] * scores[index]
    levels = count - 1
    free = max(scores.size - levels, 1)
    variance = squares / free
    if variance <= 0.0:
        return 1.0
    factor = going_on = 1.0
    for lag in range(1, lags + 1):
        products, pairs = 0.0, 0
        for level in range(levels):
            for index in range(edges[level] + lag, edges[level + 1]):
                products += scores[index] * scores[index - lag]
                pairs += 1
        if pairs:
            correlation = products / pairs / variance + levels / scores.size
            factor += 2.0 * (1.0 - lag / (lags + 1.0)) * correlation
            if lag == 1 and correlation > 0.0:
                first = min(correlation, CORRELATION_MAX)
                going_on = (1.0 + first) / (1.0 - first)
    return max(factor, going_on)


@kernel("boolean(float64[::1],int64,int64,int64)")
def is_drift(values: NDArray[np.float64], low: int, cut: int, high: int) -> bool:
    """Whether one straight line leaves less than two levels do (values are standard deviations, outliers cut off)."""
    count = high - low
    middle = (count - 1) / 2.0
    left = right = total = cross = 0.0
    for index in range(low, high):
        value = values[index]
        total += value
        cross += (index - low - middle) * value
        if index < cut:
            left += value
        else:
            right += value
    mean = total / count
    across = count * (count * count - 1.0) / 12.0
    by_line = cross * cross / across
    by_step = left * left / (cut - low) + right * right / (high - cut) - count * mean * mean
    return by_line > by_step


@kernel("float64(float64,float64,float64)")
def normal_score(step: float, total: float, factor: float) -> float:
    """A rank statistic of `total` points as the standard normal number that is as rare.

    As Student's t of the ranks (Conover & Iman, 1981) with so many degrees of freedom as the points that count, then
    Wallace's (1959) normal number of t.
    """
    counting = total / factor
    free = max(counting - 2.0, 1.0)
    share = min(step * step / factor / max(counting - 1.0, 1.5), 0.999999)
    return math.sqrt(-free * math.log(1.0 - share)) * (8.0 * free + 1.0) / (8.0 * free + 3.0)


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
    `agreed` and `scores` (normal numbers of the rank statistics) are left with what remains; `told` is the factor of
    the long-run variance in the end.
    """
    size = values.size
    residuals = np.empty(size)
    bounded = np.empty(size)
    room = np.empty(size)
    steps = np.empty(count)
    drifts = np.zeros(count, np.bool_)
    edges = np.empty(count + 2, np.int64)
    edges[0] = 0
    edges[1 : count + 1] = cuts[:count]
    edges[count + 1] = size
    for index in range(count + 1):
        _around_median(values, residuals, room, edges[index], edges[index + 1])
    changed_from, changed_to = 0, count
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
        for level in range(count + 1):
            mean = 0.0
            for index in range(edges[level], edges[level + 1]):
                score = residuals[index] / scale if scale > 0.0 else 0.0
                bounded[index] = min(max(score, -CLIP), CLIP)
                mean += bounded[index]
            mean /= edges[level + 1] - edges[level]
            for index in range(edges[level], edges[level + 1]):
                bounded[index] -= mean
        factor = long_run_factor(bounded, edges, count + 2, lags)
        told[0] = factor
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
            scores[index] = normal_score(steps[index], float(high - low), factor)
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
            drifts[index] = drifts[index + 1]
        for index in range(weakest + 1, count + 1):
            edges[index] = edges[index + 1]
        count -= 1
        cuts[:count] = edges[1 : count + 1]
        _around_median(values, residuals, room, edges[weakest], edges[weakest + 1])
        changed_from, changed_to = max(weakest - 1, 0), min(weakest + 1, count)
