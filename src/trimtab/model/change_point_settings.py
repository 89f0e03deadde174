"""Change points: settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


@dataclass(frozen=True, slots=True)
class ChangePointSettings:
    """Where a series is said to have moved to another level, and which series are looked at."""

    min_segment: int = setting(
        5,
        "A level has at least this many points; a shorter excursion is an outlier, not a change.",
        low=3,
        high=100,
    )
    p_value_max: float = setting(
        0.01,
        "A change is named where chance alone would show one like it less often than this; with many series at once, "
        "the share of false ones among those named.",
        low=1e-6,
        high=0.5,
    )
    change_min_ratio: float = setting(
        0.0,
        "Smaller changes of the level, as a share of the level before, are not named (0.05 is 5 %).",
        low=0,
        high=10,
    )
