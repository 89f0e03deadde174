"""What is asked of every series before and after its forecast: gaps filled, its clearest season, what came of a
forecast."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64

F32 = NDArray[np.float32]

HIGHER_BY = 0.05
"""A multiple of a season that is less than this higher is not the season itself."""
PARTS_MAX = 12


@kernel("void(float64[:, ::1], int64[::1], int64[::1], float64[:, ::1])")
def straighten(values: F64, begins: I64, wanted: I64, out: F64) -> None:
    """Rows `wanted` of `values` with gaps filled by the last value before, without their mean and slope; 0 before they
    begin; at most 1 in size."""
    points = values.shape[1]
    for place in range(len(wanted)):
        row, into = values[wanted[place]], out[place]
        begin = begins[wanted[place]]
        count = points - begin
        last = row[begin]
        total = rising = 0.0
        into[:begin] = 0.0
        for at in range(begin, points):
            if not math.isnan(row[at]):
                last = row[at]
            into[at] = last
            total += last
            rising += last * (at - begin)
        middle = (count - 1) / 2.0
        around = count * (count * count - 1.0) / 12.0
        mean = total / count
        slope = (rising - middle * total) / around if around > 0 else 0.0
        largest = 0.0
        for at in range(begin, points):
            into[at] -= mean + slope * (at - begin - middle)
            largest = max(largest, abs(into[at]))
        for at in range(begin, points):
            into[at] = into[at] / largest if largest > 0 else 0.0


@kernel("void(float32[:, ::1], int64[::1], int64[:, ::1], int64, int64[::1], float64[::1], float64[::1])")
def clearest(together: F32, counts: I64, seasons: I64, cycles_min: int, lags: I64, heights: F64, known: F64) -> None:
    """Of autocovariances [series, lag]: the lag of the highest hill behind the first valley, how high it is (0 to 1),
    and how high the higher of two `seasons` is. `counts` is how many values a series has; each season needs
    `cycles_min`."""
    for row in range(len(together)):
        all_of_it = together[row]
        count = counts[row]
        most = min(together.shape[1] - 1, count // cycles_min)
        lags[row] = 1
        heights[row] = known[row] = 0.0
        if all_of_it[0] <= 0:
            continue
        valley = before = 1.0
        height = all_of_it[1] / all_of_it[0] * (count / max(count - 1.0, 1.0)) if most > 0 else 0.0
        for lag in range(1, most):
            after = all_of_it[lag + 1] / all_of_it[0] * (count / (count - lag - 1.0))
            valley = min(valley, height)
            if height >= before and height > after and height > heights[row] and valley < 0.5 * height:
                heights[row] = height
                lags[row] = lag
            for one in range(2):
                if seasons[row, one] == lag and lag > 1:
                    known[row] = max(known[row], height)
            before = height
            height = after
        for one in range(2):
            if seasons[row, one] == most and most > 1:
                known[row] = max(known[row], height)
        whole = lags[row]
        for parts in range(PARTS_MAX, 1, -1):
            lag = (whole + parts // 2) // parts
            if lag < 2 or abs(lag * parts - whole) * 50 > whole:
                continue
            height = all_of_it[lag] / all_of_it[0] * (count / (count - lag))
            if height >= heights[row] - HIGHER_BY and all_of_it[lag] > all_of_it[(lag + 1) // 2]:
                lags[row] = lag
                break


@kernel("void(float64[:, ::1], int64[::1], float64[:, :, ::1])")
def known_later(values: F64, origins: I64, out: F64) -> None:
    """What came behind each origin, [series, origin, step]; NaN where it is not known (yet)."""
    points, horizon = values.shape[1], out.shape[2]
    for row in range(len(values)):
        for origin in range(len(origins)):
            for step in range(horizon):
                at = origins[origin] + step
                out[row, origin, step] = values[row, at] if at < points else np.nan


@kernel("void(float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1], int64, float64[::1], int64[::1])")
def mean_error(points: F64, others: F64, actual: F64, first: int, errors: F64, counts: I64) -> None:
    """Mean absolute error of `points` [series, origin, step] from the origin `first` on, where `others` are known, too,
    and of how many values it is; NaN of none."""
    for row in range(len(points)):
        total, count = 0.0, 0
        for origin in range(first, points.shape[1]):
            for step in range(points.shape[2]):
                error = abs(points[row, origin, step] - actual[row, origin, step])
                if not math.isnan(error) and not math.isnan(others[row, origin, step]):
                    total += error
                    count += 1
        errors[row] = total / count if count > 0 else np.nan
        counts[row] = count
