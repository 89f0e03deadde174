"""Everything about telling people of alerts, in one place: what pages, the API and the command line ask."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from trimtab.app.alerting.contract import AlertSource
from trimtab.app.events import EventKind
from trimtab.app.notify.alertmanager_api import AlertmanagerApi, SeenGroup, ask_all
from trimtab.app.notify.answers import (
    AlertmanagerNow,
    AlertNow,
    AlertPast,
    NotifyStatus,
    ReceiverNow,
    finite,
    severity_of,
)
from trimtab.app.notify.delivering import Ways
from trimtab.app.notify.dispatch import Books, Dispatcher
from trimtab.app.notify.heartbeat import Heartbeat, not_evaluated
from trimtab.app.notify.muting import DEADMAN, Muting
from trimtab.app.notify.noticed import ChangeSource, DeadmanSource, FindingSource, TriggeredSource
from trimtab.app.notify.pushing import Pusher, PushThread
from trimtab.app.notify.routes_file import Routes
from trimtab.app.notify.routes_now import RoutesNow
from trimtab.app.notify.routing import Inhibition, routes_for
from trimtab.app.notify.secrets import of_setting
from trimtab.app.notify.silencing import OWN, Silencing
from trimtab.app.notify.threads import Deliveries, Repeating
from trimtab.app.notify.triggering import Triggering
from trimtab.extend.receivers import RECEIVERS, Kind
from trimtab.extend.registry import load
from trimtab.model.alerts import Alert, AlertState
from trimtab.model.change import Change
from trimtab.model.errors import NotFound
from trimtab.model.notify import NotifyPolicy, alertmanager_of
from trimtab.store.alert_history import AlertHistory, HistoryQuery
from trimtab.store.alerts import AlertBook
from trimtab.store.notify_codec import HistoryRow, NotificationRow
from trimtab.store.notify_groups import GroupBook
from trimtab.store.pushed_alerts import PushedAlerts
from trimtab.store.silences import SilenceBook
from trimtab.store.triggered_alerts import TriggeredAlerts

if TYPE_CHECKING:
    from trimtab.store.state import State

STEP_MS = 500
LOOK_S_MAX = 3.0
"""How long somebody who looks at a page waits for an Alertmanager."""
CLEAN_MS = 3_600_000
KEPT_MS = 30 * 86_400_000
"""How long notifications and silences that ended are kept."""
NOTIFICATIONS_SHOWN = 50
EARLIER_SHOWN = 20
_DAY_MS = 86_400_000


class Notify:
    """Thread-safe. It is the sink that alerts are told to, and brings sources of its own."""

    def __init__(
        self,
        state: State,
        policy: Callable[[], NotifyPolicy],
        now_ms: Callable[[], int],
        page_url: str,
        *,
        waits_for_yes: Callable[[Change], bool],
        publish: Callable[[EventKind], None],
        kinds: Callable[[], Mapping[str, Kind]] = lambda: load(RECEIVERS),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        database, started = state.database, policy()
        page_url = started.page_url.rstrip("/") or page_url
        self._lock = threading.Lock()
        self._is_running = self._is_over = False
        self._policy = policy
        self._now_ms = now_ms
        self._publish = publish
        self._books = Books(
            database, AlertBook(database), GroupBook(database), AlertHistory(database), PushedAlerts(database)
        )
        self._silence_book, triggered = SilenceBook(database), TriggeredAlerts(database)
        self._triggered = triggered
        self._routes = RoutesNow(started.routes, kinds, now_ms)
        self.muting = Muting(self._silence_book, self._books.alerts, self._inhibitions, self.not_evaluated)
        names = [alertmanager_of(text) for text in started.alertmanagers]
        self._apis = tuple(AlertmanagerApi(named, started.timeout_s, environment) for named in names)
        look_s = min(started.timeout_s, LOOK_S_MAX)
        self._looks = tuple(AlertmanagerApi(named, look_s, environment) for named in names)
        self._dispatcher = Dispatcher(
            self._books, lambda: self._routes.routes, [named.name for named in names], self.muting
        )
        give_up_ms = lambda: int(policy().give_up_s * 1000)  # noqa: E731 - what it is now
        ways = Ways(self._books, self.muting, now_ms, give_up_ms, f"{page_url}/alerts")
        self._deliveries = Deliveries(ways, kinds, lambda: policy().timeout_s)
        resend_ms = lambda: int(policy().resend_s * 1000)  # noqa: E731
        told = lambda: self._publish(EventKind.ALERT)  # noqa: E731
        self._pushers = tuple(
            PushThread(Pusher(api, self._books, now_ms, resend_ms, self.not_evaluated, told)) for api in self._apis
        )
        reference = of_setting(started.heartbeat)
        self._heartbeat = Heartbeat(
            reference, lambda: policy().heartbeat_s, started.timeout_s, now_ms, self.not_evaluated
        )
        self._thread = Repeating("notify", self._step)
        self._cleaned_at_ms: int | None = None
        self.silencing = Silencing(self._silence_book, lambda: self._looks, now_ms)
        self.triggering = Triggering(triggered, now_ms)
        self.sources: tuple[AlertSource, ...] = (
            FindingSource(state, lambda: policy().findings, page_url),
            ChangeSource(state, lambda: policy().changes, waits_for_yes, page_url),
            TriggeredSource(triggered),
            DeadmanSource(lambda: policy().watchdog),
        )

    # --- life

    def start(self) -> None:
        """Go on where the last run ended, behind the start of the server."""
        threading.Thread(target=self.begin, name="notify-start", daemon=True).start()

    def begin(self) -> None:
        """What `start` does, and wait for it."""
        with self._lock:
            if self._is_over or self._is_running:
                return
            self._is_running = True
            self._routes.look()
            self.take_now()
            self._dispatcher.reroute(self._now_ms())
            self._deliveries.become(self._routes.routes)
            for pusher in self._pushers:
                pusher.start()
            self._heartbeat.start()
            self._thread.start()

    def stop(self) -> None:
        """Tell nothing more; what waits is told after the next start. Before the state is closed."""
        with self._lock:
            self._is_over = True
        self._thread.stop()
        self._deliveries.stop()
        for pusher in self._pushers:
            pusher.stop(self._policy().timeout_s)
        self._heartbeat.stop(self._policy().timeout_s)
        for api in self._looks:
            api.close()

    def changed(self, alerts: Sequence[Alert], at_ms: int) -> None:  # noqa: ARG002 - the outbox has them
        """See `AlertSink.changed`."""
        self._thread.wake()
        self._publish(EventKind.ALERT)

    def take_now(self) -> None:
        """What has changed, into groups and the history, at once."""
        self._dispatcher.take(self._now_ms())

    def _step(self) -> int:
        if self._routes.look():
            self.take_now()
            self._dispatcher.reroute(self._now_ms())
            self._deliveries.become(self._routes.routes)
            self._wake_pushers()
            self._publish(EventKind.ALERT)
        if self._dispatcher.take(self._now_ms()):
            self._wake_pushers()
            self._publish(EventKind.ALERT)
        busy = self._dispatcher.flush(self._now_ms())
        if busy:
            self._deliveries.wake(busy)
        self._clean()
        return STEP_MS

    def _wake_pushers(self) -> None:
        for pusher in self._pushers:
            pusher.wake()

    def _clean(self) -> None:
        at_ms = self._now_ms()
        if self._cleaned_at_ms is not None and 0 <= at_ms - self._cleaned_at_ms < CLEAN_MS:
            return
        self._cleaned_at_ms = at_ms
        self._books.history.forget_before(at_ms - int(self._policy().history_days * _DAY_MS))
        self._books.groups.forget_before(at_ms - KEPT_MS)
        self._silence_book.forget_before(at_ms - KEPT_MS)
        self._triggered.forget_before(at_ms - _DAY_MS)

    def not_evaluated(self, at_ms: int) -> str | None:
        """Why nobody can rely on alerts now."""
        return not_evaluated(self._books.alerts, DEADMAN, at_ms)

    def _inhibitions(self) -> Sequence[Inhibition]:
        routes = self._routes.routes
        return () if routes is None else routes.inhibitions

    # --- look

    def alerts(self, states: Sequence[AlertState] = (AlertState.PENDING, AlertState.FIRING)) -> tuple[AlertNow, ...]:
        """Alerts as they stand: those that fire first, the worst and the newest of them before the others."""
        muted = self.muting.at(self._now_ms())
        open_ids = {(row.origin, row.alert.fingerprint): row.id for row in self._books.history.open()}
        routes = self._routes.routes
        direct, pushed = self._books.groups.who_knows(), self._books.pushed.who_knows()
        found = []
        for one in self._books.alerts.standing():
            alert = one.alert
            if alert.state not in states:
                continue
            why = muted.why(alert)
            key = (one.origin, alert.fingerprint)
            found.append(
                AlertNow(
                    fingerprint=alert.fingerprint,
                    origin=one.origin,
                    name=alert.name,
                    severity=severity_of(alert),
                    state=alert.state.value,
                    labels=dict(alert.labels),
                    annotations=dict(alert.annotations),
                    value=finite(alert.value),
                    source=alert.source,
                    generator_url=alert.generator_url,
                    active_at_ms=alert.active_at_ms,
                    fired_at_ms=alert.fired_at_ms,
                    keep_firing_since_ms=alert.keep_firing_since_ms,
                    silenced_by=why.silenced_by,
                    inhibited_by=why.inhibited_by,
                    receivers=_receivers(routes, alert),
                    told_to=_names(direct[0].get(key), pushed[0].get(key)),
                    waits_for=() if why.is_muted else _names(direct[1].get(key), pushed[1].get(key)),
                    history_id=open_ids.get(key),
                )
            )
        return tuple(sorted(found, key=_worst_first))

    def counts(self) -> Mapping[str, int]:
        """How many alerts there are in each state. Cheap."""
        rows = self._books.database.rows("SELECT state, count(*) AS n FROM alerts GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    def history(self, query: HistoryQuery) -> tuple[int, tuple[AlertPast, ...]]:
        """How many alerts of the history fit, and a page of them."""
        total, rows = self._books.history.find(query)
        return total, tuple(map(_past, rows))

    def history_counts(self, query: HistoryQuery) -> Mapping[str, int]:
        """How many fit of each severity."""
        return self._books.history.counts(query)

    def past(self, number: int) -> tuple[AlertPast, int, tuple[AlertPast, ...]]:
        """One alert of the history, how often it fired at all, and its newest times."""
        row = self._books.history.one(number)
        if row is None:
            raise NotFound(f"there is no alert {number} in the history", alert=number)
        total, rows = self._books.history.earlier(row, EARLIER_SHOWN)
        return _past(row), total, tuple(map(_past, rows))

    def notifications(self, limit: int, states: Sequence[str] = ()) -> tuple[NotificationRow, ...]:
        """What was told, or waits, or was lost, newest first."""
        return self._books.groups.newest(limit, states)

    def groups(self) -> tuple[dict[str, tuple[SeenGroup, ...]], dict[str, str]]:
        """Groups of each Alertmanager, and who could not be asked."""
        return ask_all(self._looks, AlertmanagerApi.groups)

    def silences_count(self) -> int:
        """How many silences of trimtab's own have not ended."""
        return len(self.silencing.own_by_id())

    def status(self) -> NotifyStatus:
        """How telling people goes."""
        at_ms, counts, routes = self._now_ms(), self.counts(), self._routes.status()
        return NotifyStatus(
            firing_count=counts.get(AlertState.FIRING, 0),
            pending_count=counts.get(AlertState.PENDING, 0),
            receivers=self._receivers_now(),
            alertmanagers=tuple(
                AlertmanagerNow(
                    name=one.name,
                    url=one.url,
                    problem=one.problem,
                    pushed_at_ms=one.pushed_at_ms,
                    firing_count=one.alerts_count,
                    waiting_count=one.waiting_count,
                    delivered_count=one.delivered_count,
                    confirmed_count=one.confirmed_count,
                    lost_count=one.lost_count,
                )
                for one in (thread.pusher.status() for thread in self._pushers)
            ),
            routes_file=routes.file,
            routes_error=routes.last_error,
            not_evaluated=self.not_evaluated(at_ms),
            heartbeat=self._heartbeat.place,
            heartbeat_problem=self._heartbeat.problem,
            heartbeat_at_ms=self._heartbeat.asked_at_ms,
            watchdog=self._policy().watchdog,
            outbox_lost_count=self._books.alerts.lost_count,
            notifications=self.notifications(NOTIFICATIONS_SHOWN),
        )

    def _receivers_now(self) -> tuple[ReceiverNow, ...]:
        routes = self._routes.routes
        if routes is None:
            return ()
        counts, waiting = self._books.groups.counts(), self._books.groups.waiting()
        newest: dict[str, NotificationRow] = {}
        for row in self.notifications(NOTIFICATIONS_SHOWN):
            if row.state in ("delivered", "confirmed", "lost") or row.note:
                newest.setdefault(row.receiver, row)
        made = []
        for target in routes.targets:
            own, (count, oldest_ms) = counts.get(target.key, {}), waiting.get(target.key, (0, 0))
            last = newest.get(target.key)
            made.append(
                ReceiverNow(
                    name=target.key,
                    kind=target.kind,
                    secrets={name: str(reference) for name, reference in target.secrets.items()},
                    sends_resolved=target.sends_resolved,
                    delivered_count=own.get("delivered", 0) + own.get("confirmed", 0),
                    confirmed_count=own.get("confirmed", 0),
                    lost_count=own.get("lost", 0),
                    failures_count=own.get("failures", 0),
                    waiting_count=count,
                    oldest_waiting_at_ms=oldest_ms if count else None,
                    problem=last.note if last is not None and last.state in ("waiting", "lost") else None,
                )
            )
        return tuple(made)

    @property
    def has_receivers(self) -> bool:
        """Whether anybody is told of anything."""
        return bool(self._apis) or self._routes.routes is not None

    def warnings(self) -> tuple[str, ...]:
        """What a person should mend before anything else: it keeps people from being told."""
        found = []
        error = self._routes.status().last_error
        if error is not None:
            found.append(f"the file of routes is wrong, and the last good one stays in force: {error}")
        return tuple(found)


def _receivers(routes: Routes | None, alert: Alert) -> tuple[str, ...]:
    if routes is None:
        return ()
    return tuple(dict.fromkeys(route.receiver for route in routes_for(routes.root, dict(alert.labels))))


def _names(receivers: set[str] | None, alertmanagers: set[str] | None) -> tuple[str, ...]:
    return (*sorted(receivers or ()), *(f"Alertmanager {name}" for name in sorted(alertmanagers or ())))


_SEVERITIES = ("page", "critical", "error", "ticket", "warning", "info")


def _worst_first(one: AlertNow) -> tuple[object, ...]:
    rank = _SEVERITIES.index(one.severity) if one.severity in _SEVERITIES else len(_SEVERITIES)
    is_quiet = bool(one.silenced_by or one.inhibited_by)
    return (one.state != AlertState.FIRING, is_quiet, rank, -(one.fired_at_ms or one.active_at_ms), one.fingerprint)


def _past(row: HistoryRow) -> AlertPast:
    alert = row.alert
    return AlertPast(
        id=row.id,
        fingerprint=alert.fingerprint,
        origin=row.origin,
        name=alert.name,
        severity=row.severity,
        labels=dict(alert.labels),
        annotations=dict(alert.annotations),
        value=finite(alert.value),
        source=alert.source,
        generator_url=alert.generator_url,
        fired_at_ms=row.fired_at_ms,
        resolved_at_ms=row.resolved_at_ms,
        length_ms=None if row.resolved_at_ms is None else row.resolved_at_ms - row.fired_at_ms,
    )


__all__ = ["OWN", "Notify"]
