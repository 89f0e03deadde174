"""A series in standard deviations of its noise, the levels it may have, and its points in a kernel's feature space."""

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

NORMAL_OF_MEDIAN = 1.4826
"""Standard deviation of normal numbers ÷ the median of their distances from 0."""
APART_POINTS = 7
"""Besides neighbours, points so far apart are compared: noise with a memory differs little from one to the next."""
LEVELS_A_UNIT = 4
"""The grid of levels: so many a standard deviation."""


@kernel("float64(float64[::1])")
def _median(values: NDArray[np.float64]) -> float:
    ordered = np.sort(values)
    middle = ordered.size // 2
    return float(ordered[middle] if ordered.size % 2 else (ordered[middle] + ordered[middle - 1]) / 2.0)


@kernel("float64(float64[::1],int64)")
def _noise(values: NDArray[np.float64], apart: int) -> float:
    if values.size <= apart:
        return 0.0
    return float(NORMAL_OF_MEDIAN / math.sqrt(2.0) * _median(np.abs(values[apart:] - values[:-apart])))


@kernel("float64(float64[::1],float64[::1])")
def standardise(values: NDArray[np.float64], out: NDArray[np.float64]) -> float:
    """Values less their median, in standard deviations of the noise, which is answered; 0 where nothing ever moves.

    The noise is told by differences, which steps and drifts hardly change (Hall, Kay & Titterington, 1990). Where more
    than half of them are 0 (counts, rounded numbers) their mean is taken.
    """
    noise = max(_noise(values, 1), _noise(values, APART_POINTS))
    if noise <= 0.0 and values.size > 1:
        noise = float(np.abs(values[1:] - values[:-1]).mean()) * math.sqrt(math.pi) / 2.0
    if not noise > 0.0:
        out[:] = 0.0
        return 0.0
    middle = _median(values)
    for index in range(values.size):
        out[index] = (values[index] - middle) / noise
    return noise


@kernel("int64(float64[::1],int64,float64[::1])")
def grid_of_levels(values: NDArray[np.float64], width: int, levels: NDArray[np.float64]) -> int:
    """Levels that the series has anywhere: medians of `width` points (odd), ascending, each once; how many they are.

    They are multiples of a quarter of a standard deviation. Where there are more than `levels` has room for, evenly
    spread ranks of them.
    """
    count = values.size - width + 1
    if count < 1:
        levels[0] = round(_median(values) * LEVELS_A_UNIT) / LEVELS_A_UNIT
        return 1
    medians = np.empty(count)
    window = np.empty(width)
    for at in range(count):
        for index in range(width):
            value = values[at + index]
            place = index
            while place > 0 and window[place - 1] > value:
                window[place] = window[place - 1]
                place -= 1
            window[place] = value
        medians[at] = np.round(window[width // 2] * LEVELS_A_UNIT) / LEVELS_A_UNIT
    medians.sort()
    kept = 1
    for at in range(1, count):
        if medians[at] != medians[kept - 1]:
            medians[kept] = medians[at]
            kept += 1
    room = levels.size
    if kept <= room:
        levels[:kept] = medians[:kept]
        return kept
    for index in range(room):
        levels[index] = medians[index * (kept - 1) // (room - 1)]
    return room


@kernel("void(float64[::1],float64[::1],float64,float64[:,::1])")
def feature_sums(
    values: NDArray[np.float64], ordered: NDArray[np.float64], width: float, sums: NDArray[np.float64]
) -> None:
    """Running sums of the points' features under exp(-d² ÷ 2·width²), by landmarks at quantiles (Nyström).

    `sums` has the shape (points + 1, landmarks); `ordered` are the values in order.
    """
    size = values.size
    count = sums.shape[1]
    marks = np.empty(count)
    for mark in range(count):
        marks[mark] = ordered[min(int((mark + 0.5) / count * size), size - 1)]
    root = np.zeros((count, count))
    for row in range(count):
        for column in range(row + 1):
            distance = (marks[row] - marks[column]) / width
            total = math.exp(-0.5 * distance * distance)
            if row == column:
                total += 1e-4  # landmarks that are the same, or nearly
            for index in range(column):
                total -= root[row, index] * root[column, index]
            root[row, column] = math.sqrt(max(total, 1e-9)) if row == column else total / root[column, column]
    for at in range(size):
        for row in range(count):
            distance = (values[at] - marks[row]) / width
            total = math.exp(-0.5 * distance * distance) if abs(distance) < 9.0 else 0.0
            for index in range(row):
                total -= root[row, index] * (sums[at + 1, index] - sums[at, index])
            sums[at + 1, row] = sums[at, row] + total / root[row, row]
