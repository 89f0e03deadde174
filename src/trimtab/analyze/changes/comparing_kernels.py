"""What neighbours are compared by: ranks, the likelihood of two levels against one, long-run variance, a line."""

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

TAIL, TAIL_SCALE = 2.0, 0.7
"""Of the Student's t that noise is taken for: degrees of freedom, and its scale in robust standard deviations."""
CAUTION = 1.25
"""The part of the long-run variance that is memory is an estimate from few points: it counts for so many times."""
TAKEN = 2.0
"""Residuals around a level of m points are correlated by 1 ÷ m too little, since the level was estimated from them; and
by about as much again, since cuts are chosen where they leave least. Each correlation is corrected by so many m-ths."""
SHORT_POINTS, SHORT_SHARE, SHORT_WEIGHT = 25.0, 0.125, 2.0
"""Shorter levels than so many points, or than that share of the series where that is less, need more evidence, by so
many times the penalty of scale (`shortness`)."""
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
    """Long-run variance ÷ variance of residuals (1 for independent ones, at least 1), with the flat top that
    Politis & Romano (1995) give its weights: the first half of the lags counts in full.

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
            correlation = products / pairs / variance + TAKEN * levels / scores.size
            weight = min(1.0, 2.0 * (1.0 - lag / (lags + 1.0)))
            factor += 2.0 * weight * correlation
            if lag == 1 and correlation > 0.0:
                first = min(correlation, CORRELATION_MAX)
                going_on = (1.0 + first) / (1.0 - first)
    return 1.0 + (max(factor, going_on) - 1.0) * CAUTION


@kernel("float64(float64[::1],int64,int64,float64,float64[::1])")
def loss_of_level(values: NDArray[np.float64], low: int, high: int, scale: float, room: NDArray[np.float64]) -> float:
    """What the likeliest level of `values[low:high]` leaves: -log density of Student's t (`TAIL` degrees of freedom,
    `scale`), less its least. The level is found from the median on by weights (iteratively, eight times)."""
    count = high - low
    room[:count] = values[low:high]
    part = room[:count]
    part.sort()
    level = part[count // 2] if count % 2 else (part[count // 2] + part[count // 2 - 1]) / 2.0
    for _ in range(8):
        weights = weighed = 0.0
        for index in range(low, high):
            distance = (values[index] - level) / scale
            weight = 1.0 / (TAIL + distance * distance)
            weights += weight
            weighed += weight * values[index]
        level = weighed / weights
    loss = 0.0
    for index in range(low, high):
        distance = (values[index] - level) / scale
        loss += math.log(1.0 + distance * distance / TAIL)
    return 0.5 * (TAIL + 1.0) * loss


@kernel("float64(float64[::1],float64,float64[::1])")
def pull(residuals: NDArray[np.float64], scale: float, out: NDArray[np.float64]) -> float:
    """How each residual pulls at the level (the score of that likelihood). Answers by what a ratio of likelihoods is
    too large where noise is no such Student's t (the ratio of both forms of information: White, 1982)."""
    squares = slopes = 0.0
    for index in range(residuals.size):
        distance = residuals[index] / scale
        below = TAIL + distance * distance
        out[index] = (TAIL + 1.0) * distance / below
        squares += out[index] * out[index]
        slopes += (TAIL + 1.0) * (TAIL - distance * distance) / (below * below)
    size = residuals.size
    return max(squares / size / max(slopes / size, 0.05), 0.3)


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


@kernel("float64(int64,int64)")
def shortness(points: int, size: int) -> float:
    """How much higher a score a level of so few `points` has to have, in a series of `size` points.

    There are more places for a short level than for a long one, and noise with a memory makes short ones, whose cuts
    then hide that memory: the largest of all scores of levels of m points grows with √(2 log(e·size ÷ m)) (Frick, Munk
    & Sieling, 2014). 0 for levels that are not short.
    """
    least = min(SHORT_POINTS, SHORT_SHARE * size)
    if points >= least:
        return 0.0
    mine = math.sqrt(2.0 * (1.0 + math.log(size / points)))
    return SHORT_WEIGHT * (mine - math.sqrt(2.0 * (1.0 + math.log(size / least))))


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
