"""When a resource reaches its limit: the trend of its peaks, and drawn futures around it.

1. `peaks`: the highest of each day (hour where there are few days).
2. `history`: teeth become their tops, a shift of level is left behind, weekdays (hours) are taken out.
3. `futures`: ways to go on (straight, bent, by the same factor, slowing, a walk, still), each weighed by how well it
   would have told the history's own end, draw paths with errors of the slope, bends, and the history's own noise.
4. The share of paths that has reached the limit by t is the probability of being full by t. Its quantiles are the
   dates.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.answers import Band, Outcome, Saturation, SaturationSettings
from trimtab.analyze.capacity.futures import Futures, futures_of
from trimtab.analyze.capacity.growth import GrowthAssumption, Nature, Relation, assumed
from trimtab.analyze.capacity.history import History, history_of
from trimtab.analyze.capacity.peaks import Peaks, peaks_of
from trimtab.analyze.capacity.trend import line_of, slope_error, slope_of, together, walk_error
from trimtab.analyze.capacity.wording import reason_of
from trimtab.model.errors import InputError
from trimtab.stats.time_series import TimeSeries

F64 = NDArray[np.float64]

PEAKS_MIN = 8
"""Fewer peaks show no trend."""
HORIZON_STEPS_MAX = 800
BAND_STEPS = 100
HORIZON_HISTORIES = 4
"""So many times as far as the history goes back is looked ahead: what is beyond, nobody can say from it."""
GROWTH_SIGMAS_MIN = 2.0
"""A slope below so many of its standard errors is no trend."""


def saturation(
    series: TimeSeries,
    limit: float,
    settings: SaturationSettings | None = None,
    assumption: GrowthAssumption | None = None,
    relation: Relation | None = None,
    nature: Nature = "stock",
) -> Saturation:
    """When `series` reaches `limit`, as a range of dates that holds with the probability `settings.range_ratio`.

    `assumption` is a what-if, `relation` says how much of the series goes with the load, `nature` whether its height or
    its growth does. A series that falls to its limit is a stock always: how high its use is cannot be seen from it.

    Values that are not numbers are gaps. Raises InputError where the limit is not a finite number.

    >>> from trimtab.analyze.capacity.answers import DAY_MS
    >>> days = np.arange(60, dtype=np.int64)
    >>> noise = np.random.default_rng(1).normal(0, 1, 60)
    >>> disk = TimeSeries("disk", days * DAY_MS, 100.0 + 2 * days + noise, "By")
    >>> found = saturation(disk, 300.0)
    >>> found.outcome, 97 <= round(found.date_ms / DAY_MS) <= 103
    ('dated', True)
    >>> saturation(disk, 200.0).outcome, saturation(TimeSeries("rss", days * DAY_MS, noise), 50.0).outcome
    ('already', 'no_trend')
    """
    settings = settings or SaturationSettings()
    if not np.isfinite(limit):
        raise InputError(f"{series.name}: the limit is a finite number, not {limit}", series=series.name, limit=limit)
    falling = settings.falling if settings.falling is not None else _is_falling(series.values, limit)
    peaks = peaks_of(series, falling=falling)
    steps = _steps(peaks, settings)
    sign = -1.0 if falling else 1.0
    question = _Question(series, limit, sign, peaks, steps, settings)
    if not len(peaks.values):
        return question.answer("too_little", "there is no number in it")
    if peaks.values[-1] >= sign * limit:
        return question.answer("already", reason_of("already", question.facts()), probability=1.0)
    if len(peaks.values) < PEAKS_MIN or peaks.empty_ratio > 0.5:
        return question.answer("too_little", reason_of("too_little", question.facts()))
    history = history_of(peaks.values, peaks.bucket_ms)
    if len(history.values) < PEAKS_MIN:
        return question.answer("too_little", reason_of("too_little", question.facts()), notes=history.notes)
    futures = futures_of(history, steps, settings.paths, settings.seed)
    if assumption is not None and not assumption.is_nothing:
        futures = _under(futures, question, assumption, relation or Relation(), "stock" if falling else nature)
    return question.dated(history, futures)


def _under(
    futures: Futures, question: _Question, what: GrowthAssumption, relation: Relation, nature: Nature
) -> Futures:
    if question.sign < 0:
        what = replace(what, nodes=0)  # how much is used cannot be seen from what is free
    last, now_ms = float(question.peaks.values[-1]), question.peaks.end_ms
    return replace(futures, paths=assumed(futures.paths, last, question.ends_ms, now_ms, what, relation.share, nature))


def _is_falling(values: F64, limit: float) -> bool:
    """Whether the limit is reached from above: most of the newest tenth is above it, and it did not begin below."""
    known = values[np.isfinite(values)]
    if not len(known):
        return False
    newest, oldest = np.median(known[-max(1, len(known) // 10) :]), np.median(known[: max(1, len(known) // 10)])
    return bool(newest > limit and oldest > limit and slope_of(known[:: max(1, len(known) // 100)]) < 0)


def _steps(peaks: Peaks, settings: SaturationSettings) -> int:
    steps = max(1, HORIZON_HISTORIES * len(peaks.values))
    if settings.horizon_ms:
        steps = min(steps, max(1, -(-settings.horizon_ms // peaks.bucket_ms)))
    return min(steps, HORIZON_STEPS_MAX)


class _Question:
    """One series with its limit, and the answers that can be given of it."""

    def __init__(
        self, series: TimeSeries, limit: float, sign: float, peaks: Peaks, steps: int, settings: SaturationSettings
    ) -> None:
        self.series, self.limit, self.sign, self.peaks = series, limit, sign, peaks
        self.steps, self.settings = steps, settings
        self.current = sign * float(peaks.values[-1]) if len(peaks.values) else float("nan")

    @property
    def ends_ms(self) -> NDArray[np.int64]:
        """The end of each bucket ahead."""
        return self.peaks.end_ms + self.peaks.bucket_ms * np.arange(1, self.steps + 1, dtype=np.int64)

    def facts(self) -> dict[str, float]:
        """What reasons are made of."""
        return {
            "peaks": len(self.peaks.values),
            "peaks_min": PEAKS_MIN,
            "bucket_ms": self.peaks.bucket_ms,
            "empty_ratio": self.peaks.empty_ratio,
            "steps": self.steps,
            "paths": self.settings.paths,
            "current": self.current,
            "limit": self.limit,
        }

    def dated(self, history: History, futures: Futures) -> Saturation:
        """The answer where there is history enough: dates, or why there are none."""
        out = (1 - self.settings.range_ratio) / 2
        target = self.sign * self.limit
        reached = np.maximum.accumulate(futures.paths, axis=1) >= target
        full_by: F64 = reached.mean(axis=0)
        ends_ms = self.ends_ms
        low, middle, high = _band(futures.paths, (out, 0.5, 1 - out))
        if self.sign < 0:
            low, middle, high = -high, -middle, -low
        slope, grows, walks = growth(history.values)
        outcome: Outcome
        if full_by[-1] >= 0.5:
            outcome = "dated"
        elif not grows and (full_by[-1] < out or not walks):
            outcome = "no_trend"
        else:
            outcome = "possible" if full_by[-1] >= out else "never"
        dates: list[int | None] = [None, None, None]
        if outcome in {"dated", "possible"}:
            dates = [_date(full_by, ends_ms, p, self.peaks.bucket_ms) for p in (out, 0.5, 1 - out)]
        return self.answer(
            outcome,
            reason_of(outcome, {**self.facts(), "probability": float(full_by[-1])}),
            probability=float(full_by[-1]),
            dates=dates,
            growth_per_day=self.sign * slope * 86_400_000 / self.peaks.bucket_ms,
            notes=(*history.notes, *(("the growth bends",) if futures.bends and grows else ())),
            band=Band(ends_ms, low, middle, high, full_by),
        )

    def answer(
        self,
        outcome: Outcome,
        reason: str,
        *,
        probability: float = 0.0,
        dates: list[int | None] | None = None,
        growth_per_day: float | None = None,
        notes: tuple[str, ...] = (),
        band: Band | None = None,
    ) -> Saturation:
        """The answer with what it is about."""
        earliest, date, latest = dates or [None, None, None]
        at_ms = self.series.at_ms
        return Saturation(
            series=self.series.name,
            unit=self.series.unit,
            limit=self.limit,
            falling=self.sign < 0,
            outcome=outcome,
            reason=reason,
            current=self.current,
            range_ratio=self.settings.range_ratio,
            horizon_end_ms=self.peaks.end_ms + self.steps * self.peaks.bucket_ms,
            probability=probability,
            date_ms=date,
            earliest_ms=earliest,
            latest_ms=latest,
            growth_per_day=growth_per_day,
            bucket_ms=self.peaks.bucket_ms,
            history_ms=int(at_ms[-1] - at_ms[0]) if len(at_ms) else 0,
            notes=notes,
            peaks_at_ms=self.peaks.ends_ms,
            peaks=self.sign * self.peaks.values,
            band=band or Band(),
        )


def growth(values: F64) -> tuple[float, bool, bool]:
    """Slope per step, whether it is upwards by more than chance, and whether what is around it wanders as a walk."""
    level, slope = line_of(values)
    residuals = values - level - slope * (np.arange(len(values)) - len(values) + 1)
    error = slope_error(residuals)
    walks = together(residuals) > 1 - 12 / len(values)
    if walks:
        error = max(error, walk_error(np.diff(values)))
    return slope, slope > GROWTH_SIGMAS_MIN * error, walks


def _band(paths: F64, shares: tuple[float, ...]) -> tuple[F64, ...]:
    """Quantiles of the paths at each step; of many steps some are looked at, and those between lie on lines."""
    count, steps = paths.shape
    seen = np.unique(np.linspace(0, steps - 1, min(steps, BAND_STEPS)).astype(np.int64))
    ordered = np.sort(paths[:, seen], axis=0)
    rows = [ordered[min(count - 1, round(share * (count - 1)))] for share in shares]
    return tuple(np.interp(np.arange(steps), seen, row) for row in rows)


def _date(full_by: F64, ends_ms: NDArray[np.int64], probability: float, bucket_ms: int) -> int | None:
    """When the share of futures that are full reaches a probability: within its bucket, as if it grew evenly there."""
    place = int(np.searchsorted(full_by, probability, side="left"))
    if place == len(full_by):
        return None
    before = float(full_by[place - 1]) if place else 0.0
    share = (probability - before) / (float(full_by[place]) - before)
    return int(ends_ms[place]) - round((1 - share) * bucket_ms)
