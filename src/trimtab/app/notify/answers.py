"""What is told about alerts to pages, the API and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.model.alerts import Alert
from trimtab.store.notify_codec import NotificationRow


@dataclass(frozen=True, slots=True)
class AlertNow:
    """An alert that is pending or fires, and what keeps it quiet for direct receivers.

    `receivers` are those that it is routed to. `told_to` know that it fires; `waits_for` have to be told still.
    """

    fingerprint: str
    origin: str
    name: str
    severity: str
    state: str
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    source: str
    generator_url: str
    active_at_ms: int
    fired_at_ms: int | None
    keep_firing_since_ms: int | None
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    receivers: tuple[str, ...]
    told_to: tuple[str, ...]
    waits_for: tuple[str, ...]
    history_id: int | None


@dataclass(frozen=True, slots=True)
class AlertPast:
    """An alert of the history. `length_ms` is None while it fires."""

    id: int
    fingerprint: str
    origin: str
    name: str
    severity: str
    labels: dict[str, str]
    annotations: dict[str, str]
    value: float | None
    source: str
    generator_url: str
    fired_at_ms: int
    resolved_at_ms: int | None
    length_ms: int | None


@dataclass(frozen=True, slots=True)
class ReceiverNow:
    """A way to tell somebody. `secrets` say where its secrets stand. Counts are of notifications, since there is this
    state: delivered is taken by its server, confirmed is said by the receiver itself, lost is given up."""

    name: str
    kind: str
    secrets: Mapping[str, str]
    sends_resolved: bool
    delivered_count: int
    confirmed_count: int
    lost_count: int
    failures_count: int
    waiting_count: int
    oldest_waiting_at_ms: int | None
    problem: str | None


@dataclass(frozen=True, slots=True)
class AlertmanagerNow:
    """An Alertmanager. Counts are of alerts that began or ended."""

    name: str
    url: str
    problem: str | None
    pushed_at_ms: int | None
    firing_count: int
    waiting_count: int
    delivered_count: int
    confirmed_count: int
    lost_count: int


@dataclass(frozen=True, slots=True)
class NotifyStatus:
    """How telling people goes. `not_evaluated` says why nobody can rely on alerts now."""

    firing_count: int
    pending_count: int
    receivers: tuple[ReceiverNow, ...]
    alertmanagers: tuple[AlertmanagerNow, ...]
    routes_file: str | None
    routes_error: str | None
    not_evaluated: str | None
    heartbeat: str
    heartbeat_problem: str | None
    heartbeat_at_ms: int | None
    watchdog: bool
    outbox_lost_count: int
    notifications: tuple[NotificationRow, ...] = ()


def severity_of(alert: Alert) -> str:
    """Its label, '' where it has none."""
    return dict(alert.labels).get("severity", "")


def finite(value: float) -> float | None:
    """A number that JSON has; None for one that it does not.

    >>> finite(1.5), finite(float("nan")), finite(float("inf"))
    (1.5, None, None)
    """
    return value if abs(value) < float("inf") else None
