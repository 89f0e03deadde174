"""Where a change of level is, once it is sure that there is one: the place that is likeliest right to within a few
points."""

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

TAIL = 3.0
"""Degrees of freedom of the Student's t that noise is taken for, with its robust standard deviation as scale."""
NEAR_POINTS = 5
"""A place that is so many points off is still right."""
AS_LIKELY = 0.999
"""Places that are so nearly as likely to be right are equal: the likeliest of them by itself is taken."""


@kernel("float64(float64[::1],int64,int64,float64[::1])")
def _median(values: NDArray[np.float64], low: int, high: int, room: NDArray[np.float64]) -> float:
    count = high - low
    room[:count] = values[low:high]
    part = room[:count]
    part.sort()
    return float(part[count // 2] if count % 2 else (part[count // 2] + part[count // 2 - 1]) / 2.0)


@kernel("void(float64[::1],int64[::1],float64,int64)")
def place(values: NDArray[np.float64], cuts: NDArray[np.int64], factor: float, min_segment: int) -> None:
    """Move each of `cuts` (ascending) to where it is most probably within NEAR_POINTS, from left to right.

    Given both levels (medians), each place between the neighbouring cuts has a likelihood under Student's t; with equal
    odds beforehand that is a distribution of places (Smith, 1975), and what is taken is the middle of the window with
    the most of it. A memory makes it flatter: log likelihoods are divided by `factor`, the long-run variance ÷ the
    variance. `min_segment` points stay on both sides.
    """
    size, count = values.size, cuts.size
    room = np.empty(size)
    levels = np.empty(count + 1)
    distances = np.empty(size)
    for level in range(count + 1):
        low = cuts[level - 1] if level else 0
        high = cuts[level] if level < count else size
        levels[level] = _median(values, low, high, room)
        for index in range(low, high):
            distances[index] = abs(values[index] - levels[level])
    scale = 1.4826 * _median(distances, 0, size, room)
    if scale <= 0.0:
        return
    for cut in range(count):
        low = cuts[cut - 1] if cut else 0
        high = cuts[cut + 1] if cut + 1 < count else size
        first, last = low + min_segment, high - min_segment
        likelihood, largest = 0.0, -np.inf
        for index in range(low, last + 1):
            if index >= first:
                room[index] = likelihood
                largest = max(largest, likelihood)
            before = (values[index] - levels[cut]) / scale
            after = (values[index] - levels[cut + 1]) / scale
            gain = math.log(1.0 + after * after / TAIL) - math.log(1.0 + before * before / TAIL)
            likelihood += 0.5 * (TAIL + 1.0) * gain / factor
        for index in range(first, last + 1):
            room[index] = math.exp(room[index] - largest)
        widest = 0.0
        for index in range(first, last + 1):
            near = 0.0
            for other in range(max(index - NEAR_POINTS, first), min(index + NEAR_POINTS, last) + 1):
                near += room[other]
            distances[index] = near
            widest = max(widest, near)
        best = -1
        for index in range(first, last + 1):
            if distances[index] >= AS_LIKELY * widest and (best < 0 or room[index] > room[best]):
                best = index
        cuts[cut] = best
