"""Which series moves before which: correlations of what is new in each, over all lags and pairs, corrected for their
number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from trimtab.analyze.patterns.found import Kind, Lead, NoPattern, PatternEvidence, Why
from trimtab.analyze.patterns.prewhitening import innovations
from trimtab.analyze.patterns.regular import Regular, regular
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]
POINTS_MIN = 96
LAGS_MAX = 60
SERIES_MAX = 64
P_MAX = 0.01
"""For all lags of all pairs together (Bonferroni)."""
CORRELATION_MIN = 0.15
RESAMPLES = 100
BLOCKS = 24


def leads(series: Sequence[TimeSeries]) -> list[Lead | NoPattern]:
    """The pairs of which one leads, the strongest first; a NoPattern for each series that could not be compared.

    All are looked at on the grid of the coarsest and over the time that all have. Raises ValueError where there are
    more than SERIES_MAX.

    >>> rng, at = np.random.default_rng(1), np.arange(1000, dtype=np.int64) * 60_000
    >>> cause = rng.normal(0, 1, 1000)
    >>> effect = np.concatenate([np.zeros(5), cause[:-5]]) + rng.normal(0, 1, 1000)
    >>> found = leads([TimeSeries("queue", at, cause), TimeSeries("latency", at, effect)])
    >>> [(one.leader, one.follower, one.lag_ms // 60_000) for one in found]
    [('queue', 'latency', 5)]
    """
    if len(series) > SERIES_MAX:
        raise ValueError(f"{len(series)} series, the limit is {SERIES_MAX}")
    refused: list[Lead | NoPattern] = []
    ready: list[Regular] = []
    for one in series:
        found = regular(one, Kind.LEAD, POINTS_MIN)
        if isinstance(found, NoPattern):
            refused.append(found)
        else:
            ready.append(found)
    alike = _alike(ready)
    if not alike:
        short = f"fewer than {POINTS_MIN} moments that all have"
        return [*refused, *(NoPattern(Kind.LEAD, one.name, Why.TOO_SHORT, short) for one in ready)]
    found_leads = _pairs(alike)
    return [*sorted(found_leads, key=lambda one: -abs(one.correlation)), *refused]


def _alike(ready: Sequence[Regular]) -> list[Regular]:
    """The same steps over the same time; empty where that is too short."""
    if len(ready) < 2:
        return []
    step_ms = max(one.step_ms for one in ready)
    start_ms = -(-max(one.start_ms for one in ready) // step_ms) * step_ms
    count = int((min(one.end_ms for one in ready) - start_ms) // step_ms) + 1
    if count < POINTS_MIN:
        return []
    at = np.arange(count) * step_ms + start_ms
    made = []
    for one in ready:
        coarse = one.coarser(step_ms)
        own = coarse.start_ms + np.arange(coarse.values.size) * coarse.step_ms
        nearest = np.clip(np.searchsorted(own, at, side="right") - 1, 0, own.size - 1)
        made.append(Regular(one.name, one.unit, start_ms, step_ms, coarse.values[nearest], coarse.was_gap[nearest]))
    return [one for one in made if float(np.ptp(one.values)) > 0]


def _pairs(alike: Sequence[Regular]) -> list[Lead]:
    size = alike[0].values.size
    lags = min(LAGS_MAX, size // 8)
    news = np.stack([innovations(one) for one in alike])
    news = (news - news.mean(axis=1, keepdims=True)) / news.std(axis=1, keepdims=True)
    waves = np.fft.rfft(news, 2 * size, axis=1)
    places = np.arange(-lags, lags + 1)
    pairs = len(alike) * (len(alike) - 1) // 2
    least = max(CORRELATION_MIN, _least(size, pairs * places.size))
    found = []
    for first in range(len(alike)):
        crossed = np.fft.irfft(np.conj(waves[first]) * waves[first + 1 :], axis=1)[:, places] / size
        for other, row in enumerate(crossed, first + 1):
            best = int(np.argmax(np.abs(row)))
            if abs(float(row[best])) >= least:
                found.append(_lead(alike, (first, other), int(places[best]), float(row[best]), news, pairs, places))
    return found


def _least(size: int, tested: int) -> float:
    """The least correlation that counts: two-sided, corrected for how many are tested."""
    return float(-special.ndtri(P_MAX / tested / 2) / np.sqrt(size))


def _lead(
    alike: Sequence[Regular],
    pair: tuple[int, int],
    lag: int,
    correlation: float,
    news: F64,
    pairs: int,
    places: NDArray[np.int64],
) -> Lead:
    leads_, follows = pair if lag >= 0 else pair[::-1]
    one, size, step_ms = alike[leads_], news.shape[1], alike[leads_].step_ms
    p_value = min(1.0, float(2 * special.ndtr(-abs(correlation) * np.sqrt(size))) * pairs * places.size)
    again = _again(news[leads_], news[follows], int(places[-1]))
    away = again - abs(lag)
    share = float((np.abs(away) <= max(1, abs(lag) // 10)).mean())
    low, high = (int(bound) for bound in np.quantile(again, (0.05, 0.95), method="nearest"))
    evidence = PatternEvidence(one.start_ms, one.end_ms, step_ms, size, p_value, correlation**2)
    return Lead(
        leader=one.name,
        follower=alike[follows].name,
        lag_ms=abs(lag) * step_ms,
        lag_ms_90=(low * step_ms, high * step_ms),
        correlation=correlation,
        pairs_tested=pairs,
        evidence=replace(evidence, found_share=share, found_of=RESAMPLES),
    )


def _again(leader: F64, follower: F64, lags: int) -> NDArray[np.int64]:
    """The strongest lag in resamples of blocks of time, shape [RESAMPLES]."""
    size = leader.size
    padded = np.pad(follower, lags)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    products = leader * windows
    starts = np.arange(BLOCKS) * size // BLOCKS
    sums = np.add.reduceat(products, starts, axis=1)
    weights = np.random.default_rng(1).multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), RESAMPLES)
    found: NDArray[np.int64] = np.argmax(np.abs(sums @ weights.T), axis=0) - lags
    return found
