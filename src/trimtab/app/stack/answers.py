"""What `setup_monitoring` answers: what is set up, what is not and why, what is other than the last time."""

from __future__ import annotations

import msgspec


class SeriesValue(msgspec.Struct):
    """One value of a metric."""

    labels: dict[str, str]
    value: float


class MetricRow(msgspec.Struct):
    """One metric. `value` is the worst of its series now, None where there is none: `why` says it then."""

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
