"""Where the level of a file's series changed: `trimtab changepoints`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimtab.analyze.changes.find import POINTS_MAX, change_points_of_many
from trimtab.analyze.changes.nouns import ChangePoint
from trimtab.app.series_files.documents import moment, number
from trimtab.app.series_files.drawing import Panel
from trimtab.app.series_files.reading import SeriesFile
from trimtab.model.change_point_settings import ChangePointSettings
from trimtab.model.errors import InputError
from trimtab.stats.time_series import TimeSeries


@dataclass(frozen=True)
class Changed:
    """One series and its changes of level."""

    series: TimeSeries
    points: list[ChangePoint]
    is_short: bool = False
    """It has too few numbers for two levels."""
    of_samples: int = 1
    """Of so many neighbouring samples the median was looked at: more than 1 where a series is very long."""


def changes(file: SeriesFile, settings: ChangePointSettings, load: str | None = None) -> list[Changed]:
    """Changes of every series. `load` names the series of the file by which the others are adjusted."""
    wanted = [one.series for one in file.series if one.series.name != load]
    loads = [one.series for one in file.series if one.series.name == load]
    if load is not None and not loads:
        names = ", ".join(one.series.name for one in file.series[:12])
        raise InputError(f"--load: {file.table.file} has no series {load!r}; it has {names}", series=load)
    widths = [-(-len(series) // POINTS_MAX) for series in wanted]
    coarse = [_medians(series, width) for series, width in zip(wanted, widths, strict=True)]
    found = change_points_of_many(coarse, settings, [loads[0] if loads else None] * len(wanted))
    return [
        Changed(
            series,
            [_placed(series, point, width) for point in points],
            int(np.isfinite(series.values).sum()) < 2 * settings.min_segment,
            width,
        )
        for series, points, width in zip(wanted, found, widths, strict=True)
    ]


def _medians(series: TimeSeries, width: int) -> TimeSeries:
    """Medians of `width` neighbouring samples, at the time of the first of each."""
    if width <= 1:
        return series
    missing = -len(series) % width
    blocks = np.concatenate([series.values, np.full(missing, np.nan)]).reshape(-1, width)
    values = np.full(len(blocks), np.nan)
    known = np.isfinite(blocks).any(axis=1)
    values[known] = np.nanmedian(blocks[known], axis=1)
    return TimeSeries(series.name, series.at_ms[::width], values, series.unit)


def _placed(series: TimeSeries, point: ChangePoint, width: int) -> ChangePoint:
    """The change by samples rather than by medians: where the sum of distances to both levels is least nearby."""
    if width <= 1:
        return point
    if point.adjusted_for:  # the levels are not those of the samples themselves
        return replace(point, index=point.index * width)
    low, high = max((point.index - 1) * width, 1), min((point.index + 1) * width, len(series))
    near = series.values[low:high]
    more = np.nan_to_num(np.abs(near - point.before) - np.abs(near - point.after))
    index = min(low + int(np.argmin(np.concatenate([[0.0], np.cumsum(more)]))), len(series) - 1)
    return replace(point, index=index, at_ms=int(series.at_ms[index]))


def document(found: list[Changed]) -> dict[str, Any]:
    """The JSON document."""
    return {
        "change_points": [
            {
                "series": one.series.name,
                "index": point.index,
                "timestamp": moment(point.at_ms),
                "before": number(point.before),
                "after": number(point.after),
                "ratio": number(point.ratio),
                "interval_90": None if point.interval_90 is None else [number(bound) for bound in point.interval_90],
                "p_value": number(point.p_value),
                "provisional": point.provisional,
                "adjusted_for": list(point.adjusted_for),
            }
            for one in found
            for point in one.points
        ]
    }


def panels(found: list[Changed]) -> list[Panel]:
    """Series with their levels, those that changed first."""
    return sorted((_panel(one) for one in found), key=lambda panel: not panel.marks)


def _panel(one: Changed) -> Panel:
    series, points = one.series, one.points
    starts = [int(series.at_ms[0]), *(point.at_ms for point in points)] if len(series) else []
    ends = [*(point.at_ms for point in points), int(series.at_ms[-1])] if len(series) else []
    heights = [points[0].before, *(point.after for point in points)] if points else []
    note = f"{len(points)} change{'s' if len(points) != 1 else ''}" if points else "no change of level"
    levels = list(zip(starts, ends, heights, strict=False))
    return Panel(series, series.name, marks=[point.at_ms for point in points], levels=levels, notes=(note,))
