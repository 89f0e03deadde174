"""How far a value is above and below what is usual here: the mean of the last 48 or so values that were learned, and
the means of its hour and of those beside it. A step up is above all of them.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.hour_kernels import hour_mean, hours_beside
from trimtab.analyze.detect.layout_kernels import (
    F_LEVEL,
    RESTS,
    STAYS,
    STAYS_HIGH,
    STAYS_LOW,
    floor_of,
    keep_count,
    kept_of,
)
from trimtab.store.compiled import kernel

RESTS_MAX, REST_SAMPLES = 3, 16
"""After a gap so many times so many samples have to come."""


@kernel("UniTuple(float64,2)(float32[::1],float64,int64,float64)")
def local_distances(floats: NDArray[np.float32], value: float, hour: int, of_hour: float) -> tuple[float, float]:
    """How far above what is usual a value is, and how far below, each at least 0; before it is learned.

    `of_hour` is NaN where no one knows it.
    """
    top = bottom = float(floats[F_LEVEL])
    if np.isnan(of_hour):
        return max(value - top, 0.0), max(bottom - value, 0.0)
    top, bottom = max(top, of_hour), min(bottom, of_hour)
    # what is not beyond the floors is neither told nor learned; what runs for a part of an hour ends in it
    if value - top > floor_of(floats, STAYS_HIGH) or bottom - value > floor_of(floats, STAYS_LOW):
        for beside in hours_beside(hour):
            mean = hour_mean(floats, beside)
            if not np.isnan(mean):
                top, bottom = max(top, mean), min(bottom, mean)
    return max(value - top, 0.0), max(bottom - value, 0.0)


@kernel("boolean(int32[::1],boolean,int64)")
def is_settled(ints: NDArray[np.int32], is_gap: bool, sample: int) -> bool:
    """Whether the mean of the last values is not from before a gap: 32 samples after one, or a few more."""
    rests = kept_of(ints, RESTS)
    if is_gap:
        keep_count(ints, RESTS, RESTS_MAX)
        return False
    if rests > 0 and sample % REST_SAMPLES == 0:
        keep_count(ints, RESTS, rests - 1)
    return rests == 0


@kernel("float32(float32[::1],int64,float32)")
def least_of(floats: NDArray[np.float32], before: int, newest: float) -> float:
    """The least of the last `STAYS` distances; those before the newest stand at `before`, and move on."""
    least = newest
    for at in range(before + STAYS - 2, before - 1, -1):
        least = min(least, float(floats[at]))
        floats[at] = floats[at - 1] if at > before else newest
    return least
