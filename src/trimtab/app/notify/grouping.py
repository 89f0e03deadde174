"""What a group has to tell: pure arithmetic on what its receiver was told and how its alerts stand now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.app.notify.muting import Why
from trimtab.model.alerts import Alert, AlertState
from trimtab.store.notify_codec import Key, Told, mark_of, name_of

_FIRING = AlertState.FIRING.value


class Need(StrEnum):
    """Why a group has something to tell."""

    NEW = "new"
    RESOLVED = "resolved"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A group as it would be told now. `over` are alerts that ended, and of which nothing has to be told."""

    firing: Mapping[Key, Alert]
    resolved: Mapping[Key, Alert]
    over: tuple[Key, ...] = ()
    quiet: Mapping[Key, Alert] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        return not self.firing and not self.resolved

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """Those that fire first, each kind by when it began."""
        return (*_sorted(self.firing), *_sorted(self.resolved))

    def promised(self) -> dict[str, str]:
        """What is promised to be told."""
        return {name_of(key): mark_of(alert) for key, alert in {**self.firing, **self.resolved}.items()}


def snapshot_of(
    members: Mapping[Key, Alert], told: Told, promised: Told, why: Callable[[Alert], Why], *, sends_resolved: bool
) -> Snapshot:
    """How a group stands.

    An alert that ended is told where its receiver was told that it fires, or was promised to be; a silence that came
    meanwhile does not keep that back: nobody is left with an alert that never ends.
    """
    firing: dict[Key, Alert] = {}
    resolved: dict[Key, Alert] = {}
    quiet: dict[Key, Alert] = {}
    over: list[Key] = []
    for key, alert in members.items():
        if alert.state is AlertState.FIRING:
            (quiet if why(alert).is_muted else firing)[key] = alert
        elif sends_resolved and (_was_told(told, key) or name_of(key) in promised):
            resolved[key] = alert
        else:
            over.append(key)
    return Snapshot(firing, resolved, tuple(over), quiet)


def need_of(snapshot: Snapshot, told: Told, told_at_ms: int | None, at_ms: int, repeat_ms: int) -> Need | None:
    """What makes it tell something now; None where nothing does."""
    if any(told.get(name_of(key)) != mark_of(alert) for key, alert in snapshot.firing.items()):
        return Need.NEW
    if snapshot.resolved:
        return Need.RESOLVED
    if snapshot.firing and told_at_ms is not None and at_ms - told_at_ms >= repeat_ms:
        return Need.REPEAT
    return None


def told_after(snapshot: Snapshot, told: Told) -> dict[str, str]:
    """What the receiver knows once it was told this: what it was told of quiet ones stays."""
    quiet = {name for key in snapshot.quiet if (name := name_of(key)) in told}
    known = {name_of(key): mark_of(alert) for key, alert in snapshot.firing.items()}
    return {**{name: told[name] for name in quiet}, **known}


def _was_told(told: Told, key: Key) -> bool:
    return told.get(name_of(key), "").startswith(f"{_FIRING}@")


def _sorted(alerts: Mapping[Key, Alert]) -> list[Alert]:
    return sorted(alerts.values(), key=lambda alert: (alert.fired_at_ms or alert.active_at_ms, alert.fingerprint))
