"""Windows over rows of roll-ups: each row is `(end - resolution, end]`, and a window is the rows that end in it."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

I64 = "Array(int64,1,'C',readonly=True)"
F64 = "Array(float64,1,'C',readonly=True)"

SUM, AVG, COUNT, MIN, MAX, LAST, FIRST, PRESENT = range(8)
"""The first three add up."""


@kernel("float64(float64,float64)", is_inlined=True)
def _grown(before: float, now: float) -> float:
    return now if now < before else now - before


@kernel(f"void({I64},{I64},{F64},{F64},{F64},{F64},{I64},int64,int64,float64[:,::1],boolean[:,::1])")
def increase(
    offsets: NDArray[np.int64],
    end_ms: NDArray[np.int64],
    counts: NDArray[np.float64],
    first: NDArray[np.float64],
    last: NDArray[np.float64],
    inside: NDArray[np.float64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    resolution_ms: int,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """What a counter grew by: inside the rows, from each to the next, and to the first one from the row right before.

    With the last step, adjacent windows add up to the whole, and nothing has to be extrapolated.
    """
    for series in range(offsets.shape[0] - 1):
        begin, stop = offsets[series], offsets[series + 1]
        low = high = begin
        for step in range(ends_ms.shape[0]):
            until = ends_ms[step]
            while high < stop and end_ms[high] <= until:
                high += 1
            while low < high and end_ms[low] <= until - range_ms:
                low += 1
            total = 0.0
            samples = 0.0
            if low < high and low > begin and end_ms[low - 1] == end_ms[low] - resolution_ms:
                total += _grown(last[low - 1], first[low])
                samples += 1.0
            for row in range(low, high):
                samples += counts[row]
                total += inside[row]
                if row > low:
                    total += _grown(last[row - 1], first[row])
            out[series, step] = total
            present[series, step] = samples > 1.0


@kernel(f"void({I64},{I64},{F64},{F64},{I64},int64,int64,float64[:,::1],boolean[:,::1])")
def over_time(
    offsets: NDArray[np.int64],
    end_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    counts: NDArray[np.float64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    operation: int,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """One number of the rows of a window; `values` is the column that the operation is over."""
    for series in range(offsets.shape[0] - 1):
        stop = offsets[series + 1]
        low = high = offsets[series]
        for step in range(ends_ms.shape[0]):
            until = ends_ms[step]
            while high < stop and end_ms[high] <= until:
                high += 1
            while low < high and end_ms[low] <= until - range_ms:
                low += 1
            present[series, step] = high > low
            result = 0.0
            if high > low:
                if operation <= COUNT:
                    total = rest = count = 0.0
                    for row in range(low, high):
                        value = values[row]
                        new = total + value
                        if abs(total) >= abs(value):
                            rest += (total - new) + value
                        else:
                            rest += (value - new) + total
                        total = new
                        count += counts[row]
                    result = total if np.isinf(total) else total + rest
                    if operation == AVG:
                        result /= count
                elif operation == LAST:
                    result = values[high - 1]
                elif operation == FIRST:
                    result = values[low]
                elif operation == PRESENT:
                    result = 1.0
                else:
                    result = values[low]
                    for row in range(low + 1, high):
                        value = values[row]
                        is_better = value > result if operation == MAX else value < result
                        if is_better or np.isnan(result):
                            result = value
            out[series, step] = result
