"""Many short columns sorted side by side, without a branch."""

from __future__ import annotations

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64


@kernel("void(float64[::1], float64[::1])")
def _exchange(lower: F64, higher: F64) -> None:
    """Put the smaller of two values in each column into `lower`, the other into `higher`."""
    for column in range(len(lower)):
        one, other = lower[column], higher[column]
        lower[column] = one if one < other else other
        higher[column] = other if one < other else one


@kernel("void(float64[:, ::1], int64)")
def sort_rows(values: F64, held: int) -> None:
    """Sort the first `held` rows of `values` [row, column] in each column, ascending; no value is NaN.

    A network of comparisons (Batcher 1968; Knuth, The Art of Computer Programming, 5.2.2, algorithm M)."""
    largest = 1
    while 2 * largest < held:
        largest *= 2
    part = largest
    while part > 0:
        merged, remainder, apart = largest, 0, part
        while apart > 0:
            for low in range(held - apart):
                if low & part == remainder:
                    _exchange(values[low], values[low + apart])
            apart = merged - part
            merged //= 2
            remainder = part
        part //= 2
