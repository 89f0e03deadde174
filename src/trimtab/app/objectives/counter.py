"""Counts slices of objectives: of metrics by PromQL, of spans and executions by the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.analyze.slo.queries import Asked, asked_of
from trimtab.app.objectives.asking import Asking, Grid
from trimtab.app.objectives.counting import Counted, counted
from trimtab.model.errors import EngineRefused, TrimtabError
from trimtab.model.objectives import SLICE_MS, DurationsSli, Objective
from trimtab.store.objective_durations import durations
from trimtab.store.telemetry import TelemetryStore


@dataclass(frozen=True, slots=True)
class Slices:
    """Counts of several objectives, `[objectives, slices]` each; `problems` by the name of the objective."""

    starts_ms: np.typing.NDArray[np.int64]
    good: np.typing.NDArray[np.float64]
    total: np.typing.NDArray[np.float64]
    measured: np.typing.NDArray[np.bool_]
    problems: dict[str, str]


class Counter:
    """Asks for the counts of whole slices."""

    def __init__(self, telemetry: TelemetryStore, asking: Callable[[], Asking]) -> None:
        self._telemetry, self.asking = telemetry, asking
        self._asked: dict[tuple[object, bool], Asked | str] = {}

    def count(self, objectives: Sequence[Objective], start_ms: int, slices_count: int) -> Slices:
        """The slices from `start_ms` on. Raises StoreError or MissingError where nobody can know now."""
        asking = self.asking()
        grid = Grid(start_ms + SLICE_MS, SLICE_MS, slices_count)  # PromQL looks back from the end of a slice
        asked = [self._asked_of(one, is_anchored=asking.is_anchored) for one in objectives]
        queries = [query for one in asked if isinstance(one, Asked) for query in one.queries]
        rows = asking.ask(queries, grid) if queries else {}
        shape = (len(objectives), slices_count)
        found = Slices(
            start_ms + np.arange(slices_count, dtype=np.int64) * SLICE_MS,
            np.zeros(shape),
            np.zeros(shape),
            np.zeros(shape, np.bool_),
            {},
        )
        for place, (objective, one) in enumerate(zip(objectives, asked, strict=True)):
            made = counted(one, rows) if isinstance(one, Asked) else self._other(objective, one, start_ms, slices_count)
            found.good[place], found.total[place], found.measured[place] = made.good, made.total, made.measured
            if made.problem:
                found.problems[objective.name] = made.problem
        return found

    def _asked_of(self, objective: Objective, *, is_anchored: bool) -> Asked | str:
        """Its queries; or why it has none ('': it is not asked of metrics)."""
        key = objective.sli, is_anchored
        found = self._asked.get(key)
        if found is None:
            if isinstance(objective.sli, DurationsSli):
                found = ""
            else:
                try:
                    found = asked_of(objective.sli, SLICE_MS, is_anchored=is_anchored)
                except (TrimtabError, ValueError) as error:
                    found = str(error)
            self._asked[key] = found
        return found

    def _other(self, objective: Objective, problem: str, start_ms: int, slices_count: int) -> Counted:
        none = np.zeros(slices_count)
        if problem or not isinstance(objective.sli, DurationsSli):
            return Counted(none, none, none.astype(np.bool_), problem)
        try:
            return Counted(*durations(self._telemetry, objective.sli, start_ms, slices_count))
        except EngineRefused as error:
            return Counted(none, none, none.astype(np.bool_), error.message)
