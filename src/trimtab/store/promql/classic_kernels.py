"""Quantiles and fractions of classic histograms: groups of series that count what is below their bound, step by step.

`rows` are the series of all groups, group after group (`offsets`), in each of them by rising bound.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

I64 = "Array(int64,1,'C',readonly=True)"
F64 = "Array(float64,1,'C',readonly=True)"
F64_2 = "Array(float64,2,'C',readonly=True)"
BOOL_2 = "Array(boolean,2,'C',readonly=True)"
SMALL_DELTA = 1e-12
"""Relative differences between neighbours that rounding may have made."""


@kernel(f"int64({I64},int64,int64,{F64},{F64_2},{BOOL_2},int64,float64[::1],float64[::1])")
def _collected(
    rows: NDArray[np.int64],
    first: int,
    end: int,
    bounds: NDArray[np.float64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    step: int,
    uppers: NDArray[np.float64],
    counts: NDArray[np.float64],
) -> int:
    """The buckets of a group at a step; those with the same bound are added up."""
    count = 0
    for place in range(first, end):
        row = rows[place]
        if not present[row, step]:
            continue
        if count > 0 and uppers[count - 1] == bounds[place]:
            counts[count - 1] += values[row, step]
        else:
            uppers[count] = bounds[place]
            counts[count] = values[row, step]
            count += 1
    return count


@kernel(
    f"void({I64},{I64},{F64},{F64_2},{BOOL_2},{F64},float64[:,::1],boolean[:,::1],float64[:,:,::1])",
)
def quantiles(
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    bounds: NDArray[np.float64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    wanted: NDArray[np.float64],
    out: NDArray[np.float64],
    out_present: NDArray[np.bool_],
    repaired: NDArray[np.float64],
) -> None:
    """The quantile `wanted[step]` of each group; `repaired[group, step]` is the lowest and the highest bound at which
    counts fell and were raised, and the greatest fall (0: none)."""
    uppers = np.empty(len(rows), np.float64)
    counts = np.empty(len(rows), np.float64)
    for group in range(len(offsets) - 1):
        for step in range(len(wanted)):
            buckets = _collected(
                rows, offsets[group], offsets[group + 1], bounds, values, present, step, uppers, counts
            )
            out_present[group, step] = buckets > 0
            out[group, step] = np.nan
            repaired[group, step, 2] = 0.0
            quantile = wanted[step]
            if buckets == 0 or np.isnan(quantile):
                continue
            if quantile < 0 or quantile > 1:
                out[group, step] = -np.inf if quantile < 0 else np.inf
                continue
            if uppers[buckets - 1] != np.inf:
                continue
            lowest, highest, fall = np.inf, -np.inf, 0.0
            before = counts[0]
            for index in range(1, buckets):
                here = counts[index]
                if here == before:
                    continue
                together = abs(here) + abs(before)
                if here != 0 and before != 0 and abs(here - before) / together < SMALL_DELTA:
                    counts[index] = before
                elif here < before:
                    counts[index] = before
                    lowest = min(lowest, uppers[index])
                    highest = max(highest, uppers[index])
                    fall = max(fall, before - here)
                else:
                    before = here
            repaired[group, step, 0] = lowest
            repaired[group, step, 1] = highest
            repaired[group, step, 2] = fall
            total = counts[buckets - 1]
            if buckets < 2 or total == 0 or np.isnan(total):
                continue
            rank = quantile * total
            at = 0
            while at < buckets - 1 and not counts[at] >= rank:
                at += 1
            if at == buckets - 1:
                out[group, step] = uppers[buckets - 2]
            elif at == 0 and uppers[0] <= 0:
                out[group, step] = uppers[0]
            else:
                start, inside = 0.0, counts[at]
                if at > 0:
                    start = uppers[at - 1]
                    inside -= counts[at - 1]
                    rank -= counts[at - 1]
                out[group, step] = start + (uppers[at] - start) * (rank / inside)


@kernel("float64(float64,float64,float64,float64,float64)", is_inlined=True)
def _rank_at(value: float, lower: float, upper: float, rank: float, count: float) -> float:
    if lower == -np.inf:
        return count
    return rank + (count - rank) * (value - lower) / (upper - lower)


@kernel(f"void({I64},{I64},{F64},{F64_2},{BOOL_2},{F64},{F64},float64[:,::1],boolean[:,::1])")
def fractions(
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    bounds: NDArray[np.float64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    lowers: NDArray[np.float64],
    uppers_wanted: NDArray[np.float64],
    out: NDArray[np.float64],
    out_present: NDArray[np.bool_],
) -> None:
    """The share of each group between `lowers[step]` and `uppers_wanted[step]`."""
    uppers = np.empty(len(rows), np.float64)
    counts = np.empty(len(rows), np.float64)
    for group in range(len(offsets) - 1):
        for step in range(len(lowers)):
            buckets = _collected(
                rows, offsets[group], offsets[group + 1], bounds, values, present, step, uppers, counts
            )
            out_present[group, step] = buckets > 0
            out[group, step] = np.nan
            low, high = lowers[step], uppers_wanted[step]
            if buckets == 0 or uppers[buckets - 1] != np.inf:
                continue
            total = counts[buckets - 1]
            if total == 0 or np.isnan(low) or np.isnan(high):
                continue
            if low >= high:
                out[group, step] = 0.0
                continue
            rank, low_rank, high_rank = 0.0, total, total
            has_low = has_high = False
            lower = 0.0 if uppers[0] > 0 else -np.inf
            for index in range(buckets):
                if index > 0:
                    lower = uppers[index - 1]
                upper = uppers[index]
                if not has_low and lower >= low:
                    low_rank, has_low = rank, True
                if not has_high and lower >= high:
                    high_rank, has_high = rank, True
                if not has_low and upper > low:
                    low_rank, has_low = _rank_at(low, lower, upper, rank, counts[index]), True
                if not has_high and upper > high:
                    high_rank, has_high = _rank_at(high, lower, upper, rank, counts[index]), True
                if has_low and has_high:
                    break
                rank = counts[index]
            low_rank = total if not has_low or low_rank > total else low_rank
            high_rank = total if not has_high or high_rank > total else high_rank
            out[group, step] = (high_rank - low_rank) / total
