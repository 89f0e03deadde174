"""Bands for charts: what is forecast of their lines, what had been forecast before, and the history behind both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.app.forecasting.now import ForecastNow, SeriesNow
from trimtab.app.reading.ranges import Range
from trimtab.store.forecast_state import LINES, ForecastState, MadeForecast
from trimtab.store.grid import Grid

PAST_MAX = 100
"""Past forecasts of a line that are drawn."""
LINES_MAX = 50
"""Lines of one question that get a band."""
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Band:
    """A forecast of one line: `values` [5, steps] in the order of `LINES`, the first step at `start_ms`."""

    start_ms: int
    step_ms: int
    values: F64


@dataclass(frozen=True, slots=True)
class BandedLine:
    """A line of a chart with the forecast of today, and those before, oldest first."""

    key: str
    about: str
    now: SeriesNow
    ahead: Band
    past: tuple[Band, ...] = ()


def banded(
    now: ForecastNow, state: ForecastState, keys: Iterable[str], within: Range, *, with_past: bool
) -> list[BandedLine]:
    """The lines of some charts that have a forecast."""
    found = [(line, now.series[line.series]) for line in now.charts.lines(keys) if line.series in now.series][
        :LINES_MAX
    ]
    chains: dict[str, Sequence[tuple[MadeForecast, int]]] = {}
    if with_past:
        for family, made in {one.made.family: one.made for _, one in found}.items():
            runs = state.of(family, within.from_ms, min(within.to_ms, made.start_ms))
            chains[family] = chain(runs, min(within.to_ms, made.start_ms), within.from_ms)
    return [
        BandedLine(line.key, line.about, one, band(one.made, one.row, one.made.horizon), _past(chains, one))
        for line, one in found
    ]


def band(made: MadeForecast, row: int, steps: int) -> Band:
    """The first steps of a forecast of one series."""
    return Band(made.start_ms, made.step_ms, made.lines[:, row, :steps].astype(np.float64))


def _past(chains: dict[str, Sequence[tuple[MadeForecast, int]]], one: SeriesNow) -> tuple[Band, ...]:
    found = [
        band(made, made.series.index(one.subject.id), steps)
        for made, steps in chains.get(one.made.family, ())
        if one.subject.id in made.series
    ]
    return tuple(reversed(found))


def chain(runs: Sequence[MadeForecast], end_ms: int, from_ms: int) -> list[tuple[MadeForecast, int]]:
    """Forecasts that tell of the time before `end_ms`, newest first, each with how many of its steps are drawn: none
    tells of what the one after it tells, and each is the one that had been made about a horizon before."""
    found: list[tuple[MadeForecast, int]] = []
    at_ms = end_ms
    while at_ms > from_ms and len(found) < PAST_MAX:
        before = [made for made in runs if made.start_ms < at_ms]
        if not before:
            break
        covering = [made for made in before if made.end_ms >= at_ms]
        if covering:
            next_one = min(covering, key=lambda made: abs(made.start_ms - (at_ms - made.horizon * made.step_ms)))
        else:
            next_one = max(before, key=lambda made: made.start_ms)
        steps = min(next_one.horizon, -(-(at_ms - next_one.start_ms) // next_one.step_ms))
        found.append((next_one, steps))
        at_ms = next_one.start_ms
    return found


def history_line(one: SeriesNow, grid: Grid) -> list[float | None]:
    """The history that a forecast was made from, on the grid of a chart; straight lines between its points.

    A point that is missing is a gap.
    """
    block, values = one.history, one.history.values[one.history_row]
    at = (grid.start_ms + grid.step_ms * np.arange(grid.count) - block.start_ms) / block.step_ms
    low = np.floor(at).astype(np.int64)
    share = at - low
    inside = (low >= 0) & (low < len(values))
    left = values[np.clip(low, 0, len(values) - 1)]
    right = values[np.clip(low + 1, 0, len(values) - 1)]
    line = np.where(share == 0, left, left + share * (right - left))
    line = np.where(inside & ((low < len(values) - 1) | (share == 0)), line, np.nan)
    return [None if np.isnan(value) else float(value) for value in line]


def named(values: F64) -> dict[str, list[float]]:
    """By the names of `LINES`."""
    return {name: row.tolist() for name, row in zip(LINES, values, strict=True)}
