"""Where each number of a series' state stands. A change of meaning here is a new `dump.VERSION`.

A series has 22 float64 (`N_`), 190 float32 (`F_`) and 21 int32 (`I_`): 1,020 bytes. Values are kept as differences to
the series' first value, so that float32 is enough for them.

Every file of kernels here takes a kernel from this one: its compiled form then belongs to exactly this layout
(`trimtab.store.compiled`).
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

TESTS = 5
"""Tests of a series; numbers 1 to 5 of `Test`."""
JUMP, RANGE, SHIFT = 1, 2, 3
"""Where these stand among them."""
SEASON_HIGH, SEASON_LOW, JUMP_WIDE, RANGE_HIGH, RANGE_LOW, SHIFT_HIGH, SHIFT_LOW, SPREAD_HIGH, SPREAD_LOW = range(9)
"""Tails of the tests: an upper and a lower one of each; a jump counts as much upwards as downwards."""
TEST_TAILS = 9
ALL_TESTS = TEST_TAILS
SLOW_TESTS = TEST_TAILS + 1
STAYS_HIGH = TEST_TAILS + 2
STAYS_LOW = TEST_TAILS + 3
TAILS = TEST_TAILS + 4
"""Those of the tests, one of all tests together, one of the two slow ones together, one of the least of the last
`STAYS` values' distances above what is usual, and one of those below."""
RESTS = TAILS
"""Behind how many values each tail keeps: for how long the last gap is still felt."""
STAYS = 3
TOP = 8
"""How many of the greatest values a tail keeps."""
HOURS = 48
"""Hours of a weekday, then hours of a day of a weekend (UTC)."""

F_FLOOR = 0
"""Of each tail: only greater values are kept."""
F_HOUR = F_FLOOR + TAILS
"""Mean of each hour, NaN where it was not seen."""
F_TAIL = F_HOUR + HOURS
"""Of each tail: the greatest of the last cluster, then the `TOP` greatest values, descending."""
TAIL_WIDTH = TOP + 1
F_ABOVE = F_TAIL + TAILS * TAIL_WIDTH
"""How far above what is usual the `STAYS` - 1 values before were, newest first."""
F_BELOW = F_ABOVE + STAYS - 1
"""How far below."""
F_LEVEL = F_BELOW + STAYS - 1
"""Mean of the last 48 or so values that were learned."""
F_MEMORY = F_LEVEL + 1
"""Values after which a tail forgets half."""
F_CLUSTER = F_MEMORY + 1
"""Samples that count as one cluster."""
F_REPEAT = F_CLUSTER + 1
"""Samples in which only a higher score alerts again."""
F_GUARD = F_REPEAT + 1
"""Samples of an incident that are not learned, at most."""
F_HOUR_MS = F_GUARD + 1
"""How long an hour is: a 24th of `DetectSettings.cycle_ms`."""
F_HOUR_NOW = F_HOUR_MS + 1
"""The hour of the last sample."""
F_UNLEARNED = F_HOUR_NOW + 1
"""How many incidents may still be kept out of what is learned."""
F_COUNT = F_UNLEARNED + 1

I_SEEN = 0
"""Of each test, and of all together: how many values its tails were taken from."""
I_CLUSTER = I_SEEN + TESTS + 1
"""Of each tail: number of the sample that began its last cluster."""
I_KEPT = I_CLUSTER + TAILS
"""Of each tail: how many values it keeps, four bits each."""
KEPT_EACH = 7
I_COUNT = I_KEPT + (RESTS + KEPT_EACH) // KEPT_EACH

(
    N_SAMPLES,  # samples so far
    N_LAST_MS,
    N_STEP_MS,
    N_ORIGIN,  # the first value
    N_LAST,  # the value before
    N_BLOCK,  # mean of the last 48 or so values
    N_OFFSET,  # how far the last 48 or so values were from their hours' means
    N_SPREAD,  # mean distance of the last 48 or so values from their mean
    N_RESOLUTION,  # least difference of two values in a row
    N_RISES,
    N_FALLS,
    N_NEAR,  # mean of the last 6 or so values
    N_ERROR_NEAR,  # how well that foretells
    N_ERROR_HOUR,  # how well the hour's mean with the offset foretells
    N_BAND_LOW,  # errors of what was foretold: quantile 0.005
    N_BAND_HIGH,  # quantile 0.995
    N_PEAK,  # nines of the last alert
    N_PEAK_AT,  # its sample
    N_GUARD_FROM,  # sample that began the last incident
    N_GUARD_ODD,  # last odd sample of it
    N_HOUR_SUM,  # sum and count of this hour's values so far
    N_HOUR_COUNT,
) = range(22)
N_COUNT = 22

NEW_NUMBERS = np.zeros(N_COUNT)
NEW_NUMBERS[[N_LAST_MS, N_PEAK_AT, N_GUARD_FROM, N_GUARD_ODD]] = -1e18
NEW_NUMBERS[N_RESOLUTION] = np.inf
NEW_FLOATS = np.zeros(F_COUNT, np.float32)
NEW_FLOATS[F_FLOOR : F_FLOOR + TEST_TAILS] = -np.inf
NEW_FLOATS[[F_FLOOR + STAYS_HIGH, F_FLOOR + STAYS_LOW]] = -np.inf
NEW_FLOATS[F_HOUR : F_HOUR + HOURS] = np.nan
NEW_FLOATS[F_HOUR_NOW] = -1.0
NEW_FLOATS[F_UNLEARNED] = 8.0
NEW_INTS = np.zeros(I_COUNT, np.int32)

BYTES = N_COUNT * 8 + F_COUNT * 4 + I_COUNT * 4
"""State of one series."""


@kernel("float32(float32[::1],int64)")
def floor_of(floats: NDArray[np.float32], tail: int) -> float:
    """What a value has to exceed to be among the greatest of a tail."""
    return float(floats[F_FLOOR + tail])


@kernel("int64(int32[::1],int64)")
def kept_of(ints: NDArray[np.int32], tail: int) -> int:
    """How many values a tail keeps."""
    return (int(ints[I_KEPT + tail // KEPT_EACH]) >> (4 * (tail % KEPT_EACH))) & 15


@kernel("void(int32[::1],int64,int64)")
def keep_count(ints: NDArray[np.int32], tail: int, kept: int) -> None:
    """Note how many values a tail keeps, 0 to 15."""
    shift = 4 * (tail % KEPT_EACH)
    at = I_KEPT + tail // KEPT_EACH
    ints[at] = (int(ints[at]) & ~(15 << shift)) | (kept << shift)


@kernel("int64(int64)")
def first_tail(test: int) -> int:
    """The first tail of a test; that of the next one is behind its last."""
    return 2 * test - 1 if test > JUMP else 2 * test


@kernel("int64(int64)")
def hour_place(hour: int) -> int:
    """Where the mean of an hour stands among a series' float32."""
    return F_HOUR + hour


@kernel("boolean(float64[::1])")
def is_by_hour(numbers: NDArray[np.float64]) -> bool:
    """Whether the hour's mean foretells better than the last few values."""
    return bool(numbers[N_ERROR_HOUR] < numbers[N_ERROR_NEAR])
