"""Slow ramps that a sudden reset ends: garbage collection, VACUUM, rotation of logs, restarts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.patterns.found import Kind, NoPattern, PatternEvidence, SawTeeth, Why
from trimtab.analyze.patterns.regular import F64, Regular, regular
from trimtab.stats.time_series import TimeSeries

I64 = NDArray[np.int64]
RESETS_MIN = 4
RESET_SPAN_MIN = 0.25
"""A reset goes over this part of the span in which nine of ten values stand, or more."""
RESET_SIGMAS = 5.0
RESET_POINTS_MAX = 3
TOOTH_POINTS_MIN = 6
ROSE_MIN, ROSE_MAX = 0.4, 2.5
"""What a ramp climbs, over what the reset at its end takes."""
STEP_SHARE_MAX = 0.5
"""A ramp climbs by many steps: the largest one is no more than this part of it."""
RAMPS_SHARE_MIN = 0.7
RESETS_TOLD = 50
WINDOWS = 20
WINDOW_SHARE = 2 / 3


@dataclass(frozen=True, slots=True)
class Teeth:
    """Resets as places: `before[i]` is the last point of a ramp, `after[i]` the first of the next one, shape
    [resets]."""

    before: I64
    after: I64
    heights: F64
    ramp_share: float


def saw_teeth(series: TimeSeries) -> SawTeeth | NoPattern:
    """Saw-teeth of one series, whichever way they stand.

    >>> at = np.arange(600, dtype=np.int64) * 60_000
    >>> heap = at / 60_000 % 50 + np.random.default_rng(1).normal(0, 1, at.size)
    >>> found = saw_teeth(TimeSeries("heap", at, heap, "By"))
    >>> found.direction, found.count, found.period_ms // 60_000
    ('up', 11, 50)
    """
    ready = regular(series, Kind.SAW_TEETH)
    if isinstance(ready, NoPattern):
        return ready
    found = {"up": teeth_of(ready.values), "down": teeth_of(-ready.values)}
    told = {name: one for name, one in found.items() if is_saw(one)}
    if not told:
        counts = max(one.before.size for one in found.values())
        reason = f"{counts} sudden resets, {RESETS_MIN} with ramps between them are needed"
        return NoPattern(Kind.SAW_TEETH, ready.name, Why.NONE, reason)
    direction = max(told, key=lambda name: told[name].before.size)
    return _described(ready, direction, told[direction])


def is_saw(teeth: Teeth) -> bool:
    """Whether there are enough resets, and ramps between them."""
    return teeth.before.size >= RESETS_MIN and teeth.ramp_share >= RAMPS_SHARE_MIN


def resets_of(values: F64) -> tuple[I64, I64]:
    """Sudden falls within a few points: the last point before and the first one after each."""
    span = float(np.ptp(np.quantile(values, (0.05, 0.95))))
    steps = np.diff(values)
    usual = 1.4826 * float(np.median(np.abs(steps - np.median(steps))))
    least = max(RESET_SPAN_MIN * span, RESET_SIGMAS * usual)
    if span <= 0 or values.size <= RESET_POINTS_MAX:
        return np.array([], np.int64), np.array([], np.int64)
    ahead = np.lib.stride_tricks.sliding_window_view(values, RESET_POINTS_MAX)
    lowest = np.concatenate([ahead[1:].min(axis=1), [values[-RESET_POINTS_MAX + 1 :].min()]])
    is_falling = values[: lowest.size] - lowest >= least
    turns = np.diff(is_falling.astype(np.int8), prepend=0, append=0)
    first, last = np.flatnonzero(turns == 1), np.flatnonzero(turns == -1)
    windows = first[:, None] + np.arange(2 * RESET_POINTS_MAX)
    windows = np.minimum(windows, np.minimum(last + RESET_POINTS_MAX, values.size)[:, None] - 1)
    if first.size == 0:
        return first, first
    seen = values[windows]
    before = windows[np.arange(first.size), np.argmax(seen, axis=1)]
    after = windows[np.arange(first.size), np.argmin(seen, axis=1)]
    is_fall = after > before
    return before[is_fall], after[is_fall]


def teeth_of(values: F64) -> Teeth:
    """Resets, and how many of the stretches between them climb slowly, by about as much as the reset takes."""
    before, after = resets_of(values)
    heights = values[before] - values[after]
    if before.size < 2:
        return Teeth(before, after, heights, 0.0)
    start, end = after[:-1], before[1:]
    climbed = values[end] - values[start]
    ups = np.maximum(np.diff(values, append=values[-1]), 0.0)
    largest = np.maximum.reduceat(ups, np.column_stack([start, np.maximum(end, start + 1)]).ravel())[::2]
    sums = np.concatenate([[0.0], np.cumsum(values)])
    weighted = np.concatenate([[0.0], np.cumsum(values * np.arange(values.size))])
    count = end - start + 1
    middle = (start + end) / 2
    slope = (weighted[end + 1] - weighted[start]) - middle * (sums[end + 1] - sums[start])
    straight = slope * (count - 1) / np.maximum(count * (count**2 - 1) / 12, 1)
    ratio = climbed / np.maximum(heights[1:], 1e-300)
    is_ramp = (
        (count >= TOOTH_POINTS_MIN)
        & (ratio >= ROSE_MIN)
        & (ratio <= ROSE_MAX)
        & (largest <= STEP_SHARE_MAX * climbed)
        & (straight >= ROSE_MIN * heights[1:])
    )
    return Teeth(before, after, heights, float(is_ramp.mean()))


def _described(ready: Regular, direction: str, teeth: Teeth) -> SawTeeth:
    values = ready.values if direction == "up" else -ready.values
    gaps = np.diff(teeth.after) * ready.step_ms
    low, high = np.quantile(gaps, (0.1, 0.9))
    evidence = _found_again(ready.evidence(explained_share=_explained(values, teeth)), values)
    return SawTeeth(
        series=ready.name,
        unit=ready.unit,
        direction=direction,
        count=int(teeth.before.size),
        period_ms=int(np.median(gaps)),
        period_ms_80=(int(low), int(high)),
        amplitude=float(np.median(teeth.heights)),
        resets_ms=tuple(int(ready.start_ms + one * ready.step_ms) for one in teeth.after[-RESETS_TOLD:]),
        evidence=evidence,
    )


def _explained(values: F64, teeth: Teeth) -> float:
    """How much of the variance between first and last reset straight ramps from reset to reset explain."""
    corners = np.sort(np.concatenate([teeth.after[:-1], teeth.before[1:]]))
    places = np.arange(corners[0], corners[-1] + 1)
    part = values[places]
    total = float(((part - part.mean()) ** 2).sum())
    left = float(((part - np.interp(places, corners, values[corners])) ** 2).sum())
    return 1 - left / total if total > 0 else 0.0


def _found_again(evidence: PatternEvidence, values: F64) -> PatternEvidence:
    """In which share of windows of two thirds they are found, too."""
    width = int(values.size * WINDOW_SHARE)
    first = np.linspace(0, values.size - width, WINDOWS).astype(np.int64)
    if is_saw(teeth_of(values)) and teeth_of(values).before.size * WINDOW_SHARE < RESETS_MIN + 1:
        return evidence
    again = [is_saw(teeth_of(values[at : at + width])) for at in first]
    return replace(evidence, found_share=float(np.mean(again)), found_of=WINDOWS)
