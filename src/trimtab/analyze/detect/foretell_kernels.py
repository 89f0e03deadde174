"""What is expected of the next value, and the band in which 99 of 100 values lie.

Two ways foretell: the mean of the last few values, and the mean of the hour with what the last values differed from it.
The one whose errors were smaller is taken. The band's edges are quantiles of its errors, followed as Robbins and Monro
did (1951): a step up where the error was beyond, a small step down where it was not.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.layout_kernels import (
    N_BAND_HIGH,
    N_BAND_LOW,
    N_ERROR_HOUR,
    N_ERROR_NEAR,
    N_NEAR,
    N_OFFSET,
    N_ORIGIN,
    is_by_hour,
)
from trimtab.store.compiled import kernel

F64 = NDArray[np.float64]

BLOCK = 2.0 / 49.0
"""Weight of the newest sample in the means of the last 48 or so."""
NEAR = 2.0 / 7.0
ERROR = 0.01
BAND = 0.05
"""Steps of the band's edges, in mean errors."""
WIDE, WIDE_FROM = 0.1, 10.0
"""Of what an edge is further than so many mean errors the step is so much longer: a first value that was none (a gauge
that began with 0) is out of the band within two days, not within months."""
OUTSIDE = 0.005
"""Share of values beyond each edge."""


@kernel("UniTuple(float64,3)(float64[::1],float64)")
def foretold(numbers: F64, of_hour: float) -> tuple[float, float, float]:
    """What is expected, and the band's edges, in the unit of the values; `of_hour` is NaN where no one knows it."""
    expected = numbers[N_ORIGIN] + (of_hour + numbers[N_OFFSET] if is_by_hour(numbers) else numbers[N_NEAR])
    low, high = expected + numbers[N_BAND_LOW], expected + numbers[N_BAND_HIGH]
    return min(max(expected, low), high), low, high  # a series that rises is always a little above what it was


@kernel("void(float64[::1],float64,int64,float64)")
def learn_errors(numbers: F64, value: float, count: int, of_hour: float) -> None:
    """Learn how well both ways foretell, and the band of the better one; before `follow`."""
    by_near = value - numbers[N_NEAR]
    by_hour = value - of_hour - numbers[N_OFFSET]
    weight = max(ERROR, 1.0 / count)
    scale = numbers[N_ERROR_NEAR]
    error = by_near
    if np.isnan(of_hour):
        numbers[N_ERROR_HOUR] = np.inf
    else:
        if is_by_hour(numbers):
            scale = numbers[N_ERROR_HOUR]
            error = by_hour
        if numbers[N_ERROR_HOUR] == np.inf:
            numbers[N_ERROR_HOUR] = 2.0 * numbers[N_ERROR_NEAR]
        numbers[N_ERROR_HOUR] += ERROR * (abs(by_hour) - numbers[N_ERROR_HOUR])
    numbers[N_ERROR_NEAR] += weight * (abs(by_near) - numbers[N_ERROR_NEAR])
    step = max(BAND, 8.0 / count) * scale
    high = step + WIDE * max(numbers[N_BAND_HIGH] - WIDE_FROM * scale, 0.0)
    low = step + WIDE * max(-numbers[N_BAND_LOW] - WIDE_FROM * scale, 0.0)
    numbers[N_BAND_HIGH] += high * ((1.0 - OUTSIDE) if error > numbers[N_BAND_HIGH] else -OUTSIDE)
    numbers[N_BAND_LOW] -= low * ((1.0 - OUTSIDE) if error < numbers[N_BAND_LOW] else -OUTSIDE)


@kernel("void(float64[::1],float64,int64,float64)")
def follow(numbers: F64, value: float, count: int, of_hour: float) -> None:
    """Move both means towards the newest value."""
    if not np.isnan(of_hour):
        numbers[N_OFFSET] += BLOCK * (value - of_hour - numbers[N_OFFSET])
    numbers[N_NEAR] += max(NEAR, 1.0 / count) * (value - numbers[N_NEAR])
