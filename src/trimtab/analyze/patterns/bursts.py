"""Short times far above what is usual: do they come at certain minutes, as a scheduled job does, or when they like?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.patterns.found import Bursts, Kind, NoPattern, PatternEvidence, Why
from trimtab.analyze.patterns.regular import DAY_MS, F64, WEEK_MS, Regular, regular, robust_scale
from trimtab.stats.time_series import TimeSeries

I64 = NDArray[np.int64]
POINTS_MIN = 96
SIGMAS = 6.0
BURSTS_MIN = 5
USUAL_POINTS = 61
"""Over so many points the usual level is their median."""
LONGEST_SHARE = 0.25
"""What lasts longer than this part of those points is a level, no burst."""
STARTS_TOLD = 50
ROWS_AT_A_TIME = 8192
TOGETHER_MIN = 0.8
"""Length of the mean of their places on the period's circle (1: all at one place)."""
SEEN_MIN = 0.5
P_MAX = 0.001
SLOT_STEPS_MIN = 4
MINUTE_MS = 60_000
SCHEDULES_MS = tuple(
    one * MINUTE_MS for one in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 10080)
)
"""Periods that people write into schedules."""
LEVEL_TAIL = 0.5


@dataclass(frozen=True, slots=True)
class _Schedule:
    period_ms: int
    at_ms: int
    jitter_ms: int
    seen_ratio: float
    p_value: float


def bursts(series: TimeSeries) -> Bursts | NoPattern:
    """Bursts of one series.

    >>> at = np.arange(3 * 1440, dtype=np.int64) * 60_000
    >>> load = np.random.default_rng(1).normal(10, 1, at.size)
    >>> load[at // 60_000 % 60 == 7] += 40
    >>> found = bursts(TimeSeries("cpu", at, load))
    >>> found.period_ms // 60_000, found.at_ms // 60_000, found.seen_ratio
    (60, 7, 1.0)
    """
    ready = regular(series, Kind.BURSTS, POINTS_MIN)
    if isinstance(ready, NoPattern):
        return ready
    usual = _moving_median(ready.values)
    above = ready.values - usual
    scale = robust_scale(above)
    is_high = (above > SIGMAS * scale) & ~ready.was_gap if scale > 0 else np.zeros(above.size, np.bool_)
    first, last = _runs(is_high)
    is_short = last - first < USUAL_POINTS * LONGEST_SHARE
    first, last = first[is_short], last[is_short]
    if first.size < BURSTS_MIN:
        reason = f"{first.size} times above {SIGMAS:g} standard deviations, {BURSTS_MIN} are needed"
        return NoPattern(Kind.BURSTS, ready.name, Why.NONE, reason)
    heights = np.maximum.reduceat(above, first)
    return _described(ready, above, usual, first, last, heights)


def _moving_median(values: F64) -> F64:
    """Over USUAL_POINTS; at both ends the first and the last value go on."""
    ahead = np.pad(values, USUAL_POINTS // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(ahead, USUAL_POINTS)
    parts = [np.median(windows[at : at + ROWS_AT_A_TIME], axis=1) for at in range(0, values.size, ROWS_AT_A_TIME)]
    return np.concatenate(parts)


def _runs(is_high: NDArray[np.bool_]) -> tuple[I64, I64]:
    """First points, and those after the last, of stretches; one point between two is bridged."""
    bridged = is_high.copy()
    bridged[1:-1] |= is_high[:-2] & is_high[2:]
    turns = np.diff(bridged.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(turns == 1), np.flatnonzero(turns == -1)


def _described(ready: Regular, above: F64, usual: F64, first: I64, last: I64, heights: F64) -> Bursts:
    starts = ready.start_ms + first * ready.step_ms
    schedule = scheduled(starts, ready)
    inside = np.concatenate([[0.0], np.cumsum(np.maximum(above, 0.0))])
    over = np.maximum(above, 0.0).sum()
    tail, tail_90 = _tail(heights) if schedule is None else (None, None)
    evidence = ready.evidence(None if schedule is None else schedule.p_value)
    if schedule is not None:
        evidence = _found_again(replace(evidence, explained_share=schedule.seen_ratio), starts, ready, schedule)
    return Bursts(
        series=ready.name,
        unit=ready.unit,
        count=int(first.size),
        height_median=float(np.median(heights)),
        usual=float(np.median(usual)),
        burst_share=float((inside[last] - inside[first]).sum() / over) if over > 0 else 0.0,
        period_ms=None if schedule is None else schedule.period_ms,
        at_ms=None if schedule is None else schedule.at_ms,
        jitter_ms=None if schedule is None else schedule.jitter_ms,
        seen_ratio=None if schedule is None else schedule.seen_ratio,
        gap_ms_median=int(np.median(np.diff(starts))),
        tail_index=tail,
        tail_index_90=tail_90,
        starts_ms=tuple(int(one) for one in starts[-STARTS_TOLD:]),
        evidence=evidence,
    )


def scheduled(starts_ms: I64, ready: Regular) -> _Schedule | None:
    """The longest period that most of these times keep; None where they keep none (Rayleigh's test, Bonferroni)."""
    lasts_ms = ready.end_ms - ready.start_ms
    tried = [
        one for one in SCHEDULES_MS if one >= SLOT_STEPS_MIN * ready.step_ms and one * (BURSTS_MIN - 1) <= lasts_ms
    ]
    for period_ms in reversed(tried):
        origin_ms = 4 * DAY_MS if period_ms == WEEK_MS else 0
        turn = np.exp(2j * np.pi * ((starts_ms - origin_ms) % period_ms) / period_ms)
        together = abs(complex(turn.mean()))
        p_value = min(1.0, float(np.exp(-starts_ms.size * together**2)) * len(tried))
        if together < TOGETHER_MIN or p_value > P_MAX:
            continue
        place = float(np.angle(turn.mean())) % (2 * np.pi) / (2 * np.pi) * period_ms
        away = (starts_ms - origin_ms - place + period_ms / 2) % period_ms - period_ms / 2
        jitter_ms = float(np.median(np.abs(away)))
        due = np.unique(np.round((starts_ms - origin_ms - place) / period_ms)).size
        seen = due / max(1.0, lasts_ms / period_ms)
        if seen >= SEEN_MIN:
            at_ms = round(place / ready.step_ms) * ready.step_ms % period_ms
            return _Schedule(period_ms, int(at_ms), round(jitter_ms), min(1.0, seen), p_value)
    return None


def _found_again(evidence: PatternEvidence, starts_ms: I64, ready: Regular, found: _Schedule) -> PatternEvidence:
    """In which share of resamples of the bursts the same period comes out."""
    if starts_ms.size < 2 * BURSTS_MIN:
        return evidence
    rng = np.random.default_rng(1)
    # a part without replacement: twice the same burst would be no other time
    parts = [np.sort(rng.choice(starts_ms, (starts_ms.size * 4) // 5, replace=False)) for _ in range(40)]
    again = [scheduled(part, ready) for part in parts]
    same = sum(one is not None and one.period_ms == found.period_ms for one in again)
    return replace(evidence, found_share=same / len(again), found_of=len(again))


def _tail(heights: F64) -> tuple[float | None, tuple[float, float] | None]:
    """Hill's index of the upper half of the heights, with its interval (the estimate's error is index / sqrt(k))."""
    ordered = np.sort(heights)[::-1]
    count = int(ordered.size * LEVEL_TAIL)
    if count < BURSTS_MIN or ordered[count] <= 0:
        return None, None
    mean = float(np.log(ordered[:count] / ordered[count]).mean())
    if mean <= 0:
        return None, None
    index, error = 1 / mean, 1.645 / float(np.sqrt(count))
    return index, (index / (1 + error), index / max(1 - error, 0.05))
