"""Anomalies: the settings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trimtab.model.setting import setting

LEFT_OUT = (
    "*_bucket",
    "*_info",
    "*_created",
    "*_timestamp_seconds",
    "*_start_time_seconds",
    "*_boot_time_seconds",
    "node_time_seconds",
    "ALERTS",
    "ALERTS_FOR_STATE",
    "scrape_*",
    "node_scrape_*",
    "trimtab_anomaly_*",
)
"""Names of metrics that are not looked at, with the reasons in docs/how-to/anomalies.md."""
_PATTERN = re.compile(r"[A-Za-z0-9_:.*]+", re.ASCII)


def pattern_problem(text: str) -> str | None:
    """What is wrong with a pattern of metric names; None where nothing is.

    >>> pattern_problem("node_*_info"), pattern_problem("up{}")
    (None, "it is a metric's name in which * stands for anything, such as 'node_*_info'")
    """
    is_right = len(text) <= 200 and _PATTERN.fullmatch(text)
    return None if is_right else "it is a metric's name in which * stands for anything, such as 'node_*_info'"


@dataclass(frozen=True, slots=True)
class AnomaliesPolicy:
    """What is looked at for anomalies, how often, and who is told."""

    enabled: bool = setting(True, "Whether series and query shapes are looked at for anomalies.")
    interval_s: float = setting(
        15.0,
        "How often new samples are looked at. Series with shorter steps count as their mean over this time.",
        unit="s",
        low=1,
        high=300,
        needs_restart=True,
    )
    history_s: float = setting(
        21_600.0,
        "How much history of a series teaches what is usual, when it is looked at for the first time.",
        unit="s",
        low=0,
        high=604_800,
    )
    series_max: int = setting(
        100_000,
        "Series and measures of query shapes that are looked at together; each takes about 1 KB. Further ones are left "
        "out, and counted.",
        unit="series",
        low=100,
        high=5_000_000,
        needs_restart=True,
    )
    forget_s: float = setting(
        86_400.0,
        "After so long without a sample a series is forgotten.",
        unit="s",
        low=600,
        high=2_592_000,
    )
    false_per_day: float = setting(
        1.0,
        "How many episodes of a day, over all series together, may be noise and nothing else.",
        unit="episodes",
        low=0.001,
        high=1000,
        needs_restart=True,
    )
    quiet_s: float = setting(
        300.0,
        "An episode ends when its series was as expected for so long, and for six samples.",
        unit="s",
        low=1,
        high=86_400,
        needs_restart=True,
    )
    incident_s: float = setting(
        1800.0,
        "An incident that lasts for so long, and for 60 samples, becomes what is usual of its series; until then "
        "nothing is learned from it. Series that are known already keep what they began with.",
        unit="s",
        low=1,
        high=86_400,
        needs_restart=True,
    )
    cycle_s: float = setting(
        86_400.0,
        "In how long load comes again: each 24th of it is compared with the same one of the cycles before. Where it is "
        "a day, weekends are compared with weekends. Known series keep theirs.",
        unit="s",
        low=60,
        high=604_800,
        needs_restart=True,
    )
    leave_out: tuple[str, ...] = setting(
        LEFT_OUT,
        "Names of metrics that are not looked at; * stands for anything. Replaces the default list.",
        low=0,
        high=200,
        problem=pattern_problem,
    )
    kept_days: int = setting(30, "How long episodes are kept after they ended.", unit="days", low=1, high=3650)
    alerts: bool = setting(
        True, "Whether episodes become alerts: those that reach `alert_score_min` and last for `alert_after_s`."
    )
    alert_score_min: float = setting(
        0.5,
        "Score from which an episode becomes an alert: 0.5 is a probability of 1e-6, 0.6 of 1e-9, 0.75 of 1e-18.",
        unit="score",
        low=0,
        high=1,
    )
    alert_after_s: float = setting(
        300.0, "How long an episode has to last before it fires.", unit="s", low=0, high=86_400
    )
    alert_severity: str = setting(
        "ticket", "The severity label of these alerts; routes decide by it who is told, and when."
    )
