"""Watches one PostgreSQL: looks again and again, writes what it saw, survives what happens to the server."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from trimtab.extend.contracts import Clock
from trimtab.model.errors import (
    DsnError,
    ExtensionMissing,
    MissingError,
    StoreError,
    TrimtabError,
)
from trimtab.model.query import QueryShape
from trimtab.observe.postgres import activity, statements
from trimtab.observe.postgres.cost import SHARE_MAX, CostMeter, OwnCost, Rhythm
from trimtab.observe.postgres.facts import EventKind, Facts, Moment
from trimtab.observe.postgres.logged_plans import LoggedPlanLooks
from trimtab.observe.postgres.other_trimtab import NAME as OTHER_TRIMTAB
from trimtab.observe.postgres.other_trimtab import other_trimtab
from trimtab.observe.postgres.relations import IndexLooks, TableLooks
from trimtab.observe.postgres.samples import SampleKeeper
from trimtab.observe.postgres.server_numbers import database_looks, lock_looks, replication_looks, transaction_looks
from trimtab.observe.postgres.session import ConnectionLost, LookBlocked, Session
from trimtab.observe.postgres.settings import SettingLooks
from trimtab.observe.postgres.shapes import ShapeBook
from trimtab.observe.postgres.status import WatchState, WatchStatus
from trimtab.sql.connect import Reference
from trimtab.store.tables import table_of
from trimtab.store.telemetry import TelemetryStore

SLOW_LOOKS_SLICES = 10
SLOW_LOOKS_S_MIN = 30.0
PROBE_S = 60.0
RETRY_S_MIN = 0.5
RETRY_S_MAX = 30.0
STATEMENT_TIMEOUT_MS = 2_000
EVENTS_KEPT_MAX = 200
MESSAGE_CHARS_MAX = 2_000
DUE_EARLY = 0.25
"""A look may come this part of a slice too early: better than a whole slice too late."""
STORE = "store"
"""The name under which `problems` says that the store refused facts."""
NEEDED = frozenset({"pg_stat_statements", "pg_monitor"})
"""Without these the watch is degraded."""


class Looks(Protocol):
    """One kind of look."""

    def forget(self) -> None:
        """There was a gap: the next look is a base line."""
        ...

    def collect(self, session: Session, moment: Moment) -> Facts:
        """Look once."""
        ...


class PostgresWatcher:
    """The watcher of one system; `run` is for a thread of its own, everything else may be called from any thread.

    `slice_s` is the time between two looks at statements and activity; everything else is looked at every `slow_s`, or
    (0) every ten slices, but no more often than every 30 s.
    `share_max` is the part of the time that watching may take on the server.
    """

    def __init__(
        self,
        system: str,
        reference: Reference,
        telemetry: TelemetryStore,
        clock: Clock,
        slice_s: float = 5.0,
        *,
        share_max: float = SHARE_MAX,
        slow_s: float = 0.0,
        slow_looks_s: float | None = None,
    ) -> None:
        self.on_state: Callable[[], None] = lambda: None
        self.on_logged_plans: Callable[[Sequence[str]], None] = lambda _entries: None
        self._system = system
        self._reference = reference
        self._telemetry = telemetry
        self._clock = clock
        self._book = ShapeBook(system)
        self._samples = SampleKeeper()
        self._meter = CostMeter(share_max)
        self._statements = statements.StatementLooks(self._book, clock)
        slow_s = slow_s or max(SLOW_LOOKS_SLICES * slice_s, SLOW_LOOKS_S_MIN)
        if slow_looks_s is not None:
            slow_s = slow_looks_s
        self._looks: dict[str, Looks] = {
            statements.NAME: self._statements,
            activity.NAME: activity.ActivityLooks(self._book, self._samples),
            "tables": TableLooks(),
            "indexes": IndexLooks(),
            "locks": lock_looks(),
            "transactions": transaction_looks(),
            "replication": replication_looks(),
            "database": database_looks(),
            "settings": SettingLooks(),
            LoggedPlanLooks.name: LoggedPlanLooks(self._hear_logged_plans),
        }
        each_slice = (statements.NAME, activity.NAME)
        self._rhythms = {n: Rhythm(slice_s, True) if n in each_slice else Rhythm(slow_s, False) for n in self._looks}
        self._probe = Rhythm(PROBE_S if slow_looks_s is None else slow_looks_s, False)
        self._slice_s = slice_s
        self._session: Session | None = None
        self._server_started_at_ms: int | None = None
        self._outage_told = False
        self._ticks_count = 0
        self._missing: frozenset[str] = frozenset()
        self._unwritten: deque[dict[str, object]] = deque(maxlen=EVENTS_KEPT_MAX)
        self._problems: dict[str, str] = {}
        self._status = WatchStatus(
            system, WatchState.STARTING, reference.display, self._intervals_s(), self._meter.own_cost()
        )

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set. Errors of the server and of the store are said and survived."""
        retry_s, next_s = RETRY_S_MIN, time.monotonic()
        try:
            while not stop.is_set():
                if self.look():
                    retry_s, next_s = RETRY_S_MIN, self._next_tick_s(next_s)
                else:
                    next_s = time.monotonic() + retry_s
                    self._tell(retry_in_s=retry_s)
                    retry_s = min(2 * retry_s, RETRY_S_MAX)
                stop.wait(max(0.0, next_s - time.monotonic()))
        except BaseException as error:
            self._tell(last_error=f"the watcher broke: {type(error).__name__}", last_error_at_ms=self._clock.now_ms())
            raise
        finally:
            self._disconnect()
            self._tell(state=WatchState.STOPPED)

    def look(self) -> bool:
        """Connect if need be and look at everything that is due; False when there is no connection."""
        facts = Facts()
        try:
            session = self._session or self._connect(facts)
            self._look_around(session, facts)
        except (MissingError, DsnError) as error:
            self._lose(error, facts)
        self._keep(facts)
        self._say(facts)
        if self._session is not None:
            self._tell_look()
        return self._session is not None

    def status(self) -> WatchStatus:
        """How it is doing."""
        return self._status

    def own_cost(self) -> OwnCost:
        """What watching has cost the server so far."""
        return self._status.cost

    def shapes(self) -> tuple[QueryShape, ...]:
        """Every shape seen running, as far as they are kept; the most recently seen last."""
        return self._book.shapes()

    @property
    def shapes_version(self) -> int:
        """Another number whenever `shapes` has become another set."""
        return self._book.version

    def shape(self, fingerprint: str) -> QueryShape | None:
        """One shape, or None."""
        return self._book.shape(fingerprint)

    def samples(self, fingerprint: str) -> tuple[str, ...]:
        """Complete statements of one shape with real parameters, newest first: private data, in memory only."""
        return self._samples.samples(fingerprint)

    def bound_count(self, fingerprint: str) -> int:
        """How often the shape was seen running with its parameters bound, so that no literal shows."""
        return self._samples.bound_count(fingerprint)

    def _hear_logged_plans(self, entries: Sequence[str]) -> None:
        self.on_logged_plans(entries)  # whoever listens now: it is set after this watcher was made

    def _connect(self, facts: Facts) -> Session:
        session = Session.open(self._reference, self._meter, STATEMENT_TIMEOUT_MS)
        self._session, server = session, session.facts
        for looks in self._looks.values():
            looks.forget()
        facts.say(EventKind.CONNECTED, f"connected to PostgreSQL {server.version}, database {server.database}")
        if self._server_started_at_ms not in (None, server.started_at_ms):
            facts.say(EventKind.SERVER_RESTARTED, "the server was restarted; counting starts anew")
        self._server_started_at_ms, self._outage_told = server.started_at_ms, False
        now_s = time.monotonic()
        self._probe.due_at_s = now_s
        slow = [rhythm for rhythm in self._rhythms.values() if not rhythm.is_slice]
        for position, rhythm in enumerate(slow):  # one after the other, so that no look is a long one
            rhythm.due_at_s = now_s + min(position * self._slice_s, rhythm.every_s)
        self._tell(
            server_version=server.version,
            server_started_at_ms=server.started_at_ms,
            retry_in_s=None,
            last_error=None,
            last_error_at_ms=None,
        )
        return session

    def _lose(self, error: TrimtabError, facts: Facts) -> None:
        """One event for an outage, however often it is tried to connect."""
        self._disconnect()
        if not self._outage_told:
            facts.say(EventKind.CONNECTION_LOST, error.message)
        self._outage_told = True
        self._tell(state=WatchState.UNREACHABLE, last_error=error.message, last_error_at_ms=self._clock.now_ms())

    def _disconnect(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _look_around(self, session: Session, facts: Facts) -> None:
        """Every collector that is due, each on its own: one that cannot look does not stop the others."""
        now_s = time.monotonic()
        self._ticks_count += 1
        if self._is_due(self._probe, now_s):
            self._probe_capabilities(session, facts)
        for name, looks in self._looks.items():
            rhythm = self._rhythms[name]
            if not self._is_due(rhythm, now_s):
                continue
            try:
                if name == statements.NAME:
                    self._need_statements()
                seen = looks.collect(session, Moment(self._status.system, self._clock.now_ms(), rhythm.interval_s))
            except ConnectionLost:
                raise
            except MissingError as error:
                self._problems[name] = error.message
                if isinstance(error, ExtensionMissing) and "sqlstate" in error.facts:
                    self._probe.due_at_s = 0.0  # it was there a moment ago: look again what there is
                self._tell(skipped_count=self._status.skipped_count + isinstance(error, LookBlocked))
                continue
            self._problems.pop(name, None)
            facts.tables += seen.tables
            facts.events += seen.events
        for sentence in self._meter.settle(time.monotonic(), self._rhythms):
            facts.say(EventKind.WATCH_ADAPTED, sentence)

    def _need_statements(self) -> None:
        """Asking for what is not there would fill the server's log with errors."""
        [capability] = [c for c in self._status.capabilities if c.name == "pg_stat_statements"]
        if not capability.available:
            raise ExtensionMissing(f"pg_stat_statements {capability.detail}", sql=capability.sql)

    def _probe_capabilities(self, session: Session, facts: Facts) -> None:
        """Look what is missing; only what changed is an event."""
        session.refresh()
        found = session.capabilities()
        missing = frozenset(c.name for c in found if not c.available)
        for capability in found:
            if capability.name in missing - self._missing:
                message = f"{capability.name}: {capability.detail}; needed for {capability.needed_for}"
                facts.say(EventKind.CAPABILITY_MISSING, message)
            if capability.name in self._missing - missing:
                facts.say(EventKind.CAPABILITY_GAINED, f"{capability.name}: {capability.detail}")
        self._missing = missing
        other = other_trimtab(session)
        if other is None:
            self._problems.pop(OTHER_TRIMTAB, None)
        else:
            self._problems[OTHER_TRIMTAB] = other
        self._tell(capabilities=found)

    def _keep(self, facts: Facts) -> None:
        """Hand the rows to the store; what it refuses is lost, and said."""
        try:
            for table_name, table in facts.tables:
                self._telemetry.write(table_name, table)
        except StoreError as error:
            if STORE not in self._problems:
                facts.say(EventKind.FACTS_REFUSED, error.message)
            self._problems[STORE] = error.message
            return
        self._problems.pop(STORE, None)

    def _say(self, facts: Facts) -> None:
        """Write the events; while the store refuses them, the newest are kept to be written later."""
        for kind, message in facts.events:
            event: dict[str, object] = {"system": self._status.system, "happened_at_ms": self._clock.now_ms()}
            self._unwritten.append(event | {"kind": kind.value, "message": message[:MESSAGE_CHARS_MAX]})
        if not self._unwritten:
            return
        try:
            self._telemetry.write("server_events", table_of("server_events", self._unwritten))
        except StoreError as error:
            self._problems[STORE] = error.message
            return
        self._unwritten.clear()

    def _is_due(self, rhythm: Rhythm, now_s: float) -> bool:
        """Slices come with every tick (or every second, fourth, … where they are stretched), the rest by the clock."""
        if rhythm.is_slice:
            return self._ticks_count % rhythm.stretch == 0
        if now_s + DUE_EARLY * self._slice_s < rhythm.due_at_s:
            return False
        rhythm.due_at_s = now_s + rhythm.interval_s
        return True

    def _next_tick_s(self, tick_s: float) -> float:
        """The next tick; those that passed while a look was under way are skipped, never made up for."""
        next_s, now_s = tick_s + self._slice_s, time.monotonic()
        if now_s > next_s:
            skipped = int((now_s - next_s) / self._slice_s) + 1
            next_s += skipped * self._slice_s
            self._tell(skipped_count=self._status.skipped_count + skipped)
        return next_s

    def _tell_look(self) -> None:
        degraded = bool(self._problems) or bool(self._missing & NEEDED)
        self._tell(
            state=WatchState.DEGRADED if degraded else WatchState.WATCHING,
            last_look_at_ms=self._clock.now_ms(),
            looks_count=self._status.looks_count + 1,
            slices_count=self._statements.slices_count,
            intervals_s=self._intervals_s(),
            cost=self._meter.own_cost(),
        )

    def _intervals_s(self) -> dict[str, float]:
        return {name: rhythm.interval_s for name, rhythm in self._rhythms.items()}

    def _tell(self, **changes: Any) -> None:
        """The next status; other threads see the old one or the new one, never half of it."""
        before = self._status
        self._status = replace(before, problems=dict(self._problems), **changes)
        if (before.state, before.problems) != (self._status.state, self._status.problems):
            self.on_state()
