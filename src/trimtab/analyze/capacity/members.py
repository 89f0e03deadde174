"""Ways to go on from a history: each is a mean of what comes, and how it varies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.analyze.capacity.trend import line_of, middle_of, slope_error, slope_of, together, walk_error

F64 = NDArray[np.float64]

RECENT_RATIO = 1 / 3
RECENT_MIN = 6


@dataclass(frozen=True, slots=True)
class Member:
    """One way to go on. `ahead` float64[steps] is the mean; `slope` its slope per step now, `slope_error` the standard
    error of that; `noise` is what is resampled: residuals around a level, or the steps of a walk.
    """

    ahead: F64
    slope: float
    slope_error: float
    noise: F64
    kind: Literal["level", "walk"]


Way = Callable[[F64, int], Member | None]


def straight(values: F64, steps: int) -> Member:
    """The line through all of it, from where it is now back to the line as quickly as it came back before."""
    level, slope = line_of(values)
    residuals = values - level - slope * (np.arange(len(values)) - len(values) + 1)
    wide = np.arange(1, steps + 1)
    ahead: F64 = level + slope * wide + residuals[-1] * together(residuals) ** wide
    return Member(ahead, slope, slope_error(residuals), residuals, "level")


def recent(values: F64, steps: int) -> Member | None:
    """The line through its last third: growth that bent."""
    count = int(len(values) * RECENT_RATIO)
    return straight(values[-count:], steps) if count >= RECENT_MIN else None


def walk(values: F64, steps: int) -> Member:
    """From where it is now, with the mean step: what is added up, as the bytes on a disk."""
    moves = np.diff(values)
    slope = float(moves.mean())
    return Member(
        values[-1] + slope * np.arange(1, steps + 1), slope, walk_error(moves), _lately(moves - slope), "walk"
    )


def recent_walk(values: F64, steps: int) -> Member | None:
    """From where it is now, with the mean step of the last third."""
    count = int(len(values) * RECENT_RATIO)
    if count < RECENT_MIN:
        return None
    moves = np.diff(values)
    lately = moves[-count:]
    slope = float(lately.mean())
    error = walk_error(lately)
    return Member(values[-1] + slope * np.arange(1, steps + 1), slope, error, _lately(moves - moves.mean()), "walk")


def compound(values: F64, steps: int) -> Member | None:
    """By the same factor each step: the line through the logarithms."""
    if values.min() <= 0 or values.max() < 1.1 * values.min():
        return None
    logs = np.log(values)
    level, slope = line_of(logs)
    if slope <= 0:
        return None
    residuals = (logs - level - slope * (np.arange(len(logs)) - len(logs) + 1)) * float(np.exp(level))
    with np.errstate(over="ignore"):
        ahead = np.exp(np.minimum(level + slope * np.arange(1, steps + 1), level + 20.0))
    return Member(ahead, slope * float(np.exp(level)), slope_error(residuals), residuals, "level")


def slowing(values: F64, steps: int) -> Member | None:
    """Growth that comes to rest: the newest slope, halved each half of the history."""
    count = max(RECENT_MIN, int(len(values) * RECENT_RATIO))
    if count > len(values):
        return None
    moves = np.diff(values)
    slope = slope_of(values[-count:])
    level = middle_of(values[-count:] - slope * np.arange(1 - count, 1))
    keep = 0.5 ** (2.0 / len(values))
    ahead = level + slope * np.cumsum(keep ** np.arange(1, steps + 1))
    return Member(ahead, slope, walk_error(moves), _lately(moves - moves.mean()), "walk")


def still(values: F64, steps: int) -> Member:
    """Where it was lately."""
    level = middle_of(values[-max(3, len(values) // 6) :])
    return Member(np.full(steps, level), 0.0, 0.0, values - middle_of(values), "level")


def _lately(moves: F64) -> F64:
    """Steps of a walk, as wide as they were lately where that is wider than before."""
    count = max(RECENT_MIN, int(len(moves) * RECENT_RATIO))
    before, lately = float(moves.std()), float(moves[-count:].std())
    return moves * (lately / before) if lately > before > 0 else moves


WAYS: tuple[tuple[str, Way, float], ...] = (
    ("straight", straight, 1.0),
    ("recent", recent, 0.7),
    ("walk", walk, 1.0),
    ("recent walk", recent_walk, 0.7),
    ("compound", compound, 0.7),
    ("slowing", slowing, 0.15),
    ("still", still, 0.1),
)
"""Name, how, and how much it counts before the history has spoken."""
