"""From changes of alerts to what has to be told to whom. All of one step is one transaction of the state."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from trimtab.app.notify.grouping import Need, need_of, snapshot_of
from trimtab.app.notify.muting import Muting
from trimtab.app.notify.routes_file import Routes, Target
from trimtab.app.notify.routing import Route, group_key, group_labels, routes_for
from trimtab.model.alerts import Alert, AlertState
from trimtab.store.alert_history import AlertHistory
from trimtab.store.alerts import AlertBook, Change
from trimtab.store.notify_codec import Group, Key
from trimtab.store.notify_groups import GroupBook
from trimtab.store.pushed_alerts import PushedAlerts
from trimtab.store.state_database import StateDatabase

CHANGES_AT_ONCE = 1000
TITLE_CHARS_MAX = 200
Place = tuple[str, str, Key]
"""A receiver, a group of its, and an alert in it."""


@dataclass(frozen=True, slots=True)
class Books:
    """What is kept about telling people."""

    database: StateDatabase
    alerts: AlertBook
    groups: GroupBook
    history: AlertHistory
    pushed: PushedAlerts


class Dispatcher:
    """One thread at a time."""

    def __init__(
        self, books: Books, routes: Callable[[], Routes | None], alertmanagers: Sequence[str], muting: Muting
    ) -> None:
        self._books = books
        self._routes = routes
        self._alertmanagers = tuple(alertmanagers)
        self._muting = muting

    def take(self, at_ms: int) -> int:
        """Everything in the outbox: into the history, to the Alertmanagers, into groups. How many changes it was."""
        count = 0
        if not self._books.alerts.outbox(limit=1):
            return 0
        while True:
            with self._books.database.transaction():
                changes = self._books.alerts.outbox(limit=CHANGES_AT_ONCE)
                for change in changes:
                    self._change(change, at_ms)
                if changes:
                    self._books.alerts.forget(changes[-1].seq)
            count += len(changes)
            if len(changes) < CHANGES_AT_ONCE:
                return count

    def _change(self, change: Change, at_ms: int) -> None:
        books, alert, origin = self._books, change.alert, change.origin
        if alert.state is AlertState.FIRING:
            books.history.fired(origin, alert)
            books.pushed.put(self._alertmanagers, origin, alert)
            self._join(origin, alert, at_ms)
        elif alert.state is AlertState.RESOLVED and alert.fired_at_ms is not None:
            books.history.resolved(origin, alert)
            books.pushed.put(self._alertmanagers, origin, alert)
            books.groups.end(origin, alert)

    def _join(self, origin: str, alert: Alert, at_ms: int, stays: Collection[Place] = ()) -> None:
        for route, target in self._targets(alert):
            shared = group_labels(route, alert.labels)
            if (target.key, group_key(route, shared), (origin, alert.fingerprint)) in stays:
                continue
            flush_at_ms = max((alert.fired_at_ms or at_ms) + route.group_wait_ms, at_ms)
            flush_at_ms = min(flush_at_ms, at_ms + route.group_wait_ms)
            self._books.groups.join(target.key, group_key(route, shared), route.id, shared, origin, alert, flush_at_ms)

    def _targets(self, alert: Alert) -> list[tuple[Route, Target]]:
        routes = self._routes()
        if routes is None:
            return []
        labels = dict(alert.labels)
        return [
            (route, target) for route in routes_for(routes.root, labels) for target in routes.targets_of(route.receiver)
        ]

    def reroute(self, at_ms: int) -> None:
        """After the start, or when the routes have changed: alerts that fire go into the groups of now, and what
        stands somewhere without firing any more is ended."""
        books = self._books
        with books.database.transaction():
            firing: dict[Key, Alert] = {
                (one.origin, one.alert.fingerprint): one.alert
                for one in books.alerts.standing()
                if one.alert.state is AlertState.FIRING
            }
            stays = self._leave(firing, at_ms)
            books.pushed.forget_others(self._alertmanagers)
            for name in self._alertmanagers:
                self._push_again(name, firing, at_ms)
            for row in books.history.open():
                if (row.origin, row.alert.fingerprint) not in firing:
                    books.history.resolved(row.origin, _ended(row.alert, at_ms))
            for (origin, _), alert in firing.items():
                books.history.fired(origin, alert)
                self._join(origin, alert, at_ms, stays)

    def _push_again(self, name: str, firing: dict[Key, Alert], at_ms: int) -> None:
        """An Alertmanager has to know what fires, and of the end of what does not."""
        pushed = self._books.pushed
        known = {one.key for one in pushed.all_of(name) if one.alert.state is AlertState.FIRING}
        for one in pushed.all_of(name):
            if one.key in known and one.key not in firing:
                pushed.put((name,), one.origin, _ended(one.alert, at_ms))
        for key, alert in firing.items():
            if key not in known:
                pushed.put((name,), key[0], alert)

    def _leave(self, firing: dict[Key, Alert], at_ms: int) -> set[Place]:
        """Alerts leave groups that they do not belong to any more, and groups go that nobody has any more. Where alerts
        that fire stay."""
        books = self._books
        wanted = {
            (target.key, group_key(route, group_labels(route, alert.labels)), key)
            for key, alert in firing.items()
            for route, target in self._targets(alert)
        }
        stays: set[Place] = set()
        for group in books.groups.groups():
            if self._of(group) is None:
                books.groups.drop(group)
                continue
            place = (group.receiver, group.group_key)
            members = books.groups.members(group.receiver, group.group_key)
            for key, alert in members.items():
                if alert.state is AlertState.FIRING and key not in firing:
                    books.groups.end(key[0], _ended(alert, at_ms))
            books.groups.leave(group, [key for key in members if key in firing and (*place, key) not in wanted])
            fires = [key for key, alert in members.items() if alert.state is AlertState.FIRING and key in firing]
            stays |= {(*place, key) for key in fires if (*place, key) in wanted}
        return stays

    def flush(self, at_ms: int) -> tuple[str, ...]:
        """Groups whose time has come get a notification where they have something to tell. The receivers that have
        something to do."""
        books = self._books
        self._clamp(at_ms)
        due = books.groups.due(at_ms)
        if not due:
            return ()
        muted = self._muting.at(at_ms)
        busy: list[str] = []
        with books.database.transaction():
            for group in due:
                found = self._of(group)
                if found is None:
                    books.groups.drop(group)
                    continue
                route, target = found
                members = books.groups.members(group.receiver, group.group_key)
                now = snapshot_of(members, group.told, {}, muted.why, sends_resolved=target.sends_resolved)
                books.groups.leave(group, now.over)
                if len(now.over) == len(members):
                    books.groups.drop(group)
                    continue
                need = need_of(now, group.told, group.told_at_ms, at_ms, route.repeat_interval_ms)
                if need is not None:
                    title = _title(now.alerts)
                    number = secrets.token_hex(12)
                    is_repeat = need is Need.REPEAT
                    books.groups.promise(group, number, now.promised(), title, at_ms, is_repeat=is_repeat)
                    busy.append(group.receiver)
                books.groups.flush_at(group, at_ms + route.group_interval_ms)
        return tuple(busy)

    def _clamp(self, at_ms: int) -> None:
        """A clock that was put back must not make anybody wait for longer than the longest interval."""
        routes = self._routes()
        if routes is not None:
            longest_ms = max(max(one.group_interval_ms, one.group_wait_ms) for one in routes.by_id.values())
            self._books.groups.clamp(at_ms + longest_ms)

    def _of(self, group: Group) -> tuple[Route, Target] | None:
        """The route and the receiver of a group; None where they are not configured any more."""
        routes = self._routes()
        if routes is None:
            return None
        route = routes.by_id.get(group.route)
        target = next((one for one in routes.targets if one.key == group.receiver), None)
        return None if route is None or target is None or target.receiver != route.receiver else (route, target)


def _ended(alert: Alert, at_ms: int) -> Alert:
    return replace(alert, state=AlertState.RESOLVED, resolved_at_ms=at_ms)


def _title(alerts: Sequence[Alert]) -> str:
    """The names of what is told, for the list of notifications."""
    firing = sum(alert.state is AlertState.FIRING for alert in alerts)
    names = sorted({alert.name for alert in alerts})
    parts = [f"{firing} firing"] if firing else []
    if len(alerts) > firing:
        parts.append(f"{len(alerts) - firing} resolved")
    return f"{', '.join(parts)}: {', '.join(names)}"[:TITLE_CHARS_MAX]
