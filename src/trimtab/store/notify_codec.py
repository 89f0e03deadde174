"""Rows of the tables of `state_schema_notify` as the values that the rest of trimtab has of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from trimtab.model.alerts import Alert, AlertState, Labels
from trimtab.model.silences import Matcher, Silence
from trimtab.store.alerts import alert_of

Key = tuple[str, str]
"""What an alert is known by: its origin and its fingerprint."""
Told = Mapping[str, str]
"""As what each alert (`ORIGIN FINGERPRINT`) was told."""


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that are told together. `flush_at_ms`: when it is looked at again."""

    receiver: str
    group_key: str
    route: str
    labels: Labels
    flush_at_ms: int
    told: Told
    told_at_ms: int | None
    handle: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notification that has to be sent."""

    id: str
    receiver: str
    group_key: str
    made_at_ms: int
    tries_count: int
    next_try_at_ms: int
    promised: Told
    is_repeat: bool


@dataclass(frozen=True, slots=True)
class NotificationRow:
    """A notification as it is shown. `note` says how it ended, or why it waits."""

    id: str
    receiver: str
    title: str
    state: str
    made_at_ms: int
    tries_count: int
    next_try_at_ms: int
    ended_at_ms: int | None
    is_repeat: bool
    note: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """An alert that fired. `resolved_at_ms` is None while it still does."""

    id: int
    origin: str
    alert: Alert
    severity: str
    fired_at_ms: int
    resolved_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Pushed:
    """An alert that an Alertmanager has to know of. `told` is '' where it was never told of it."""

    origin: str
    alert: Alert
    told: str
    is_confirmed: bool

    @property
    def key(self) -> Key:
        """See `Key`."""
        return (self.origin, self.alert.fingerprint)


def mark_of(alert: Alert) -> str:
    """As what an alert is told, so that the same again is the same text, and firing anew is another one.

    >>> mark_of(Alert((), (), AlertState.FIRING, 1.0, "finding", 5, fired_at_ms=7))
    'firing@7'
    """
    at_ms = alert.fired_at_ms if alert.state is AlertState.FIRING else alert.resolved_at_ms
    return f"{alert.state.value}@{at_ms}"


def name_of(key: Key) -> str:
    """An alert's name in `told`."""
    return f"{key[0]} {key[1]}"


def text_of(value: object) -> str:
    """JSON."""
    return msgspec.json.encode(value).decode()


def group_of(row: sqlite3.Row) -> Group:
    """A row of `notify_groups`."""
    return Group(
        row["receiver"],
        row["group_key"],
        row["route"],
        msgspec.json.decode(row["labels"], type=Labels),
        row["flush_at_ms"],
        msgspec.json.decode(row["told"], type=dict[str, str]),
        row["told_at_ms"],
        row["handle"],
    )


def waiting_of(row: sqlite3.Row) -> Waiting:
    """A row of `notifications` that waits."""
    return Waiting(
        row["id"],
        row["receiver"],
        row["group_key"],
        row["made_at_ms"],
        row["tries_count"],
        row["next_try_at_ms"],
        msgspec.json.decode(row["promised"], type=dict[str, str]),
        bool(row["is_repeat"]),
    )


def notification_of(row: sqlite3.Row) -> NotificationRow:
    """A row of `notifications`."""
    return NotificationRow(
        row["id"],
        row["receiver"],
        row["title"],
        row["state"],
        row["made_at_ms"],
        row["tries_count"],
        row["next_try_at_ms"],
        row["ended_at_ms"],
        bool(row["is_repeat"]),
        row["note"],
    )


def history_of(row: sqlite3.Row) -> HistoryRow:
    """A row of `alert_history`."""
    return HistoryRow(
        row["id"],
        row["origin"],
        alert_of(row["alert"]),
        row["severity"],
        row["fired_at_ms"],
        row["resolved_at_ms"],
    )


def pushed_of(row: sqlite3.Row) -> Pushed:
    """A row of `alertmanager_alerts`."""
    return Pushed(row["origin"], alert_of(row["alert"]), row["told"], bool(row["confirmed"]))


def silence_of(row: sqlite3.Row) -> Silence:
    """A row of `silences`."""
    return Silence(
        row["id"],
        msgspec.json.decode(row["matchers"], type=tuple[Matcher, ...]),
        row["starts_at_ms"],
        row["ends_at_ms"],
        row["created_by"],
        row["comment"],
    )
