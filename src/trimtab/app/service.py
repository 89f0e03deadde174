"""One method for each thing a user can do. Everything above (api, cli, sdk) is thin."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

import msgspec
import structlog

from trimtab.act.machine import Machine
from trimtab.analyze.queries.slow import shape_loads
from trimtab.app.access import Access
from trimtab.app.config import Config
from trimtab.app.loop import SystemLoop
from trimtab.app.reading.reader import Reader
from trimtab.app.watched import Watched
from trimtab.extend.contracts import Clock, Judge
from trimtab.model.case import Case
from trimtab.model.change import Autonomy, Change
from trimtab.model.errors import ConflictError, InputError, NotFound
from trimtab.model.policy import Policy
from trimtab.model.system import System
from trimtab.observe.postgres.capabilities import probe
from trimtab.sql.connect import Reference
from trimtab.store.ledger import ChainReport
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

NAME_CHARS_MAX = 100
SYSTEMS_MAX = 50
STOP_TIMEOUT_S = 8.0
LEDGER_PER_CASE_MAX = 500
CHAIN_CHECK_S = 60.0

log = structlog.get_logger()
Json = dict[str, Any]


class Service:
    """Everything that a running server can do. Thread-safe."""

    def __init__(
        self,
        config: Config,
        telemetry: TelemetryStore,
        state: State,
        machine: Machine,
        judge: Judge,
        clock: Clock,
        url: str,
        watched: dict[str, Watched],
        stop: threading.Event,
        access: Access,
    ) -> None:
        self.config = config
        self.telemetry = telemetry
        self.state = state
        self.machine = machine
        self.judge = judge
        self.url = url
        self._clock = clock
        self._watched = watched
        self._loops: dict[str, SystemLoop] = {}
        self._stop = stop
        self.access = access
        self.read = Reader(telemetry, state, watched, clock, self._waits_for)
        self._lock = threading.Lock()
        self._chain_lock = threading.Lock()
        self._chain_report: tuple[float, ChainReport] | None = None
        self._started = time.monotonic()

    # --- life

    def start(self) -> None:
        """Finish or undo what was in flight, then begin to watch what is stored."""
        threading.Thread(target=self.recover_and_watch, name="start", daemon=True).start()

    def recover_and_watch(self) -> None:
        """What `start` does, and wait for it."""
        for change in self.machine.recover():
            log.info("recovered", change=change.id, state=change.state.value, reason=change.reason)
        with self._lock:
            for system in self.state.systems():
                if not self._stop.is_set() and system.name not in self._watched:
                    self._begin(system)

    def _begin(self, system: System) -> Watched:
        watched = Watched(system, self.telemetry, self._clock, self.config.watch.slice_s)
        self._watched[system.name] = watched
        loop = SystemLoop(watched, self.telemetry, self.state, self.machine, self.config, self._clock)
        self._loops[system.name] = loop
        watched.start()
        loop.start()
        return watched

    def close(self) -> None:
        """Stop watching, drain what was accepted, close both stores."""
        self._stop.set()
        with self._lock:
            for loop in self._loops.values():
                loop.stop(STOP_TIMEOUT_S)
            for watched in self._watched.values():
                watched.stop()
        self.telemetry.close()
        self.state.close()

    def policy(self) -> Policy:
        """The policy that changes are held to."""
        return self.config.policy

    # --- look

    def status(self) -> Json:
        """What runs, what is watched, what is in flight."""
        alive = self.state.changes(alive=True)
        cases = self.state.cases(limit=1000)
        return {
            "url": self.url,
            "uptime_s": time.monotonic() - self._started,
            "frozen": self.state.kill_switch(),
            "systems": self.systems(),
            "cases_open_count": sum(case.verdict is None for case in cases),
            "changes_in_flight": [self._change(c) for c in alive if c.state.is_in_flight],
            "changes_waiting_count": sum(not c.state.is_in_flight for c in alive),
            "ledger": self._chain(),
            "telemetry": msgspec.to_builtins(self.telemetry.status()),
            "policy": msgspec.to_builtins(self.config.policy),
        }

    def _chain(self) -> Json:
        """The ledger's hash chain, walked anew when the last walk is older than `CHAIN_CHECK_S`."""
        with self._chain_lock:
            if self._chain_report is None or time.monotonic() - self._chain_report[0] > CHAIN_CHECK_S:
                self._chain_report = (time.monotonic(), self.state.verify_chain())
            report = self._chain_report[1]
        return {"entries_count": report.entries_count, "intact": report.intact, "problem": report.problem}

    def systems(self) -> list[Json]:
        """Watched systems, and what trimtab can see of each."""
        return [self._system(system) for system in self.state.systems()]

    def _system(self, system: System) -> Json:
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
        }

    def queries(self, system: str | None, limit: int) -> list[Json]:
        """Query shapes of the last detection window, heaviest first."""
        now_ms = self._clock.now_ms()
        start_ms = now_ms - int(self.config.detect.window_s * 1000)
        found: list[Json] = []
        for name, watched in list(self._watched.items()):
            if system is not None and name != system:
                continue
            shapes = watched.shapes()
            slices = self.telemetry.slices(name, start_ms, now_ms)
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

    def cases(self, limit: int) -> list[Json]:
        """Cases, newest first, each with its change."""
        return [self._case(case) for case in self.state.cases(limit=limit)]

    def case(self, case_id: int) -> Json:
        """One case with its change and ledger."""
        case = self.state.case(case_id)
        entries = (
            [] if case.change_id is None else self.state.ledger(change_id=case.change_id, limit=LEDGER_PER_CASE_MAX)
        )
        return {**self._case(case), "waits_for": self._waits_for(case), "ledger": msgspec.to_builtins(entries)}

    def _waits_for(self, case: Case) -> str | None:
        """What keeps a proposed change from being applied now, asked afresh; None where nothing or no change waits."""
        change = None if case.change_id is None else self.state.change(case.change_id)
        if change is None or change.state.is_final or change.state.is_in_flight:
            return None
        if self.state.system(case.system).change_reference is None:
            return "no connection for changes was given: trimtab watch DSN --change-dsn DSN"
        autonomy = self.config.create_index.autonomy
        if autonomy is not Autonomy.AUTO and change.approved_by is None:
            return f"a person's yes: trimtab approve {case.id}"
        return self.judge.ready(change.proposal, self.config.policy, self._clock.now_ms()) or change.reason

    def ledger(self, limit: int) -> list[Json]:
        """The newest ledger entries, newest first."""
        return [msgspec.to_builtins(entry) for entry in self.state.newest_entries(limit)]

    def _case(self, case: Case) -> Json:
        change = None if case.change_id is None else self.state.change(case.change_id)
        return {**msgspec.to_builtins(case), "change": None if change is None else self._change(change)}

    def _change(self, change: Change) -> Json:
        made: Json = msgspec.to_builtins(change)
        return made

    # --- do

    def watch_system(self, dsn: str, name: str | None = None, change_dsn: str | None = None) -> Json:
        """Begin to watch a system. It must answer now; what trimtab may not see there is named, not fatal."""
        reference = Reference.parse(dsn)
        change = None if change_dsn is None else Reference.parse(change_dsn)
        label = name or _name_of(reference)
        if not label.strip() or len(label) > NAME_CHARS_MAX or not label.isprintable():
            raise InputError(f"a name has 1 to {NAME_CHARS_MAX} printable characters", field="name")
        with reference.connect("trimtab/probe") as connection:
            capabilities = probe(connection)
        if change is not None:
            change.connect("trimtab/probe").close()
        with self._lock:
            known = {system.name: system for system in self.state.systems()}
            self._check_new(label, reference, known)
            if label in known:
                self.state.add_system(_with_change(known[label], change))
                return {**self._system(self.state.system(label)), "capabilities": msgspec.to_builtins(capabilities)}
            if len(self._watched) >= SYSTEMS_MAX:
                raise InputError(f"at most {SYSTEMS_MAX} systems can be watched by one server", limit=SYSTEMS_MAX)
            system = System(label, reference.stored, None if change is None else change.stored, self._clock.now_ms())
            self.state.add_system(system)
            self._begin(system)
        return {**self._system(system), "capabilities": msgspec.to_builtins(capabilities)}

    def _check_new(self, label: str, reference: Reference, known: dict[str, System]) -> None:
        """The same database twice would be proposed twice; another one under a taken name would mix two histories."""
        for system in known.values():
            if system.name == label and system.watch_reference != reference.stored:
                raise ConflictError(f"a system named {label!r} is watched already, by another reference", system=label)
            if system.name != label and system.watch_reference == reference.stored:
                raise ConflictError(f"that database is watched already, as {system.name!r}", system=system.name)

    def unwatch_system(self, name: str) -> Json:
        """Stop watching a system; its cases and ledger stay. ConflictError while a change of it is in flight."""
        with self._lock:
            self.state.remove_system(name)
            loop, watched = self._loops.pop(name, None), self._watched.pop(name, None)
            if loop is not None:
                loop.stop(STOP_TIMEOUT_S)
            if watched is not None:
                watched.stop()
        return self.status()

    def ensure_watched(self, dsn: str, change_dsn: str) -> str:
        """The name of the system behind `dsn`, watched from now on if it was not."""
        reference = Reference.parse(dsn)
        known = (s.name for s in self.state.systems() if s.watch_reference == reference.stored)
        return str(self.watch_system(dsn, next(known, None), change_dsn)["name"])

    def approve(self, case_id: int, by: str, content_hash: str) -> Json:
        """Approve the proposed change of a case: the one with this hash, until the approval expires."""
        _check_person(by)
        change = self._proposed(case_id)
        expires_at_ms = change.approval_expires_at_ms
        if expires_at_ms is not None and expires_at_ms > self._clock.now_ms():
            raise ConflictError(f"case {case_id} was approved by {change.approved_by} already", case_id=case_id)
        if content_hash != change.proposal.content_hash:
            raise ConflictError(
                f"case {case_id} proposes another change by now: its hash is {change.proposal.content_hash}",
                expected=content_hash,
            )
        self.machine.approve(change.id, by, change.proposal.content_hash)
        return self.case(case_id)

    def reject(self, case_id: int, by: str, reason: str | None = None) -> Json:
        """Reject the proposed change of a case."""
        _check_person(by)
        self.machine.reject(self._proposed(case_id).id, by, reason or "rejected by a person")
        return self.case(case_id)

    def roll_back(self, case_id: int, by: str, reason: str | None = None) -> Json:
        """Ask for the change of a case to be taken back: written down now, done by the loop's next step."""
        _check_person(by)
        self.machine.roll_back(self._proposed(case_id).id, by, reason or "")
        return self.case(case_id)

    def _proposed(self, case_id: int) -> Change:
        case = self.state.case(case_id)
        if case.change_id is None:
            raise NotFound(f"case {case_id} proposes no change", case_id=case_id)
        return self.state.change(case.change_id)

    def freeze(self, frozen: bool, by: str) -> Json:
        """The kill switch: nothing new is applied while frozen; undoing goes on."""
        _check_person(by)
        log.warning("frozen" if frozen else "unfrozen", by=by)
        self.state.set_kill_switch(f"frozen by {by}" if frozen else None)
        return self.status()


def _check_person(by: str) -> None:
    """Names go into a ledger that nobody can shorten again."""
    if not by.strip() or len(by) > NAME_CHARS_MAX or not by.isprintable():
        raise InputError(f"by: a name has 1 to {NAME_CHARS_MAX} printable characters", field="by")


def _with_change(system: System, change: Reference | None) -> System:
    return system if change is None else replace(system, change_reference=change.stored)


def _name_of(reference: Reference) -> str:
    return reference.display.removeprefix("postgresql://").rpartition("@")[2]
