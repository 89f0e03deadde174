"""Medians as forecasts: of the last values, and of the last cycles at the same phase. Outliers do not move them."""

from __future__ import annotations

import math

import numpy as np

from trimtab.store.compiled import kernel
from trimtab.store.metrics.arrays import F64, I64


@kernel("void(float64[::1], int64, int64[::1], float64[:, :, ::1], int64)")
def last_values(values: F64, window: int, origins: I64, out: F64, member: int) -> None:
    """The median of the last `window` values that are there, at all steps of out[:, :, member]."""
    ordered = np.empty(window)
    ring = np.empty(window)
    held = place = next_origin = 0
    for at in range(len(values) + 1):
        if next_origin < len(origins) and origins[next_origin] == at:
            middle = np.nan
            if held > 0:
                middle = 0.5 * (ordered[(held - 1) // 2] + ordered[held // 2])
            for step in range(out.shape[1]):
                out[next_origin, step, member] = middle
            next_origin += 1
        if at == len(values) or next_origin == len(origins):
            break
        value = values[at]
        if math.isnan(value):
            continue
        if held == window:
            spot = np.searchsorted(ordered, ring[place])
            while spot < window - 1 and ordered[spot + 1] < value:
                ordered[spot] = ordered[spot + 1]
                spot += 1
            while spot > 0 and ordered[spot - 1] > value:
                ordered[spot] = ordered[spot - 1]
                spot -= 1
        else:
            spot = held
            while spot > 0 and ordered[spot - 1] > value:
                ordered[spot] = ordered[spot - 1]
                spot -= 1
            held += 1
        ordered[spot] = value
        ring[place] = value
        place = place + 1 if place + 1 < window else 0


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
                    spot = held
                    while spot > 0 and ordered[spot - 1] > value:
                        ordered[spot] = ordered[spot - 1]
                        spot -= 1
                    ordered[spot] = value
                    held += 1
                at -= season
            middle = np.nan
            if held > 0:
                middle = 0.5 * (ordered[(held - 1) // 2] + ordered[held // 2])
            for later in range(step, horizon, season):
                out[origin, later, member] = middle
