"""What is usual at an hour: means of the hours of weekdays and of weekends (UTC), learned as they pass."""

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.layout_kernels import HOURS, N_HOUR, N_HOUR_COUNT, N_HOUR_SUM, hour_place
from trimtab.store.compiled import kernel

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WEIGHT = 0.25
"""How much the newest hour counts in the mean of its kind: what was a week ago still counts a third on weekdays."""


@kernel("int64(int64)")
def hour_of(at_ms: int) -> int:
    """Its number: 0 to 23 on weekdays, 24 to 47 on Saturdays and Sundays. The epoch began on a Thursday."""
    is_weekend = (at_ms // DAY_MS + 3) % 7 >= 5
    return (at_ms % DAY_MS) // HOUR_MS + (24 if is_weekend else 0)


@kernel("void(float64[::1],float32[::1],int64)")
def hour_begins(numbers: NDArray[np.float64], floats: NDArray[np.float32], hour: int) -> None:
    """Put the mean of the hour before to those of its kind."""
    if numbers[N_HOUR_COUNT] > 0.0:
        at = hour_place(int(numbers[N_HOUR]))
        mean = numbers[N_HOUR_SUM] / numbers[N_HOUR_COUNT]
        if np.isnan(floats[at]):
            floats[at] = mean
        else:
            floats[at] += np.float32(WEIGHT * (mean - floats[at]))
    numbers[N_HOUR] = hour
    numbers[N_HOUR_SUM] = numbers[N_HOUR_COUNT] = 0.0


@kernel("float64(float32[::1],int64)")
def hour_mean(floats: NDArray[np.float32], hour: int) -> float:
    """Mean of an hour; that of the other kind of day where this one was not seen, NaN where neither was."""
    mean = floats[hour_place(hour)]
    if np.isnan(mean):
        mean = floats[hour_place((hour + 24) % HOURS)]
    return float(mean)
