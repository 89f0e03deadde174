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


HOURS_KNOWN_MIN = 20
"""Fewer hours say nothing of what is usual at one of them."""
AS_FAR = 1.25
STANDS_OUT = 1.25
"""A level is as at its hour where it is at most `AS_FAR` times as far from the mean of all hours, and by `STANDS_OUT`
times what the hour stands out from those beside it further: a batch that runs for 24 minutes of its hour is 2.5 times
the hour's mean. Hours that are low as those beside them (nights) have no such batch, and a series that falls to 0 there
is not as usual."""


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


@kernel("UniTuple(int64,2)(int64)")
def hours_beside(hour: int) -> tuple[int, int]:
    """The hour after and the one before, of the same kind of day.

    >>> hours_beside(23), hours_beside(24)
    ((0, 22), (25, 47))
    """
    begin = hour // DAY_HOURS * DAY_HOURS
    end = begin + DAY_HOURS - 1
    return (hour + 1 if hour < end else begin), (hour - 1 if hour > begin else end)


@kernel("Tuple((float64,int64))(float32[::1])")
def all_hours(floats: NDArray[np.float32]) -> tuple[float, int]:
    """Mean of all hours that were seen (NaN of none), and how many they are."""
    total = 0.0
    count = 0
    for at in range(F_HOUR, F_HOUR + HOURS):
        if not np.isnan(floats[at]):
            total += floats[at]
            count += 1
    return (total / count if count > 0 else np.nan), count


@kernel("boolean(float32[::1],int64,float64,float64)")
def is_of_hour(floats: NDArray[np.float32], hour: int, level: float, near: float) -> bool:
    """Whether a level is as it was at this hour before: on the same side of the mean of all hours, and about as far.

    The mean of the last few values, `near`, must not be further either: the mean of the last 48, that of a slow test,
    follows late. Where the hour was seen on the other kind of day alone, it is taken to stand out.
    """
    of_hour = hour_mean(floats, hour)
    mean, count = all_hours(floats)
    if count < HOURS_KNOWN_MIN or np.isnan(of_hour):
        return False
    side = 1.0 if of_hour > mean else -1.0
    away = side * (of_hour - mean)
    stands_out = 0.0
    if np.isnan(floats[hour_place(hour)]):
        stands_out = away
    else:
        for beside in hours_beside(hour):
            of_beside = hour_mean(floats, beside)
            if not np.isnan(of_beside):
                stands_out = max(stands_out, side * (of_hour - of_beside))
    away_max = AS_FAR * away + STANDS_OUT * min(stands_out, away)
    return 0.0 < side * (level - mean) <= away_max and side * (near - mean) <= away_max
