"""The last stage of the detector with its choices as parameters, so that folds can choose them.

The five tests' own probabilities come from the product (`Detector.parts`). Here they are weighed and summed, the sum is
judged by its own tail with the product's kernels, and what repeats is left out, as `step_kernels` does, for any weights
and spans. The guard that keeps incidents from being learned is the product's (it has acted on the parts).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmarks.detect.corpus import compiled
from trimtab.analyze.detect.layout_kernels import F_FLOOR, NEW_FLOATS, NEW_INTS, TESTS
from trimtab.analyze.detect.step_kernels import CLIP, CLUSTER_SHARE, NINES, PRIOR, PRIOR_COUNT
from trimtab.analyze.detect.tail_kernels import tail_learn, tail_probability

F64 = NDArray[np.float64]
ALL = 2 * TESTS


def nines_of(parts: F64, weights: tuple[float, ...]) -> F64:
    """Weighed sum of the tests' nines; `parts` has shape [5, n]."""
    return np.asarray(weights) @ -np.log10(np.maximum(parts, 1e-60))


@compiled
def _probabilities(
    nines: F64, floats: NDArray[np.float32], ints: NDArray[np.int32], cluster: float, warm_up: int
) -> F64:
    p = np.ones(nines.size)
    for row in range(warm_up, nines.size):
        if nines[row] > floats[F_FLOOR + ALL]:
            value = nines[row]
            own = min(cluster, CLUSTER_SHARE * row)
            p[row] = tail_probability(floats, ints, ALL, row - warm_up, value, row, own, NINES, PRIOR_COUNT, PRIOR)
            tail_learn(floats, ints, ALL, value, row, own, CLIP)
    return p


def probabilities(nines: F64, cluster: float = 20.0, warm_up: int = 60) -> F64:
    """Tail probabilities of the sums, each by what came before."""
    floats, ints = NEW_FLOATS.copy(), NEW_INTS.copy()
    return np.asarray(_probabilities(nines, floats, ints, cluster, warm_up))


@compiled
def records(p: F64, repeat: int, more: float) -> F64:
    """Scores of rows that are records, as the product gives them; the others at most 0.2."""
    scores = np.zeros(p.size)
    peak, peak_at = 0.0, -(10**9)
    for row in range(p.size):
        if p[row] < 1.0:
            nines = -math.log10(max(p[row], 1e-60))
            score = nines / (nines + 6.0)
            if nines > more * peak or row - peak_at > repeat:
                peak, peak_at = nines, row
                scores[row] = score
            else:
                scores[row] = min(score, 0.2)
    return scores
