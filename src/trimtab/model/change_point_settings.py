"""Change points: settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting


@dataclass(frozen=True, slots=True)
class ChangePointSettings:
    """When a series is said to have moved to another level."""

    min_segment: int = setting(
        5,
        "A level has at least this many points; a shorter excursion is an outlier, not a change.",
        low=3,
        high=100,
    )
    p_value_max: float = setting(
        0.02,
        "A change is named where a series without changes would show one like it less often than this. Where only "
        "one of the two segmenters sees it, a fifth of this is asked for.",
        low=1e-6,
        high=0.5,
    )
    false_share_max: float = setting(
        0.05,
        "Where many series are looked at together: how many of the changes named may be false (false-discovery rate).",
        low=1e-6,
        high=0.5,
    )
    change_min_ratio: float = setting(
        0.0,
        "Smaller changes of the level, as a share of the level before, are not named (0.05 is 5 %).",
        low=0,
        high=10,
    )
    confirmed_points: int = setting(
        10,
        "A change is provisional until its new level has this many points.",
        low=3,
        high=1000,
    )
