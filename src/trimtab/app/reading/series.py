"""Lines for charts: whatever is asked for on one grid, with as few questions to the engine as that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from trimtab.app.reading.answers import Series
from trimtab.app.reading.keys import LEVELS, SHAPE_MEASURES, SYSTEM_MEASURES, Key
from trimtab.observe.postgres.server_numbers import is_counter
from trimtab.store.grid import Grid
from trimtab.store.latencies import quantile_lines
from trimtab.store.lines import ActivityLines, activity_lines, execution_lines, observed_line, server_line
from trimtab.store.telemetry import TelemetryStore

DECIMALS = 4
ACTIVITY = frozenset({"sessions_active", "waits"})
AMOUNT_OF = {
    "calls_per_s": "calls",
    "load_ms_per_s": "total_exec_time_ms",
    "rows_per_s": "rows",
    "read_blocks_per_s": "shared_blks_read",
}
"""What a rate is the rate of."""

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
OwnLines = Callable[[str, str, Grid], Iterable[Series]]
"""trimtab's own numbers: key, name and grid give lines."""
ObjectiveLines = Callable[[Sequence[tuple[str, str, str]], Grid], Sequence[Series]]
"""Objectives: a line for each key, name and measure."""


class Lines:
    """Answers one question for lines; what several keys need is asked for once."""

    def __init__(
        self,
        telemetry: TelemetryStore,
        grid: Grid,
        now_ms: int,
        own_lines: OwnLines,
        objective_lines: ObjectiveLines,
    ) -> None:
        self._telemetry = telemetry
        self._grid = grid
        self._own_lines = own_lines
        self._objective_lines = objective_lines
        self._is_past = grid.start_ms + grid.step_ms * np.arange(grid.count) <= now_ms
        self._observed: dict[str, tuple[Floats, Floats]] = {}
        self._activity: dict[str, ActivityLines] = {}
        self._systems: dict[str, Mapping[str, Floats]] = {}

    def of(self, keys: Sequence[Key]) -> tuple[Series, ...]:
        """A line for each key, in order; several for waits."""
        shapes = self._shapes([key for key in keys if key.family == "shape"])
        objectives = [(key.text, key.fingerprint, key.measure) for key in keys if key.family == "objective"]
        promised = {line.key: line for line in self._objective_lines(objectives, self._grid)} if objectives else {}
        found: list[Series] = []
        for key in keys:
            match key.family:
                case "objective":
                    found.append(promised[key.text])
                case "shape":
                    measure = SHAPE_MEASURES[key.measure]
                    found.append(Series(key.text, measure.name, measure.unit, _plain(shapes[key])))
                case "system":
                    found.extend(self._system(key))
                case "server":
                    found.append(self._server(key))
                case _:
                    found.extend(self._own_lines(key.text, key.measure, self._grid))
        return tuple(found)

    def _shapes(self, keys: Sequence[Key]) -> Mapping[Key, Floats]:
        found: dict[Key, Floats] = {}
        for system in dict.fromkeys(key.system for key in keys):
            mine = [key for key in keys if key.system == system]
            counted = [key for key in mine if key.measure not in LEVELS]
            names = list(dict.fromkeys(key.fingerprint for key in counted))
            if names:
                amounts = {name for key in counted for name in _amounts(key.measure)}
                lines = execution_lines(self._telemetry, system, self._grid, names, amounts)
                for key in counted:
                    found[key] = self._measured(system, lines, names.index(key.fingerprint), key.measure)
            for name in dict.fromkeys(key.fingerprint for key in mine if key.measure in LEVELS):
                wanted = [key for key in mine if key.fingerprint == name and key.measure in LEVELS]
                levels = [LEVELS[key.measure] for key in wanted]
                found |= zip(wanted, quantile_lines(self._telemetry, name, levels, self._grid), strict=True)
        return found

    def _system(self, key: Key) -> Iterable[Series]:
        measure = SYSTEM_MEASURES[key.measure]
        if key.measure not in ACTIVITY:
            if key.system not in self._systems:
                amounts = ("calls", "total_exec_time_ms")
                self._systems[key.system] = execution_lines(self._telemetry, key.system, self._grid, None, amounts)
            line = self._measured(key.system, self._systems[key.system], 0, key.measure)
            return [Series(key.text, measure.name, measure.unit, _plain(line))]
        if key.system not in self._activity:
            self._activity[key.system] = activity_lines(self._telemetry, key.system, self._grid)
        lines = self._activity[key.system]
        if key.measure == "sessions_active":
            return [Series(key.text, measure.name, measure.unit, _plain(self._carried(lines.active)))]
        return [
            Series(key.text, kind or "running", measure.unit, _plain(self._carried(line)))
            for kind, line in zip(lines.wait_event_types, lines.waiting, strict=True)
        ]

    def _server(self, key: Key) -> Series:
        counter = is_counter(key.measure)
        line, unit = server_line(self._telemetry, key.system, key.measure, self._grid, is_counter=counter)
        shown = f"{unit}/s" if counter and unit else unit
        return Series(key.text, key.measure.replace("_", " "), shown, _plain(self._carried(line)))

    def _measured(self, system: str, lines: Mapping[str, Floats], row: int, measure: str) -> Floats:
        """One measure of one line; NaN where nobody looked, and a mean where nothing ran."""
        if system not in self._observed:
            self._observed[system] = observed_line(self._telemetry, system, self._grid)
        observed_ms, slices = self._observed[system]
        with np.errstate(invalid="ignore", divide="ignore"):
            if measure == "mean_ms":
                calls = lines["calls"][row]
                line = np.where(calls > 0, lines["total_exec_time_ms"][row] / calls, np.nan)
            else:
                line = np.where(observed_ms > 0, lines[AMOUNT_OF[measure]][row] / (observed_ms / 1000), np.nan)
            # A slice that is longer than a step tells also about the steps in which no slice begins.
            reach = np.where(slices > 0, np.maximum(1, np.rint(observed_ms / slices / self._grid.step_ms)), 0)
        return np.where(self._is_past, carried(line, slices > 0, reach), np.nan)

    def _carried(self, line: Floats) -> Floats:
        """A number that is looked at less often than once a step holds until the next look."""
        seen = ~np.isnan(line)
        places = np.flatnonzero(seen)
        spacing = float(np.median(np.diff(places))) if len(places) > 1 else 1.0
        reach = np.where(seen, max(1.0, np.rint(1.5 * spacing)), 0)
        return np.where(self._is_past, carried(line, seen, reach), np.nan)


def carried(line: Floats, seen: Booleans, reach: Floats) -> Floats:
    """The line with each value that was seen carried over at most `reach` of the steps behind it; all [T].

    >>> carried(np.array([5.0, 0, 0, 7.0, 0]), np.array([1, 0, 0, 1, 0]) > 0, np.array([1, 0, 0, 1, 0.0])).tolist()
    [5.0, 5.0, nan, 7.0, 7.0]
    """
    places = np.arange(len(line))
    source = np.maximum.accumulate(np.where(seen, places, -1))
    holds = (source >= 0) & (places - source <= reach[source])
    return np.where(holds, line[source], np.nan)


def _amounts(measure: str) -> tuple[str, ...]:
    """What a measure is made of.

    >>> _amounts("mean_ms"), _amounts("rows_per_s")
    (('calls', 'total_exec_time_ms'), ('rows',))
    """
    return ("calls", "total_exec_time_ms") if measure == "mean_ms" else (AMOUNT_OF[measure],)


def _plain(line: Floats) -> list[float | None]:
    """Numbers for JSON.

    >>> _plain(np.array([1.00001, np.nan]))
    [1.0, None]
    """
    values = np.round(line, DECIMALS).astype(object)
    values[np.isnan(line)] = None
    plain: list[float | None] = values.tolist()
    return plain
