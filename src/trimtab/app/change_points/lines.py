"""The lines of a chart of one change: values around it as they were kept, and the levels before and after."""

from __future__ import annotations

import numpy as np

from trimtab.app.change_points.answers import CHANGE
from trimtab.app.reading.answers import Series
from trimtab.model.change_points import KeptChangePoint
from trimtab.model.errors import NotFound
from trimtab.store.change_point_state import ChangePointState
from trimtab.store.grid import Grid


def lines_of(state: ChangePointState, key: str, grid: Grid) -> list[Series]:
    """Three lines on the grid of a chart; none where the change is not kept any more."""
    text = key.removeprefix(CHANGE)
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        return []
    try:
        one = state.one(int(text))
    except NotFound:
        return []
    at_ms = grid.start_ms + grid.step_ms * np.arange(grid.count)
    end_ms = one.samples_ms + len(one.samples) * one.step_ms
    inside = (at_ms >= one.samples_ms - grid.step_ms) & (at_ms < end_ms)
    return [
        Series(key, "measured", one.unit, _measured(one, grid)),
        Series(key, "level before", one.unit, _level(one.before, inside & (at_ms < one.at_ms))),
        Series(key, "level after", one.unit, _level(one.after, inside & (at_ms >= one.at_ms))),
    ]


def _measured(one: KeptChangePoint, grid: Grid) -> list[float | None]:
    """Each value at its place; where the grid is finer it stands until the next one."""
    at_ms = grid.start_ms + grid.step_ms * np.arange(grid.count)
    place = (at_ms - one.samples_ms) // one.step_ms
    known = (place >= 0) & (place < len(one.samples))
    return [one.samples[row] if there else None for row, there in zip(place.tolist(), known.tolist(), strict=True)]


def _level(value: float, where: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[float | None]:
    return [value if there else None for there in where.tolist()]
