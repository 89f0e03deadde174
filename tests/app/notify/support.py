"""A state with alerts in it, a clock that stands still, and a receiver that remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trimtab.app.notify.delivering import Delivery, Ways
from trimtab.app.notify.dispatch import Books, Dispatcher
from trimtab.app.notify.muting import Muting
from trimtab.app.notify.routes_file import Routes, parse
from trimtab.extend.receivers import Kind, Notification, Receipt, ReceiverError, Setup
from trimtab.model.alerts import Alert, AlertState, labels_of
from trimtab.model.silences import Silence
from trimtab.store.alert_history import AlertHistory
from trimtab.store.alerts import AlertBook, Standing
from trimtab.store.notify_groups import GroupBook
from trimtab.store.pushed_alerts import PushedAlerts
from trimtab.store.silences import SilenceBook
from trimtab.store.state import State

START_MS = 1_790_000_000_000
GIVE_UP_MS = 3_600_000
MINUTE_MS = 60_000
ONE_ROUTE = """
route: {receiver: team, group_by: [job], group_wait: 30s, group_interval: 5m, repeat_interval: 4h}
receivers: [{name: team, fake_configs: [{}]}]
"""


@dataclass
class Fake:
    """A receiver. `fails` are raised one by one before anything is taken."""

    told: list[Notification] = field(default_factory=list)
    fails: list[ReceiverError] = field(default_factory=list)
    receipt: Receipt = field(default_factory=lambda: Receipt(is_confirmed=True, note="ok"))
    before: Callable[[], None] = lambda: None

    def send(self, notification: Notification) -> Receipt:
        """Remember it."""
        self.before()
        if self.fails:
            raise self.fails.pop(0)
        self.told.append(notification)
        return self.receipt

    def close(self) -> None:
        """Nothing to let go."""

    @property
    def last(self) -> Notification:
        """What came last."""
        return self.told[-1]

    def names(self) -> list[tuple[str, list[str]]]:
        """What it was told: the status, and each alert as `name:state`."""
        return [(n.status, [f"{a.name}:{a.state.value}" for a in n.alerts]) for n in self.told]


class House:
    """Everything between the outbox and the receivers, without threads."""

    def __init__(self, state: State, text: str = ONE_ROUTE, alertmanagers: Sequence[str] = ()) -> None:
        self.state = state
        self.now_ms = START_MS
        self.fakes: dict[str, Fake] = {}
        self.kinds: Mapping[str, Kind] = {"fake": Kind(self._fake, texts=frozenset({"note"}))}
        self.problem: str | None = None
        database = state.database
        self.alerts = AlertBook(database)
        self.books = Books(database, self.alerts, GroupBook(database), AlertHistory(database), PushedAlerts(database))
        self.silences = SilenceBook(database)
        self.routes = self.read(text)
        self.muting = Muting(self.silences, self.alerts, lambda: self.routes.inhibitions, lambda _at: self.problem)
        self.dispatcher = Dispatcher(self.books, lambda: self.routes, alertmanagers, self.muting)
        self.deliveries = self._deliveries()

    def read(self, text: str) -> Routes:
        """Routes from YAML."""
        return parse(text, "notify.yml", Path("/etc/trimtab"), self.kinds)

    def become(self, text: str) -> None:
        """Other routes from now on."""
        self.routes = self.read(text)
        self.dispatcher.reroute(self.now_ms)
        self.deliveries = self._deliveries()

    def _fake(self, setup: Setup) -> Fake:
        return self.fakes.setdefault(setup.name, Fake())

    def _deliveries(self) -> list[Delivery]:
        ways = Ways(self.books, self.muting, lambda: self.now_ms, lambda: GIVE_UP_MS, "http://trimtab/alerts")
        made = []
        for target in self.routes.targets:
            receiver = self.kinds[target.kind].make(Setup(target.receiver, target.options, 1.0))
            made.append(Delivery(target, receiver, ways))
        return made

    def fake(self, name: str = "team") -> Fake:
        """The receiver of this name."""
        return self.fakes[name]

    def change(self, *alerts: Alert, origin: str = "rules") -> None:
        """Alerts that changed, as the machine writes them: into the book and the outbox, in one transaction."""
        gone = [(origin, one.fingerprint) for one in alerts if one.state in (AlertState.INACTIVE, AlertState.RESOLVED)]
        put = [Standing(origin, one, 0) for one in alerts if one.state is not AlertState.INACTIVE]
        self.alerts.write(self.now_ms, put, gone, [(origin, one) for one in alerts], (origin,))

    def fires(self, name: str, origin: str = "rules", **labels: str) -> Alert:
        """It begins to fire now."""
        alert = firing(name, self.now_ms, **labels)
        self.change(alert, origin=origin)
        return alert

    def ends(self, alert: Alert, origin: str = "rules") -> None:
        """It does not fire any more."""
        self.change(resolved(alert, self.now_ms), origin=origin)

    def run(self, ms: int = 0, step_ms: int = 1_000) -> None:
        """Let time pass, and do what is to be done at every step of it."""
        end_ms = self.now_ms + ms
        while True:
            self.step()
            if self.now_ms >= end_ms:
                return
            self.now_ms = min(self.now_ms + step_ms, end_ms)

    def step(self) -> None:
        """What the threads do once."""
        self.dispatcher.take(self.now_ms)
        self.dispatcher.flush(self.now_ms)
        for delivery in self.deliveries:
            while delivery.step() == 0:
                pass

    def silence(self, silence: Silence) -> Silence:
        """Keep it."""
        return self.silences.add(silence)

    def counts(self, receiver: str = "team/fake") -> dict[str, int]:
        """What was counted."""
        return self.books.groups.counts().get(receiver, {})


def firing(name: str, at_ms: int, **labels: str) -> Alert:
    """An alert that fires since then."""
    made = labels_of({"alertname": name, "job": "shop", **labels})
    summary = labels_of({"summary": f"{name} is wrong"})
    return Alert(made, summary, AlertState.FIRING, 1.5, f"rule:shop/{name}", at_ms, fired_at_ms=at_ms)


def resolved(alert: Alert, at_ms: int) -> Alert:
    """The same, ended then."""
    return replace(alert, state=AlertState.RESOLVED, resolved_at_ms=at_ms)
