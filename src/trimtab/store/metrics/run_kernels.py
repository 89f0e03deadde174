"""Rows of the engine in runs: they come in any order of series, mostly in long runs of one series, ascending."""

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import I32, I64, U64

_U64_READ = "Array(uint64, 1, 'C', readonly=True)"
_I64_READ = "Array(int64, 1, 'C', readonly=True)"


@kernel(f"int64({_U64_READ}, {_I64_READ}, uint64[::1], int32[::1], int64[::1], int64[::1], int64[::1])")
def runs(ids: U64, at: I64, wanted: U64, series: I32, ends: I64, first_at: I64, counts: I64) -> int:
    """Runs of rows of one series: which of the wanted ids (ascending) each has (-1: none of them), where it ends, when
    it begins. Adds to how many rows each series has; answers how many runs there are."""
    count = 0
    row = 0
    while row < len(ids):
        id_ = ids[row]
        first = row
        row += 1
        while row < len(ids) and ids[row] == id_ and at[row] >= at[row - 1]:
            row += 1
        low, high = 0, len(wanted)
        while low < high:
            middle = (low + high) // 2
            if wanted[middle] < id_:
                low = middle + 1
            else:
                high = middle
        found = low if low < len(wanted) and wanted[low] == id_ else -1
        if found >= 0:
            counts[found] += row - first
        series[count] = found
        ends[count] = row
        first_at[count] = at[first]
        count += 1
    return count


@kernel("void(int64[::1], int32[::1], int64[::1], int64[::1], int64[::1])")
def destinations(order: I64, series: I32, lengths: I64, cursor: I64, to: I64) -> None:
    """Where each run goes, when they are put down in this order: to the cursor of its series, which moves on."""
    for run in order:
        where = series[run]
        if where >= 0:
            to[run] = cursor[where]
            cursor[where] += lengths[run]


@kernel(f"void(int32[::1], int64[::1], int64[::1], {_I64_READ}, {_I64_READ}, int64[::1], int64[::1])")
def place(series: I32, ends: I64, to: I64, at: I64, bits: I64, out_at: I64, out_bits: I64) -> None:
    """Copy each run to where it goes."""
    first = 0
    for run in range(len(series)):
        end = ends[run]
        if series[run] >= 0:
            where = to[run]
            out_at[where : where + end - first] = at[first:end]
            out_bits[where : where + end - first] = bits[first:end]
        first = end
