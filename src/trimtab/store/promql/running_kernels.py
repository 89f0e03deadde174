"""Sums of overlapping windows from running sums, so that a window costs the same however many samples it has.

A running sum is two doubles (`high + low`, about 106 bits), so that a difference of two of them is as exact as adding
up the window with compensation. Where that cannot be promised (values that are not finite, or a window whose sum is
tiny beside what was summed before it) the window is added up itself.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

F64 = "Array(float64,1,'C',readonly=True)"
_STEP_ERROR = 2.0**-104
_RESULT_ERROR = 2.0**-54


@kernel(f"float64({F64},int64,int64,float64[::1],float64[::1])")
def run_up(
    values: NDArray[np.float64], first: int, last: int, high: NDArray[np.float64], low: NDArray[np.float64]
) -> float:
    """Fill the running sums of `values[first:last]` (one more than values); the most that one of them may be wrong by,
    or -1 where they are of no use."""
    total = rest = 0.0
    largest = 0.0
    high[0] = low[0] = 0.0
    for index in range(first, last):
        value = values[index]
        new = total + value
        part = new - total
        error = (total - (new - part)) + (value - part)
        rest += error
        total = new + rest
        rest -= total - new
        place = index - first + 1
        high[place] = total
        low[place] = rest
        largest = max(largest, abs(total))
    if not np.isfinite(total) or not np.isfinite(rest) or not np.isfinite(largest):
        return -1.0
    return largest * (last - first) * _STEP_ERROR


@kernel("UniTuple(float64,3)(float64[::1],float64[::1],int64,int64,float64)", is_inlined=True)
def between(
    high: NDArray[np.float64], low: NDArray[np.float64], begin: int, end: int, error: float
) -> tuple[float, float, float]:
    """Total, rest (their sum is the window's) and 1.0 where they are exact enough, else 0.0."""
    total = high[end] - high[begin]
    part = total - high[end]
    rest = (high[end] - (total - part)) - (high[begin] + part)
    rest += low[end] - low[begin]
    whole = total + rest
    rest -= whole - total
    return whole, rest, 1.0 if error <= abs(whole) * _RESULT_ERROR else 0.0
