"""What `setup_monitoring` answers: what is set up, what is not and why, what is other than the last time."""

from __future__ import annotations

import msgspec

CANNOT_FIRE = "cannot fire"
"""The state of an alert whose metric has no data: it is not quiet, it says nothing."""


class SeriesValue(msgspec.Struct):
    """One value of a metric."""

    labels: dict[str, str]
    value: float


class MetricRow(msgspec.Struct):
    """One metric. `value` is the worst of its series now, None where there is none: `why` says it then.

    `alert_state` is '' (quiet), pending, firing, or `CANNOT_FIRE`.
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
