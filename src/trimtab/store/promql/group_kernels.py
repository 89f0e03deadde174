"""Aggregations over series: each series is added to its group, all steps at once, in the order of the series."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

GROUPS = "Array(int64,1,'C',readonly=True)"
VALUES = "Array(float64,2,'C',readonly=True)"
PRESENT = "Array(boolean,2,'C',readonly=True)"

SUM, AVG, MIN, MAX, COUNT, GROUP, STDVAR, STDDEV = range(8)
OPERATIONS = {
    "sum": SUM,
    "avg": AVG,
    "min": MIN,
    "max": MAX,
    "count": COUNT,
    "group": GROUP,
    "stdvar": STDVAR,
    "stddev": STDDEV,
}


@kernel("UniTuple(float64,2)(float64,float64,float64)", is_inlined=True)
def _added(value: float, total: float, rest: float) -> tuple[float, float]:
    new = total + value
    if np.isinf(new):
        return new, 0.0
    if abs(total) >= abs(value):
        return new, rest + ((total - new) + value)
    return new, rest + ((value - new) + total)


@kernel(f"void({GROUPS},{VALUES},{PRESENT},float64[:,::1],float64[:,::1],int64[:,::1])")
def sums(
    groups: NDArray[np.int64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    out: NDArray[np.float64],
    rest: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """Add series to the sums and counts of their groups; `rest` is what rounding lost, for `finish`."""
    for series in range(values.shape[0]):
        group = groups[series]
        for step in range(values.shape[1]):
            if not present[series, step]:
                continue
            if counts[group, step] == 0:
                out[group, step] = values[series, step]
            else:
                out[group, step], rest[group, step] = _added(values[series, step], out[group, step], rest[group, step])
            counts[group, step] += 1


@kernel(f"void({GROUPS},{VALUES},{PRESENT},float64[:,::1],float64[:,::1],int64[:,::1],boolean[:,::1])")
def means(
    groups: NDArray[np.int64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    out: NDArray[np.float64],
    rest: NDArray[np.float64],
    counts: NDArray[np.int64],
    is_stepwise: NDArray[np.bool_],
) -> None:
    """As `sums`; from where a sum would overflow on, the mean step by step."""
    for series in range(values.shape[0]):
        group = groups[series]
        for step in range(values.shape[1]):
            if not present[series, step]:
                continue
            value = values[series, step]
            counts[group, step] += 1
            count = float(counts[group, step])
            if counts[group, step] == 1:
                out[group, step] = value
                continue
            if not is_stepwise[group, step]:
                new, new_rest = _added(value, out[group, step], rest[group, step])
                if not np.isinf(new):
                    out[group, step], rest[group, step] = new, new_rest
                    continue
                is_stepwise[group, step] = True
                out[group, step] /= count - 1
                rest[group, step] /= count - 1
            share = (count - 1) / count
            out[group, step], rest[group, step] = _added(
                value / count, share * out[group, step], share * rest[group, step]
            )


@kernel(f"void({GROUPS},{VALUES},{PRESENT},int64,float64[:,::1],float64[:,::1],int64[:,::1])")
def others(
    groups: NDArray[np.int64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    operation: int,
    out: NDArray[np.float64],
    mean: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> None:
    """As `sums`, for `min max count group stdvar stddev`."""
    is_spread = operation in (STDVAR, STDDEV)
    for series in range(values.shape[0]):
        group = groups[series]
        for step in range(values.shape[1]):
            if not present[series, step]:
                continue
            value = values[series, step]
            counts[group, step] += 1
            if counts[group, step] == 1:
                mean[group, step] = value
                if not is_spread:
                    out[group, step] = value
                else:
                    out[group, step] = 0.0 if np.isfinite(value) else np.nan
                continue
            kept = out[group, step]
            if operation == MIN:
                if kept > value or np.isnan(kept):
                    out[group, step] = value
            elif operation == MAX:
                if kept < value or np.isnan(kept):
                    out[group, step] = value
            elif is_spread:
                delta = value - mean[group, step]
                mean[group, step] += delta / float(counts[group, step])
                out[group, step] += delta * (value - mean[group, step])


@kernel("void(int64,float64[:,::1],float64[:,::1],int64[:,::1],boolean[:,::1])")
def finish(
    operation: int,
    out: NDArray[np.float64],
    rest: NDArray[np.float64],
    counts: NDArray[np.int64],
    is_stepwise: NDArray[np.bool_],
) -> None:
    """What comes of groups when all series are in them."""
    for group in range(out.shape[0]):
        for step in range(out.shape[1]):
            count = float(counts[group, step])
            if operation == SUM:
                out[group, step] += rest[group, step]
            elif operation == COUNT:
                out[group, step] = count
            elif operation == GROUP:
                out[group, step] = 1.0
            elif count == 0:
                continue
            elif operation == AVG:
                if is_stepwise[group, step]:
                    out[group, step] += rest[group, step]
                else:
                    out[group, step] = out[group, step] / count + rest[group, step] / count
            elif operation in (STDVAR, STDDEV):
                out[group, step] /= count
                if operation == STDDEV:
                    out[group, step] = np.sqrt(out[group, step])


@kernel("boolean(float64,float64,boolean)", is_inlined=True)
def _is_before(left: float, right: float, is_bottom: bool) -> bool:
    """Order of the heap: the one to be thrown out first is on top, NaN before all."""
    if np.isnan(left):
        return True
    return left > right if is_bottom else left < right


@kernel(f"void({VALUES},int64,int64[::1],int64,boolean)")
def _sink(values: NDArray[np.float64], step: int, heap: NDArray[np.int64], size: int, is_bottom: bool) -> None:
    here = 0
    while True:
        child = 2 * here + 1
        if child >= size:
            return
        if child + 1 < size and _is_before(values[heap[child + 1], step], values[heap[child], step], is_bottom):
            child += 1
        if not _is_before(values[heap[child], step], values[heap[here], step], is_bottom):
            return
        heap[here], heap[child] = heap[child], heap[here]
        here = child


@kernel(f"void({GROUPS},{GROUPS},{VALUES},{PRESENT},{GROUPS},boolean,boolean[:,::1],int64[::1],int64[::1])")
def greatest(
    rows: NDArray[np.int64],
    ends: NDArray[np.int64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    counts: NDArray[np.int64],
    is_bottom: bool,
    out: NDArray[np.bool_],
    heap: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> None:
    """The `counts[step]` greatest (or smallest) of each group; group `g` are the `rows` up to `ends[g]`.

    Of equal values, those stay that a heap keeps that is filled in the order of the series, as in Prometheus. Of the
    last step, `heap` holds what is in the heap of each group, beginning where its rows begin, and `sizes` how many.
    """
    for step in range(values.shape[1]):
        begin = 0
        for group in range(ends.shape[0]):
            end = ends[group]
            kept = heap[begin:end]
            size = 0
            for place in range(begin, end):
                row = rows[place]
                if not present[row, step] or counts[step] < 1:
                    continue
                value = values[row, step]
                if size < counts[step]:
                    here = size
                    kept[here] = row
                    size += 1
                    while here > 0:
                        parent = (here - 1) // 2
                        if not _is_before(values[kept[here], step], values[kept[parent], step], is_bottom):
                            break
                        kept[here], kept[parent] = kept[parent], kept[here]
                        here = parent
                    continue
                worst = values[kept[0], step]
                is_better = worst > value if is_bottom else worst < value
                if is_better or (np.isnan(worst) and not np.isnan(value)):
                    kept[0] = row
                    _sink(values, step, kept, size, is_bottom)
            for place in range(size):
                out[kept[place], step] = True
            sizes[group] = size
            begin = end


@kernel(f"void({GROUPS},{GROUPS},{PRESENT},{GROUPS},boolean[:,::1])")
def first_ones(
    rows: NDArray[np.int64],
    ends: NDArray[np.int64],
    present: NDArray[np.bool_],
    counts: NDArray[np.int64],
    out: NDArray[np.bool_],
) -> None:
    """The first `counts[step]` of each group that are there."""
    for step in range(present.shape[1]):
        begin = 0
        for group in range(ends.shape[0]):
            size = 0
            for place in range(begin, ends[group]):
                if size < counts[step] and present[rows[place], step]:
                    out[rows[place], step] = True
                    size += 1
            begin = ends[group]


@kernel(f"void({GROUPS},{GROUPS},{VALUES},{PRESENT},Array(float64,1,'C',readonly=True),float64[:,::1],boolean[:,::1])")
def quantiles(
    rows: NDArray[np.int64],
    ends: NDArray[np.int64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    shares: NDArray[np.float64],
    out: NDArray[np.float64],
    out_present: NDArray[np.bool_],
) -> None:
    """Quantile of each group; linear between the two nearest, NaN counts as smallest."""
    found = np.empty(rows.shape[0])
    for step in range(values.shape[1]):
        begin = 0
        share = shares[step]
        for group in range(ends.shape[0]):
            count = nans = 0
            for place in range(begin, ends[group]):
                row = rows[place]
                if present[row, step]:
                    if np.isnan(values[row, step]):
                        nans += 1
                    else:
                        found[count] = values[row, step]
                        count += 1
            begin = ends[group]
            out_present[group, step] = count + nans > 0
            out[group, step] = 0.0
            if count + nans == 0:
                continue
            if np.isnan(share):
                out[group, step] = np.nan
            elif share < 0:
                out[group, step] = -np.inf
            elif share > 1:
                out[group, step] = np.inf
            else:
                rank = share * (count + nans - 1.0)
                below = int(max(0.0, np.floor(rank))) - nans
                above = int(min(count - 1.0, below + 1.0))
                weight = rank - np.floor(rank)
                low = high = np.nan
                if above >= 0:
                    ordered = np.partition(found[:count], above)
                    high = ordered[above]
                    if below >= 0:
                        low = high if below == above else ordered[:above].max()
                out[group, step] = low * (1 - weight) + high * weight
