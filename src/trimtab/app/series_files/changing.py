"""Where the level of a file's series changed: `trimtab changepoints`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.analyze.changes.find import change_points_of_many
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


def changes(file: SeriesFile, settings: ChangePointSettings, load: str = "") -> list[Changed]:
    """Changes of every series. `load` names the series of the file by which the others are adjusted."""
    wanted = [one.series for one in file.series if one.series.name != load]
    loads = [one.series for one in file.series if one.series.name == load]
    if load and not loads:
        names = ", ".join(one.series.name for one in file.series[:12])
        raise InputError(f"--load: {file.table.file} has no series {load!r}; it has {names}", series=load)
    found = change_points_of_many(wanted, settings, [loads[0] if loads else None] * len(wanted))
    return [Changed(series, points) for series, points in zip(wanted, found, strict=True)]


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
