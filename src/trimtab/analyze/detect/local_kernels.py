"""How far a value is above and below what is usual here: the mean of the last 48 or so values that were learned, and
the mean of its hour. A step up is above both of them.

The noise of what is never negative mostly grows with its level (counts: with its root). Distances are then those of
the power 0.75: what is odd at night, when little happens, is not measured by the noise of the evening. The root itself
would make seldom, large values look usual (log-normal noise: a step of 7 standard deviations is found in 28 % instead
of 45). A total that only ever grew has no such noise.
"""

import math

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.layout_kernels import (
    F_ABOVE,
    F_BELOW,
    F_FLOOR,
    F_LEVEL,
    N_FALLS,
    N_ORIGIN,
    SCALE,
    STAYS,
    STAYS_HIGH,
    STAYS_LOW,
    keep_count,
    kept_of,
)
from trimtab.store.compiled import kernel

PLAIN, POWER, HAS_BEEN_NEGATIVE = 0, 1, 2
"""What `SCALE` says: distances of the values, of their powers, and of the values for good."""
SCALES = 4
RESTS, REST_SAMPLES = 3, 16
"""After a gap the sixteens of samples are counted in the same place."""


@kernel("float64(float64,int64)")
def on_scale(value: float, scale: int) -> float:
    """A value, or its power 0.75 (of less than 0: 0).

    >>> on_scale(16.0, POWER), on_scale(16.0, PLAIN)
    (8.0, 16.0)
    """
    if scale != POWER:
        return value
    root = math.sqrt(max(value, 0.0))
    return root * math.sqrt(root)


@kernel("Tuple((float64,float64,int64))(float64[::1],float32[::1],int32[::1],float64,float64)")
def local_distances(
    numbers: NDArray[np.float64],
    floats: NDArray[np.float32],
    ints: NDArray[np.int32],
    value: float,
    of_hour: float,
) -> tuple[float, float, int]:
    """How far above what is usual a value is, how far below, each at least 0, and on which scale; before it is learned.

    `of_hour` is NaN where no one knows it. What was noted on another scale is forgotten when the scale changes.
    """
    top = bottom = float(floats[F_LEVEL])
    if not np.isnan(of_hour):
        top, bottom = max(top, of_hour), min(bottom, of_hour)
    origin = numbers[N_ORIGIN]
    noted = kept_of(ints, SCALE)
    scale = noted % SCALES
    if scale != HAS_BEEN_NEGATIVE:
        wanted = HAS_BEEN_NEGATIVE if origin + value < 0.0 else POWER if numbers[N_FALLS] > 0.0 else PLAIN
        if wanted != scale:
            keep_count(ints, SCALE, noted - scale + wanted)
            if POWER in (scale, wanted):
                for tail in (STAYS_HIGH, STAYS_LOW):
                    keep_count(ints, tail, 0)
                    floats[F_FLOOR + tail] = -np.inf
                for at in range(F_ABOVE, F_BELOW + STAYS - 1):
                    floats[at] = 0.0
            scale = wanted
    above = on_scale(origin + value, scale) - on_scale(origin + top, scale) if value > top else 0.0
    below = on_scale(origin + bottom, scale) - on_scale(origin + value, scale) if value < bottom else 0.0
    return above, below, scale


@kernel("boolean(int32[::1],boolean,int64)")
def is_settled(ints: NDArray[np.int32], is_gap: bool, sample: int) -> bool:
    """Whether the mean of the last values is not from before a gap: 32 samples after one, or a few more."""
    noted = kept_of(ints, SCALE)
    if is_gap:
        keep_count(ints, SCALE, noted % SCALES + SCALES * RESTS)
        return False
    if noted >= SCALES and sample % REST_SAMPLES == 0:
        keep_count(ints, SCALE, noted - SCALES)
    return noted < SCALES


@kernel("float32(float32[::1],int64,float32)")
def least_of(floats: NDArray[np.float32], before: int, newest: float) -> float:
    """The least of the last `STAYS` distances; those before the newest stand at `before`, and move on."""
    least = newest
    for at in range(before + STAYS - 2, before - 1, -1):
        least = min(least, float(floats[at]))
        floats[at] = floats[at - 1] if at > before else newest
    return least
