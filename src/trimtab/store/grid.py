"""The grid of a chart: equal steps, aligned to the epoch, never more than asked for."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.store.rollup import MINUTE_MS

STEPS_MS = (
    *(1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000),
    *(60_000, 120_000, 300_000, 600_000, 900_000, 1_200_000, 1_800_000),
    *(3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000),
)
"""From a second to a day. Those from a minute on are whole minutes."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` steps of `step_ms` from `start_ms` (inclusive)."""

    start_ms: int
    step_ms: int
    count: int

    @property
    def end_ms(self) -> int:
        """Exclusive."""
        return self.start_ms + self.step_ms * self.count

    @property
    def by_minutes(self) -> bool:
        """Whether sums by the minute can fill it."""
        return self.step_ms % MINUTE_MS == 0


def grid_of(from_ms: int, to_ms: int, points_max: int, step_ms_min: int = 1_000) -> Grid:
    """The finest grid over `[from_ms, to_ms)` with at most `points_max` steps of at least `step_ms_min`.

    >>> grid_of(1_000_500, 1_060_500, 30)
    Grid(start_ms=1000000, step_ms=5000, count=13)
    """
    for step_ms in STEPS_MS:
        if step_ms < step_ms_min:
            continue
        start_ms = from_ms // step_ms * step_ms
        count = -(-(to_ms - start_ms) // step_ms)
        if count <= points_max:
            return Grid(start_ms, step_ms, count)
    step_ms = -(-(to_ms - from_ms) // max(1, points_max - 1))
    step_ms = -(-step_ms // STEPS_MS[-1]) * STEPS_MS[-1]
    start_ms = from_ms // step_ms * step_ms
    return Grid(start_ms, step_ms, -(-(to_ms - start_ms) // step_ms))
