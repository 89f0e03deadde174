"""What is said of a change of level."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A series moved to another level.

    `index` is the row of the series that has the first value of the new level (from 0), `at_ms` its time. `before` and
    `after` are medians of the levels on both sides, in the series' unit; `ratio` is after ÷ before with its 90 %
    interval, both None where the levels are not both above 0. `p_value` is how often a series without any change would
    show a step as clear as this somewhere. A `provisional` change has too few points after it to be sure of.
    `adjusted_for` says what was taken out first (`load`, `time of day`): levels are then those at the usual load.
    `spread_ratio` is how much wider values scatter after it than before; 1.0 where that cannot be told.
    """

    index: int
    at_ms: int
    before: float
    after: float
    ratio: float | None
    interval_90: tuple[float, float] | None
    p_value: float
    provisional: bool
    adjusted_for: tuple[str, ...] = ()
    spread_ratio: float = 1.0
