"""Change points: settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.forecast_settings import query_problem
from trimtab.model.setting import setting


@dataclass(frozen=True, slots=True)
class ChangePointSettings:
    """When a series is said to have moved to another level."""

    min_segment: int = setting(
        5,
        "A level has at least this many points; a shorter excursion is an outlier, not a change.",
        unit="points",
        low=3,
        high=100,
    )
    p_value_max: float = setting(
        0.01,
        "A change is named where a series without changes would show one like it less often than this. Where only "
        "one of the two segmenters sees it, a fifth of this is asked for.",
        unit="probability",
        low=1e-6,
        high=0.5,
    )
    false_share_max: float = setting(
        0.05,
        "Where many series are looked at together: how many of the changes named may be false (false-discovery rate).",
        unit="share",
        low=1e-6,
        high=0.5,
    )
    change_min_ratio: float = setting(
        0.0,
        "Smaller changes of the level, as a share of the level before, are not named (0.05 is 5 %).",
        unit="ratio",
        low=0,
        high=10,
    )
    confirmed_points: int = setting(
        10,
        "A change is provisional until its new level has this many points.",
        unit="points",
        low=3,
        high=1000,
    )


@dataclass(frozen=True, slots=True)
class ChangePointsPolicy(ChangePointSettings):
    """Which live series are looked at for changes of level, how often, and what is kept."""

    enabled: bool = setting(True, "Whether live series are looked at for changes of level.")
    every_s: float = setting(3_600.0, "How often they are looked at.", unit="s", low=60, high=86_400)
    history_days: float = setting(
        7.0, "So much of their history is looked at, by the five minutes.", unit="days", low=1, high=14
    )
    queries: tuple[str, ...] = setting(
        (),
        "Further series to look at, as PromQL; $step in it stands for the distance of points, such as "
        "sum(rate(requests_total[$step])).",
        low=0,
        high=50,
        problem=query_problem,
    )
    shapes: int = setting(
        20, "Of so many query shapes, those that carry most load, are looked at.", unit="shapes", low=0, high=200
    )
    series_max: int = setting(1_000, "At most so many series are looked at.", unit="series", low=1, high=20_000)
    beside_minutes: float = setting(
        15.0, "What happened so long before or after a change is named beside it.", unit="min", low=1, high=240
    )
    kept_days: int = setting(90, "How long changes are kept.", unit="days", low=1, high=730)
