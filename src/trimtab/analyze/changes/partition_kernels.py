"""The kernel segmenter: the cheapest partition in the feature space of a Gaussian (rbf) kernel."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel


@kernel("float64(float64[:,::1],int64,int64)", is_inlined=True)
def _cost(sums: NDArray[np.float64], low: int, high: int) -> float:
    """Scatter around the mean in feature space, less what is the same for every partition."""
    total = 0.0
    for feature in range(sums.shape[1]):
        difference = sums[high, feature] - sums[low, feature]
        total += difference * difference
    return -total / (high - low)


@kernel("int64(float64[:,::1],float64,int64,int64[::1])")
def partition(
    sums: NDArray[np.float64],
    penalty: float,
    min_segment: int,
    cuts: NDArray[np.int64],
) -> int:
    """Cheapest partition into segments of `min_segment` points or more, where each cut costs `penalty`.

    `sums[i]` is the sum of the features of the first i points. Cuts (first points of segments) are put into `cuts`,
    ascending; how many is answered. Beginnings that can no more be the best are left (PELT: Killick, Fearnhead &
    Eckley, 2012; with kernels: Arlot, Celisse & Harchaoui, 2019).
    """
    size = sums.shape[0] - 1
    best = np.full(size + 1, np.inf)
    best[0] = -penalty
    before = np.zeros(size + 1, np.int64)
    alive = np.empty(size + 1, np.int64)
    totals = np.empty(size + 1)
    living = 0
    for end in range(min_segment, size + 1):
        if best[end - min_segment] < np.inf:
            alive[living] = end - min_segment
            living += 1
        least, least_from = np.inf, 0
        for index in range(living):
            begin = alive[index]
            totals[index] = best[begin] + _cost(sums, begin, end)
            if totals[index] < least:
                least, least_from = totals[index], begin
        best[end] = least + penalty
        before[end] = least_from
        kept = 0
        for index in range(living):
            if totals[index] <= best[end]:
                alive[kept] = alive[index]
                kept += 1
        living = kept
    found = 0
    at = before[size]
    while at > 0:
        cuts[found] = at
        found += 1
        at = before[at]
    for index in range(found // 2):
        cuts[index], cuts[found - 1 - index] = cuts[found - 1 - index], cuts[index]
    return found
