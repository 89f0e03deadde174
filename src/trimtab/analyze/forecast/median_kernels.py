"""Medians as forecasts: of the last values, and of the last cycles at the same phase. Outliers do not move them."""

from __future__ import annotations

import math

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64

SAMPLES_MAX = 24
"""Of a longer window every so many-th value is taken, so that it is not more than these."""


@kernel("void(float64[::1], int64, float64)")
def put_in_order(ordered: F64, held: int, value: float) -> None:
    """Add a value to `held` values that are ascending."""
    spot = held
    while spot > 0 and ordered[spot - 1] > value:
        ordered[spot] = ordered[spot - 1]
        spot -= 1
    ordered[spot] = value


@kernel("float64(float64[::1], int64)")
def middle_of(ordered: F64, held: int) -> float:
    """The median of `held` values that are ascending; NaN of none."""
    return 0.5 * (ordered[(held - 1) // 2] + ordered[held // 2]) if held > 0 else math.nan


@kernel("void(float64[::1], int64, int64[::1], float64[:, :, ::1], int64)")
def last_values(values: F64, window: int, origins: I64, out: F64, member: int) -> None:
    """The median of the last `window` values that are there, at all steps of out[:, :, member]."""
    stride = max(window // SAMPLES_MAX, 1)
    most = window // stride
    ordered = np.empty(most)
    for origin in range(len(origins)):
        held = 0
        at = origins[origin] - 1
        while at >= 0 and held < most:
            value = values[at]
            if math.isnan(value):
                at -= 1
                continue
            put_in_order(ordered, held, value)
            held += 1
            at -= stride
        middle = middle_of(ordered, held)
        for step in range(out.shape[1]):
            out[origin, step, member] = middle


@kernel("void(float64[::1], int64, int64, int64[::1], float64[:, :, ::1], int64)")
def last_cycles(values: F64, season: int, cycles: int, origins: I64, out: F64, member: int) -> None:
    """The median of the last `cycles` values at the same phase of a season, at each step of out[:, :, member]; NaN
    where none is known."""
    horizon = out.shape[1]
    ordered = np.empty(cycles)
    for origin in range(len(origins)):
        for step in range(min(season, horizon)):
            held = 0
            at = origins[origin] + step - season
            while at >= 0 and held < cycles:
                value = values[at]
                if not math.isnan(value):
                    put_in_order(ordered, held, value)
                    held += 1
                at -= season
            middle = middle_of(ordered, held)
            for later in range(step, horizon, season):
                out[origin, later, member] = middle
