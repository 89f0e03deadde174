"""Where each number of a series' state stands. A change of meaning here is a new `dump.VERSION`.

A series has 29 float64 (`N_`), 158 float32 (`F_`) and 28 int32 (`I_`): 976 bytes. Values are kept as differences to the
series' first value, so that float32 is enough for them.
"""

import numpy as np

TESTS = 5
"""Tests of a series, each with an upper and a lower tail; numbers 1 to 5 of `Test`."""
TAILS = 2 * TESTS + 1
"""The last one is the tail of all tests together."""
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
F_COUNT = F_TAIL + TAILS * TAIL_WIDTH

I_SEEN = 0
"""Of each test, and of all together: values that its tails were taken from."""
I_CLUSTER = I_SEEN + TESTS + 1
"""Of each tail: number of the sample that began its last cluster."""
I_KEPT = I_CLUSTER + TAILS
"""Of each tail: how many values it keeps."""
I_COUNT = I_KEPT + TAILS

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
    N_UNLEARNED,  # how many incidents may still be kept out of what is learned
    N_GUARD_FROM,  # sample that began the last of them
    N_GUARD_ODD,  # last odd sample of it
    N_HOUR,  # the hour of the last sample
    N_HOUR_SUM,  # sum and count of its values so far
    N_HOUR_COUNT,
    N_MEMORY,  # values after which a tail forgets half
    N_CLUSTER,  # samples that count as one cluster
    N_REPEAT,  # samples in which only a higher score alerts again
    N_GUARD,  # samples of an incident that are not learned, at most
    N_WARM_UP,  # samples before scoring
) = range(29)
N_COUNT = 29

NEW_NUMBERS = np.zeros(N_COUNT)
NEW_NUMBERS[[N_LAST_MS, N_PEAK_AT, N_GUARD_FROM, N_GUARD_ODD]] = -1e18
NEW_NUMBERS[N_RESOLUTION] = np.inf
NEW_NUMBERS[N_HOUR] = -1.0
NEW_NUMBERS[N_UNLEARNED] = 3.0
NEW_FLOATS = np.zeros(F_COUNT, np.float32)
NEW_FLOATS[F_FLOOR : F_FLOOR + TAILS - 1] = -np.inf
NEW_FLOATS[F_HOUR : F_HOUR + HOURS] = np.nan
NEW_INTS = np.zeros(I_COUNT, np.int32)

BYTES = N_COUNT * 8 + F_COUNT * 4 + I_COUNT * 4
"""State of one series."""
