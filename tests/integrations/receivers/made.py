"""Notifications to be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trimtab.extend.receivers import Notification, Option, Setup
from trimtab.model.alerts import Alert, AlertState, labels_of

START_MS = 1_790_000_000_000


def alert(name: str = "Down", *, ended: bool = False, **labels: str) -> Alert:
    """One that fires, or has ended a minute later."""
    made = Alert(
        labels_of({"alertname": name, "job": "shop", "severity": "page", **labels}),
        labels_of({"summary": f"{name}: p95 is 812 ms <b>&", "runbook_url": "https://wiki.example/down"}),
        AlertState.FIRING,
        0.812,
        f"rule:shop/{name}",
        START_MS,
        fired_at_ms=START_MS + 5_000,
        generator_url="http://trimtab/explore?q=up",
    )
    return replace(made, state=AlertState.RESOLVED, resolved_at_ms=START_MS + 65_000) if ended else made


def notification(*alerts: Alert, number: str = "abc-1", handle: str = "") -> Notification:
    """Of the team, grouped by job."""
    return Notification(
        id=number,
        receiver="team",
        group_key='{}:{job="shop"}',
        group_labels=(("job", "shop"),),
        alerts=alerts or (alert(),),
        page_url="http://trimtab/alerts",
        at_ms=START_MS + 35_000,
        handle=handle,
    )


def setup(secrets: Mapping[str, str], timeout_s: float = 5.0, **options: Option) -> Setup:
    """A receiver as it is configured."""
    return Setup("team", options, timeout_s, lambda name: secrets.get(name, ""))
