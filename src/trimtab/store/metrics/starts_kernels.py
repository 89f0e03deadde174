"""Loops over start times: since when a sample counts."""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import I32, I64


@kernel("int64[::1](int32[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def changes(slots: I32, at: I64, start: I64, mark_at: I64, mark: I64) -> I64:
    """Indexes of samples whose start is another than the last of their series, which is noted.

    A sample that is older than the last mark of its series changes nothing.
    """
    found = np.empty(len(slots), np.int64)
    count = 0
    for index in range(len(slots)):
        slot = slots[index]
        if start[index] != mark[slot] and at[index] >= mark_at[slot]:
            mark[slot] = start[index]
            mark_at[slot] = at[index]
            found[count] = index
            count += 1
    return found[:count].copy()


@kernel("int64[::1](int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def fill_forward(offsets: I64, at: I64, marks_offsets: I64, marks_at: I64, marks: I64) -> I64:
    """For each sample the mark of its series that was set last, at or before it; 0 where none was."""
    filled = np.zeros(len(at), np.int64)
    for series in range(len(offsets) - 1):
        mark, end = marks_offsets[series], marks_offsets[series + 1]
        value = 0
        for row in range(offsets[series], offsets[series + 1]):
            while mark < end and marks_at[mark] <= at[row]:
                value = marks[mark]
                mark += 1
            filled[row] = value
    return filled
