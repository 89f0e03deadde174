"""Any other period: found in the spectrum, confirmed by folding one half on the other and by the autocorrelation."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trimtab.analyze.patterns.cycles import EXPLAINED_MIN, P_MAX, RESAMPLES, found_share, smooth
from trimtab.analyze.patterns.found import Cycle, Kind, NoPattern, Why
from trimtab.analyze.patterns.regular import DAY_MS, F64, WEEK_MS, Regular, regular
from trimtab.analyze.patterns.spectrum import refined_turns, standing_out
from trimtab.stats.time_series import TimeSeries

TURNS_MIN = 6
STEPS_MIN = 4
"""Points in a period, at least."""
SLOTS_MAX = 48
MULTIPLES = 12
GAIN_MIN = 1.1
"""A multiple of the period is taken only where it explains this many times as much."""
SAME = 0.03


@dataclass(frozen=True, slots=True)
class _Fold:
    period: float
    explained: float


def other_period(series: TimeSeries, known: tuple[Cycle, ...] = ()) -> Cycle | NoPattern:
    """The strongest period that is neither a day nor a week; what `known` cycles explain is taken out before.

    >>> at = np.arange(600, dtype=np.int64) * 60_000
    >>> wave = np.sin(at / 2_700_000 * 2 * np.pi) + np.random.default_rng(1).normal(0, 0.7, at.size)
    >>> round(other_period(TimeSeries("queue", at, wave)).period_ms / 60_000)
    45
    """
    ready = regular(series, Kind.CYCLE)
    if isinstance(ready, NoPattern):
        return ready
    values = without(ready, known)
    turns, p_value = standing_out(values, TURNS_MIN, STEPS_MIN)
    if turns == 0:
        return NoPattern(Kind.CYCLE, ready.name, Why.TOO_SHORT, f"other: fewer than {TURNS_MIN} periods would fit")
    if p_value > P_MAX:
        reason = f"other: noise looks like this in {p_value:.2g} of cases"
        return NoPattern(Kind.CYCLE, ready.name, Why.NONE, reason)
    best = _best(values, values.size / refined_turns(values, turns))
    period_ms = best.period * ready.step_ms
    if any(abs(period_ms / one - 1) < SAME for one in (DAY_MS, WEEK_MS)):
        return NoPattern(Kind.CYCLE, ready.name, Why.NONE, "other: the one that stands out is a day or a week")
    if best.explained < EXPLAINED_MIN or not _is_in_autocorrelation(values, best.period):
        reason = f"other: {best.period:.4g} points stand out in the spectrum, but one half does not predict the other"
        return NoPattern(Kind.CYCLE, ready.name, Why.NONE, reason)
    return _described(ready, values, best, p_value)


def without(ready: Regular, known: tuple[Cycle, ...]) -> F64:
    """The values less the profiles of these cycles."""
    values = ready.values.copy()
    at_ms = ready.start_ms + np.arange(values.size) * ready.step_ms
    for cycle in known:
        profile = np.array(cycle.profile)
        origin_ms = 0 if cycle.name == "day" else 4 * DAY_MS
        slot = ((at_ms - origin_ms) % cycle.period_ms) / cycle.period_ms * profile.size
        values -= np.interp(slot, np.arange(profile.size), profile - profile.mean(), period=profile.size)
    return values


def _best(values: F64, period: float) -> _Fold:
    first = _Fold(period, _explained(values, period))
    best = first
    for multiple in range(2, MULTIPLES + 1):
        if period * multiple * TURNS_MIN > values.size:
            break
        level = values - _moving(values, max(3, round(period * multiple)))
        explained, before = _folded(level, period * multiple), _folded(level, best.period)
        if explained > GAIN_MIN * max(before, 0.0):
            best = _Fold(period * multiple, explained)
    return best


def _explained(values: F64, period: float) -> float:
    """How much of each half the other one explains, folded; slower movements are taken out before."""
    return _folded(values - _moving(values, max(3, round(period))), period)


def _folded(level: F64, period: float) -> float:
    half = level.size // 2
    slots = int(min(SLOTS_MAX, period))
    slot = np.minimum((np.arange(level.size) % period / period * slots).astype(np.int64), slots - 1)
    left = 0.0
    for mine, other in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
        count = np.bincount(slot[other], minlength=slots)
        profile = np.bincount(slot[other], level[other], slots) / np.maximum(count, 1)
        left += float(((level[mine] - profile[slot[mine]]) ** 2).sum())
    total = float((level**2).sum())
    return 1.0 - left / total if total > 0 else 0.0


def _moving(values: F64, width: int) -> F64:
    """The moving mean over `width` points, its ends held."""
    width = min(width, values.size)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means = (sums[width:] - sums[:-width]) / width
    before = (values.size - means.size) // 2
    return np.pad(means, (before, values.size - means.size - before), mode="edge")


def _is_in_autocorrelation(values: F64, period: float) -> bool:
    """A full period apart, points are more alike than half a period apart, and more than by chance."""
    level = values - _moving(values, max(3, round(period)))
    size = level.size
    power = np.abs(np.fft.rfft(level, 2 * size)) ** 2
    same = np.fft.irfft(power)[:size]
    if same[0] <= 0:
        return False
    full, half = (float(same[round(lag)] / same[0] * size / (size - round(lag))) for lag in (period, period / 2))
    return full > 2 / np.sqrt(size) and full > half


def _described(ready: Regular, values: F64, best: _Fold, p_value: float) -> Cycle:
    slots = int(min(SLOTS_MAX, best.period))
    level = values - _moving(values, max(3, round(best.period)))
    slot = np.minimum((np.arange(values.size) % best.period / best.period * slots).astype(np.int64), slots - 1)
    number = (np.arange(values.size) // best.period).astype(np.int64)
    turns = int(number[-1])
    inside = number < turns
    count = np.maximum(np.bincount(number[inside] * slots + slot[inside], minlength=turns * slots), 1)
    table = np.bincount(number[inside] * slots + slot[inside], level[inside], turns * slots) / count
    table = table.reshape(turns, slots)
    mean = float(values.mean())
    profile = smooth(table.mean(axis=0))
    drawn = np.random.default_rng(1).integers(0, turns, (RESAMPLES, turns))
    again = smooth(table[drawn].mean(axis=1))
    share = found_share(table, drawn)
    peak = int(np.argmax(profile))
    away = (np.argmax(again, axis=1) - peak + slots // 2) % slots - slots // 2
    width_ms = best.period * ready.step_ms / slots
    low, high = (float(one) for one in np.quantile(away, (0.05, 0.95)))
    highs = np.quantile(np.ptp(again, axis=1), (0.05, 0.95))
    spread = np.quantile(table, (0.1, 0.9), axis=0) + mean
    return Cycle(
        series=ready.name,
        unit=ready.unit,
        name="other",
        period_ms=round(best.period * ready.step_ms),
        offset_ms=ready.start_ms % round(best.period * ready.step_ms),
        peak_ms=round(peak * width_ms),
        peak_ms_90=(round((peak + low) * width_ms), round((peak + high) * width_ms)),
        amplitude=float(np.ptp(profile)),
        amplitude_90=(float(highs[0]), float(highs[1])),
        profile=tuple((profile + mean).tolist()),
        low=tuple(spread[0].tolist()),
        high=tuple(spread[1].tolist()),
        evidence=replace(
            ready.evidence(p_value, best.explained),
            found_share=share,
            found_of=0 if share is None else RESAMPLES,
        ),
    )
