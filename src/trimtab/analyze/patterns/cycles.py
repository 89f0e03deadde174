"""Days and weeks: does the same shape come back at the same time, and how much of the series is it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.patterns.found import Cycle, Kind, NoPattern, PatternEvidence, Why
from trimtab.analyze.patterns.regular import DAY_MS, F64, HOUR_MS, WEEK_MS, Regular, duration, regular
from trimtab.analyze.patterns.spectrum import line_p_value
from trimtab.stats.time_series import TimeSeries

P_MAX = 0.01
EXPLAINED_MIN = 0.05
PERIODS_MIN = 3
"""Whole periods in the window: fewer can be chance."""
RESAMPLES = 200
RESAMPLED_PERIODS_MIN = 4
SMOOTH_HARMONICS = 8
PARTS = (24, 12, 8, 7, 6, 5, 4, 3, 2)
PARTS_SHARE_MIN = 0.95
"""Where so much of a period's power is in every n-th harmonic, it is n shorter ones."""
MONDAY_MS = 4 * DAY_MS
"""The epoch's first Monday."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """A period that people live by. `slot_ms` is how fine its profile is, `origin_ms` where one begins."""

    name: str
    period_ms: int
    slot_ms: int
    origin_ms: int
    harmonics: tuple[int, ...]


DAY = Calendar("day", DAY_MS, 15 * 60_000, 0, (1, 4, 12))
WEEK = Calendar("week", WEEK_MS, 2 * HOUR_MS, MONDAY_MS, (1, 3, 6))
SLOTS_MIN = 8


def daily(series: TimeSeries) -> Cycle | NoPattern:
    """The daily cycle.

    >>> at = np.arange(10 * 96, dtype=np.int64) * 900_000
    >>> values = 50 + 10 * np.sin(at / 86_400_000 * 2 * np.pi) + np.random.default_rng(1).normal(0, 3, at.size)
    >>> found = daily(TimeSeries("cpu", at, values, "%"))
    >>> found.name, round(found.peak_ms / 3_600_000), 0.7 < found.evidence.explained_share < 0.9
    ('day', 6, True)
    """
    ready = regular(series, Kind.CYCLE)
    return ready if isinstance(ready, NoPattern) else calendar_cycle(ready, DAY)


def weekly(series: TimeSeries) -> Cycle | NoPattern:
    """The weekly cycle beside the daily one, which is taken out before."""
    ready = regular(series, Kind.CYCLE)
    return ready if isinstance(ready, NoPattern) else calendar_cycle(ready, WEEK)


def calendar_cycle(ready: Regular, calendar: Calendar) -> Cycle | NoPattern:
    """One period of the calendar."""
    lasts_ms = ready.values.size * ready.step_ms
    if lasts_ms < PERIODS_MIN * calendar.period_ms:
        reason = f"{duration(lasts_ms)} of data, {duration(PERIODS_MIN * calendar.period_ms)} are needed"
        return NoPattern(Kind.CYCLE, ready.name, Why.TOO_SHORT, f"{calendar.name}: {reason}")
    if calendar.period_ms < SLOTS_MIN * ready.step_ms:
        reason = f"{calendar.name}: a point every {duration(ready.step_ms)} is too coarse"
        return NoPattern(Kind.CYCLE, ready.name, Why.TOO_SHORT, reason)
    fine = _slotted(ready, calendar)
    slots = calendar.period_ms // fine.step_ms
    turns = fine.values.size // slots
    if turns < PERIODS_MIN:
        reason = f"{calendar.name}: {turns} whole periods, {PERIODS_MIN} are needed"
        return NoPattern(Kind.CYCLE, ready.name, Why.TOO_SHORT, reason)
    whole = fine.part(fine.values.size - turns * slots, fine.values.size)
    values = whole.values
    if calendar is WEEK:
        values = _without_days(whole)
    p_value = line_p_value(values, turns, calendar.harmonics)
    table = _table(values, turns)
    explained = explained_share(table)
    if p_value > P_MAX or explained < EXPLAINED_MIN:
        share = f"it would explain {max(explained, 0):.0%}"
        said = f"{calendar.name}: noise looks like this in {p_value:.2g} of cases, {share}"
        return NoPattern(Kind.CYCLE, ready.name, Why.NONE, said)
    if (parts := repeated_within(table)) > 1:
        shorter = duration(calendar.period_ms / parts)
        reason = f"{calendar.name}: it repeats every {shorter}, not each {calendar.name}"
        return NoPattern(Kind.CYCLE, ready.name, Why.NONE, reason)
    return _described(whole, table, calendar.name, calendar.origin_ms, p_value, explained)


def _slotted(ready: Regular, calendar: Calendar) -> Regular:
    """Steps that the period is a whole multiple of."""
    fine = ready.coarser(calendar.slot_ms)
    if calendar.period_ms % fine.step_ms == 0:
        return fine
    count = int(ready.values.size * ready.step_ms // calendar.slot_ms)
    at = np.arange(count) * calendar.slot_ms
    own = np.arange(ready.values.size) * ready.step_ms
    gaps = np.interp(at, own, ready.was_gap.astype(np.float64)) > 0.5
    values = np.interp(at, own, ready.values)
    return Regular(ready.name, ready.unit, ready.start_ms, calendar.slot_ms, values, gaps)


def _without_days(whole: Regular) -> F64:
    slots = DAY_MS // whole.step_ms
    if DAY_MS % whole.step_ms or slots < 2:
        return whole.values
    days = whole.values.reshape(-1, slots)
    profile = (days - days.mean(axis=1, keepdims=True)).mean(axis=0)
    left: F64 = (days - profile).ravel()
    return left


def _table(values: F64, turns: int) -> F64:
    """Periods by slots, each less its own mean: levels and slow trends are no cycle."""
    table = values.reshape(turns, -1)
    level: F64 = table - table.mean(axis=1, keepdims=True)
    return level


def explained_share(table: F64) -> float:
    """How much of each period the others explain, shape [periods, slots]: 1 - (what is left) / (all), below 0 at
    worst."""
    count = table.shape[0]
    total = float((table**2).sum())
    if count < 2 or total <= 0:
        return 0.0
    left = (table - table.mean(axis=0)) * (count / (count - 1))
    return 1.0 - float((left**2).sum()) / total


def repeated_within(table: F64) -> int:
    """Into how many equal parts the mean period falls, shape [periods, slots]; 1 where it does not."""
    power = np.abs(np.fft.rfft(table.mean(axis=0))) ** 2
    total = float(power[1:].sum())
    for parts in PARTS:
        if parts < power.size and float(power[parts::parts].sum()) >= PARTS_SHARE_MIN * total:
            return parts
    return 1


def smooth(profiles: F64) -> F64:
    """Profiles of their lowest harmonics, shape [..., slots]."""
    waves = np.fft.rfft(profiles, axis=-1)
    waves[..., SMOOTH_HARMONICS + 1 :] = 0
    made: F64 = np.fft.irfft(waves, profiles.shape[-1], axis=-1)
    return made


def _described(whole: Regular, table: F64, name: str, origin_ms: int, p_value: float, explained: float) -> Cycle:
    turns, slots = table.shape
    period_ms = slots * whole.step_ms
    offset = (whole.start_ms - origin_ms) % period_ms
    roll = int(offset // whole.step_ms)
    aligned = np.roll(table, roll, axis=1)
    level = float(whole.values.mean())
    profile = smooth(aligned.mean(axis=0))
    drawn = np.random.default_rng(1).integers(0, turns, (RESAMPLES, turns))
    again = smooth(aligned[drawn].mean(axis=1))
    highs = np.ptp(again, axis=1)
    peak = int(np.argmax(profile))
    away = (np.argmax(again, axis=1) - peak + slots // 2) % slots - slots // 2
    low, high = (float(one) for one in np.quantile(away, (0.05, 0.95)))
    spread = np.quantile(aligned, (0.1, 0.9), axis=0) + level
    evidence = whole.evidence(p_value, explained)
    share = found_share(aligned, drawn)
    return Cycle(
        series=whole.name,
        unit=whole.unit,
        name=name,
        period_ms=period_ms,
        offset_ms=int(offset % whole.step_ms),
        peak_ms=peak * whole.step_ms,
        peak_ms_90=(int((peak + low) * whole.step_ms), int((peak + high) * whole.step_ms)),
        amplitude=float(np.ptp(profile)),
        amplitude_90=(float(np.quantile(highs, 0.05)), float(np.quantile(highs, 0.95))),
        profile=tuple((profile + level).tolist()),
        low=tuple(spread[0].tolist()),
        high=tuple(spread[1].tolist()),
        evidence=PatternEvidence(
            evidence.start_ms,
            evidence.end_ms,
            evidence.step_ms,
            evidence.points,
            p_value,
            explained,
            share,
            RESAMPLES if share is not None else 0,
        ),
    )


def found_share(table: F64, drawn: NDArray[np.int64]) -> float | None:
    """In which share of resamples the periods that were drawn explain those that were not."""
    turns = table.shape[0]
    if turns < RESAMPLED_PERIODS_MIN:
        return None
    weights = (drawn[:, :, None] == np.arange(turns)).sum(axis=1)
    is_out = weights == 0
    profiles = weights @ table / turns
    power = (table**2).sum(axis=1)
    all_out = is_out @ power
    crossed = (is_out * (profiles @ table.T)).sum(axis=1)
    left = all_out - 2 * crossed + is_out.sum(axis=1) * (profiles**2).sum(axis=1)
    is_drawn = all_out > 0
    return float((left[is_drawn] < (1 - EXPLAINED_MIN) * all_out[is_drawn]).mean()) if is_drawn.any() else None
