"""Tells one Alertmanager of every alert that fires, again and again before it would count as ended, and of its end.

Alertmanager knows an alert by its labels: the same alert told again, also after a restart of either side, is the same
one. What changed in one round of evaluation is told in one request, so that a page and the ticket that it inhibits end
together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from trimtab.app.notify.alertmanager_api import AlertmanagerApi, Refused, is_firing, sent_labels
from trimtab.app.notify.dispatch import Books
from trimtab.app.notify.muting import DEADMAN
from trimtab.model.alerts import Alert
from trimtab.model.errors import TrimtabError
from trimtab.store.notify_codec import Key, Pushed, mark_of

ALERTS_AT_ONCE = 1000
LIVES = 4
"""An alert counts as ended when it was not told again for so many times `resend_s`."""
RESOLVED_MS = 15 * 60_000
"""How long an end is told again where the Alertmanager did not confirm it."""
FIRST_RETRY_S, RETRY_S_MAX = 1.0, 30.0
REST_MS_MIN = 1000
CLOCK_MS_MIN = 5_000
"""Clocks that differ by less are the same."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PusherStatus:
    """An Alertmanager as it is now. Counts are of alerts that began or ended, since there is this state."""

    name: str
    url: str
    problem: str | None
    pushed_at_ms: int | None
    alerts_count: int
    waiting_count: int
    delivered_count: int
    confirmed_count: int
    lost_count: int


class Pusher:
    """Of one Alertmanager; `step` is for one thread at a time."""

    def __init__(
        self,
        api: AlertmanagerApi,
        books: Books,
        now_ms: Callable[[], int],
        resend_ms: Callable[[], int],
        problem: Callable[[int], str | None],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`problem` says why alerts are not evaluated: then the Watchdog is not told, and ends there. `on_change` is
        called when it is found to be away, or there again."""
        self.api = api
        self.name = api.named.name
        self._books = books
        self._now_ms = now_ms
        self._resend_ms = resend_ms
        self._not_evaluated = problem
        self._on_change = on_change
        self._sent_at_ms: dict[Key, int] = {}
        self._problem: str | None = None
        self._pushed_at_ms: int | None = None
        self._confirm_at_ms = 0
        self._by_ms = 0

    @property
    def counted_as(self) -> str:
        """Its name among the receivers that are counted."""
        return f"alertmanager/{self.name}"

    def _clock_by_ms(self) -> int:
        """By how much its clock is before ours, asked now; little is nothing. Where clocks differ, an end would lie in
        what it takes for the future, or an alert that fires would have ended already."""
        self.api.version()
        by_ms = 0 if self.api.clock_ms is None else self.api.clock_ms - self._now_ms()
        return by_ms if abs(by_ms) >= CLOCK_MS_MIN else 0

    def step(self) -> int:
        """Tell what has to be told now. Milliseconds until something has to be told again, if nothing changes until
        then. Raises TrimtabError where it could not be."""
        at_ms = self._now_ms()
        known = self._books.pushed.all_of(self.name)
        due = self._due(known, at_ms)
        try:
            if due:
                self._by_ms = self._clock_by_ms()
                self._push(due, known, at_ms)
                known = self._books.pushed.all_of(self.name)
            self._confirm(known, at_ms)
            self._set_problem(None)
            return self._rest_ms(known, at_ms)
        except TrimtabError as error:
            if self._problem != error.message:
                log.warning("alertmanager_waits", alertmanager=self.name, error=error.message)
            self._set_problem(error.message)
            self._give_up(at_ms)
            raise

    def _set_problem(self, problem: str | None) -> None:
        is_new = self._problem != problem
        self._problem = problem
        if is_new:
            self._on_change()

    def _rest_ms(self, known: Sequence[Pushed], at_ms: int) -> int:
        """Until the first of them has to be told again, or asked for."""
        resend_ms = self._resend_ms()
        sent = [self._sent_at_ms.get(one.key, at_ms) + resend_ms - at_ms for one in known]
        return max(REST_MS_MIN, min([*sent, resend_ms]))

    def status(self) -> PusherStatus:
        """How it goes."""
        known = self._books.pushed.all_of(self.name)
        counts = self._books.groups.counts().get(self.counted_as, {})
        return PusherStatus(
            name=self.name,
            url=self.api.named.url,
            problem=self._problem,
            pushed_at_ms=self._pushed_at_ms,
            alerts_count=sum(is_firing(one.alert) for one in known),
            waiting_count=sum(one.told != mark_of(one.alert) for one in known),
            delivered_count=counts.get("delivered", 0),
            confirmed_count=counts.get("confirmed", 0),
            lost_count=counts.get("lost", 0),
        )

    def _due(self, known: Sequence[Pushed], at_ms: int) -> list[Pushed]:
        resend_ms = self._resend_ms()
        dead = self._not_evaluated(at_ms)
        due = []
        for one in known:
            if dead is not None and one.alert.source == DEADMAN and is_firing(one.alert):
                continue
            sent_at_ms = self._sent_at_ms.get(one.key)
            is_old = sent_at_ms is None or not 0 <= at_ms - sent_at_ms < resend_ms
            if one.told != mark_of(one.alert) or is_old:
                due.append(one)
        return due

    def _push(self, due: Sequence[Pushed], known: Sequence[Pushed], at_ms: int) -> None:
        still = {one.alert.fingerprint: one for one in known if is_firing(one.alert)}
        for start in range(0, len(due), ALERTS_AT_ONCE):
            batch = due[start : start + ALERTS_AT_ONCE]
            alerts = [still.get(one.alert.fingerprint, one).alert for one in batch]  # two origins: one that fires wins
            refused = self._push_some(alerts, at_ms)
            changed = [one for one in batch if one.told != mark_of(one.alert)]
            with self._books.database.transaction():
                self._books.pushed.told(self.name, [(one.key, mark_of(one.alert)) for one in batch])
                lost = sum(one.alert.fingerprint in refused for one in changed)
                self._books.groups.count(self.counted_as, ("lost",), lost)
                self._books.groups.count(self.counted_as, ("delivered",), len(changed) - lost)
            for one in batch:
                self._sent_at_ms[one.key] = at_ms
            if changed:
                self._confirm_at_ms = at_ms
        self._pushed_at_ms = at_ms

    def _push_some(self, alerts: Sequence[Alert], at_ms: int) -> set[str]:
        """Fingerprints of those that it will never take: found by halves, so that one bad one costs no other."""
        try:
            self.api.push(((alert, self._ends_at_ms(alert, at_ms)) for alert in alerts), self._by_ms)
        except Refused as error:
            if len(alerts) == 1:
                log.error("alert_refused", alertmanager=self.name, alert=alerts[0].name, error=error.message)
                return {alerts[0].fingerprint}
            half = len(alerts) // 2
            return self._push_some(alerts[:half], at_ms) | self._push_some(alerts[half:], at_ms)
        return set()

    def _ends_at_ms(self, alert: Alert, at_ms: int) -> int:
        if is_firing(alert):
            return at_ms + LIVES * self._resend_ms()
        return max(alert.resolved_at_ms or at_ms, (alert.fired_at_ms or 0) + 1)

    def _confirm(self, known: Sequence[Pushed], at_ms: int) -> None:
        """Ask what it has, once after something changed: alerts that fire are there, those that ended are not."""
        waiting = [one for one in known if not one.is_confirmed and one.told == mark_of(one.alert)]
        if not waiting or at_ms < self._confirm_at_ms:
            return
        there = {_known_by(seen.labels) for seen in self.api.alerts()}
        still = {one.alert.fingerprint for one in known if is_firing(one.alert)}
        found = [one for one in waiting if (_known_by(sent_labels(one.alert)) in there) == _has_to_be(one, still)]
        self._confirm_at_ms = at_ms + self._resend_ms()
        with self._books.database.transaction():
            self._books.pushed.confirmed(self.name, [one.key for one in found])
            self._books.groups.count(self.counted_as, ("confirmed",), len(found))
            over = [one for one in found if not is_firing(one.alert)]
            old = [one for one in waiting if _is_over(one.alert, at_ms)]
            self._forget([*over, *old])

    def _give_up(self, at_ms: int) -> None:
        """Alerts that ended so long ago that there is no use in telling: lost where it never heard of them."""
        known = self._books.pushed.all_of(self.name)
        over = [one for one in known if _is_over(one.alert, at_ms)]
        with self._books.database.transaction():
            self._books.groups.count(self.counted_as, ("lost",), sum(not one.told for one in over))
            self._forget(over)

    def _forget(self, gone: Iterable[Pushed]) -> None:
        keys = [one.key for one in gone]
        self._books.pushed.forget(self.name, keys)
        for key in keys:
            self._sent_at_ms.pop(key, None)


class PushThread:
    """A pusher with its thread: woken when something changes, patient when it does not work."""

    def __init__(self, pusher: Pusher) -> None:
        self.pusher = pusher
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"alertmanager-{pusher.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to tell."""
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """Tell nothing more."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self.pusher.api.close()

    def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._stop.is_set():
            self._wake.clear()
            try:
                wait_ms = self.pusher.step()
                retry_s = FIRST_RETRY_S
            except TrimtabError:
                self._stop.wait(retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)
                continue
            except Exception:
                log.exception("alertmanager_broke", alertmanager=self.pusher.name)
                self._stop.wait(retry_s)
                continue
            self._wake.wait(wait_ms / 1000)


def _known_by(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _has_to_be(one: Pushed, still: set[str]) -> bool:
    return is_firing(one.alert) or one.alert.fingerprint in still


def _is_over(alert: Alert, at_ms: int) -> bool:
    return not is_firing(alert) and at_ms - (alert.resolved_at_ms or 0) >= RESOLVED_MS
