"""A clock that tests own, a sink that remembers, and alerts to try them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trimtab.analyze.rules.rounds import Look
from trimtab.app.alerting.machine import AlertMachine
from trimtab.model.alerts import Active, Alert, labels_of
from trimtab.store.alerts import AlertBook
from trimtab.store.state_database import StateDatabase

MINUTE_MS = 60_000
START_MS = 1_800_000_000_000


@dataclass
class FakeClock:
    """`pass_ms`: time goes on. `set_by_ms`: somebody sets the clock."""

    wall_ms: int = START_MS
    steady: int = 1_000_000

    def now_ms(self) -> int:
        return self.wall_ms

    def steady_ms(self) -> int:
        return self.steady

    def pass_ms(self, ms: int) -> None:
        self.wall_ms += ms
        self.steady += ms

    def set_by_ms(self, ms: int) -> None:
        self.wall_ms += ms


@dataclass
class Sink:
    """What it was told: (name of the state, moment)."""

    told: list[tuple[str, int]] = field(default_factory=list)

    def changed(self, alerts: Sequence[Alert], at_ms: int) -> None:
        self.told += [(alert.state.value, at_ms) for alert in alerts]


@dataclass
class Watched:
    """One machine over one state file, which can be killed and started again."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)
    sink: Sink = field(default_factory=Sink)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.database = StateDatabase(self.path)
        self.book = AlertBook(self.database)
        self.machine = AlertMachine(self.book, self.clock, self.sink)

    def restart(self, down_ms: int = 0) -> None:
        """Gone without a word, and back after a while: the steady clock of a new boot begins anywhere."""
        self.database.close()
        self.clock.pass_ms(down_ms)
        self.clock.steady = 5
        self.start()

    def look(self, *active: Active, every_ms: int = MINUTE_MS, origin: str = "rule:g/Down:0") -> list[str]:
        """One look; the states of all alerts after it."""
        self.machine.moved({origin: Look(active, 0, every_ms)}, self.clock.now_ms())
        return sorted(alert.state.value for alert in self.machine.alerts())

    def close(self) -> None:
        self.database.close()


def down(for_ms: int = 0, keep_firing_for_ms: int = 0, value: float = 1.0, **labels: str) -> Active:
    """An alert that is active."""
    names = {"alertname": "Down", **labels}
    return Active(labels_of(names), (), value, "rule:g/Down", for_ms, keep_firing_for_ms)
