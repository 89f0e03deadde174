"""Issues that are foreseen as a source of alerts, where `forecast.alerts` says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from trimtab.app.alerting.contract import Active
from trimtab.app.forecasting.issues import Issue
from trimtab.app.forecasting.now import ForecastNow
from trimtab.model.alerts import labels_of
from trimtab.model.forecast_settings import ForecastPolicy

ALERT_NAME, SEVERITY = "ForecastIssue", "ticket"
EVERY_MS = 60_000


class ForecastAlerts:
    """`AlertSource`: limits that will be crossed. It asks nothing: the last round says what is foreseen."""

    origin = "forecasts"
    every_ms = EVERY_MS

    def __init__(self, now: Callable[[], ForecastNow], policy: Callable[[], ForecastPolicy], url: str) -> None:
        self._now, self._policy, self._url = now, policy, url.rstrip("/")

    def evaluate(self, at_ms: int) -> Sequence[Active] | None:
        """See `AlertSource.evaluate`."""
        del at_ms
        policy = self._policy()
        if not policy.alerts or not policy.enabled:
            return []
        now = self._now()
        if not now.at_ms:
            return None
        return [self._active(one, dict(now.series[one.series].subject.labels)) for one in now.issues]

    def _active(self, one: Issue, labels: dict[str, str]) -> Active:
        own = {name: value for name, value in labels.items() if name not in ("__name__", "alertname", "severity")}
        told = {"alertname": ALERT_NAME, "severity": SEVERITY, "series": one.series, "limit": one.limit_title}
        return Active(
            labels=labels_of(own | told),
            annotations=labels_of({"summary": summary(one), "runbook": one.recommended.runbook}),
            value=one.probability,
            source=f"forecast:{one.id}",
            generator_url=f"{self._url}/forecasts",
        )


def summary(one: Issue) -> str:
    """One sentence about an issue."""
    way = "above" if one.op == ">" else "below"
    when = one.expected_ms if one.expected_ms is not None else one.earliest_ms
    told = "" if when is None else f", {'about' if one.expected_ms else 'at the earliest'} {_clock(when)}"
    return f"{one.title} is foreseen {way} {one.limit_title} ({share_text(one.probability)}{told})"


def share_text(probability: float) -> str:
    """A probability, never told as certain.

    >>> share_text(0.456), share_text(0.9999), share_text(0.001)
    ('46 %', 'over 99 %', 'under 1 %')
    """
    if probability > 0.99:
        return "over 99 %"
    return "under 1 %" if probability < 0.01 else f"{probability * 100:.0f} %"


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
