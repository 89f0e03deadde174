"""Resources that will soon be full as a source of alerts, where `capacity.alert_days` says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from trimtab.app.alerting.contract import Active
from trimtab.app.capacity.now import CapacityNow, Watched
from trimtab.model.alerts import labels_of
from trimtab.model.capacity_settings import CapacityPolicy

ALERT_NAME, SEVERITY = "CapacityShort", "ticket"
EVERY_MS = 60_000
DAY_MS = 86_400_000


class CapacityAlerts:
    """`AlertSource`: resources whose date is near, or that are full. It asks nothing: the last round says it."""

    origin = "capacity"
    every_ms = EVERY_MS

    def __init__(self, now: Callable[[], CapacityNow], policy: Callable[[], CapacityPolicy], url: str) -> None:
        self._now, self._policy, self._url = now, policy, url.rstrip("/")

    def evaluate(self, at_ms: int) -> Sequence[Active] | None:
        """See `AlertSource.evaluate`."""
        policy = self._policy()
        if not policy.alert_days or not policy.enabled:
            return []
        now, until_ms = self._now(), at_ms + round(policy.alert_days * DAY_MS)
        if not now.at_ms:
            return None
        return [self._active(one, at_ms) for one in now.watched if is_near(one, until_ms)]

    def _active(self, one: Watched, at_ms: int) -> Active:
        own = {name: value for name, value in one.labels.items() if name not in ("__name__", "alertname", "severity")}
        told = {"alertname": ALERT_NAME, "severity": SEVERITY, "resource": one.resource.name}
        days = 0.0 if one.told.date_ms is None else max(0.0, (one.told.date_ms - at_ms) / DAY_MS)
        return Active(
            labels=labels_of(own | told),
            annotations=labels_of({"summary": summary(one)}),
            value=days,
            source=f"capacity:{one.id}",
            generator_url=f"{self._url}/capacity",
        )


def is_near(one: Watched, until_ms: int) -> bool:
    """Whether it is full, or its date is before a moment."""
    told = one.told
    return told.outcome == "already" or (told.date_ms is not None and told.date_ms <= until_ms)


def summary(one: Watched) -> str:
    """One sentence about a resource."""
    told = one.told
    if told.date_ms is None or told.earliest_ms is None:
        return f"{one.resource.title} {one.name} is full: {told.reason}"
    latest = "later" if told.latest_ms is None else _day(told.latest_ms)
    return (
        f"{one.resource.title} {one.name} will be full about {_day(told.date_ms)}"
        f" ({_day(told.earliest_ms)} to {latest}, {told.range_ratio:.0%} sure)"
    )


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
