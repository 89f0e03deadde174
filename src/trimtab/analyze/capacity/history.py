"""What is done with peaks before a trend is taken of them: teeth, level shifts, a rhythm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.answers import DAY_MS, HOUR_MS
from trimtab.analyze.capacity.trend import line_of, spread_of

F64 = NDArray[np.float64]

SHIFT_SIDE = 4
"""Both sides of a shift of level are looked at over so many peaks."""
SHIFT_SIGMAS_MIN = 8.0
SHIFT_RANGE_RATIO_MIN = 0.2
"""A shift is that part of the whole range at least: smaller ones are what growth is made of."""
SHIFTS_MAX = 2
"""More shifts than that are how the series grows."""
TOOTH_SIGMAS_MIN = 6.0
TOOTH_RANGE_RATIO_MIN = 0.25
TEETH_MIN = 2
AT_ONCE_RATIO_MAX = 0.7
"""What rises by more than that part of a tooth at once is a spike, not what fills."""
RHYTHMS_MIN = 3
"""A rhythm has to be seen so many times."""
RHYTHM_F_MIN = 4.0
OUTLIER_SPREADS = 4.0


@dataclass(frozen=True, slots=True)
class History:
    """Peaks that a trend can be taken of: `values` float64[n] without rhythm; `rhythm` float64[period], what is added
    at the 1st, 2nd, … step ahead (zeros where there is none); `jumps` the shifts of level that were seen;
    `jumps_over` is over how many peaks they were looked for; `notes` says what was done.
    """

    values: F64
    rhythm: F64
    jumps: F64
    jumps_over: int
    notes: tuple[str, ...]


def history_of(peaks: F64, bucket_ms: int) -> History:
    """Teeth become their tops, what is before the last shift of level is left (or lifted), a rhythm is taken out."""
    notes: list[str] = []
    values = peaks
    tooth = tooth_length(values)
    if tooth:
        values = np.lib.stride_tricks.sliding_window_view(values, tooth).max(axis=1)
        notes.append(f"it is emptied again and again: the trend is that of the highest of {tooth} peaks each")
    cuts, jumps = level_shifts(values)
    whole = len(values)
    if 0 < len(cuts) <= SHIFTS_MAX:
        last = int(cuts[-1])
        if whole - last >= max(12, whole // 4):
            values = values[last:]
            notes.append("the trend is that of after the last shift of level")
        else:
            values = values.copy()
            for cut, jump in zip(cuts, jumps, strict=True):
                values[:cut] += jump
            notes.append("a shift of level was taken out of the trend: it may come again")
    elif len(cuts):
        jumps = jumps[:0]
        notes.append("it grows by steps")
    rhythm = rhythm_of(values, 0 if tooth else {DAY_MS: 7, HOUR_MS: 24}.get(bucket_ms, 0))
    if rhythm.any():
        period = len(rhythm)
        values = values - rhythm[(np.arange(len(values)) - len(values)) % period]
        notes.append("weekdays differ" if period == 7 else "hours of the day differ")
    return History(values, rhythm, jumps, whole, tuple(notes))


def tooth_length(peaks: F64) -> int:
    """Of a series that falls again and again and grows in between, how many peaks the longest tooth has; else 0.

    >>> tooth_length(np.tile([1.0, 2, 3, 4, 5], 6) + np.arange(30) * 0.01), tooth_length(np.arange(30.0))
    (5, 0)
    >>> tooth_length(np.tile([1.0, 1, 1, 1, 9], 6))
    0
    """
    steps = np.diff(peaks)
    if len(steps) < 8:
        return 0
    noise = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    height = float(np.ptp(peaks - np.linspace(0, peaks[-1] - peaks[0], len(peaks))))
    falls = np.flatnonzero(steps < -max(TOOTH_SIGMAS_MIN * noise, TOOTH_RANGE_RATIO_MIN * height))
    if len(falls) < TEETH_MIN or height <= 0:
        return 0
    between = np.delete(steps, falls)
    lengths = np.diff(falls)
    highest = np.maximum.reduceat(np.maximum(steps, 0.0), falls[:-1])
    at_once = float(np.median(highest / -steps[falls[1:]]))
    if float(np.mean(between >= 0)) < 0.6 or np.median(lengths) < 2 or at_once > AT_ONCE_RATIO_MAX:
        return 0
    longest = max(int(lengths.max()), len(peaks) - 1 - int(falls[-1]), int(falls[0]) + 1)
    return longest if 2 * longest <= len(peaks) else 0


def level_shifts(peaks: F64) -> tuple[NDArray[np.int64], F64]:
    """Places of the first peak behind each shift of level, and how high the shifts are.

    >>> cuts, jumps = level_shifts(np.concatenate([np.arange(20.0), np.arange(20.0) + 80]))
    >>> cuts.tolist(), jumps.round().tolist()
    ([20], [60.0])
    """
    side = SHIFT_SIDE
    if len(peaks) < 3 * side:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    medians = np.median(np.lib.stride_tricks.sliding_window_view(peaks, side), axis=1)
    jumps = medians[side:] - medians[:-side]
    usual = float(np.median(jumps))
    noise = max(1.4826 * float(np.median(np.abs(jumps - usual))), 1e-12 * float(np.abs(peaks).max()))
    enough = max(SHIFT_SIGMAS_MIN * noise, SHIFT_RANGE_RATIO_MIN * float(np.ptp(peaks)))
    found: list[tuple[int, float]] = []
    rest = np.abs(jumps - usual)
    steps = np.diff(peaks)
    while len(found) <= SHIFTS_MAX and rest.max() > enough:
        middle = int(rest.argmax())
        near = slice(middle, middle + 2 * side - 1)  # steps inside the two windows
        cut = middle + 1 + int(np.abs(steps[near]).argmax())
        jump = float(jumps[middle] - usual)
        if abs(steps[cut - 1]) >= 0.6 * abs(jump):
            found.append((cut, jump))
        rest[max(0, middle - 2 * side) : middle + 2 * side + 1] = 0.0
    found.sort()
    return np.array([cut for cut, _ in found], dtype=np.int64), np.array([jump for _, jump in found])


def rhythm_of(peaks: F64, period: int) -> F64:
    """What is added at the 1st, 2nd, … step ahead, float64[max(period, 1)]; zeros where the places of the period do
    not differ by more than chance (an F test, outliers cut off).
    """
    none = np.zeros(max(period, 1))
    if period < 2 or len(peaks) < RHYTHMS_MIN * period:
        return none
    level, slope = line_of(peaks)
    residuals = peaks - level - slope * (np.arange(len(peaks)) - len(peaks) + 1)
    rounds = len(residuals) // period
    table = residuals[-rounds * period :].reshape(rounds, period)
    found: F64 = np.median(table, axis=0)
    found = found - found.mean()
    wide = OUTLIER_SPREADS * spread_of(table.ravel())
    cut = np.clip(table, -wide, wide)
    means = cut.mean(axis=0)
    between = rounds * float(((means - cut.mean()) ** 2).sum()) / (period - 1)
    within = float(((cut - means) ** 2).sum()) / (period * (rounds - 1))
    return found if between > RHYTHM_F_MIN * within else none
