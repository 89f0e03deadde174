"""Medians as forecasts: of the last values, and of the last cycles at the same phase. Outliers do not move them.

Where there is no gap, those of many steps or origins are sorted side by side."""

from __future__ import annotations

import math

import numpy as np

from trimtab.analyze.forecast.sorting_kernels import sort_rows
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


@kernel("int64(float64[::1], int64)")
def _last_gap(values: F64, known: int) -> int:
    """Where the last gap of the first `known` values is; -1 without one."""
    at = known - 1
    while at >= 0 and not math.isnan(values[at]):
        at -= 1
    return at


@kernel("void(float64[::1], int64, int64[::1], float64[:, :, ::1], int64)")
def last_values(values: F64, window: int, origins: I64, out: F64, member: int) -> None:
    """The median of the last `window` values that are there, at all steps of out[:, :, member]."""
    stride = max(window // SAMPLES_MAX, 1)
    most = window // stride
    middles = np.empty(len(origins))
    if origins[0] - 1 - stride * (most - 1) > _last_gap(values, origins[-1]):
        together = np.empty((most, len(origins)))
        for one in range(most):
            for origin in range(len(origins)):
                together[one, origin] = values[origins[origin] - 1 - stride * one]
        sort_rows(together, most)
        for origin in range(len(origins)):
            middles[origin] = 0.5 * (together[(most - 1) // 2, origin] + together[most // 2, origin])
    else:
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
            middles[origin] = middle_of(ordered, held)
    for origin in range(len(origins)):
        for step in range(out.shape[1]):
            out[origin, step, member] = middles[origin]


@kernel("void(float64[::1], int64, int64, int64[::1], float64[:, :, ::1], int64)")
def last_cycles(values: F64, season: int, cycles: int, origins: I64, out: F64, member: int) -> None:
    """The median of the last `cycles` values at the same phase of a season, at each step of out[:, :, member]; NaN
    where none is known."""
    horizon = out.shape[1]
    steps = min(season, horizon)
    ordered, middles = np.empty(cycles), np.empty(steps)
    together = np.empty((cycles, steps))
    gap = _last_gap(values, origins[-1])
    for origin in range(len(origins)):
        begin = origins[origin] - cycles * season
        if begin > gap:
            for one in range(cycles):
                together[one] = values[begin + one * season : begin + one * season + steps]
            sort_rows(together, cycles)
            for step in range(steps):
                middles[step] = 0.5 * (together[(cycles - 1) // 2, step] + together[cycles // 2, step])
        else:
            for step in range(steps):
                held = 0
                at = origins[origin] + step - season
                while at >= 0 and held < cycles:
                    value = values[at]
                    if not math.isnan(value):
                        put_in_order(ordered, held, value)
                        held += 1
                    at -= season
                middles[step] = middle_of(ordered, held)
        for step in range(steps):
            for later in range(step, horizon, season):
                out[origin, later, member] = middles[step]
