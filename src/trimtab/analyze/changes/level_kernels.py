"""The robust segmenter: the likeliest path of levels under noise with heavy tails, by dynamic programming on a grid."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

TABLE_A_UNIT = 16
"""The table of losses has so many entries a standard deviation; in between the nearest below counts."""


@kernel("int64(float64[::1],float64[::1],float64[::1],float64,int64,int64[::1])")
def level_path(
    values: NDArray[np.float64],
    levels: NDArray[np.float64],
    losses: NDArray[np.float64],
    penalty: float,
    min_segment: int,
    cuts: NDArray[np.int64],
) -> int:
    """Cheapest path of levels: the sum of losses of distances (in standard deviations), and `penalty` for each change.

    Every level is held for `min_segment` points at least. Cuts (first points of new levels) are put into `cuts`,
    ascending; how many is answered. This is the recursion of Fearnhead & Rigaill (2019, "Changepoint detection in the
    presence of outliers") with the level on a grid, so that a point costs `levels.size` steps whatever the loss is.
    """
    count = values.size
    grid = levels.size
    last = losses.size - 1
    cost = np.zeros(grid)
    began = np.zeros(grid, np.int64)
    recent = np.zeros(grid)
    window = np.zeros((min_segment, grid))
    best = np.empty(count + 1)
    best[0] = 0.0
    start = np.zeros(count + 1, np.int64)
    for at in range(count):
        slot = at % min_segment
        entry = at + 1 - min_segment
        can_enter = entry >= min_segment
        base = best[entry] + penalty if can_enter else 0.0
        least, least_began = np.inf, 0
        for level in range(grid):
            place = int(abs(values[at] - levels[level]) * TABLE_A_UNIT)
            loss = losses[min(place, last)]
            recent[level] += loss - window[slot, level]
            window[slot, level] = loss
            total = cost[level] + loss
            if can_enter and base + recent[level] < total:
                total = base + recent[level]
                began[level] = entry
            cost[level] = total
            if total < least:
                least, least_began = total, began[level]
        best[at + 1] = least
        start[at + 1] = least_began
    found = 0
    at = start[count]
    while at > 0:
        cuts[found] = at
        found += 1
        at = start[at]
    for index in range(found // 2):
        cuts[index], cuts[found - 1 - index] = cuts[found - 1 - index], cuts[index]
    return found
