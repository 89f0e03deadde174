"""Lines of objectives for charts: the indicator, the budget that is left, the burn rate, events, coverage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trimtab.app.objectives.board import ObjectiveNow
from trimtab.app.objectives.keeper import Objectives
from trimtab.app.reading.answers import Series
from trimtab.app.reading.keys import OBJECTIVE_MEASURES
from trimtab.model.objectives import SLICE_MS
from trimtab.store.grid import Grid

DECIMALS = 4
Floats = NDArray[np.float64]


class ObjectiveLines:
    """Answers lines of objectives; counts that several need are read once for each question."""

    def __init__(self, objectives: Objectives) -> None:
        self._objectives = objectives

    def system(self, name: str) -> str:
        """The watched system whose marks belong into its charts."""
        return self._objectives.named(name).objective.system

    def lines(self, keys: Sequence[tuple[str, str, str]], grid: Grid) -> list[Series]:
        """A line for each (key, objective, measure)."""
        counts: dict[str, Floats] = {}
        found = []
        for key, name, measure in keys:
            now = self._objectives.named(name)
            if name not in counts:
                counts[name] = self.counts(now, grid)
            said = OBJECTIVE_MEASURES[measure]
            found.append(Series(key, said.name, said.unit, _plain(self._measured(now, counts[name], measure, grid))))
        return found

    def counts(self, now: ObjectiveNow, grid: Grid) -> Floats:
        """Good, total and measured minutes by step, `[3, steps]`, without what is excluded."""
        found = self._sums(now, grid.step_ms, grid.start_ms, grid.end_ms, grid)
        for one in now.exclusions:
            start_ms, end_ms = max(one.start_ms, grid.start_ms), min(one.end_ms, grid.end_ms)
            if not one.is_reset and start_ms < end_ms:
                found -= self._sums(now, SLICE_MS, start_ms, end_ms, grid)
        return found

    def _sums(self, now: ObjectiveNow, step_ms: int, start_ms: int, end_ms: int, grid: Grid) -> Floats:
        sums = self._objectives.line(now.objective.name, step_ms, start_ms, end_ms)
        found = np.zeros((3, grid.count))
        places = (sums.at_ms - grid.start_ms) // grid.step_ms
        inside = (places >= 0) & (places < grid.count)
        for part in range(3):
            found[part] = np.bincount(places[inside], weights=sums.values[inside, part], minlength=grid.count)
        return found

    def _measured(self, now: ObjectiveNow, counts: Floats, measure: str, grid: Grid) -> Floats:
        good, total, measured = counts
        starts_ms = grid.start_ms + np.arange(grid.count) * grid.step_ms
        with np.errstate(invalid="ignore", divide="ignore"):
            match measure:
                case "good":
                    return np.where(total > 0, good / total * 100, np.nan)
                case "target":
                    return np.where(starts_ms < now.budget.at_ms, now.objective.target * 100, np.nan)
                case "burn":
                    allowed = now.objective.allowed_bad_ratio
                    return np.where(total > 0, (total - good) / total / allowed, np.nan)
                case "bad_per_min":
                    return np.where(measured > 0, (total - good) / measured, np.nan)
                case "events_per_min":
                    return np.where(measured > 0, total / measured, np.nan)
                case "coverage":
                    minutes = (np.minimum(starts_ms + grid.step_ms, now.budget.at_ms) - starts_ms) / SLICE_MS
                    return np.where(minutes > 0, np.minimum(measured / minutes, 1.0) * 100, np.nan)
        line = self._left(now, total - good, starts_ms, grid)
        return np.where(measured.cumsum() > 0, line, np.nan)  # before the first count nobody knows

    def _left(self, now: ObjectiveNow, bad: Floats, starts_ms: NDArray[np.int64], grid: Grid) -> Floats:
        """How the budget of the window up to now was spent: 100 at its start, what is left now at its end."""
        budget = now.budget
        allowed = budget.total_expected * now.objective.allowed_bad_ratio
        if allowed <= 0:
            return np.full(grid.count, np.nan)
        ends_ms = starts_ms + grid.step_ms
        inside = (ends_ms > budget.window_start_ms) & (starts_ms < budget.at_ms)
        spent = np.where(inside, bad, 0.0).cumsum()
        last = np.flatnonzero(inside)
        if len(last):  # what lies before the chart, so that it ends where the budget is
            until = min(budget.at_ms, int(ends_ms[last[-1]]))
            if until >= budget.at_ms:
                spent += budget.counts.bad - spent[last[-1]]
            else:
                spent += self._before(now, int(starts_ms[0]))
        return np.where(inside, (1.0 - spent / allowed) * 100, np.nan)

    def _before(self, now: ObjectiveNow, start_ms: int) -> float:
        """Bad events from the start of the window to the start of the chart."""
        from_ms = now.budget.window_start_ms
        if start_ms <= from_ms:
            return 0.0
        grid = Grid(from_ms, start_ms - from_ms, 1)
        good, total, _ = self._sums(now, SLICE_MS, from_ms, start_ms, grid)
        return float(total[0] - good[0])


def _plain(line: Floats) -> list[float | None]:
    values = np.round(line, DECIMALS).astype(object)
    values[np.isnan(line)] = None
    plain: list[float | None] = values.tolist()
    return plain
