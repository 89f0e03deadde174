"""Which row an array conversion broke at: asked only where one did."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa


def first_bad(cells: pa.Array, convert: Callable[[pa.Array], object]) -> int:
    """The first row that `convert` cannot take (it raises ArrowInvalid), found by halves.

    >>> first_bad(pa.array(["1", "2", "x", "4", "y"]), lambda part: part.cast(pa.float64()))
    2
    """
    low, high = 0, len(cells)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(cells.slice(low, middle - low))
        except pa.ArrowInvalid:
            high = middle
        else:
            low = middle
    return low
