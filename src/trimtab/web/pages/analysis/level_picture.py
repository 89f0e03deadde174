"""A change of level as a small picture: values around it, the levels before and after, and the moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 320.0, 56.0, 4.0
OUTLIER_SHARE = 0.02
"""So many of the values at each end may be cut off, so that the levels are seen."""


@dataclass(frozen=True, slots=True)
class LevelPicture:
    """Paths and places in a box of 320 × 56. `cut` is where the new level begins."""

    line: str
    cut: float
    before: float
    after: float


def level_picture(
    values: Sequence[float | None], cut: int, before: float, after: float, width: float = WIDTH
) -> LevelPicture | None:
    """The picture of values oldest first, `cut` being the first of the new level. None without two numbers.

    >>> picture = level_picture([1, 1, 1, 3, 3, 3], 3, 1, 3)
    >>> picture.cut, picture.before, picture.after
    (160.0, 52.0, 4.0)
    """
    known = sorted(value for value in values if value is not None)
    if len(known) < 2:
        return None
    spared = int(len(known) * OUTLIER_SHARE)
    low = min(known[spared], before, after)
    high = max(known[len(known) - 1 - spared], before, after)
    span = max(high - low, 1e-300)

    def place(value: float) -> float:
        share = min(max((value - low) / span, 0.0), 1.0)
        return round(HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE), 1)

    step = width / max(len(values) - 1, 1)
    parts: list[str] = []
    is_on = False
    for row, value in enumerate(values):
        if value is None:
            is_on = False
            continue
        parts.append(f"{'L' if is_on else 'M'}{row * step:.4g} {place(value)}")
        is_on = True
    return LevelPicture("".join(parts), round(max(cut - 0.5, 0) * step, 1), place(before), place(after))
