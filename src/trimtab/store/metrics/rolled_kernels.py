"""From samples to rows by five minutes, and from these to rows by the hour.

A row has, in this order: series, end, count, sum, least, greatest, first time and value, last time and value, increase,
and when the series ended. Series are those of the offsets; their samples ascend, no two at one time.
"""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I32, I64, U32

Rows = tuple[I32, I64, U32, F64, F64, F64, I64, F64, I64, F64, F64, I64]
_ROWS = (
    "Tuple((int32[::1], int64[::1], uint32[::1], float64[::1], float64[::1], float64[::1], int64[::1], float64[::1],"
    " int64[::1], float64[::1], float64[::1], int64[::1]))"
)
_STALE_BITS = 0x7FF0000000000002


@kernel("int64(int64, int64)", is_inlined=True)
def end_of(at_ms: np.int64, width_ms: np.int64) -> np.int64:
    """The end of the window `(end - width, end]` that has a time."""
    return ((at_ms - 1) // width_ms + 1) * width_ms


@kernel(f"{_ROWS}(int64[::1], int64[::1], int64[::1], int64)")
def rows_of_samples(offsets: I64, at: I64, bits: I64, width_ms: np.int64) -> Rows:
    """Windows that have samples other than stale markers."""
    most = 0
    for series in range(len(offsets) - 1):
        before = np.int64(-(1 << 62))
        for index in range(offsets[series], offsets[series + 1]):
            if at[index] > before:
                before = end_of(at[index], width_ms)
                most += 1
    values = bits.view(np.float64)
    of, end, count = np.empty(most, np.int32), np.empty(most, np.int64), np.empty(most, np.uint32)
    total, least, greatest = np.empty(most), np.empty(most), np.empty(most)
    first_at, first = np.empty(most, np.int64), np.empty(most)
    last_at, last = np.empty(most, np.int64), np.empty(most)
    increase, ended = np.empty(most), np.empty(most, np.int64)
    row = -1
    for series in range(len(offsets) - 1):
        window = np.int64(-(1 << 62))
        is_open = False
        for index in range(offsets[series], offsets[series + 1]):
            time = at[index]
            if time > window:
                window = end_of(time, width_ms)
                is_open = False
            if bits[index] == _STALE_BITS:
                if is_open:
                    ended[row] = time
                continue
            value = values[index]
            if not is_open:
                is_open = True
                row += 1
                of[row], end[row], count[row] = series, window, 1
                total[row] = least[row] = greatest[row] = value
                first_at[row] = last_at[row] = time
                first[row] = last[row] = value
                increase[row] = 0.0
                ended[row] = 0
                continue
            count[row] += 1
            total[row] += value
            if value < least[row] or np.isnan(least[row]):
                least[row] = value
            if value > greatest[row] or np.isnan(greatest[row]):
                greatest[row] = value
            increase[row] += value if value < last[row] else value - last[row]
            last_at[row], last[row], ended[row] = time, value, 0
    row += 1
    return (
        of[:row].copy(), end[:row].copy(), count[:row].copy(), total[:row].copy(), least[:row].copy(),
        greatest[:row].copy(), first_at[:row].copy(), first[:row].copy(), last_at[:row].copy(), last[:row].copy(),
        increase[:row].copy(), ended[:row].copy(),
    )  # fmt: skip


@kernel(
    f"{_ROWS}(int32[::1], int64[::1], uint32[::1], float64[::1], float64[::1], float64[::1], int64[::1], float64[::1],"
    " int64[::1], float64[::1], float64[::1], int64[::1], int64)"
)
def rows_of_rows(
    of: I32, end: I64, count: U32, total: F64, least: F64, greatest: F64, first_at: I64, first: F64,
    last_at: I64, last: F64, increase: F64, ended: I64, width_ms: np.int64,
) -> Rows:  # fmt: skip
    """Rows of narrower windows, by series and end, as rows of wider ones: what one grew by from window to window
    counts, too."""
    most = 0
    for index in range(len(of)):
        window = end_of(end[index], width_ms)
        most += index == 0 or of[index] != of[index - 1] or window != end_of(end[index - 1], width_ms)
    n_of, n_end, n_count = np.empty(most, np.int32), np.empty(most, np.int64), np.empty(most, np.uint32)
    n_total, n_least, n_greatest = np.empty(most), np.empty(most), np.empty(most)
    n_first_at, n_first = np.empty(most, np.int64), np.empty(most)
    n_last_at, n_last = np.empty(most, np.int64), np.empty(most)
    n_increase, n_ended = np.empty(most), np.empty(most, np.int64)
    row = -1
    for index in range(len(of)):
        window = end_of(end[index], width_ms)
        if row < 0 or of[index] != n_of[row] or window != n_end[row]:
            row += 1
            n_of[row], n_end[row], n_count[row] = of[index], window, count[index]
            n_total[row], n_least[row], n_greatest[row] = total[index], least[index], greatest[index]
            n_first_at[row], n_first[row] = first_at[index], first[index]
            n_increase[row] = increase[index]
        else:
            n_count[row] += count[index]
            n_total[row] += total[index]
            if least[index] < n_least[row] or np.isnan(n_least[row]):
                n_least[row] = least[index]
            if greatest[index] > n_greatest[row] or np.isnan(n_greatest[row]):
                n_greatest[row] = greatest[index]
            step = first[index] if first[index] < n_last[row] else first[index] - n_last[row]
            n_increase[row] += step + increase[index]
        n_last_at[row], n_last[row], n_ended[row] = last_at[index], last[index], ended[index]
    return (
        n_of, n_end, n_count, n_total, n_least, n_greatest, n_first_at, n_first, n_last_at, n_last, n_increase, n_ended
    )  # fmt: skip
