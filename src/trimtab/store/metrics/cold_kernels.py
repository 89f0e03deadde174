"""Loops over rows of the engine: they come in any order of series, each run of a series ascending."""

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import I32, I64, U64

_U64_READ = "Array(uint64, 1, 'C', readonly=True)"
_I64_READ = "Array(int64, 1, 'C', readonly=True)"


@kernel(f"void({_U64_READ}, uint64[::1], int32[::1], int64[::1])")
def find(ids: U64, wanted: U64, series: I32, counts: I64) -> None:
    """Which of the wanted ids (ascending) each row has (-1: none of them), and how many rows each has."""
    last_id = np.uint64(0)
    last_series = -2
    for row in range(len(ids)):
        id_ = ids[row]
        if last_series == -2 or id_ != last_id:
            last_id = id_
            low, high = 0, len(wanted)
            while low < high:
                middle = (low + high) // 2
                if wanted[middle] < id_:
                    low = middle + 1
                else:
                    high = middle
            last_series = low if low < len(wanted) and wanted[low] == id_ else -1
        series[row] = last_series
        if last_series >= 0:
            counts[last_series] += 1


@kernel(f"void(int32[::1], {_I64_READ}, {_I64_READ}, int64[::1], int64[::1], int64[::1])")
def place(series: I32, at: I64, bits: I64, cursor: I64, out_at: I64, out_bits: I64) -> None:
    """Copy each row to the cursor of its series, which moves on."""
    for row in range(len(series)):
        where = series[row]
        if where >= 0:
            to = cursor[where]
            cursor[where] = to + 1
            out_at[to] = at[row]
            out_bits[to] = bits[row]
