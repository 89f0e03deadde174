"""`*_over_time` of every series and step: sums with Neumaier's compensation, in the order of time, as in Prometheus."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.promql.running_kernels import between, run_up

I64 = "Array(int64,1,'C',readonly=True)"
F64 = "Array(float64,1,'C',readonly=True)"

SUM, AVG, COUNT, MIN, MAX, STDVAR, STDDEV, LAST, FIRST, PRESENT, AT_MIN, AT_MAX, AT_LAST, AT_FIRST = range(14)
OPERATIONS = {
    "sum_over_time": SUM,
    "avg_over_time": AVG,
    "count_over_time": COUNT,
    "min_over_time": MIN,
    "max_over_time": MAX,
    "stdvar_over_time": STDVAR,
    "stddev_over_time": STDDEV,
    "last_over_time": LAST,
    "first_over_time": FIRST,
    "present_over_time": PRESENT,
    "absent_over_time": PRESENT,
    "ts_of_min_over_time": AT_MIN,
    "ts_of_max_over_time": AT_MAX,
    "ts_of_last_over_time": AT_LAST,
    "ts_of_first_over_time": AT_FIRST,
}


@kernel("UniTuple(float64,2)(float64,float64,float64)", is_inlined=True)
def _added(value: float, total: float, rest: float) -> tuple[float, float]:
    new = total + value
    if np.isinf(new):
        return new, 0.0
    if abs(total) >= abs(value):
        return new, rest + ((total - new) + value)
    return new, rest + ((value - new) + total)


@kernel(f"float64({F64},int64,int64)")
def _sum(values: NDArray[np.float64], low: int, high: int) -> float:
    total = rest = 0.0
    for index in range(low, high):
        total, rest = _added(values[index], total, rest)
    return total if np.isinf(total) else total + rest


@kernel(f"float64({F64},int64,int64)")
def _mean(values: NDArray[np.float64], low: int, high: int) -> float:
    """The sum divided by the count; from where the sum would overflow on, the mean step by step."""
    total = values[low]
    rest = 0.0
    mean = 0.0
    is_stepwise = False
    count = 1.0
    for index in range(low + 1, high):
        count = float(index - low + 1)
        value = values[index]
        if not is_stepwise:
            new_total, new_rest = _added(value, total, rest)
            if not np.isinf(new_total):
                total, rest = new_total, new_rest
                continue
            is_stepwise = True
            mean = total / (count - 1)
            rest /= count - 1
        share = (count - 1) / count
        mean, rest = _added(value / count, share * mean, share * rest)
    return mean + rest if is_stepwise else total / count + rest / count


@kernel(f"float64({F64},int64,int64)")
def _variance(values: NDArray[np.float64], low: int, high: int) -> float:
    count = 0.0
    mean = mean_rest = 0.0
    total = rest = 0.0
    for index in range(low, high):
        count += 1
        delta = values[index] - (mean + mean_rest)
        mean, mean_rest = _added(delta / count, mean, mean_rest)
        total, rest = _added(delta * (values[index] - (mean + mean_rest)), total, rest)
    return (total + rest) / count


@kernel(f"int64({F64},int64,int64,boolean,boolean)")
def _extreme(values: NDArray[np.float64], low: int, high: int, is_max: bool, is_newest: bool) -> int:
    """Where the smallest or greatest value stands; NaN only if there is nothing else."""
    best = low
    for index in range(low, high):
        value, kept = values[index], values[best]
        is_better = value > kept if is_max else value < kept
        if is_better or np.isnan(kept) or (is_newest and value == kept):
            best = index
    return best


@kernel(f"boolean({I64},int64,int64,int64,int64)")
def _overlaps(at_ms: NDArray[np.int64], first: int, last: int, range_ms: int, steps: int) -> bool:
    """Whether the windows have many more samples in all than there are."""
    samples = last - first
    if samples < 8:
        return False
    samples_a_window = range_ms * (samples - 1) / max(at_ms[last - 1] - at_ms[first], 1)
    return bool(samples_a_window * steps > 4.0 * samples)


@kernel(f"void({I64},{I64},{F64},{I64},int64,boolean,int64,float64[:,::1],boolean[:,::1])")
def over_time(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    operation: int,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """One number of each window that has samples."""
    is_sum = operation == SUM or operation == AVG  # noqa: PLR1714 - Numba knows no sets of numbers
    longest = 0
    for series in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[series + 1] - offsets[series])
    sums = np.empty(longest + 1 if is_sum else 0)
    rests = np.empty(longest + 1 if is_sum else 0)
    for series in range(offsets.shape[0] - 1):
        last = offsets[series + 1]
        first = low = high = offsets[series]
        error = -1.0
        if is_sum and _overlaps(at_ms, first, last, range_ms, ends_ms.shape[0]):
            error = run_up(values, first, last, sums, rests)
        for step in range(ends_ms.shape[0]):
            until = ends_ms[step]
            since = until - range_ms if is_left_open else until - range_ms - 1
            while high < last and at_ms[high] <= until:
                high += 1
            while low < high and at_ms[low] <= since:
                low += 1
            present[series, step] = high > low
            result = 0.0
            is_known = 0.0
            if high > low and error >= 0.0:
                total, rest, is_known = between(sums, rests, low - first, high - first, error)
                count = float(high - low)
                result = total + rest if operation == SUM else total / count + rest / count
            if high > low and is_known == 0.0:
                if operation == SUM:
                    result = _sum(values, low, high)
                elif operation == AVG:
                    result = _mean(values, low, high)
                elif operation == COUNT:
                    result = float(high - low)
                elif operation == MIN:
                    result = values[_extreme(values, low, high, False, False)]
                elif operation == MAX:
                    result = values[_extreme(values, low, high, True, False)]
                elif operation == STDVAR:
                    result = _variance(values, low, high)
                elif operation == STDDEV:
                    result = np.sqrt(_variance(values, low, high))
                elif operation == LAST:
                    result = values[high - 1]
                elif operation == FIRST:
                    result = values[low]
                elif operation == PRESENT:
                    result = 1.0
                elif operation == AT_MIN:
                    result = at_ms[_extreme(values, low, high, False, True)] / 1000.0
                elif operation == AT_MAX:
                    result = at_ms[_extreme(values, low, high, True, True)] / 1000.0
                elif operation == AT_LAST:
                    result = at_ms[high - 1] / 1000.0
                else:
                    result = at_ms[low] / 1000.0
            out[series, step] = result
