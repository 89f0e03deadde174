"""The loop over samples: one step of one series after the other."""

import numpy as np
from numpy.typing import NDArray

from trimtab.store.compiled import kernel

STATE_FIELDS = 64
PROFILE_SLOTS = 96
(COUNT, LAST_MS, STEP_MS, LEVEL, SCATTER, PEAK, PEAK_AT) = range(7)
NEW = np.zeros(STATE_FIELDS)
"""The state of a series of which nothing was seen."""
NEW[LAST_MS] = -np.inf


@kernel(
    "void(float64[:,::1],float32[:,::1],Array(int32,1,'C',readonly=True),Array(int64,1,'C',readonly=True),"
    "Array(float64,1,'C',readonly=True),float64[:,::1],uint8[::1],int64,int64)"
)
def step(
    state: NDArray[np.float64],
    profile: NDArray[np.float32],  # noqa: ARG001
    slots: NDArray[np.int32],
    at_ms: NDArray[np.int64],
    values: NDArray[np.float64],
    out: NDArray[np.float64],
    test: NDArray[np.uint8],
    warm_up: int,
    repeat: int,
) -> None:
    """Score each row and learn from it. `out` has the rows score, p, expected, low, high."""
    for row in range(slots.size):
        one = state[slots[row]]
        value = values[row]
        out[0, row] = 0.0
        out[1, row] = 1.0
        out[2, row] = out[3, row] = out[4, row] = np.nan
        test[row] = 0
        if not np.isfinite(value) or at_ms[row] <= one[LAST_MS]:
            continue
        one[LAST_MS] = at_ms[row]
        one[COUNT] += 1.0
        count = one[COUNT]
        if count == 1.0:
            one[LEVEL] = value
            continue
        away = value - one[LEVEL]
        scatter = one[SCATTER]
        if count > warm_up and scatter > 0.0:
            nines = max(0.0, abs(away) / scatter - 1.0) / 2.3
            out[1, row] = 10.0 ** -min(nines, 300.0)
            out[2, row] = one[LEVEL]
            out[3, row] = one[LEVEL] - 4.6 * scatter
            out[4, row] = one[LEVEL] + 4.6 * scatter
            test[row] = 1
            score = nines / (nines + 6.0)
            if score > one[PEAK] or count - one[PEAK_AT] > repeat:
                one[PEAK] = score
                one[PEAK_AT] = count
                out[0, row] = score
            else:
                out[0, row] = min(score, 0.2)
        weight = max(1.0 / count, 0.02)
        one[LEVEL] += weight * away
        one[SCATTER] += weight * (min(abs(away), 5.0 * scatter if count > 30.0 else abs(away)) - scatter)
