"""The systems that are watched: begun, stopped, and what can be said of each now. One watcher and one loop each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec
import structlog

from trimtab.act.guards import limits_of
from trimtab.act.machine import Machine
from trimtab.analyze.queries.slow import shape_loads
from trimtab.app.databases import check_change_target, check_watched_once
from trimtab.app.loop import SystemLoop
from trimtab.app.own.keeper import Own
from trimtab.app.persons import NAME_CHARS_MAX
from trimtab.app.plans import PlanBook, TakenPlan
from trimtab.app.slow_look import SlowLook
from trimtab.app.steering import KINDS
from trimtab.app.watched import Watched
from trimtab.extend.contracts import Clock
from trimtab.model.errors import ConflictError, InputError, NotFound
from trimtab.model.policy import Policy
from trimtab.model.system import System
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.status import WatchStatus
from trimtab.sql.connect import Reference
from trimtab.sql.database_identity import identity_of
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

SYSTEMS_MAX = 50
STOP_TIMEOUT_S = 8.0

log = structlog.get_logger()
Json = dict[str, Any]


class Systems:
    """Thread-safe. `watched` is shared with whoever asks for the shapes of a system; only this class changes it."""

    def __init__(
        self,
        telemetry: TelemetryStore,
        state: State,
        machine: Machine,
        policy_of: Callable[[str], Policy],
        clock: Clock,
        watched: dict[str, Watched],
        own: Own,
        changed: Callable[[str], None],
    ) -> None:
        """`changed` hears a system's name whenever it is watched better or worse than before."""
        self.plans = PlanBook(telemetry, clock, lambda system: policy_of(system).plans)
        self._telemetry = telemetry
        self._state = state
        self._machine = machine
        self._policy_of = policy_of
        self._clock = clock
        self._watched = watched
        self._own = own
        self._changed = changed
        self._loops: dict[str, SystemLoop] = {}
        self._lock = threading.Lock()
        self._watch_lock = threading.Lock()

    def begin_stored(self, stop: threading.Event) -> None:
        """Begin to watch what is stored, until `stop` is set."""
        with self._lock:
            for system in self._state.systems():
                if not stop.is_set() and system.name not in self._watched:
                    self._begin(system)

    def _begin(self, system: System) -> Watched:
        watched = Watched(system, self._telemetry, self._clock, self._policy_of(system.name).watch, self._changed)
        self._watched[system.name] = watched
        watched.watcher.on_logged_plans = lambda entries: self.plans.logged(watched, entries)
        loop = SystemLoop(
            watched, self._telemetry, self._state, self._machine, self._policy_of, self._clock, self.plans, self._own
        )
        self._loops[system.name] = loop
        watched.start()
        loop.start()
        return watched

    def close(self) -> None:
        """Stop watching; plans that are being taken are waited for."""
        with self._lock:
            for loop in self._loops.values():
                loop.stop(STOP_TIMEOUT_S)
            for watched in self._watched.values():
                watched.stop()
        self.plans.settle(STOP_TIMEOUT_S)

    # --- look

    def statuses(self) -> list[WatchStatus]:
        """How each is watched now."""
        return [watched.watcher.status() for watched in list(self._watched.values())]

    def loop_error(self, name: str) -> str | None:
        """What does not work now in the loop of a system, or about its plans."""
        loop = self._loops.get(name)
        error = None if loop is None else loop.last_error
        return error or self.plans.problem(name)

    def slow_look(self, name: str) -> SlowLook | None:
        """What the last look for slow queries found on a system, since the server was started."""
        loop = self._loops.get(name)
        return None if loop is None else loop.slow_look

    def facts(self) -> list[Json]:
        """Watched systems, and what trimtab can see of each."""
        return [self._facts_of(system) for system in self._state.systems()]

    def _facts_of(self, system: System) -> Json:
        watched = self._watched.get(system.name)
        loop = self._loops.get(system.name)
        change = system.change_reference
        return {
            "name": system.name,
            "dsn": Reference.parse(system.watch_reference).display,
            "change_dsn": None if change is None else Reference.parse(change).display,
            "added_at_ms": system.added_at_ms,
            "watch": None if watched is None else msgspec.to_builtins(watched.watcher.status()),
            "loop_error": None if loop is None else loop.last_error,
            "plan_problem": self.plans.problem(system.name),
            "autonomy": {kind: limits_of(self._policy_of(system.name), kind).autonomy.value for kind in KINDS},
        }

    def queries(self, system: str | None, limit: int) -> list[Json]:
        """Query shapes of the last detection window, heaviest first; NotFound for a system that is not watched."""
        if system is not None:
            self._state.system(system)
        now_ms = self._clock.now_ms()
        found: list[Json] = []
        for name, watched in list(self._watched.items()):
            if system is not None and name != system:
                continue
            start_ms = now_ms - int(self._policy_of(name).detect.window_s * 1000)
            shapes = watched.shapes()
            slices = self._telemetry.slices(name, start_ms, now_ms)
            for load in shape_loads(slices)[:limit]:
                shape = shapes.get(load.fingerprint)
                found.append(
                    {
                        "system": name,
                        "fingerprint": load.fingerprint,
                        "text": None if shape is None else shape.text,
                        "calls": load.calls,
                        "mean_exec_time_ms": load.mean_exec_time_ms,
                        "total_exec_time_ms": load.total_exec_time_ms,
                        "load_share": load.load_share,
                    }
                )
        return sorted(found, key=lambda row: -row["total_exec_time_ms"])[:limit]

    # --- do

    def watch(self, dsn: str, name: str | None, change_dsn: str | None) -> Json:
        """Begin to watch a system. It must answer now; what trimtab may not see there is named, not fatal.

        InputError where changes would go to another database; ConflictError where it is watched under another name.
        """
        reference = Reference.parse(dsn)
        change = None if change_dsn is None else Reference.parse(change_dsn)
        label = name or name_of(reference)
        if not label.strip() or len(label) > NAME_CHARS_MAX or not label.isprintable():
            raise InputError(f"a name has 1 to {NAME_CHARS_MAX} printable characters", field="name")
        if any(part in (".", "..") for part in label.split("/")):
            raise InputError(
                f"a name stands in addresses, where '.' and '..' lead elsewhere: choose another one, found {label!r}",
                field="name",
            )
        with self._watch_lock:  # one after the other, so that one database is not begun twice at a time
            return self._watch(label, reference, change)

    def _watch(self, label: str, reference: Reference, change: Reference | None) -> Json:
        with reference.connect("trimtab/probe") as connection:
            capabilities = probe(connection)
            identity = identity_of(connection)
        target = None if change is None else check_change_target(reference, identity, change)
        _check_new(label, reference, {system.name: system for system in self._state.systems()})
        check_watched_once(identity, label, self._state.systems())
        found = {"capabilities": msgspec.to_builtins(capabilities), "change_target": target}
        with self._lock:
            known = {system.name: system for system in self._state.systems()}
            _check_new(label, reference, known)
            if label in known:
                self._state.add_system(_with_change(known[label], change))
                return {**self._facts_of(self._state.system(label)), **found}
            if len(self._watched) >= SYSTEMS_MAX:
                raise InputError(f"at most {SYSTEMS_MAX} systems can be watched by one server", limit=SYSTEMS_MAX)
            system = System(label, reference.stored, None if change is None else change.stored, self._clock.now_ms())
            self._state.add_system(system)
            self._begin(system)
        return {**self._facts_of(system), **found}

    def unwatch(self, name: str, forget: Callable[[str], None]) -> None:
        """Stop watching a system; its cases and ledger stay. ConflictError while a change of it is in flight.

        `forget` is called before another one can be watched under that name.
        """
        with self._lock:
            self._state.remove_system(name)
            loop, watched = self._loops.pop(name, None), self._watched.pop(name, None)
            if loop is not None:
                loop.stop(STOP_TIMEOUT_S)
            if watched is not None:
                watched.stop()
            self.plans.forget(name)
            forget(name)

    def plan_now(self, system: str, fingerprint: str, by: str) -> TakenPlan:
        """Take the plan of a query as it is now; where policy says so, by running it. It can be read when this returns.

        NotFound: no such system, or no such query; Busy: another plan is being taken.
        """
        self._state.system(system)
        watched = self._watched.get(system)
        if watched is None:
            raise NotFound(f"system {system!r} is not watched yet", system=system)
        with self._own.traces.span("plan", system=system, fingerprint=fingerprint) as span:
            taken = self.plans.now(watched, fingerprint)
            span.keep()
        log.info("plan_taken", system=system, fingerprint=fingerprint, by=by, plan=taken.plan_id)
        return taken


def _check_new(label: str, reference: Reference, known: dict[str, System]) -> None:
    """The same database twice would be proposed twice; another one under a taken name would mix two histories."""
    for system in known.values():
        if system.name == label and system.watch_reference != reference.stored:
            raise ConflictError(f"a system named {label!r} is watched already, by another reference", system=label)
        if system.name != label and system.watch_reference == reference.stored:
            raise ConflictError(f"that database is watched already, as {system.name!r}", system=system.name)


def _with_change(system: System, change: Reference | None) -> System:
    return system if change is None else replace(system, change_reference=change.stored)


def name_of(reference: Reference) -> str:
    """Host, port and database as people write them: a URL has `Sh%20op` for the database `Sh op`."""
    written = reference.display.removeprefix("postgresql://").rpartition("@")[2]
    decoded = unquote(written)
    return decoded if decoded.isprintable() else written
