"""Growth that does not turn back: of the series since its last reset, or of the lowest points of its saw-teeth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from trimtab.analyze.patterns.cycles import daily
from trimtab.analyze.patterns.drift import BLOCKS, Drift, drift_of, found_again, theil_sen
from trimtab.analyze.patterns.found import Cycle, Kind, Leak, NoPattern, PatternEvidence, Why
from trimtab.analyze.patterns.other_periods import without
from trimtab.analyze.patterns.regular import F64, HOUR_MS, Regular, regular
from trimtab.analyze.patterns.saw_teeth import Teeth, is_saw, resets_of, teeth_of
from trimtab.stats.time_series import TimeSeries

P_MAX = 0.01
TAU_MIN = 0.6
"""Of all pairs of blocks, four of five are higher later."""
POINTS_MIN = 96
TROUGHS_MIN = 8
TROUGH_BLOCKS = 8
WALKS_FROM = 0.4


def leak(series: TimeSeries) -> Leak | NoPattern:
    """Monotone growth of one series; its daily cycle is taken out before.

    >>> at = np.arange(1440, dtype=np.int64) * 60_000
    >>> memory = 1e9 + at / 60_000 * 1e5 + np.random.default_rng(1).normal(0, 1e7, at.size)
    >>> found = leak(TimeSeries("rss", at, memory, "By"))
    >>> 5.5e6 < found.slope_per_h_90[0] < 6e6 < found.slope_per_h_90[1] < 6.5e6
    True
    """
    ready = regular(series, Kind.LEAK, POINTS_MIN)
    if isinstance(ready, NoPattern):
        return ready
    teeth = teeth_of(ready.values)
    if is_saw(teeth):
        return _of_troughs(ready, teeth)
    day = daily(series)
    values = without(ready, (day,)) if isinstance(day, Cycle) else ready.values
    _, after = resets_of(values)
    since = int(after[-1]) if after.size else 0
    if values.size - since < POINTS_MIN:
        reason = f"{values.size - since} points since the last reset, {POINTS_MIN} are needed"
        return NoPattern(Kind.LEAK, ready.name, Why.TOO_SHORT, reason)
    part = ready.part(since, ready.values.size)
    return _judged(part, values[since:], int(after.size), since > 0)


def _judged(part: Regular, values: F64, resets: int, was_reset: bool) -> Leak | NoPattern:
    drift = drift_of(values)
    refused = _refused(part.name, drift)
    if drift is None or refused is not None:
        return refused or NoPattern(Kind.LEAK, part.name, Why.TOO_SHORT, "too few points for blocks")
    width = values.size // BLOCKS
    per_h = HOUR_MS / (width * part.step_ms)
    share, count = found_again(drift.means, P_MAX, TAU_MIN)
    evidence = part.evidence(drift.p_value / 2, _explained(drift.means))
    evidence = replace(evidence, found_share=share, found_of=count)
    last_ms = part.start_ms if was_reset else None
    return _leak(part, drift, evidence, per_h, resets, last_ms, is_under=False)


def _of_troughs(ready: Regular, teeth: Teeth) -> Leak | NoPattern:
    troughs = ready.values[teeth.after]
    if troughs.size < TROUGHS_MIN:
        reason = f"{troughs.size} resets of saw-teeth, {TROUGHS_MIN} are needed to see whether their lowest points rise"
        return NoPattern(Kind.LEAK, ready.name, Why.TOO_SHORT, reason)
    blocks = min(TROUGH_BLOCKS * 2, troughs.size // 2) if troughs.size >= 2 * TROUGH_BLOCKS else 0
    drift = drift_of(troughs, blocks) if blocks else drift_of(np.repeat(troughs, 2), int(troughs.size))
    refused = _refused(ready.name, drift)
    if drift is None or refused is not None:
        return refused or NoPattern(Kind.LEAK, ready.name, Why.TOO_SHORT, "too few saw-teeth")
    tooth_ms = float(np.median(np.diff(teeth.after))) * ready.step_ms
    teeth_in_block = troughs.size // blocks if blocks else 1
    last_ms = int(ready.start_ms + int(teeth.after[-1]) * ready.step_ms)
    evidence = ready.evidence(drift.p_value / 2, _explained(drift.means))
    per_h = HOUR_MS / (tooth_ms * teeth_in_block)
    return _leak(ready, drift, evidence, per_h, int(teeth.after.size), last_ms, is_under=True)


def _refused(name: str, drift: Drift | None) -> NoPattern | None:
    """Why there is no growth; the p-value of one side counts, since what falls is no leak."""
    if drift is None:
        return None
    if drift.p_value / 2 > P_MAX or drift.tau < TAU_MIN or drift.per_block <= 0:
        how = "falls" if drift.per_block < 0 else "grows"
        reason = f"it {how}, as a random walk does in {drift.p_value / 2:.2g} of cases (Kendall's tau {drift.tau:.2f})"
        return NoPattern(Kind.LEAK, name, Why.NONE, reason)
    return None


def _leak(
    part: Regular,
    drift: Drift,
    evidence: PatternEvidence,
    per_h: float,
    resets: int,
    last_ms: int | None,
    is_under: bool,
) -> Leak:
    means = drift.means
    growth = float(means[-1] - means[0])
    middle, half = _slope(drift)
    base = float(np.median(part.values))
    return Leak(
        series=part.name,
        unit=part.unit,
        since_ms=part.start_ms,
        last_reset_ms=last_ms,
        resets=resets,
        slope_per_h=middle * per_h,
        slope_per_h_90=((middle - half) * per_h, (middle + half) * per_h),
        growth=growth,
        growth_ratio=growth / abs(base) if base else None,
        tau=drift.tau,
        is_under_saw_teeth=is_under,
        evidence=evidence,
    )


def _slope(drift: Drift) -> tuple[float, float]:
    """Half of the slope's 90 % interval: from what a line leaves of block means, wider where neighbours are alike;
    what is left over like a random walk gets a random walk's."""
    means = drift.means
    slope = theil_sen(means)
    at = np.arange(means.size) - (means.size - 1) / 2
    left = means - means.mean() - slope * at
    variance = float(left @ left) / (means.size - 2)
    alike = min(max(float(left[1:] @ left[:-1] / (left @ left)) if variance else 0.0, 0.0), 1.0)
    if alike > WALKS_FROM:
        return drift.per_block, (drift.interval_90[1] - drift.interval_90[0]) / 2
    freedom = max(3.0, means.size * (1 - alike) / (1 + alike) - 2)
    error = np.sqrt(variance / float(at @ at) * (1 + alike) / (1 - alike))
    return slope, float(special.stdtrit(freedom, 0.95) * error)


def _explained(means: F64) -> float:
    """How much of the block means' variance a straight line leaves over, left out one by one."""
    at = np.arange(means.size) - (means.size - 1) / 2
    slope = float(at @ means / (at @ at))
    left = means - means.mean() - slope * at
    lever = 1 / means.size + at**2 / (at @ at)
    total = float(((means - means.mean()) ** 2).sum())
    return 1 - float(((left / (1 - lever)) ** 2).sum()) / total if total > 0 else 0.0
