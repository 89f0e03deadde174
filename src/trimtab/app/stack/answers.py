"""What `setup_monitoring` answers: what is set up, what is not and why, what is other than the last time."""

from __future__ import annotations

import msgspec

QUIET, PENDING, FIRING = "quiet", "pending", "firing"
CANNOT_FIRE = "cannot fire"
"""The state of an alert whose metric has no data, or that is in force nowhere: it is not quiet, it says nothing."""
NOT_KNOWN = "not known"
"""The state of an alert whose metric was asked for and not answered: it may have data, and may be quiet."""


class SeriesValue(msgspec.Struct):
    """One value of a metric."""

    labels: dict[str, str]
    value: float


class MetricRow(msgspec.Struct):
    """One metric. `value` is the worst of its series now, None where there is none: `why` says it then.

    `alert_state` is quiet, pending, firing, `CANNOT_FIRE` or `NOT_KNOWN`; '' where the metric has no alert. `wish` is
    the threshold that is in force; `wish_set_up` the one that was set up, where a pack was given another since.
    """

    name: str
    section: str
    type: str
    title: str
    wish: str | float | bool
    unit: str
    query: str
    alert: str
    alert_state: str
    objective: str
    value: float | None
    series: list[SeriesValue]
    why: str = ""
    wish_set_up: str | float | bool | None = None


class PartRow(msgspec.Struct):
    """One part of the stack: collector, pack, rules, objectives, dashboards, notification."""

    part: str
    is_set_up: bool
    detail: str


class StackReport(msgspec.Struct):
    """All of it. `is_dry_run`: nothing was changed, `changes` say what would be."""

    is_dry_run: bool
    is_changed: bool
    changes: list[str]
    metrics: list[MetricRow]
    parts: list[PartRow]
    said: str
    set_up_by: str = ""
    set_up_at_ms: int = 0


def wish_text(wish: str | float | bool) -> str:
    """What is wanted, for people.

    >>> wish_text(80.0), wish_text("p95 < 500ms"), wish_text(True)
    ('at most 80 %', 'p95 < 500ms', 'within the budget')
    """
    if isinstance(wish, bool):
        return "within the budget" if wish else "no alert"
    return wish if isinstance(wish, str) else f"at most {wish:g} %"


def set_up_text(wish: str | float | bool | None) -> str:
    """What was set up where a pack was given another threshold since; '' where it is in force.

    >>> set_up_text(80.0), set_up_text(None)
    ('set up as at most 80 %; the pack was given another since', '')
    """
    return "" if wish is None else f"set up as {wish_text(wish)}; the pack was given another since"
