"""Does it become slower for the same load? Latency less what its load explains, and whether that drifts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trimtab.analyze.patterns.drift import drift_of, found_again
from trimtab.analyze.patterns.found import PatternEvidence
from trimtab.analyze.patterns.regular import DAY_MS, F64
from trimtab.stats.time_series import TimeSeries

POINTS_MIN = 96
P_MAX = 0.01
TAU_MIN = 0.6
RATIO_MIN = 1.05
"""Over the window: less than this is no degradation that anybody feels."""
RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Degradation:
    """The drift of a latency. `load` is what it is adjusted for, None: for nothing.

    `ratio_per_week` is latency for the same load after ÷ before a week, within `ratio_per_week_90`; `ratio_seen` over
    the window. `is_degrading`: it is proven (as no random walk drifts), and more than a little.
    """

    series: str
    load: str | None
    ratio_per_week: float
    ratio_per_week_90: tuple[float, float]
    ratio_seen: float
    load_explains: float
    is_degrading: bool
    evidence: PatternEvidence


def degradation(latency: TimeSeries, load: TimeSeries | None = None) -> Degradation | str:
    """The drift of `latency` (above 0), adjusted for `load` at the same moments; a text says why nothing can be said.

    >>> rng, at = np.random.default_rng(1), np.arange(1344, dtype=np.int64) * 900_000
    >>> calls = 100 + 50 * np.sin(at / 86_400_000 * 2 * np.pi) + at / 2e7
    >>> grows = TimeSeries("p95", at, calls * np.exp(at / 604_800_000 * 0.2) * rng.lognormal(0, 0.05, at.size))
    >>> found = degradation(grows, TimeSeries("calls", at, calls))
    >>> found.is_degrading, round(found.ratio_per_week, 1)
    (True, 1.2)
    """
    y, x, at_ms = _together(latency, load)
    if y.size < POINTS_MIN:
        return f"{y.size} moments, {POINTS_MIN} are needed"
    if float(np.ptp(y)) == 0:
        return f"it is {y[0]:g} all the time"
    logs = np.log(y)
    spanned = np.linspace(-0.5, 0.5, y.size)
    adjusted, explains = _adjusted(logs, x, spanned)
    drift = drift_of(adjusted)
    if drift is None:
        return "too few moments for blocks of time"
    lasts_ms = float(at_ms[-1] - at_ms[0])
    per_week = 7 * DAY_MS / (lasts_ms / drift.means.size)
    seen = float(np.exp(drift.means[-1] - drift.means[0]))
    low, high = drift.interval_90
    p_value = drift.p_value / 2
    is_degrading = p_value <= P_MAX and drift.tau >= TAU_MIN and seen >= RATIO_MIN
    evidence = PatternEvidence(int(at_ms[0]), int(at_ms[-1]), latency.step_ms, int(y.size), p_value)
    if is_degrading:
        share, count = found_again(drift.means, P_MAX, TAU_MIN)
        evidence = replace(evidence, found_share=share, found_of=count)
    return Degradation(
        series=latency.name,
        load=None if load is None else load.name,
        ratio_per_week=_ratio(drift.per_block * per_week),
        ratio_per_week_90=(_ratio(low * per_week), _ratio(high * per_week)),
        ratio_seen=seen,
        load_explains=explains,
        is_degrading=is_degrading,
        evidence=evidence,
    )


def _ratio(log: float) -> float:
    """Of a logarithm, within what can be shown."""
    return float(np.exp(np.clip(log, -50, 50)))


def _together(latency: TimeSeries, load: TimeSeries | None) -> tuple[F64, F64 | None, np.ndarray]:
    if load is None:
        good = np.isfinite(latency.values) & (latency.values > 0)
        return latency.values[good], None, latency.at_ms[good]
    at_ms, first, second = np.intersect1d(latency.at_ms, load.at_ms, assume_unique=True, return_indices=True)
    y, x = latency.values[first], load.values[second]
    good = np.isfinite(y) & np.isfinite(x) & (y > 0)
    return y[good], x[good], at_ms[good]


def _adjusted(logs: F64, x: F64 | None, spanned: F64) -> tuple[F64, float]:
    """Logarithms less what load explains (a cubic, fitted beside a straight line in time, so that load does not take
    the drift), and the share of the variance that it explains."""
    if x is None or float(np.ptp(x)) == 0:
        return logs, 0.0
    scaled = (x - x.mean()) / x.std()
    terms = np.column_stack([np.ones_like(scaled), spanned, scaled, scaled**2, scaled**3])
    found = np.linalg.solve(terms.T @ terms + RIDGE * logs.size * np.eye(terms.shape[1]), terms.T @ logs)
    by_load = terms[:, 2:] @ found[2:]
    by_load -= by_load.mean()
    left = logs - by_load
    total = float(((logs - logs.mean()) ** 2).sum())
    return left, max(0.0, 1 - float(((left - left.mean()) ** 2).sum()) / total)
