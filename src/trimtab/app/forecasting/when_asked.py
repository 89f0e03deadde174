"""Forecasts of lines that are in no scheduled round: made when somebody wants to see them on a chart, and kept a while.

The history is what the chart's own question gives, sampled at wider steps, so that a band holds what the chart draws.
What had been forecast before is made again from what was known at each of those moments, and told as such.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.app.forecasting.bands import Band
from trimtab.app.forecasting.history import DAY_MS, HOUR_MS, MINUTE_MS, POINTS_MAX, POINTS_MIN
from trimtab.app.forecasting.sources import SETTLE_MS
from trimtab.app.reading.ranges import Range
from trimtab.model.errors import Busy
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.store.grid import Grid

F64 = NDArray[np.float64]
STEPS = ((12 * HOUR_MS, 5 * MINUTE_MS, 7 * DAY_MS), (2 * DAY_MS, 15 * MINUTE_MS, 21 * DAY_MS))
"""Ranges up to so long are forecast by such a step, from so much history; longer ones by the hour."""
FINEST_MS = MINUTE_MS
PAST_MAX = 30
"""Forecasts of before that are made again."""
LINES_MAX = 50
KEPT_MAX, NUMBERS_MAX = 300, 4_000_000
"""Answers that are kept, and numbers in all of them (32 MB)."""
WAIT_S = 20.0
OFF = "Forecasts are switched off."
YOUNG = f"No forecast: fewer than {POINTS_MIN} points of history."
ENDED = "No forecast: it had no value lately."
BUSY = "other forecasts are being made: try again in a moment"


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of a chart on a grid: float64 [count], NaN where nothing was measured. `name` and `about` are those of
    the chart's line. Of lines that lie on each other (`is_piled`) their sum is forecast."""

    name: str
    about: str
    values: F64
    is_piled: bool = False


@dataclass(frozen=True, slots=True)
class ForeseenLine:
    """The forecast of one line. `inside_90` (0..1) of `points` came to lie in the 90 % band of those that were made
    again; None without any. `total`: it is of the sum of all lines."""

    name: str
    about: str
    model: str
    ahead: Band
    past: tuple[Band, ...] = ()
    points: int = 0
    inside_90: float | None = None
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Of one chart. `why`: why there is none."""

    lines: Sequence[ForeseenLine] = ()
    why: str = ""
    step_ms: int = FINEST_MS

    @property
    def numbers(self) -> int:
        """How many it holds."""
        return sum(band.values.size for line in self.lines for band in (line.ahead, *line.past))


Read = Callable[[Grid], Sequence[HistoryLine]]


class WhenAsked:
    """Makes them one after the other, and keeps the newest. Thread-safe."""

    def __init__(self, policy: Callable[[], ForecastPolicy], now_ms: Callable[[], int]) -> None:
        self._policy, self._now_ms = policy, now_ms
        self._lock, self._making = threading.Lock(), threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[int, Foreseen]] = OrderedDict()

    def foreseen(
        self, asked: Hashable, within: Range, read: Read, *, with_past: bool = False, of_steps: bool = False
    ) -> Foreseen:
        """The forecasts of a chart's lines. `asked` says what is asked, whatever the grid is; `read` gives the history
        on one; `of_steps`: a point is of the step that begins at its moment. TrimtabError where it cannot be read, Busy
        where others take too long."""
        policy = self._policy()
        if not policy.enabled:
            return Foreseen(why=OFF)
        now_ms = self._now_ms()
        grid = grid_for(within, now_ms, policy, of_steps=of_steps)
        key = (asked, grid, within.length_ms // grid.step_ms, with_past, policy)
        with self._lock:
            until_ms, known = self._kept.get(key, (0, None))
            if known is not None and now_ms < until_ms:
                return known
        made = self._made(grid, within, read, policy, with_past=with_past)
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (now_ms + made.step_ms, made)
            left = sum(one.numbers for _, one in self._kept.values())
            while len(self._kept) > KEPT_MAX or (left > NUMBERS_MAX and len(self._kept) > 1):
                _, (_, gone) = self._kept.popitem(last=False)
                left -= gone.numbers
        return made

    def _made(self, grid: Grid, within: Range, read: Read, policy: ForecastPolicy, *, with_past: bool) -> Foreseen:
        lines = list(read(grid))[:LINES_MAX]
        finer = finer_grid(grid, lines)
        if finer is not None:
            grid, lines = finer, list(read(finer))[:LINES_MAX]
        piled = [line.values for line in lines if line.is_piled]
        lines = [line for line in lines if not line.is_piled]
        if piled:
            lines.append(HistoryLine("", "", total(piled), is_piled=True))
        there = [line for line in lines if np.isfinite(line.values).sum() >= POINTS_MIN]
        alive = [line for line in there if np.isfinite(line.values[-_recent(grid) :]).any()]
        if not alive:
            return Foreseen(why=ENDED if there else YOUNG)
        if not self._making.acquire(timeout=WAIT_S):
            raise Busy(BUSY)
        try:
            found = _forecast(alive, grid, within, policy, with_past=with_past)
            return Foreseen(found, step_ms=grid.step_ms)
        finally:
            self._making.release()


def grid_for(within: Range, now_ms: int, policy: ForecastPolicy, *, of_steps: bool = False) -> Grid:
    """The points of history for a range: up to its end, or up to now, as far as they are complete.

    >>> grid_for(Range(0, 6 * HOUR_MS), 10 * HOUR_MS, ForecastPolicy()).step_ms // MINUTE_MS
    5
    """
    found = next(((step, span) for longest, step, span in STEPS if within.length_ms <= longest), None)
    step_ms, span_ms = found or (HOUR_MS, round(policy.history_days * DAY_MS))
    count = min(max(span_ms, within.length_ms + span_ms // 4) // step_ms, POINTS_MAX)
    newest_ms = (min(now_ms - SETTLE_MS, within.to_ms) // step_ms - of_steps) * step_ms
    return Grid(newest_ms - (count - 1) * step_ms, step_ms, count)


def finer_grid(grid: Grid, lines: Sequence[HistoryLine]) -> Grid | None:
    """Where no line has enough points, because all are young: a finer grid over the time that there is."""
    known = [np.flatnonzero(np.isfinite(line.values)) for line in lines]
    known = [places for places in known if places.size]
    if not known or max(places.size for places in known) >= POINTS_MIN:
        return None
    span_ms = (grid.count - min(int(places[0]) for places in known) + 1) * grid.step_ms
    steps = [step for _, step, _ in reversed(STEPS)] + [FINEST_MS]
    finer = [step for step in steps if step < grid.step_ms]
    step_ms = next((step for step in finer if span_ms // step > 2 * POINTS_MIN), finer[-1] if finer else None)
    if step_ms is None:
        return None
    newest_ms = grid.end_ms - step_ms
    count = span_ms // step_ms
    return Grid(newest_ms - (count - 1) * step_ms, step_ms, count)


def total(rows: Sequence[F64]) -> F64:
    """The sum at each point: what has no value there adds nothing; NaN where nothing has one.

    >>> total([np.array([1.0, np.nan, np.nan]), np.array([2.0, 3.0, np.nan])]).tolist()
    [3.0, 3.0, nan]
    """
    table = np.array(rows)
    found: F64 = np.where(np.isfinite(table).any(axis=0), np.nansum(table, axis=0), np.nan)
    return found


def _recent(grid: Grid) -> int:
    """So many points from the end one has to have a value."""
    return max(3, grid.count // 10)


def _forecast(
    lines: Sequence[HistoryLine], grid: Grid, within: Range, policy: ForecastPolicy, *, with_past: bool
) -> list[ForeseenLine]:
    from trimtab.analyze.forecast.forecast import forecast
    from trimtab.analyze.forecast.settings import ForecastSettings
    from trimtab.app.forecasting.rounds import better_models

    values = np.array([line.values for line in lines])
    begun = int(np.isfinite(values).any(axis=0).argmax())
    values, start_ms = values[:, begun:], grid.start_ms + begun * grid.step_ms
    longest_ms = min(within.length_ms, round(policy.horizon_hours * HOUR_MS))
    horizon = max(1, min(-(-longest_ms // grid.step_ms), values.shape[1]))
    settings = ForecastSettings(holidays=policy.holidays, time_zone=policy.time_zone)

    def made(known: int) -> tuple[F64, Sequence[str]]:
        """[5, series, horizon] in the order of `LINES`, from so many points."""
        told = forecast(values[:, :known], grid.step_ms, start_ms, horizon, settings, forecasters=better_models())
        bands = [told.mean, *(told.quantile(level) for level in (0.1, 0.9, 0.05, 0.95))]
        return np.stack(bands), told.model

    points = values.shape[1]
    now, models = made(points)
    bands: list[list[Band]] = [[] for _ in lines]
    inside, counted = np.zeros(len(lines), np.int64), np.zeros(len(lines), np.int64)
    for known in _origins(points, horizon, start_ms, grid.step_ms, within.from_ms) if with_past else ():
        then, _ = made(known)
        came = values[:, known : known + horizon]
        is_there = np.isfinite(came) & np.isfinite(then[0])
        inside += (is_there & (came >= then[3]) & (came <= then[4])).sum(axis=1)
        counted += is_there.sum(axis=1)
        for row in range(len(lines)):
            if np.isfinite(then[0, row]).all():
                bands[row].append(Band(start_ms + known * grid.step_ms, grid.step_ms, then[:, row]))
    end_ms = start_ms + points * grid.step_ms
    return [
        ForeseenLine(
            line.name,
            line.about,
            models[row],
            Band(end_ms, grid.step_ms, now[:, row]),
            tuple(reversed(bands[row])),
            int(counted[row]),
            float(inside[row] / counted[row]) if counted[row] else None,
            line.is_piled,
        )
        for row, line in enumerate(lines)
        if np.isfinite(now[:, row]).all()
    ]


def _origins(points: int, horizon: int, start_ms: int, step_ms: int, from_ms: int) -> list[int]:
    """How many points were known at the moments from which past forecasts are made again, newest first: one behind the
    other, as far back as the range goes."""
    found: list[int] = []
    known = points - horizon
    while known >= POINTS_MIN and len(found) < PAST_MAX:
        found.append(known)
        if start_ms + (known - 1) * step_ms <= from_ms:
            break
        known -= horizon
    return found
