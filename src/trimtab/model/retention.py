"""How long telemetry is kept: the settings, in days."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.setting import setting

DAYS_MAX = 3_650


def _days(default: int, doc: str, low: int = 1) -> int:
    return setting(default, doc, unit="days", low=low, high=DAYS_MAX, needs_restart=True)


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long telemetry is kept. What has become older goes by whole days (UTC); where a time is shorter than it was
    before, what is older than that goes on start."""

    statements_days: int = _days(
        30,
        "How long it is kept what statements did, slice by slice. Shorter than before: older data is dropped.",
        low=2,
    )
    minutes_days: int = _days(
        90,
        "How long its sums by the minute, the texts of statements and events of servers are kept; no less than "
        "statements_days. Shorter than before: older data is dropped.",
        low=2,
    )
    statistics_days: int = _days(
        30, "How long statistics of tables, indexes and servers are kept. Shorter than before: older data is dropped."
    )
    sessions_days: int = _days(
        7, "How long it is kept what sessions did and waited for. Shorter than before: older data is dropped."
    )
    plans_days: int = _days(
        30, "How long plans are kept since they were last seen. Shorter than before: older plans are dropped."
    )
    spans_days: int = _days(
        7,
        "How long spans are kept that were sent in; older ones are not taken. Shorter than before: older spans are "
        "dropped.",
    )
    logs_days: int = _days(
        14,
        "How long log records are kept that were sent in; older ones are not taken. Shorter than before: older records "
        "are dropped.",
    )
    span_minutes_days: int = _days(
        30,
        "How long the latencies of spans by the minute are kept; no less than spans_days. Shorter than before: older "
        "data is dropped.",
    )
    metrics_days: int = _days(
        30,
        "How long samples of metrics are kept; older ones are not taken. Shorter than before: older data is dropped.",
    )
    metrics_5m_days: int = _days(
        90,
        "How long roll-ups of metrics by five minutes are kept: long ranges are answered from them where there are no "
        "samples any more. Shorter than before: older data is dropped.",
    )
    metrics_1h_days: int = _days(
        730,
        "How long roll-ups of metrics by the hour are kept. Shorter than before: older data is dropped.",
    )
    disk_mb: int = setting(
        0,
        "Disk for traces, logs and samples of metrics together: when they take more, their oldest days go, the same "
        "days of all, but never the newest. 0: as much as their days need.",
        unit="MiB",
        low=0,
        high=100_000_000,
        needs_restart=True,
    )
    objectives_days: int = _days(
        400,
        "How long counts of objectives are kept, minute by minute; a window that is longer sees only so far. Shorter "
        "than before: older counts are dropped.",
    )
    own_days: int = _days(
        7, "How long trimtab's own numbers and log are kept. Shorter than before: older data is dropped."
    )
