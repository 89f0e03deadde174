"""What is said of alerts to people: one title, one line each, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from trimtab.extend.receivers import Notification
from trimtab.model.alerts import Alert, AlertState

LINES_MAX = 20
_HIDDEN = frozenset({"alertname", "severity"})


def title_of(notification: Notification) -> str:
    """`[FIRING:2] SlowQuery shop`, as Alertmanager's own templates begin.

    >>> from trimtab.model.alerts import Alert, AlertState, labels_of
    >>> alert = Alert(labels_of({"alertname": "Down", "job": "shop"}), (), AlertState.FIRING, 1.0, "rule:a/Down", 0)
    >>> title_of(Notification("1", "r", "k", labels_of({"job": "shop"}), (alert,), "", 0))
    '[FIRING:1] Down shop'
    """
    count = len(notification.firing)
    head = f"[FIRING:{count}]" if count else "[RESOLVED]"
    common = dict(notification.common_labels)
    names = sorted({alert.name for alert in notification.alerts})
    name = common.get("alertname") or (names[0] if len(names) == 1 else f"{len(names)} alerts")
    group = [value for label, value in notification.group_labels if label not in _HIDDEN]
    return " ".join([head, name, *group])


def summary_of(alert: Alert) -> str:
    """What is wrong, in a sentence: its annotation, or its labels where there is none."""
    annotations = dict(alert.annotations)
    for name in ("summary", "message", "description", "title"):
        if annotations.get(name):
            return annotations[name]
    return labels_text(alert) or alert.name


def labels_text(alert: Alert) -> str:
    """`job=shop zone=a`, without the name and the severity."""
    return " ".join(f"{name}={value}" for name, value in alert.labels if name not in _HIDDEN)


def line_of(alert: Alert) -> str:
    """One line of a message."""
    since = moment(alert.fired_at_ms or alert.active_at_ms)
    until = "" if alert.state is AlertState.FIRING else f" until {moment(alert.resolved_at_ms or 0)}"
    return f"{alert.name}: {summary_of(alert)} (since {since}{until})"


def lines_of(notification: Notification) -> list[str]:
    """A line for each alert, firing ones first; many are cut, and the last line says so."""
    lines = [line_of(alert) for alert in (*notification.firing, *notification.resolved)]
    left = len(lines) - LINES_MAX
    return lines if left <= 0 else [*lines[:LINES_MAX], f"and {left} more"]


def severity_of(notification: Notification, default: str = "critical") -> str:
    """The worst severity among those that fire, as people label it; `default` where none says."""
    found = {dict(alert.labels).get("severity", "") for alert in notification.alerts}
    for name in ("page", "critical", "error", "ticket", "warning", "info", "none"):
        if name in found:
            return name
    return default


def moment(at_ms: int) -> str:
    """`2026-11-25 21:14:08 UTC`."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def rfc3339(at_ms: int | None) -> str:
    """As the wire has it; Go's zero where there is none.

    >>> rfc3339(1_700_000_000_123), rfc3339(None)
    ('2023-11-14T22:13:20.123Z', '0001-01-01T00:00:00Z')
    """
    if at_ms is None:
        return "0001-01-01T00:00:00Z"
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
