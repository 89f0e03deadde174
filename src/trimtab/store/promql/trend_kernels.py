"""Functions of windows that take a number besides: regression, smoothing, quantiles (a number for each step)."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

I64 = "Array(int64,1,'C',readonly=True)"
F64 = "Array(float64,1,'C',readonly=True)"

DERIV, PREDICT_LINEAR, SMOOTH, QUANTILE, MAD = range(5)
OPERATIONS = {
    "deriv": DERIV,
    "predict_linear": PREDICT_LINEAR,
    "double_exponential_smoothing": SMOOTH,
    "holt_winters": SMOOTH,
    "quantile_over_time": QUANTILE,
    "mad_over_time": MAD,
}
COUNT_MIN = {DERIV: 2, PREDICT_LINEAR: 2, SMOOTH: 2, QUANTILE: 1, MAD: 1}


@kernel("UniTuple(float64,2)(float64,float64,float64)", is_inlined=True)
def _added(value: float, total: float, rest: float) -> tuple[float, float]:
    new = total + value
    if np.isinf(new):
        return new, 0.0
    if abs(total) >= abs(value):
        return new, rest + ((total - new) + value)
    return new, rest + ((value - new) + total)


@kernel(f"UniTuple(float64,2)({I64},{F64},int64,int64,int64)")
def _line(
    at_ms: NDArray[np.int64], values: NDArray[np.float64], low: int, high: int, zero_ms: int
) -> tuple[float, float]:
    """Slope a second, and value at `zero_ms`, of the line of least squares."""
    count = sum_x = rest_x = sum_y = rest_y = sum_xy = rest_xy = sum_xx = rest_xx = 0.0
    is_constant = True
    for index in range(low, high):
        y = values[index]
        if is_constant and index > low and y != values[low]:
            is_constant = False
        count += 1.0
        x = (at_ms[index] - zero_ms) / 1e3
        sum_x, rest_x = _added(x, sum_x, rest_x)
        sum_y, rest_y = _added(y, sum_y, rest_y)
        sum_xy, rest_xy = _added(x * y, sum_xy, rest_xy)
        sum_xx, rest_xx = _added(x * x, sum_xx, rest_xx)
    if is_constant:
        if np.isinf(values[low]):
            return np.nan, np.nan
        return 0.0, values[low]
    sum_x += rest_x
    sum_y += rest_y
    sum_xy += rest_xy
    sum_xx += rest_xx
    slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count)
    return slope, sum_y / count - slope * sum_x / count


@kernel(f"float64({F64},int64,int64,float64,float64)")
def _smoothed(values: NDArray[np.float64], low: int, high: int, smoothing: float, trend: float) -> float:
    before = 0.0
    now = values[low]
    slope = values[low + 1] - values[low]
    for index in range(low + 1, high):
        if index > low + 1:
            slope = trend * (now - before) + (1 - trend) * slope
        before, now = now, smoothing * values[index] + (1 - smoothing) * (now + slope)
    return float(now)


@kernel("float64(float64[::1],float64)")
def _quantile(ordered: NDArray[np.float64], share: float) -> float:
    """Linear between the two nearest; NaN counts as smallest."""
    count = ordered.shape[0]
    if count == 0 or np.isnan(share):
        return np.nan
    if share < 0:
        return -np.inf
    if share > 1:
        return np.inf
    rank = share * (count - 1.0)
    below = max(0.0, np.floor(rank))
    above = min(count - 1.0, below + 1)
    weight = rank - np.floor(rank)
    return float(ordered[int(below)] * (1 - weight) + ordered[int(above)] * weight)


@kernel(f"float64[::1]({F64},int64,int64)")
def _ordered(values: NDArray[np.float64], low: int, high: int) -> NDArray[np.float64]:
    """Ascending, NaN first."""
    ordered = np.sort(values[low:high])
    nans = 0
    while nans < ordered.shape[0] and np.isnan(ordered[ordered.shape[0] - 1 - nans]):
        nans += 1
    return np.roll(ordered, nans)


@kernel(f"float64({F64},int64,int64)")
def _deviation(values: NDArray[np.float64], low: int, high: int) -> float:
    """Median of the distances from the median."""
    for index in range(low, high):
        if np.isnan(values[index]):
            return np.nan
    median = _quantile(np.sort(values[low:high]), 0.5)
    return _quantile(np.sort(np.abs(values[low:high] - median)), 0.5)


@kernel(f"float64({F64},float64)")
def quantile_of(values: NDArray[np.float64], share: float) -> float:
    """Quantile of some values."""
    return _quantile(_ordered(values, 0, values.shape[0]), share)


@kernel(f"void({I64},{I64},{F64},{I64},{I64},int64,boolean,int64,{F64},{F64},float64[:,::1],boolean[:,::1])")
def over_windows(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    ends_ms: NDArray[np.int64],
    times_ms: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    operation: int,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """One number of each window that has enough samples; `first[step]` and `second[step]` are the other arguments."""
    count_min = 1 if operation in (QUANTILE, MAD) else 2
    for series in range(offsets.shape[0] - 1):
        last = offsets[series + 1]
        low = high = offsets[series]
        for step in range(ends_ms.shape[0]):
            until = ends_ms[step]
            since = until - range_ms if is_left_open else until - range_ms - 1
            while high < last and at_ms[high] <= until:
                high += 1
            while low < high and at_ms[low] <= since:
                low += 1
            present[series, step] = high - low >= count_min
            result = 0.0
            if high - low >= count_min:
                if operation == DERIV:
                    result = _line(at_ms, values, low, high, at_ms[low])[0]
                elif operation == PREDICT_LINEAR:
                    slope, value = _line(at_ms, values, low, high, times_ms[step])
                    result = slope * first[step] + value
                elif operation == SMOOTH:
                    result = _smoothed(values, low, high, first[step], second[step])
                elif operation == QUANTILE:
                    result = _quantile(_ordered(values, low, high), first[step])
                else:
                    result = _deviation(values, low, high)
            out[series, step] = result
