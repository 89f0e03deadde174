"""What is usual at an hour: means of the hours of weekdays and of weekends (UTC), learned as they pass."""

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.detect.layout_kernels import F_HOUR, F_HOUR_NOW, HOURS, N_HOUR_COUNT, N_HOUR_SUM, hour_place
from trimtab.store.compiled import kernel

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAY_HOURS = 24
WEIGHT = 0.25
"""How much the newest hour counts in the mean of its kind: what was a week ago still counts a third on weekdays."""


AS_FAR = 2.5
HOURS_KNOWN_MIN = 20
"""A level is as at its hour where it is at most so much further from the mean of all hours (of so many at least): what
runs for 24 minutes of an hour is 2.5 times the hour's mean."""


@kernel("int64(int64,int64)")
def hour_of(at_ms: int, hour_ms: int) -> int:
    """Its number: 0 to 23 on weekdays, 24 to 47 on Saturdays and Sundays. The epoch began on a Thursday.

    A 24th of another cycle than a day is `hour_ms` long, and has no weekends.
    """
    is_weekend = hour_ms == HOUR_MS and (at_ms // DAY_MS + 3) % 7 >= 5
    return (at_ms // hour_ms) % DAY_HOURS + (DAY_HOURS if is_weekend else 0)


@kernel("void(float64[::1],float32[::1],int64)")
def hour_begins(numbers: NDArray[np.float64], floats: NDArray[np.float32], hour: int) -> None:
    """Put the mean of the hour before to those of its kind."""
    if numbers[N_HOUR_COUNT] > 0.0:
        at = hour_place(int(floats[F_HOUR_NOW]))
        mean = numbers[N_HOUR_SUM] / numbers[N_HOUR_COUNT]
        if np.isnan(floats[at]):
            floats[at] = mean
        else:
            floats[at] += np.float32(WEIGHT * (mean - floats[at]))
    floats[F_HOUR_NOW] = hour
    numbers[N_HOUR_SUM] = numbers[N_HOUR_COUNT] = 0.0


@kernel("float64(float32[::1],int64)")
def hour_mean(floats: NDArray[np.float32], hour: int) -> float:
    """Mean of an hour; that of the other kind of day where this one was not seen, NaN where neither was."""
    mean = floats[hour_place(hour)]
    if np.isnan(mean):
        mean = floats[hour_place((hour + 24) % HOURS)]
    return float(mean)


@kernel("boolean(float32[::1],float64,float64)")
def is_of_hour(floats: NDArray[np.float32], of_hour: float, level: float) -> bool:
    """Whether a level is as it was at this hour before: on the same side of the mean of all hours, and about as far."""
    total = 0.0
    count = 0
    for at in range(F_HOUR, F_HOUR + HOURS):
        if not np.isnan(floats[at]):
            total += floats[at]
            count += 1
    if count < HOURS_KNOWN_MIN:
        return False
    away = of_hour - total / count
    return (level - total / count) * away > 0.0 and abs(level - total / count) <= AS_FAR * abs(away)
