"""What comes next in a file's series: `trimtab forecast`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.analyze.forecast.answer import NOTES, Forecast
from trimtab.analyze.forecast.forecast import STEP_MAX_MS, STEP_MIN_MS, forecast
from trimtab.analyze.forecast.settings import ForecastSettings
from trimtab.app.series_files.documents import moment, number
from trimtab.app.series_files.drawing import Panel
from trimtab.app.series_files.reading import SeriesFile
from trimtab.model.errors import InputError
from trimtab.model.readable import duration_of
from trimtab.stats.time_series import F64, GRID_POINTS_MAX, TimeSeries

STEPS_MAX = 200_000
CELLS_MAX = 50_000_000
"""Points of all series that are forecast together."""
BOUNDS = ("lo_80", "hi_80", "lo_90", "hi_90")


@dataclass(frozen=True)
class Ahead:
    """The forecast of one series: row `row` of `forecast`."""

    series: TimeSeries
    forecast: Forecast
    row: int

    @property
    def model(self) -> str:
        """What made it."""
        return self.forecast.model[self.row]

    @property
    def notes(self) -> list[str]:
        """What is to be said of it."""
        return [NOTES.get(key, key) for key in self.forecast.notes[self.row]]

    def line(self, name: str) -> F64:
        """`mean` or one of BOUNDS, over the horizon."""
        values: F64 = getattr(self.forecast, name)[self.row]
        return values


def look_ahead(file: SeriesFile, horizon_ms: int, settings: ForecastSettings, step_ms: int | None) -> list[Ahead]:
    """Forecast every series from its own end; those of one step and one end together. Series of one sample, or with
    samples more than a day apart, are not among the answers (`why_unforecast`).

    Raises InputError where no series can be forecast, where a step is too small for its history or outside its limits,
    and for a horizon of no step or too many.
    """
    if step_ms is not None and not STEP_MIN_MS <= step_ms <= STEP_MAX_MS:
        raise InputError(
            f"--step: {duration_of(step_ms)} is not between 1 s and 1 day", limit=STEP_MAX_MS, value=step_ms
        )
    groups: dict[tuple[int, int], list[int]] = {}
    grids: dict[int, TimeSeries] = {}
    for place, one in enumerate(file.series):
        series = one.series
        if why_unforecast(series, step_ms):
            continue
        grids[place] = _grid(file, series, step_ms)
        groups.setdefault((step_ms or series.step_ms, int(grids[place].at_ms[-1])), []).append(place)
    if not groups:
        only = file.series[0].series
        raise InputError(f"{file.table.file}: {only.name!r} has {why_unforecast(only, step_ms)}")
    found: dict[int, Ahead] = {}
    for (step, _), places in groups.items():
        steps = -(-horizon_ms // step)
        if not 1 <= steps <= STEPS_MAX:
            raise InputError(
                f"--horizon: {steps:,} steps of {step / 1000:g} s, the limit is {STEPS_MAX:,} (--step)", limit=STEPS_MAX
            )
        points = max(len(grids[place]) for place in places)
        if points * len(places) > CELLS_MAX:
            raise InputError(f"{len(places)} series of up to {points} points, the limit is {CELLS_MAX} together")
        values = np.full((len(places), points), np.nan)
        for row, place in enumerate(places):
            values[row, points - len(grids[place]) :] = grids[place].values
        start_ms = int(grids[places[0]].at_ms[-1]) - (points - 1) * step
        answer = forecast(values, step, start_ms, steps, settings)
        found.update({place: Ahead(file.series[place].series, answer, row) for row, place in enumerate(places)})
    return [found[place] for place in sorted(found)]


def why_unforecast(series: TimeSeries, step_ms: int | None = None) -> str:
    """Why a series has no forecast; "" where it has one.

    >>> why_unforecast(TimeSeries("rows", np.array([0, 7 * STEP_MAX_MS]), np.array([1.0, 2.0])))
    'samples 7 days apart, the limit is 1 day (--step 1d)'
    """
    if len(series) < 2:
        return f"{len(series)} sample, two are needed for a step"
    if not np.isfinite(series.values).any():
        return "no value in any row"
    if step_ms is None and series.step_ms > STEP_MAX_MS:
        return f"samples {series.step_ms / STEP_MAX_MS:.3g} days apart, the limit is 1 day (--step 1d)"
    if step_ms is None and series.step_ms < STEP_MIN_MS:
        return f"samples {series.step_ms} ms apart, the least is 1 s (--step 1s)"
    return ""


def _grid(file: SeriesFile, series: TimeSeries, step_ms: int | None) -> TimeSeries:
    try:
        return series.grid(step_ms)
    except ValueError as error:
        raise InputError(
            f"{file.table.file}: {error}: name a greater step (--step)", series=series.name, limit=GRID_POINTS_MAX
        ) from None


def document(ahead: list[Ahead]) -> dict[str, Any]:
    """The JSON document. `model` is that of all series, or `by_series` where they differ (`series` tells each)."""
    models = {one.model for one in ahead}
    return {
        "forecasts": [row for one in ahead for row in _rows(one)],
        "model": models.pop() if len(models) == 1 else "by_series",
        "series": [
            {
                "series": one.series.name,
                "model": one.model,
                "origins": int(one.forecast.origins[one.row]),
                "error": number(one.forecast.error[one.row]),
                "naive_error": number(one.forecast.naive_error[one.row]),
                "coverage_90": number(one.forecast.coverage_90[one.row]),
                "notes": one.notes,
            }
            for one in ahead
        ],
    }


def _rows(one: Ahead) -> Iterator[dict[str, Any]]:
    lines = {name: one.line(name).tolist() for name in ("mean", *BOUNDS)}
    for place, at_ms in enumerate(one.forecast.at_ms.tolist()):
        yield {
            "series": one.series.name,
            "timestamp": moment(at_ms),
            **{name: number(line[place]) for name, line in lines.items()},
        }


def panels(ahead: list[Ahead]) -> list[Panel]:
    """The end of each series with its forecast."""
    return [_panel(one) for one in ahead]


def _panel(one: Ahead) -> Panel:
    at_ms, series = one.forecast.at_ms, one.series
    shown = series.at_ms >= at_ms[0] - 6 * (at_ms[-1] - at_ms[0] + one.forecast.step_ms)
    past = TimeSeries(series.name, series.at_ms[shown], series.values[shown], series.unit)
    bands = [(at_ms, one.line("lo_90"), one.line("hi_90")), (at_ms, one.line("lo_80"), one.line("hi_80"))]
    return Panel(past, series.name, middle=(at_ms, one.line("mean")), bands=bands, notes=(one.model,))
