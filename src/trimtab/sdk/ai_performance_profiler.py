"""`AIPerformanceProfiler`: what repeats in histories of metrics, whether they become slower, and what follows from
it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.forecast.forecast import forecast
from trimtab.analyze.patterns.degradation import Degradation, degradation
from trimtab.analyze.patterns.found import Answer, Lead, NoPattern, Pattern, PatternEvidence
from trimtab.analyze.patterns.hints import hint_of
from trimtab.analyze.patterns.knees import knee
from trimtab.analyze.patterns.lead_lag import SERIES_MAX as LEAD_SERIES_MAX
from trimtab.analyze.patterns.lead_lag import leads
from trimtab.analyze.patterns.mix import Loads, mix
from trimtab.analyze.patterns.of_series import patterns_of
from trimtab.model.errors import InputError
from trimtab.sdk.metric_history import History, histories_of
from trimtab.stats.time_series import TimeSeries
from trimtab.store.state import wall_clock_ms

__all__ = [
    "AIPerformanceProfiler",
    "DegradationForecast",
    "PerformanceAnalysis",
    "PerformanceFeatures",
    "PerformanceOptimization",
]

F64 = NDArray[np.float64]
WORKLOAD = "request_volume/"
"""Series that begin so are the load of one template each."""
LATENCY_WORDS = ("latency", "duration", "response_time", "p95", "p99", "mean_ms")
LOAD_WORDS = ("request", "calls", "rps", "qps", "throughput", "concurrency", "sessions")
HORIZON_MS = 86_400_000
STEPS_MAX = 2_000


@dataclass(frozen=True, slots=True)
class PerformanceFeatures:
    """Numbers of one series: `points` known of a grid `step_ms` wide over `lasts_ms`, `gap_ratio` of it missing (0..1),
    levels in its own unit, `spread_ratio` (95th less 5th percentile over the median's size, None where that is 0), and
    `alike` (-1..1), the correlation of neighbours: near 1 it moves slowly, at 0 every value stands by itself."""

    series: str
    unit: str
    points: int
    step_ms: int
    lasts_ms: int
    gap_ratio: float
    p5: float
    median: float
    p95: float
    p99: float
    spread_ratio: float | None
    alike: float


@dataclass(frozen=True, slots=True)
class DegradationForecast:
    """A latency: whether it drifts for the same load, and its forecast for the day ahead (90 % band, float64[steps]).

    `drift` is None where nothing can be said, `why` then says why. `coverage_90` says how often the band held in the
    forecast's own backtest, None where the history is too short for one.
    """

    series: str
    drift: Degradation | None
    why: str
    at_ms: NDArray[np.int64]
    mean: F64
    lo_90: F64
    hi_90: F64
    coverage_90: float | None


@dataclass(frozen=True, slots=True)
class PerformanceOptimization:
    """A hint: what a person could do, the numbers that speak for it, and how sure the pattern is (`confidence`, 0..1;
    None where the data are too few to say). Nobody tried it."""

    series: str
    action: str
    because: str
    confidence: float | None
    is_verified: bool = False


@dataclass(frozen=True, slots=True)
class PerformanceAnalysis:
    """`patterns`: what was found. `forecast`: degradation by latency. `optimizations`: hints, surest first.
    `confidence_scores`: by `kind/series`, in which share of resamples of the data the pattern is found again (0..1);
    what could not be resampled has none. `features` by series; `nothing`: where there is no pattern, and why."""

    patterns: tuple[Pattern, ...]
    forecast: dict[str, DegradationForecast]
    optimizations: tuple[PerformanceOptimization, ...]
    confidence_scores: dict[str, float]
    features: dict[str, PerformanceFeatures]
    nothing: tuple[NoPattern, ...]


class AIPerformanceProfiler:
    """Looks for patterns in histories; no server is needed.

    `load_of` says which series is the load of a latency; without it a latency (by its name: latency, duration, p95, …)
    is taken with the one series whose name says load (requests, calls, rps, …), if there is exactly one. `step` is the
    distance of values of plain lists, which end now, in seconds.

    >>> hours = np.arange(24 * 21)
    >>> calls = 500 + 300 * np.sin(hours * 2 * np.pi / 24) + np.random.default_rng(1).normal(0, 30, hours.size)
    >>> latency = 5 / (1 - calls / 1000) * np.random.default_rng(2).lognormal(0, 0.1, hours.size)
    >>> found = AIPerformanceProfiler().analyze_performance_patterns({"calls": calls, "latency_ms": latency})
    >>> sorted({pattern.kind.value for pattern in found.patterns}), found.forecast["latency_ms"].drift.is_degrading
    (['cycle', 'knee', 'lead'], False)
    >>> found.confidence_scores["knee/latency_ms"] > 0.9
    True
    """

    def __init__(self, *, load_of: Mapping[str, str] | None = None, step: float = 3600.0) -> None:
        """InputError for a step outside 1 s to 1 d."""
        said: object = step
        if isinstance(said, bool) or not isinstance(said, int | float) or not 1 <= said <= 86_400:
            raise InputError(f"step is 1 to 86400 seconds, not {said!r}", field="step", limit="1 to 86400", value=step)
        self._load_of = dict(load_of or {})
        self._step_ms = round(step * 1000)

    def extract_performance_features(self, historical_data: Mapping[str, History]) -> dict[str, PerformanceFeatures]:
        """Numbers of each series."""
        return {name: features_of(one) for name, one in self._histories(historical_data).items()}

    def analyze_performance_patterns(self, historical_data: Mapping[str, History]) -> PerformanceAnalysis:
        """Patterns, degradation, hints and how sure they are.

        A value is a `TimeSeries`, a pair of times and values, a list of numbers, or a pandas Series with a time index.
        Series named `request_volume/NAME` are the load of templates: their mix is looked at. InputError names what
        cannot be used.
        """
        histories = self._histories(historical_data)
        loads = self._loads(histories)
        answers: list[Answer] = [answer for one in histories.values() for answer in patterns_of(one)]
        answers += [knee(histories[load], histories[latency]) for latency, load in loads.items()]
        if len(histories) > 1:
            answers += leads(list(histories.values())[:LEAD_SERIES_MAX])
        answers += _mixes(histories)
        patterns = tuple(one for one in answers if not isinstance(one, NoPattern))
        drifts = {name: _ahead(histories[name], histories.get(loads.get(name, ""))) for name in _latencies(histories)}
        return PerformanceAnalysis(
            patterns=patterns,
            forecast=drifts,
            optimizations=_optimizations(patterns, drifts),
            confidence_scores=confidence_scores(patterns, drifts),
            features={name: features_of(one) for name, one in histories.items()},
            nothing=tuple(one for one in answers if isinstance(one, NoPattern)),
        )

    def _histories(self, historical_data: Mapping[str, History]) -> dict[str, TimeSeries]:
        end_ms = wall_clock_ms() // self._step_ms * self._step_ms
        try:
            return histories_of(historical_data, self._step_ms, end_ms)
        except InputError as error:
            told = error.message.replace("metric_history", "historical_data").replace(
                "a forecast needs", "an analysis needs"
            )
            raise InputError(told, **error.facts) from error

    def _loads(self, histories: Mapping[str, TimeSeries]) -> dict[str, str]:
        """The load of each latency that has one."""
        for latency, load in self._load_of.items():
            for name in (latency, load):
                if name not in histories:
                    raise InputError(f"load_of: there is no series {name!r} in historical_data", field=name)
        loads = [name for name in histories if _says(name, LOAD_WORDS) and not _says(name, LATENCY_WORDS)]
        guessed = dict.fromkeys(_latencies(histories), loads[0]) if len(loads) == 1 else {}
        return {**guessed, **self._load_of}


def features_of(series: TimeSeries) -> PerformanceFeatures:
    """Numbers of one series."""
    known = series.values[np.isfinite(series.values)]
    p5, median, p95, p99 = (float(one) for one in np.quantile(known, (0.05, 0.5, 0.95, 0.99)))
    level = known - known.mean()
    power = float(level @ level)
    lasts_ms = int(series.at_ms[-1] - series.at_ms[0])
    cells = lasts_ms // series.step_ms + 1 if series.step_ms else 1
    return PerformanceFeatures(
        series=series.name,
        unit=series.unit,
        points=int(known.size),
        step_ms=series.step_ms,
        lasts_ms=lasts_ms,
        gap_ratio=max(0.0, 1 - known.size / cells),
        p5=p5,
        median=median,
        p95=p95,
        p99=p99,
        spread_ratio=(p95 - p5) / abs(median) if median else None,
        alike=float(level[1:] @ level[:-1]) / power if power > 0 else 0.0,
    )


def confidence_scores(patterns: Sequence[Pattern], drifts: Mapping[str, DegradationForecast]) -> dict[str, float]:
    """By `kind/series`, the share of resamples in which a pattern is found again; the lowest where there are
    several."""
    found: dict[str, float] = {}
    for pattern in patterns:
        share = pattern.evidence.found_share
        if share is not None:
            key = f"{pattern.kind.value}/{name_of(pattern)}"
            found[key] = min(share, found.get(key, 1.0))
    for name, one in drifts.items():
        if one.drift is not None and one.drift.evidence.found_share is not None:
            found[f"degradation/{name}"] = one.drift.evidence.found_share
    return found


def name_of(pattern: Pattern) -> str:
    """What a pattern is of.

    A lead has two: `leader -> follower`.
    """
    return f"{pattern.leader} -> {pattern.follower}" if isinstance(pattern, Lead) else pattern.series


def _optimizations(
    patterns: Sequence[Pattern], drifts: Mapping[str, DegradationForecast]
) -> tuple[PerformanceOptimization, ...]:
    made = []
    for pattern in patterns:
        hint = hint_of(pattern)
        if hint is not None:
            share = pattern.evidence.found_share
            made.append(PerformanceOptimization(name_of(pattern), hint.action, hint.because, share))
    for name, one in drifts.items():
        if one.drift is not None and one.drift.is_degrading:
            made.append(_against(name, one.drift, one.drift.evidence))
    return tuple(sorted(made, key=lambda one: -(one.confidence or 0.0)))


def _against(name: str, drift: Degradation, evidence: PatternEvidence) -> PerformanceOptimization:
    low, high = drift.ratio_per_week_90
    adjusted = f"for the same {drift.load}" if drift.load else "(no load to adjust for was given)"
    because = (
        f"{name} grows {drift.ratio_per_week:.2f} times a week {adjusted}, 9 times in 10 from {low:.2f} to {high:.2f}"
    )
    action = (
        "Look for what grows with time: tables, indexes that bloat, statistics that age, caches that no longer hold"
    )
    return PerformanceOptimization(name, action, because, evidence.found_share)


def _ahead(latency: TimeSeries, load: TimeSeries | None) -> DegradationForecast:
    step_ms = max(latency.step_ms, -(-HORIZON_MS // STEPS_MAX // 1000) * 1000, 1000)
    if step_ms > HORIZON_MS:
        raise InputError(f"historical_data[{latency.name!r}]: its values are more than a day apart", field=latency.name)
    grid = latency.grid(step_ms)
    found = forecast(grid.values[None, :], step_ms, int(grid.at_ms[0]), max(1, HORIZON_MS // step_ms))
    drift = degradation(latency, load)
    coverage = float(found.coverage_90[0])
    return DegradationForecast(
        series=latency.name,
        drift=None if isinstance(drift, str) else drift,
        why=drift if isinstance(drift, str) else "",
        at_ms=found.at_ms,
        mean=found.mean[0],
        lo_90=found.lo_90[0],
        hi_90=found.hi_90[0],
        coverage_90=coverage if np.isfinite(coverage) else None,
    )


def _mixes(histories: Mapping[str, TimeSeries]) -> list[Answer]:
    """Of the templates, where they have the same moments."""
    mine = [one for name, one in histories.items() if name.startswith(WORKLOAD)]
    if len(mine) < 2:
        return []
    step_ms = mine[0].step_ms
    start_ms = max(int(one.at_ms[0]) for one in mine)
    count = (min(int(one.at_ms[-1]) for one in mine) - start_ms) // max(step_ms, 1) + 1
    values = np.full((len(mine), max(count, 0)), np.nan)
    for row, one in enumerate(mine):
        places = (one.at_ms - start_ms) // max(step_ms, 1)
        inside = (places >= 0) & (places < count)
        values[row, places[inside]] = one.values[inside]
    names = [one.name.removeprefix(WORKLOAD) for one in mine]
    return [mix("request_volume", Loads(names, start_ms, step_ms, values))]


def _latencies(histories: Mapping[str, TimeSeries]) -> list[str]:
    return [name for name in histories if _says(name, LATENCY_WORDS)]


def _says(name: str, words: Sequence[str]) -> bool:
    return any(word in name.casefold() for word in words)
