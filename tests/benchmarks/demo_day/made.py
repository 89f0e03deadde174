"""Faults and alarms made by hand."""

from __future__ import annotations

from benchmarks.demo_day.alarms import Alarm
from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.truth import Injected, Kind

CLOCK = DayClock(1_000_000_000, 1.0)


def fault(kind: Kind, begins: float, minutes: float = 50.0, table: str = "") -> Injected:
    """One that begins at a minute of the run."""
    return Injected(kind, CLOCK.at_ms(begins), CLOCK.at_ms(begins + minutes), "", table)


def alarm(name: str, minute: float, *, lasts: float = 5.0, told_later: float = 2.0, **labels: str) -> Alarm:
    """Of a metric."""
    start_ms, told_ms = CLOCK.at_ms(minute), CLOCK.at_ms(minute + told_later)
    return Alarm(name, "value", labels, (), "", start_ms, CLOCK.at_ms(minute + lasts), told_ms, "range", 0.8, 2.0, 1.0)


def shape_alarm(measure: str, minute: float, *tables: str) -> Alarm:
    """Of a query shape."""
    at_ms = CLOCK.at_ms(minute)
    text = f"SELECT * FROM {', '.join(tables)}"
    return Alarm("", measure, {"fingerprint": "ab"}, tables, text, at_ms, at_ms, at_ms, "jump", 0.8, 2.0, 1.0)
