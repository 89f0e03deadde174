"""What explains a series besides changes: its load, and the time of day. It is taken out before levels are sought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

LAGS = (1, 4, 16)
"""Load and latency are compared by their differences over so many points: a step of the level is in few of them."""
HEADROOMS = tuple(np.geomspace(1.02, 8.0, 24).tolist())
"""Capacities that are tried for the queueing form, as multiples of the largest load seen."""
PAIRS_MIN = 40
GAIN_MIN = 0.05
"""Load has to take away this share of the differences' absolute sum, or the series stays as it is."""
DAY_MS = 86_400_000
DAYS_MIN = 3
SLOTS_MIN, SLOTS_MAX = 4, 1440
DAY_GAIN_MIN = 0.15


@dataclass(frozen=True)
class Adjusted:
    """Values without what explains them, at the series' usual load and time of day; and what that was."""

    values: F64
    reasons: tuple[str, ...]


def adjusted(series: TimeSeries, load: TimeSeries | None) -> Adjusted:
    """The series' values (NaN stays NaN) less what its load and the time of day explain, where they do.

    >>> rng = np.random.default_rng(1)
    >>> at_ms = np.arange(300) * 60_000
    >>> load = 100 + 60 * np.sin(np.arange(300) / 20)
    >>> slow = TimeSeries("p95", at_ms, 5 / (1 - load / 200) * np.exp(rng.normal(0, 0.05, 300)))
    >>> flat = adjusted(slow, TimeSeries("calls", at_ms, load))
    >>> flat.reasons, bool(np.ptp(flat.values) < np.ptp(slow.values) / 3)
    (('load',), True)
    """
    values, reasons = series.values, []
    if load is not None:
        without = _without_load(values, _at(load, series.at_ms, series.step_ms))
        if without is not None:
            values, reasons = without, ["load"]
    without = _without_day(series.at_ms, values, series.step_ms)
    if without is not None:
        values, reasons = without, [*reasons, "time of day"]
    return Adjusted(values, tuple(reasons))


def _at(load: TimeSeries, at_ms: I64, step_ms: int) -> F64:
    """The load nearest to each time, NaN where none is within half a step."""
    if not len(load):
        return np.full(at_ms.size, np.nan)
    after = np.clip(np.searchsorted(load.at_ms, at_ms), 0, len(load) - 1)
    before = np.maximum(after - 1, 0)
    is_before = np.abs(load.at_ms[before] - at_ms) < np.abs(load.at_ms[after] - at_ms)
    nearest = np.where(is_before, before, after)
    is_near = np.abs(load.at_ms[nearest] - at_ms) <= max(step_ms, 1) / 2
    return np.where(is_near, load.values[nearest], np.nan)


def _without_load(values: F64, load: F64) -> F64 | None:
    """Latency at the median load; None where load explains too little of it.

    log latency = level + slope · form(load), where form is -log(1 - load ÷ capacity) (an M/M/1's waiting) with the
    capacity that fits best, or log load. The slope is that of least absolute differences, through 0: levels cancel.
    """
    is_known = np.isfinite(values) & np.isfinite(load) & (values > 0) & (load > 0)
    if is_known.sum() < PAIRS_MIN:
        return None
    logs, loads = np.log(values[is_known]), load[is_known]
    lags = [lag for lag in LAGS if logs.size > 4 * lag]
    rises = _differences(logs, lags)
    best = _fitted(np.log(loads), rises, lags)
    headrooms = np.array(HEADROOMS)
    for _ in range(2):  # roughly, then between the neighbours of the best
        fits = [_fitted(-np.log1p(-loads / (loads.max() * headroom)), rises, lags) for headroom in headrooms]
        place = int(np.argmin([fit.left for fit in fits]))
        best = min(best, fits[place], key=lambda fit: fit.left)
        headrooms = np.geomspace(headrooms[max(place - 1, 0)], headrooms[min(place + 1, headrooms.size - 1)], 9)
    if best.left > (1 - GAIN_MIN) * float(np.abs(rises).sum()):
        return None
    without = np.full(values.size, np.nan)
    without[is_known] = np.exp(logs - best.slope * (best.form - float(np.median(best.form))))
    return without


@dataclass(frozen=True)
class _Fit:
    """A form of the load, by how much log latency rises with it, and the absolute differences that it leaves."""

    form: F64
    slope: float
    left: float


def _fitted(form: F64, rises: F64, lags: list[int]) -> _Fit:
    """Latency that falls with load is not explained by it."""
    runs = _differences(form, lags)
    slope = max(_slope(runs, rises), 0.0)
    return _Fit(form, slope, float(np.abs(rises - slope * runs).sum()))


def _differences(values: F64, lags: list[int]) -> F64:
    return np.concatenate([values[lag:] - values[:-lag] for lag in lags])


def _slope(runs: F64, rises: F64) -> float:
    """The slope through 0 with the least sum of absolute distances: a weighted median of single slopes."""
    is_moving = runs != 0
    if not is_moving.any():
        return 0.0
    slopes, weights = rises[is_moving] / runs[is_moving], np.abs(runs[is_moving])
    order = np.argsort(slopes)
    reached = np.cumsum(weights[order])
    return float(slopes[order][np.searchsorted(reached, reached[-1] / 2)])


def _without_day(at_ms: I64, values: F64, step_ms: int) -> F64 | None:
    """Values without what each time of day usually has above the day's median; None where no day is like another.

    The profile of even days has to take away DAY_GAIN_MIN of the scatter of odd days, and the other way round.
    """
    if step_ms <= 0 or at_ms.size < 2 or at_ms[-1] - at_ms[0] < DAYS_MIN * DAY_MS:
        return None
    slots = round(DAY_MS / step_ms)
    slot_count = min(slots, 96)
    if not SLOTS_MIN <= slots <= SLOTS_MAX:
        return None
    days = (at_ms - at_ms[0]) // DAY_MS
    places = ((at_ms - at_ms[0]) % DAY_MS) * slot_count // DAY_MS
    table = np.full((int(days[-1]) + 1, slot_count), np.nan)
    counts = np.zeros_like(table)
    sums = np.zeros_like(table)
    known = np.isfinite(values)
    np.add.at(sums, (days[known], places[known]), values[known])
    np.add.at(counts, (days[known], places[known]), 1)
    np.divide(sums, counts, out=table, where=counts > 0)
    full = np.isfinite(table).mean(axis=1) > 0.5
    if full.sum() < DAYS_MIN:
        return None
    rows = _without_level(table, np.flatnonzero(full))
    if not all(_foretells(rows[half::2], rows[1 - half :: 2]) for half in (0, 1)):
        return None
    without: F64 = values - _profile(rows)[places]
    return without


def _without_level(table: F64, days: I64) -> F64:
    """Rows of the days named less the line between the medians of neighbouring days: a drift is no time of day."""
    medians = np.nanmedian(table[days], axis=1)
    ends = (days[:1] - 1, days[-1:] + 1)
    slopes = np.diff(medians)[[0, -1]] / np.diff(days)[[0, -1]]
    known = np.concatenate([ends[0], days, ends[1]]).astype(np.float64)
    levels = np.concatenate([[medians[0] - slopes[0]], medians, [medians[-1] + slopes[1]]])
    slots = table.shape[1]
    at = days[:, None] + (np.arange(slots) - (slots - 1) / 2) / slots
    rows: F64 = table[days] - np.interp(at.ravel(), known, levels).reshape(at.shape)
    return rows


def _profile(rows: F64) -> F64:
    is_seen = np.isfinite(rows).any(axis=0)
    profile = np.zeros(rows.shape[1])
    profile[is_seen] = np.nanmedian(rows[:, is_seen], axis=0)
    return profile - float(np.median(profile))


def _foretells(one: F64, other: F64) -> bool:
    scatter = float(np.nanmedian(np.abs(other)))
    left = other - _profile(one)
    return float(np.nanmedian(np.abs(left - np.nanmedian(left)))) < (1 - DAY_GAIN_MIN) * scatter
