"""Episodes as a source of alerts: one for each group that began together, where it is odd enough and lasts.

A person is woken by routes, which look at the severity label: `ticket` by default, which pages nobody where routes are
as usual. Who wants less switches `anomalies.alerts` off; who wants more lowers `anomalies.alert_score_min`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trimtab.app.alerting.contract import Active
from trimtab.app.detecting.groups import Group, groups_of
from trimtab.app.detecting.keeper import AnomaliesNow
from trimtab.app.detecting.words import said_of, title_of
from trimtab.model.alerts import labels_of
from trimtab.model.anomaly_settings import AnomaliesPolicy
from trimtab.model.errors import StoreError

ALERT_NAME = "Anomaly"
EVERY_MS = 15_000
ALERTS_MAX = 20
"""Groups that alert at one time, the oddest; the others are on the page."""
NAMED_MAX = 5
OLD_MS = 600_000
"""A look that is older than this says nothing about now."""
_LEFT_OUT = frozenset({"__name__", "alertname", "severity", "le", "quantile"})


class AnomalyAlerts:
    """`AlertSource`: what is not as expected now."""

    origin = "anomalies"
    every_ms = EVERY_MS

    def __init__(self, now: Callable[[], AnomaliesNow], policy: Callable[[], AnomaliesPolicy], url: str) -> None:
        self._now, self._policy, self._url = now, policy, url.rstrip("/")

    def evaluate(self, at_ms: int) -> Sequence[Active] | None:
        """See `AlertSource.evaluate`."""
        policy, now = self._policy(), self._now()
        if not policy.alerts or not policy.enabled:
            return []
        if not now.at_ms and not now.problem:
            return None
        if at_ms - now.at_ms > OLD_MS:
            told = now.problem or "the last look is old"
            since = f"since {now.at_ms} ms" if now.at_ms else "since the start"
            raise StoreError(f"nobody looked for anomalies {since}: {told}", looked_at_ms=now.at_ms)
        groups = [one for one in groups_of(now.open) if one.score >= policy.alert_score_min]
        groups.sort(key=lambda one: (-one.score, one.number))
        return [self._active(one, policy) for one in groups[:ALERTS_MAX]]

    def _active(self, group: Group, policy: AnomaliesPolicy) -> Active:
        first = min(group.episodes, key=lambda one: one.id)
        others = len(group.episodes) - 1
        shared = set(first.series.labels.items()).intersection(*(one.series.labels.items() for one in group.episodes))
        labels = {name: value for name, value in shared if name not in _LEFT_OUT} if others else {}
        if not others:
            labels = {name: value for name, value in first.series.labels.items() if name not in _LEFT_OUT}
        labels |= {"alertname": ALERT_NAME, "severity": policy.alert_severity, "series": title_of(first.series)[:1000]}
        oddest = group.episodes[0]
        beside = f" ({others} other series began to be odd with it)" if others else ""
        described = "; ".join(f"{title_of(one.series)}: {said_of(one)}" for one in group.episodes[:NAMED_MAX])
        return Active(
            labels=labels_of(labels),
            annotations=labels_of(
                {
                    "summary": f"{title_of(oddest.series)} is not as expected: {said_of(oddest)}{beside}",
                    "description": f"{described}.",
                }
            ),
            value=oddest.observed,
            source=f"anomaly:{group.number}",
            for_ms=round(policy.alert_after_s * 1000),
            generator_url=f"{self._url}/anomalies/{oddest.id}",
        )
