"""Patterns: the settings."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting

QUERY_CHARS_MAX = 10_000


def query_problem(text: str) -> str | None:
    """What is wrong with the text of a query, as far as its length says it; None where nothing is.

    >>> query_problem("rate(requests_total[$step])"), query_problem(" ")
    (None, 'it is PromQL, 1 to 10,000 characters')
    """
    is_right = text.strip() and len(text) <= QUERY_CHARS_MAX
    return None if is_right else f"it is PromQL, 1 to {QUERY_CHARS_MAX:,} characters"


@dataclass(frozen=True, slots=True)
class PatternsPolicy:
    """Where patterns are looked for, and how often."""

    enabled: bool = setting(True, "Whether patterns are looked for at all.")
    every_s: float = setting(3_600.0, "How often they are looked for.", unit="s", low=60, high=86_400)
    window_days: float = setting(
        28.0, "In how much of the past. A weekly cycle needs three weeks of it.", unit="days", low=1, high=90
    )
    queries: tuple[str, ...] = setting(
        (),
        "Further series to look at, as PromQL; $step in it stands for the distance of points, such as "
        "sum(rate(requests_total[$step])).",
        low=0,
        high=50,
        problem=query_problem,
    )
    series_max: int = setting(
        300,
        "At most so many series are looked at; of each family the highest, and families by their order.",
        unit="series",
        low=1,
        high=5_000,
    )
    shapes: int = setting(
        20, "Of so many query shapes, those that carry most load, series are looked at.", unit="shapes", low=0, high=200
    )
    lead_series: int = setting(
        24,
        "So many series are compared with each other for lead and lag; pairs grow with their square.",
        unit="series",
        low=0,
        high=64,
    )
