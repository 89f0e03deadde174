"""Loops that make rows for the detector of samples: one for each sample, or one for each slot of time."""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I32, I64, U8

GAUGE, COUNTER = 0, 1
_STEPS_MAX = 63


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64, int64, int64[::1], float64[::1],"
    " int32[::1], int64[::1], float64[::1])"
)
def rows(
    offsets: I64,
    at: I64,
    bits: I64,
    kinds: U8,
    grid_ms: I64,
    until_ms: int,
    gap_ms: int,
    since_ms: I64,
    last: F64,
    row_series: I32,
    row_at: I64,
    row_value: F64,
) -> int:
    """Rows of samples later than `since_ms`, series by series; answers how many. `since_ms` and `last` move on.

    A gauge's row is its value, a counter's its increase per second since the sample before (a value that is less than
    that one began anew at 0; over more than `gap_ms` nothing is said). With a grid, slots of that length that end at or
    before `until_ms` are one row each: the mean of a gauge, the increase of a counter over the time it took; a row's
    time is that of its last sample. Samples of a slot that is not over stay for the next time. Values that are no
    numbers are passed over; a counter has no increase over one.
    """
    values = bits.view(np.float64)
    count = 0
    for series in range(len(offsets) - 1):
        since, before = since_ms[series], last[series]
        grid, is_counter = grid_ms[series], kinds[series] == COUNTER
        index, end = offsets[series], offsets[series + 1]
        while index < end and at[index] <= since:
            index += 1
        while index < end:
            stop = index + 1
            if grid > 0:
                slot = at[index] // grid
                if (slot + 1) * grid > until_ms:
                    break
                while stop < end and at[stop] // grid == slot:
                    stop += 1
            total, taken, length = 0.0, 0, 0
            for one in range(index, stop):
                value = values[one]
                if np.isnan(value):
                    before = value
                elif is_counter:
                    if not np.isnan(before) and at[one] - since <= gap_ms:
                        total += value - before if value >= before else value
                        length += at[one] - since
                        taken += 1
                    before = value
                else:
                    total += value
                    taken += 1
                since = at[one]
            if taken > 0:
                row_series[count] = series
                row_at[count] = since
                row_value[count] = total * 1000.0 / length if is_counter else total / taken
                count += 1
            index = stop
        since_ms[series] = since
        last[series] = before
    return count


@kernel("void(int32[::1], int64[::1], float64[::1], int32[::1], int64[::1], float64[::1])")
def divide(series: I32, at: I64, value: F64, other_series: I32, other_at: I64, other_value: F64) -> None:
    """Divide, in place, rows by those of the same series number and time; NaN where there is none, or it is 0."""
    where = 0
    for row in range(len(series)):
        while where < len(other_series) and (
            other_series[where] < series[row] or (other_series[where] == series[row] and other_at[where] < at[row])
        ):
            where += 1
        is_there = where < len(other_series) and other_series[where] == series[row] and other_at[where] == at[row]
        value[row] = value[row] / other_value[where] if is_there and other_value[where] > 0 else np.nan


@kernel("void(int64[::1], int64[::1], int64[::1])")
def steps(offsets: I64, at: I64, step_ms: I64) -> None:
    """How far apart the newest samples of each series are: the lower median of distances; 0 of fewer than three."""
    some = np.empty(_STEPS_MAX, np.int64)
    for series in range(len(offsets) - 1):
        first, end = offsets[series], offsets[series + 1]
        first = max(first, end - _STEPS_MAX - 1)
        count = end - first - 1
        step_ms[series] = 0
        if count >= 2:
            for index in range(count):
                some[index] = at[first + index + 1] - at[first + index]
            step_ms[series] = np.sort(some[:count])[(count - 1) // 2]


@kernel("int64(int32[::1], int32[::1])")
def ranks(series: I32, rank: I32) -> int:
    """How many rows of the same series stand before each row (those of a series stand together); answers the most."""
    most = 0
    for row in range(len(series)):
        before = int(rank[row - 1]) + 1 if row > 0 and series[row] == series[row - 1] else 0
        rank[row] = before
        most = max(most, before)
    return most
