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


@kernel(f"float64({F64},int64,int64,float64)")
def _quantile(ordered: NDArray[np.float64], nans: int, count: int, share: float) -> float:
    """Linear between the two nearest of `nans` NaNs (which count as smallest) and `count` ordered numbers."""
    if np.isnan(share):
        return np.nan
    if share < 0:
        return -np.inf
    if share > 1:
        return np.inf
    rank = share * (nans + count - 1.0)
    below = int(max(0.0, np.floor(rank)))
    above = int(min(nans + count - 1.0, below + 1.0))
    weight = rank - np.floor(rank)
    low = np.nan if below < nans else ordered[below - nans]
    high = np.nan if above < nans else ordered[above - nans]
    return float(low * (1 - weight) + high * weight)


@kernel("void(float64[::1],int64)")
def _sort(values: NDArray[np.float64], count: int) -> None:
    """Ascending, in place; windows are small, and mostly in order already."""
    if count > 64:
        values[:count].sort()
        return
    for index in range(1, count):
        value = values[index]
        place = index
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@kernel(f"float64({F64},int64,int64,float64,float64[::1])")
def _quantile_between(
    values: NDArray[np.float64], low: int, high: int, share: float, room: NDArray[np.float64]
) -> float:
    count = 0
    for index in range(low, high):
        if not np.isnan(values[index]):
            room[count] = values[index]
            count += 1
    _sort(room, count)
    return _quantile(room, high - low - count, count, share)


@kernel(f"float64({F64},int64,int64,float64[::1])")
def _deviation(values: NDArray[np.float64], low: int, high: int, room: NDArray[np.float64]) -> float:
    """Median of the distances from the median."""
    for index in range(low, high):
        if np.isnan(values[index]):
            return np.nan
    count = high - low
    median = _quantile_between(values, low, high, 0.5, room)
    for index in range(count):
        room[index] = abs(room[index] - median)
    _sort(room, count)
    return _quantile(room, 0, count, 0.5)


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
    room = np.empty(at_ms.shape[0] if operation in (QUANTILE, MAD) else 0)
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
                    result = _quantile_between(values, low, high, first[step], room)
                else:
                    result = _deviation(values, low, high, room)
            out[series, step] = result
