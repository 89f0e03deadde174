"""Which sample stands for a series at a step, and which samples lie in a window: one walk over each series.

Steps are in order of time (or all the same), so two pointers only ever go forward.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel
from trimtab.store.metrics.block import STALE_BITS

I64 = "Array(int64,1,'C',readonly=True)"
F64 = "Array(float64,1,'C',readonly=True)"
STALE = np.int64(STALE_BITS)


@kernel(f"void({I64},{I64},{F64},{I64},{I64},int64,boolean,float64[:,::1],boolean[:,::1])")
def values_at(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    bits: NDArray[np.int64],
    times_ms: NDArray[np.int64],
    lookback_ms: int,
    is_left_open: bool,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """The newest value in `(t - lookback, t]` of each series and step; a stale marker is absence."""
    for series in range(offsets.shape[0] - 1):
        first, end = offsets[series], offsets[series + 1]
        here = first
        for step in range(times_ms.shape[0]):
            until = times_ms[step]
            while here < end and at_ms[here] <= until:
                here += 1
            newest = here - 1
            is_there = False
            if newest >= first and bits[newest] != STALE:
                since = until - lookback_ms
                is_there = at_ms[newest] > since or (not is_left_open and at_ms[newest] == since)
            present[series, step] = is_there
            out[series, step] = values[newest] if is_there else 0.0


@kernel(f"void({I64},{I64},{I64},{I64},int64,boolean,int64[:,::1])")
def indexes_at(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    bits: NDArray[np.int64],
    times_ms: NDArray[np.int64],
    lookback_ms: int,
    is_left_open: bool,
    out: NDArray[np.int64],
) -> None:
    """As `values_at`, but where the sample stands in the block; -1: none."""
    for series in range(offsets.shape[0] - 1):
        first, end = offsets[series], offsets[series + 1]
        here = first
        for step in range(times_ms.shape[0]):
            until = times_ms[step]
            while here < end and at_ms[here] <= until:
                here += 1
            newest = here - 1
            out[series, step] = -1
            if newest >= first and bits[newest] != STALE:
                since = until - lookback_ms
                if at_ms[newest] > since or (not is_left_open and at_ms[newest] == since):
                    out[series, step] = newest


@kernel(f"void({I64},{I64},{I64},int64,boolean,int64[:,::1],int64[:,::1])")
def window_bounds(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    lows: NDArray[np.int64],
    highs: NDArray[np.int64],
) -> None:
    """Samples `[low, high)` of each series in `(end - range, end]` of each step."""
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
            lows[series, step] = low
            highs[series, step] = high


@kernel(f"int64({I64},Array(boolean,1,'C',readonly=True),int64[::1],int64[::1])")
def kept_offsets(
    offsets: NDArray[np.int64],
    is_kept: NDArray[np.bool_],
    out_offsets: NDArray[np.int64],
    out_index: NDArray[np.int64],
) -> int:
    """Offsets and places of the samples that are kept; answers how many."""
    count = 0
    out_offsets[0] = 0
    for series in range(offsets.shape[0] - 1):
        for index in range(offsets[series], offsets[series + 1]):
            if is_kept[index]:
                out_index[count] = index
                count += 1
        out_offsets[series + 1] = count
    return count
