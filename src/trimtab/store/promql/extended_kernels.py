"""`rate`, `increase`, `delta` of windows that are `anchored` or `smoothed`: from border to border, not extrapolated.

Anchored, the value at a border is that of the newest sample at or before it. Smoothed, it lies on the line between the
samples around it; of a counter that began again there, on a line from zero.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

I64 = "Array(int64,1,'C',readonly=True)"
F64 = "Array(float64,1,'C',readonly=True)"


@kernel(f"float64({I64},{F64},int64,int64,boolean)")
def _between(
    at_ms: NDArray[np.int64], values: NDArray[np.float64], index: int, time_ms: int, is_counter: bool
) -> float:
    """The value at a time between the samples `index` and `index + 1`."""
    before, after = float(values[index]), float(values[index + 1])
    if is_counter and after < before:
        before = 0.0
    return before + (after - before) * float(time_ms - at_ms[index]) / float(at_ms[index + 1] - at_ms[index])


@kernel(f"void({I64},{I64},{F64},{I64},int64,int64,boolean,boolean,boolean,float64[:,::1],boolean[:,::1])")
def rates(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    lookback_ms: int,
    is_smoothed: bool,
    is_counter: bool,
    is_rate: bool,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """Growth of each window `(end - range, end]`; samples up to `lookback_ms` beyond its borders may help."""
    for series in range(len(offsets) - 1):
        low = high = offsets[series]
        last_of_all = offsets[series + 1]
        for step in range(len(ends_ms)):
            end = ends_ms[step]
            start = end - range_ms
            until = end + lookback_ms if is_smoothed else end
            while high < last_of_all and at_ms[high] <= until:
                high += 1
            while low < high and at_ms[low] <= start - lookback_ms:
                low += 1
            present[series, step] = False
            out[series, step] = 0.0
            if high == low:
                continue
            first = low
            while first < high - 1 and at_ms[first] <= start:
                first += 1
            first = max(low, first - 1)
            last = high - 1
            if is_smoothed:
                last = low
                while last < high - 1 and at_ms[last] < end:
                    last += 1
                if at_ms[first] > end:
                    continue
            if at_ms[last] <= start:
                continue
            left, right = values[first], values[last]
            if is_smoothed and at_ms[first] < start:
                left = _between(at_ms, values, first, start, is_counter)
            if is_smoothed and last > low and at_ms[last] > end:
                right = _between(at_ms, values, last - 1, end, is_counter)
            result = right - left
            if is_counter:
                before = left
                for index in range(first, last + 1):
                    is_border = (index == first and at_ms[index] <= start) or (index == last and at_ms[index] >= end)
                    if is_border:
                        continue
                    if values[index] < before:
                        result += before
                    before = values[index]
                if right < before:
                    result += before
            if is_rate:
                result /= range_ms / 1000.0
            out[series, step] = result
            present[series, step] = True
