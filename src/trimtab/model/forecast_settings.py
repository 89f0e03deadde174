"""Scheduled forecasts: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting

QUERY_CHARS_MAX = 10_000


def query_problem(text: str) -> str | None:
    """What is wrong with the text of a query, as far as its length says it; None where nothing is.

    >>> query_problem("rate(requests_total[5m])"), query_problem(" ")
    (None, 'it is PromQL, 1 to 10,000 characters')
    """
    is_right = text.strip() and len(text) <= QUERY_CHARS_MAX
    return None if is_right else f"it is PromQL, 1 to {QUERY_CHARS_MAX:,} characters"


@dataclass(frozen=True, slots=True)
class ForecastPolicy:
    """What is forecast, how far ahead, and what is told of it."""

    enabled: bool = setting(True, "Whether forecasts are made at all.")
    every_s: float = setting(3_600.0, "How often forecasts are made.", unit="s", low=60, high=86_400)
    horizon_hours: float = setting(24.0, "How far ahead is forecast.", unit="h", low=1, high=336)
    history_days: float = setting(28.0, "How much history a forecast is made from.", unit="days", low=1, high=90)
    queries: tuple[str, ...] = setting(
        (),
        "Further series to forecast, as PromQL; $step in it stands for the distance of its points, such as "
        "sum(rate(requests_total[$step])).",
        low=0,
        high=50,
        problem=query_problem,
    )
    series_max: int = setting(
        2_000,
        "At most so many series are forecast; of each family the highest, and families by their order.",
        unit="series",
        low=1,
        high=20_000,
    )
    shapes: int = setting(
        20, "Of so many query shapes, those that carry most load, are forecast.", unit="shapes", low=0, high=200
    )
    kept_days: int = setting(
        30,
        "How long forecasts are kept: all of the newest horizon, of what is older one a horizon; and for how long it "
        "is counted how often they held.",
        unit="days",
        low=2,
        high=365,
    )
    probability_percent: float = setting(
        20.0,
        "From which probability on it is an issue that a threshold will be crossed within the horizon.",
        unit="%",
        low=5,
        high=95,
    )
    holidays: tuple[str, ...] = setting(
        (),
        "Days such as '2026-12-25' that are unlike their weekday.",
        low=0,
        high=400,
        problem=lambda text: None if _is_date(text) else "it is a date such as 2026-12-25",
    )
    time_zone: str = setting(
        "UTC",
        "The time zone of days and holidays, such as 'Europe/Zurich'.",
        problem=lambda text: None if _is_zone(text) else "it is a time zone such as Europe/Zurich",
    )
    alerts: bool = setting(False, "Whether an issue that is foreseen is an alert, too (ForecastIssue).")


def _is_date(text: str) -> bool:
    from datetime import date

    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_zone(text: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # not found, no name at all, a folder
        return False
    return True
