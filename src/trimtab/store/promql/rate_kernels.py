"""`rate` and its family over every series and step: as Prometheus extrapolates, bit by bit.

`start_ms` (since when a sample counts; 0: not known) tells of resets that values do not show; empty: none is known.
"""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

I64 = "Array(int64,1,'C',readonly=True)"
F64 = "Array(float64,1,'C',readonly=True)"


@kernel("boolean(int64,int64,int64,int64)")
def is_start_reset(before_start: int, before_at: int, start: int, at: int) -> bool:
    """Whether the start of a sample says that the series began anew since the sample before."""
    if start == 0 or start >= at or start < before_at:
        return False
    if start > before_at:
        return True
    if before_start > before_at:
        return False
    return before_start != 0 and before_start != before_at  # noqa: PLR1714 - a kernel


@kernel(
    "void(float64[::1],float64[::1],int64[::1],int64[::1],int64[::1],int64[::1],int64,boolean,boolean,boolean,"
    "float64[::1])"
)
def _stretched(
    grown: NDArray[np.float64],
    first: NDArray[np.float64],
    to_start_ms: NDArray[np.int64],
    to_end_ms: NDArray[np.int64],
    sampled_ms: NDArray[np.int64],
    gaps: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    is_counter: bool,
    is_rate: bool,
    out: NDArray[np.float64],
) -> None:
    """From what a window grew by between its samples to what it grew by: without branches, for vector instructions."""
    range_s = range_ms / 1000.0
    for step in range(out.shape[0]):
        sampled = sampled_ms[step] / 1000.0
        to_start = to_start_ms[step] / 1000.0
        to_end = to_end_ms[step] / 1000.0
        between = sampled / gaps[step]
        threshold = between * 1.1
        half = between / 2
        to_zero = sampled * (first[step] / grown[step])
        has_zero = is_counter and grown[step] > 0 and first[step] >= 0
        to_zero = to_zero if has_zero else np.inf
        if is_left_open:
            to_start = half if to_start >= threshold else to_start
            to_start = to_zero if to_zero < to_start else to_start
        else:
            to_start = to_zero if to_zero < to_start else to_start
            to_start = half if to_start >= threshold else to_start
        to_end = half if to_end >= threshold else to_end
        factor = (sampled + to_start + to_end) / sampled
        factor = factor if sampled != 0 else 1.0
        factor = factor / range_s if is_rate else factor
        out[step] = grown[step] * factor


@kernel(f"void({I64},{I64},{F64},{I64},int64,boolean,boolean,boolean,float64[:,::1],boolean[:,::1])")
def extrapolated(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    is_counter: bool,
    is_rate: bool,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """`rate`, `increase` (counters) and `delta` of windows; closed windows extrapolate as Prometheus 2 did.

    Of each series, one walk notes what each window holds, and one sweep computes. Indexes are unsigned: signed ones
    might count from the end, and would be asked each time.
    """
    count = ends_ms.shape[0]
    grown, first = np.empty(count), np.empty(count)
    to_start, to_end = np.empty(count, np.int64), np.empty(count, np.int64)
    sampled, gaps = np.empty(count, np.int64), np.empty(count, np.int64)
    one = np.uint64(1)
    back_ms = range_ms if is_left_open else range_ms + 1
    for series in range(offsets.shape[0] - 1):
        at = at_ms[offsets[series] : offsets[series + 1]]
        value = values[offsets[series] : offsets[series + 1]]
        is_there = present[series]
        last = np.uint64(at.shape[0])
        low = high = newest_reset = np.uint64(0)
        before = -np.inf
        for step in range(count):
            until = ends_ms[step]
            since = until - back_ms
            while high < last and at[high] <= until:
                if value[high] < before:
                    newest_reset = high
                before = value[high]
                high += one
            while low < high and at[low] <= since:
                low += one
            between = np.int64(high - low) - 1
            if between < 1:
                is_there[step] = False
                grown[step] = first[step] = 0.0
                to_start[step] = to_end[step] = sampled[step] = 0
                gaps[step] = 1
                continue
            is_there[step] = True
            newest = high - one
            growth = value[newest] - value[low]
            if is_counter and newest_reset > low:
                index = low + one
                while index < high:
                    if value[index] < value[index - one]:
                        growth += value[index - one]
                    index += one
            grown[step] = growth
            first[step] = value[low]
            to_start[step] = at[low] - (until - range_ms)
            to_end[step] = until - at[newest]
            sampled[step] = at[newest] - at[low]
            gaps[step] = between
        _stretched(
            grown,
            first,
            to_start,
            to_end,
            sampled,
            gaps,
            range_ms,
            is_left_open,
            is_counter,
            is_rate,
            out[series],
        )


@kernel(f"void({I64},{I64},{F64},{I64},{I64},int64,boolean,boolean,float64[:,::1],boolean[:,::1],boolean[::1])")
def extrapolated_from_starts(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    start_ms: NDArray[np.int64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    is_rate: bool,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
    has_overlap: NDArray[np.bool_],
) -> None:
    """As `extrapolated`, of counters whose samples say since when they count."""
    range_s = range_ms / 1000.0
    for series in range(offsets.shape[0] - 1):
        begin, last = offsets[series], offsets[series + 1]
        low = high = begin
        for step in range(ends_ms.shape[0]):
            until = ends_ms[step]
            range_start = until - range_ms
            since = range_start if is_left_open else range_start - 1
            while high < last and at_ms[high] <= until:
                high += 1
            while low < high and at_ms[low] <= since:
                low += 1
            present[series, step] = False
            out[series, step] = 0.0
            if high == low:
                continue
            first_at = at_ms[low]
            last_at = at_ms[high - 1]
            first_value = values[low]
            result = values[high - 1] - first_value
            steps = high - low - 1
            for index in range(low + 1, high):
                before = start_ms[index - 1]
                start = start_ms[index]
                if start != 0 and start < at_ms[index - 1] and start != before:
                    has_overlap[series] = True
                if values[index] < values[index - 1] or is_start_reset(before, at_ms[index - 1], start, at_ms[index]):
                    result += values[index - 1]
            to_start = (first_at - range_start) / 1000.0
            to_end = (until - last_at) / 1000.0
            sampled = (last_at - first_at) / 1000.0
            between = sampled / steps if steps > 0 else 0.0
            threshold = between * 1.1
            begun = start_ms[low]
            if begun != 0 and range_start < begun < first_at:
                to_start = 0.0
                sampled = (last_at - begun) / 1000.0
                result += first_value
            elif steps == 0:
                continue
            else:
                to_zero = np.inf
                if result > 0 and first_value >= 0:
                    to_zero = sampled * (first_value / result)
                if is_left_open:
                    if to_start >= threshold:
                        to_start = between / 2
                    to_start = min(to_zero, to_start)
                else:
                    to_start = min(to_zero, to_start)
                    if to_start >= threshold:
                        to_start = between / 2
            if to_end >= threshold:
                to_end = between / 2
            factor = 1.0
            if sampled != 0:
                factor = (sampled + to_start + to_end) / sampled
            if is_rate:
                factor /= range_s
            out[series, step] = result * factor
            present[series, step] = True


@kernel(f"void({I64},{I64},{F64},{I64},{I64},int64,boolean,boolean,float64[:,::1],boolean[:,::1])")
def instant(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    start_ms: NDArray[np.int64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    is_rate: bool,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """`irate` and `idelta`: from the last two samples of a window."""
    has_starts = start_ms.shape[0] > 0
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
            present[series, step] = high - low >= 2
            out[series, step] = 0.0
            if high - low < 2:
                continue
            new, old = high - 1, high - 2
            value = values[new]
            is_reset = value < values[old]
            if has_starts and is_start_reset(start_ms[old], at_ms[old], start_ms[new], at_ms[new]):
                is_reset = True
            if not is_rate or not is_reset:
                value -= values[old]
            if is_rate:
                value /= (at_ms[new] - at_ms[old]) / 1000.0
            out[series, step] = value


@kernel(f"boolean({F64},{I64},{I64},int64,boolean,boolean)")
def _is_counted(
    values: NDArray[np.float64],
    at_ms: NDArray[np.int64],
    start_ms: NDArray[np.int64],
    index: int,
    is_resets: bool,
    has_starts: bool,
) -> bool:
    new, old = values[index], values[index - 1]
    if is_resets:
        if new < old:
            return True
        return has_starts and is_start_reset(start_ms[index - 1], at_ms[index - 1], start_ms[index], at_ms[index])
    return new != old and not (np.isnan(new) and np.isnan(old))


@kernel(f"void({I64},{I64},{F64},{I64},{I64},int64,boolean,boolean,float64[:,::1],boolean[:,::1])")
def counted_pairs(
    offsets: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    start_ms: NDArray[np.int64],
    ends_ms: NDArray[np.int64],
    range_ms: int,
    is_left_open: bool,
    is_resets: bool,
    out: NDArray[np.float64],
    present: NDArray[np.bool_],
) -> None:
    """`resets` and `changes`: neighbours in a window that fall, or that differ."""
    has_starts = start_ms.shape[0] > 0 and is_resets
    for series in range(offsets.shape[0] - 1):
        last = offsets[series + 1]
        low = high = offsets[series]
        counted = 0
        for step in range(ends_ms.shape[0]):
            until = ends_ms[step]
            since = until - range_ms if is_left_open else until - range_ms - 1
            while high < last and at_ms[high] <= until:
                if high > low and _is_counted(values, at_ms, start_ms, high, is_resets, has_starts):
                    counted += 1
                high += 1
            while low < high and at_ms[low] <= since:
                low += 1
                if low < high and _is_counted(values, at_ms, start_ms, low, is_resets, has_starts):
                    counted -= 1
            present[series, step] = high > low
            out[series, step] = counted
