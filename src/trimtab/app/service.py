"""One method for each thing a user can do. Everything above (api, cli, sdk) is thin."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec
import structlog

from trimtab.act.approvals import check_seen
from trimtab.act.guards import limits_of
from trimtab.act.machine import Machine
from trimtab.analyze.queries.slow import shape_loads
from trimtab.app.access import Access
from trimtab.app.closed_cases import check_not_by_hand, when_again
from trimtab.app.collected import metrics_of
from trimtab.app.config import Config
from trimtab.app.config_status import SettingNow, config_status
from trimtab.app.databases import check_change_target, check_watched_once
from trimtab.app.events import EventHub, EventKind
from trimtab.app.log_search.logs import Logs
from trimtab.app.loop import SystemLoop
from trimtab.app.own.keeper import Own
from trimtab.app.own.metrics import Number
from trimtab.app.own.numbers import (
    ingest_numbers,
    log_numbers,
    loop_numbers,
    metric_numbers,
    store_numbers,
    watch_numbers,
)
from trimtab.app.plans import PlanBook, TakenPlan
from trimtab.app.policies import Policies
from trimtab.app.querying import Querying
from trimtab.app.reading.cases import find
from trimtab.app.reading.own import own_lines, own_story
from trimtab.app.reading.reader import Reader
from trimtab.app.reading.rows import change_row
from trimtab.app.scrapes import Scrapes
from trimtab.app.slow_look import SlowLook
from trimtab.app.sources.sources import Sources
from trimtab.app.steering import KINDS, Steering
from trimtab.app.traces.traces import Traces
from trimtab.app.upstream import Upstream
from trimtab.app.watched import Watched
from trimtab.app.wrong_now import unknown_targets
from trimtab.extend.contracts import Clock, Judge
from trimtab.model.case import Case
from trimtab.model.change import Autonomy, Change, ChangeState
from trimtab.model.errors import ConflictError, GuardRefused, InputError, NotFound
from trimtab.model.policy import Policy
from trimtab.model.system import System
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.observe.postgres.capabilities import probe
from trimtab.observe.postgres.status import WatchStatus
from trimtab.sql.connect import Reference
from trimtab.sql.database_identity import identity_of
from trimtab.store.case_search import open_cases_by_system
from trimtab.store.logs.reads import LogReads
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

if TYPE_CHECKING:
    import pyarrow as pa

NAME_CHARS_MAX = 100
SYSTEMS_MAX = 50
STOP_TIMEOUT_S = 8.0
LEDGER_PER_CASE_MAX = 500
WAITING_MAX = 1000

log = structlog.get_logger()
Json = dict[str, Any]


class Service:
    """Everything that a running server can do. Thread-safe."""

    def __init__(
        self,
        policies: Policies,
        telemetry: TelemetryStore,
        state: State,
        machine: Machine,
        judge: Judge,
        clock: Clock,
        url: str,
        watched: dict[str, Watched],
        stop: threading.Event,
        access: Access,
        own: Own,
    ) -> None:
        self.policies = policies
        self._said: tuple[str, ...] = ()
        policies.file.listen(self._settings_changed)
        self.steering = Steering(state, policies, clock)
        self.telemetry = telemetry
        limits = IngestLimits(samples_per_s_max=policies.file.config.server.samples_per_s_max)
        self.metrics_in = MetricsIn(lambda: getattr(telemetry, "metrics", None), limits)
        self.scrapes = Scrapes(policies.file.config.server.scrape_config, lambda: getattr(telemetry, "metrics", None))
        queried = metrics_of(telemetry)
        self.querying = Querying(lambda: queried)
        self.upstream: Upstream | None = None
        self.traces = Traces(telemetry, clock.now_ms)
        self.logs = Logs(telemetry, clock.now_ms)
        self.sources = Sources(policies.file.config.integrations)
        self.state = state
        self.machine = machine
        self.judge = judge
        self.url = url
        self._clock = clock
        self._watched = watched
        self._loops: dict[str, SystemLoop] = {}
        self._stop = stop
        self.access = access
        self.own = own
        self.events = EventHub()
        self.plans = PlanBook(telemetry, clock, lambda system: self.policy_of(system).plans)
        self._listen()
        self.read = Reader(
            telemetry,
            state,
            watched,
            clock,
            waits_for=self.waits_for,
            latest=machine.latest,
            loop_error=self._loop_error,
            slow_look=self._slow_look,
        )
        self.read.own_lines = lambda key, name, grid: own_lines(telemetry, key, name, grid)
        self.read.own_story = lambda: own_story(own, telemetry, clock.now_ms())
        self._lock = threading.Lock()
        self._watch_lock = threading.Lock()
        self._started = time.monotonic()

    # --- life

    def start(self) -> None:
        """Finish or undo what was in flight, then begin to watch what is stored."""
        self.own.start()
        self.sources.forward(self.telemetry.logs, LogReads(self.telemetry).between, self._clock.now_ms)
        self.scrapes.start()
        threading.Thread(target=self.recover_and_watch, name="start", daemon=True).start()

    def recover_and_watch(self) -> None:
        """What `start` does, and wait for it."""
        self.policies.file.watch(self._stop)
        broken = self.state.chain.now().broken
        if broken is not None:
            log.error("ledger_broken", error=broken)
        self._say_unknown_targets()
        for change in self.machine.recover():
            log.info("recovered", change=change.id, state=change.state.value, reason=change.reason)
        with self._lock:
            for system in self.state.systems():
                if not self._stop.is_set() and system.name not in self._watched:
                    self._begin(system)

    def _begin(self, system: System) -> Watched:
        slice_s = self.policy_of(system.name).watch.slice_s
        watched = Watched(system, self.telemetry, self._clock, slice_s, self._system_changed)
        self._watched[system.name] = watched
        loop = SystemLoop(
            watched, self.telemetry, self.state, self.machine, self.policy_of, self._clock, self.plans, self.own
        )
        self._loops[system.name] = loop
        watched.start()
        loop.start()
        return watched

    def close(self) -> None:
        """Stop watching, drain what was accepted, close both stores."""
        self._stop.set()
        self.events.close()
        self.logs.close()
        with self._lock:
            for loop in self._loops.values():
                loop.stop(STOP_TIMEOUT_S)
            for watched in self._watched.values():
                watched.stop()
        self.plans.settle(STOP_TIMEOUT_S)
        self.scrapes.stop()
        self.own.stop()
        self.querying.close()
        self.sources.close()
        self.telemetry.close()
        self.state.close()

    def _listen(self) -> None:
        """What happens in the stores becomes events, and numbers of our own."""
        self.state.listen(lambda news: self.events.publish(EventKind(news.kind), dict(news.facts)))
        self.telemetry.listen("query_slices", self._slices_loaded)
        self.own.metrics.add_source(lambda: loop_numbers(self.state))
        self.own.metrics.add_source(lambda: store_numbers(self.telemetry, self._clock))
        self.own.metrics.add_source(lambda: log_numbers(self.telemetry, lambda: self.logs.tails_count))
        self.own.metrics.add_source(lambda: ingest_numbers(self.metrics_in))
        self.own.metrics.add_source(lambda: metric_numbers(getattr(self.telemetry, "metrics", None)))
        self.own.metrics.add_source(lambda: watch_numbers(self._watch_statuses, self._clock))
        self.own.metrics.add_source(lambda: [Number("trimtab_event_streams", self.events.subscribers_count)])

    def _watch_statuses(self) -> list[WatchStatus]:
        return [watched.watcher.status() for watched in list(self._watched.values())]

    def _slices_loaded(self, rows: pa.Table) -> None:
        newest: dict[str, int] = {}
        for system, ended_at_ms in zip(rows["system"].to_pylist(), rows["ended_at_ms"].to_pylist(), strict=True):
            newest[system] = max(ended_at_ms, newest.get(system, 0))
        for system, ended_at_ms in newest.items():
            self.events.publish(EventKind.SLICE, {"system": system, "ended_at_ms": ended_at_ms})

    def _system_changed(self, name: str) -> None:
        self.events.publish(EventKind.SYSTEM, {"name": name})

    # --- policy

    @property
    def config(self) -> Config:
        """What the file says, in force now; for one system ask `policy_of`."""
        return self.policies.file.config

    def policy_of(self, system: str) -> Policy:
        """What is in force for a system now. Ask each time: it may change at any moment."""
        return self.policies.of(system)

    def config_status(self, system: str | None = None) -> Json:
        """Every setting as it is in force, with its source (see `ConfigStatus`); None: where nothing else is said."""
        if system is not None:
            self.state.system(system)
        watched = [known.name for known in self.state.systems()]
        status: Json = msgspec.to_builtins(config_status(self.policies, system, watched))
        return status

    def set_override(self, by: str, name: str, value: object, system: str | None = None) -> SettingNow:
        """Set a setting over what the file says, for one system or for all; it is kept, and can be cleared."""
        _check_person(by)
        now = self.steering.set_override(by, name, value, system)
        self._settings_changed()
        return now

    def clear_override(self, by: str, name: str, system: str | None = None) -> SettingNow:
        """Take an override back: the file counts again."""
        _check_person(by)
        now = self.steering.clear_override(by, name, system)
        self._settings_changed()
        return now

    def set_autonomy(self, by: str, system: str | None, kind: str, autonomy: Autonomy) -> SettingNow:
        """How far trimtab goes by itself with one kind of change, on one system or on all."""
        return self.set_override(by, f"{kind}.autonomy", autonomy.value, system)

    def reload_config(self) -> bool:
        """Read the configuration file now; False where it is wrong and the last good one stays."""
        return self.policies.file.reload()

    def warnings(self) -> tuple[str, ...]:
        """What a person should mend before anything else."""
        broken = self.state.chain.now().broken
        absent = tuple(f"{one}; what is shown of spans, logs and metrics is partial" for one in self._absent_shards())
        return (*(() if broken is None else (broken,)), *self._no_room(), *self._unknown_targets(), *absent)

    def _no_room(self) -> tuple[str, ...]:
        store = self.telemetry.status()
        if store.full is None:
            return ()
        consequence = (
            f"{store.refused_full_count} messages were refused since the start; make room: it goes on by itself"
        )
        return (f"nothing is taken of what is sent or measured: {store.full} ({consequence})",)

    def _absent_shards(self) -> tuple[str, ...]:
        return self.telemetry.status().absent_shards

    def _unknown_targets(self) -> tuple[str, ...]:
        return unknown_targets(self.config.targets, (system.name for system in self.state.systems()))

    def _say_unknown_targets(self) -> None:
        """Once each, as long as it stays so."""
        unknown = self._unknown_targets()
        for sentence in unknown:
            if sentence not in self._said:
                log.warning("target_unknown", problem=sentence)
        self._said = unknown

    def _settings_changed(self) -> None:
        """Told to whoever looks."""
        self._say_unknown_targets()
        for change in self.machine.void_approvals():
            log.warning("approval_void", change=change.id, case=change.case_id, reason=change.reason)
        self.events.publish(EventKind.STATUS)

    # --- look

    def now_ms(self) -> int:
        """Unix milliseconds, as this server has them."""
        return self._clock.now_ms()

    def status(self) -> Json:
        """What runs, what is watched, what is in flight."""
        alive = self.state.changes(alive=True)
        return {
            "url": self.url,
            "uptime_s": time.monotonic() - self._started,
            "frozen": self.state.kill_switch(),
            "systems": self.systems(),
            "cases_open_count": sum(open_cases_by_system(self.state.database).values()),
            "changes_in_flight": [self._change(c) for c in alive if c.state.is_in_flight],
            "changes_waiting_count": sum(not c.state.is_in_flight for c in alive),
            "ledger": self.chain(),
            "telemetry": msgspec.to_builtins(self.telemetry.status()),
            "own_problem": self.own.problem,
            "policy": msgspec.to_builtins(self.policy_of("")),
            "config": self._config_file(),
            "warnings": list(self.warnings()),
            "freezes": msgspec.to_builtins(self.steering.freezes()),
            "needs_yes": self.needs_yes(),
        }

    def _config_file(self) -> Json:
        """The file, and what is wrong with it."""
        file: Json = msgspec.to_builtins(self.policies.file.status())
        ignored = self.policies.ignored(system.name for system in self.state.systems())
        return {**file, "overrides_ignored_count": len(ignored)}

    def waits_for_yes(self, change: Change) -> bool:
        """Whether a person could approve this change now, and it waits for that.

        The same under `suggest` and `approve`; under `approve` it was also told in the log. Under `auto` what a person
        refused, or what was measured and did not prove good, waits for one, too.
        """
        return change.state is ChangeState.PROPOSED and self._wants_yes(change, self._changeable())

    def _changeable(self) -> frozenset[str]:
        """The systems with a connection for changes."""
        return frozenset(system.name for system in self.state.systems() if system.change_reference is not None)

    def _wants_yes(self, change: Change, changeable: frozenset[str]) -> bool:
        if change.system not in changeable or self.machine.is_approved(change):
            return False
        autonomy = limits_of(self.policy_of(change.system), change.proposal.kind).autonomy
        if autonomy is Autonomy.AUTO:
            return self.machine.earlier(change) is not None
        return autonomy in (Autonomy.SUGGEST, Autonomy.APPROVE)

    def needs_yes(self) -> list[Json]:
        """What waits for a person's yes, most saved first."""
        changeable = self._changeable()
        proposed = [c for c in self.state.changes(alive=True, limit=WAITING_MAX) if c.state is ChangeState.PROPOSED]
        waiting = [change for change in proposed if self._wants_yes(change, changeable)]
        return [
            {
                "case_id": change.case_id,
                "change_id": change.id,
                "system": change.system,
                "summary": change.proposal.summary,
                "gain_ms_per_s": change.proposal.gain_ms_per_s,
            }
            for change in sorted(waiting, key=lambda change: -change.proposal.gain_ms_per_s)
        ]

    def ready_to_start(self) -> tuple[Change, ...]:
        """What begins when nothing is frozen and guards and checks agree: approved, or policy lets trimtab do it."""
        changeable = self._changeable()
        alive = self.state.changes(alive=True, in_flight=False, limit=WAITING_MAX)
        return tuple(
            change
            for change in alive
            if change.system in changeable
            and not self._wants_yes(change, changeable)
            and limits_of(self.policy_of(change.system), change.proposal.kind).autonomy is not Autonomy.OBSERVE
        )

    def chain(self) -> Json:
        """The ledger's hash chain: whether it is intact, and how far and when that was looked at."""
        status = self.state.chain.now()
        report = status.report
        return {
            "entries_count": report.entries_count,
            "intact": report.intact,
            "problem": report.problem,
            "broken_at_seq": report.broken_at_seq,
            "to_do": status.broken,
            "whole_at_ms": status.whole_at_ms,
            "checked_at_ms": status.checked_at_ms,
        }

    def _loop_error(self, name: str) -> str | None:
        """What does not work now in the loop of a system, or about its plans."""
        loop = self._loops.get(name)
        error = None if loop is None else loop.last_error
        return error or self.plans.problem(name)

    def _slow_look(self, name: str) -> SlowLook | None:
        """What the last look for slow queries found on a system, since the server was started."""
        loop = self._loops.get(name)
        return None if loop is None else loop.slow_look

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
            "plan_problem": self.plans.problem(system.name),
            "autonomy": {kind: limits_of(self.policy_of(system.name), kind).autonomy.value for kind in KINDS},
        }

    def queries(self, system: str | None, limit: int) -> list[Json]:
        """Query shapes of the last detection window, heaviest first; NotFound for a system that is not watched."""
        if system is not None:
            self.state.system(system)
        now_ms = self._clock.now_ms()
        found: list[Json] = []
        for name, watched in list(self._watched.items()):
            if system is not None and name != system:
                continue
            start_ms = now_ms - int(self.policy_of(name).detect.window_s * 1000)
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

    def find_cases(
        self, *, states: Sequence[str] = (), system: str | None = None, search: str = "", limit: int, offset: int = 0
    ) -> tuple[int, list[Json]]:
        """How many cases fit, and a page of them, newest first, each with its change."""
        total, found = find(self.state, states=states, system=system, search=search, limit=limit, offset=offset)
        return total, [self._case(case) for case in found]

    def case(self, case_id: int) -> Json:
        """One case with its change and ledger."""
        case = self.state.case(case_id)
        entries = (
            [] if case.change_id is None else self.state.ledger(change_id=case.change_id, limit=LEDGER_PER_CASE_MAX)
        )
        undo = None if case.change_id is None else change_row(self.state, self.state.change(case.change_id)).undo
        return {
            **self._case(case),
            "waits_for": self.waits_for(case),
            "undo": msgspec.to_builtins(undo),
            "ledger": msgspec.to_builtins(entries),
        }

    def waits_for(self, case: Case) -> str | None:
        """What keeps a proposed change from being applied now, asked afresh; None where nothing or no change waits."""
        change = None if case.change_id is None else self.state.change(case.change_id)
        if change is None or change.state.is_final or change.state.is_in_flight:
            return None
        system = next((known for known in self.state.systems() if known.name == case.system), None)
        if system is None:
            return f"{case.system} to be watched again"
        if system.change_reference is None:
            return "no connection for changes was given: trimtab watch DSN --change-dsn DSN"
        autonomy = limits_of(self.policy_of(case.system), change.proposal.kind).autonomy
        earlier = self.machine.earlier(change)
        asks = autonomy in (Autonomy.SUGGEST, Autonomy.APPROVE) or (autonomy is Autonomy.AUTO and earlier is not None)
        if asks and change.approved_by is None:
            said = "; ".join(str(why) for why in (self.machine.why_void(change), earlier) if why is not None)
            return f"a person's yes: trimtab approve {case.id}{f' ({said})' if said else ''}"
        blocking = [result.message for result in self.machine.guards(change.id) if result.passed is False]
        return "; ".join(blocking) or change.reason

    def ledger(self, limit: int, before_seq: int | None = None) -> list[Json]:
        """The newest ledger entries, newest first; with `before_seq` those that are older than it."""
        return [msgspec.to_builtins(entry) for entry in self.state.newest_entries(limit, before_seq=before_seq)]

    def _case(self, case: Case) -> Json:
        change = None if case.change_id is None else self.state.change(case.change_id)
        return {**msgspec.to_builtins(case), "change": None if change is None else self._change(change)}

    def _change(self, change: Change) -> Json:
        made: Json = msgspec.to_builtins(change)
        return made

    # --- do

    def watch_system(self, dsn: str, name: str | None = None, change_dsn: str | None = None) -> Json:
        """Begin to watch a system. It must answer now; what trimtab may not see there is named, not fatal.

        InputError where changes would go to another database; ConflictError where it is watched under another name.
        """
        reference = Reference.parse(dsn)
        change = None if change_dsn is None else Reference.parse(change_dsn)
        label = name or _name_of(reference)
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
        self._check_new(label, reference, {system.name: system for system in self.state.systems()})
        check_watched_once(identity, label, self.state.systems())
        found = {"capabilities": msgspec.to_builtins(capabilities), "change_target": target}
        with self._lock:
            known = {system.name: system for system in self.state.systems()}
            self._check_new(label, reference, known)
            if label in known:
                self.state.add_system(_with_change(known[label], change))
                return {**self._system(self.state.system(label)), **found}
            if len(self._watched) >= SYSTEMS_MAX:
                raise InputError(f"at most {SYSTEMS_MAX} systems can be watched by one server", limit=SYSTEMS_MAX)
            system = System(label, reference.stored, None if change is None else change.stored, self._clock.now_ms())
            self.state.add_system(system)
            self._begin(system)
        return {**self._system(system), **found}

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
            self.plans.forget(name)
            self.steering.forget(name)
        return self.status()

    def plan_now(self, system: str, fingerprint: str, by: str) -> TakenPlan:
        """Take the plan of a query as it is now; where policy says so, by running it. It can be read when this returns.

        NotFound: no such system, or no such query; Busy: another plan is being taken.
        """
        _check_person(by)
        self.state.system(system)
        watched = self._watched.get(system)
        if watched is None:
            raise NotFound(f"system {system!r} is not watched yet", system=system)
        with self.own.traces.span("plan", system=system, fingerprint=fingerprint) as span:
            taken = self.plans.now(watched, fingerprint)
            span.keep()
        log.info("plan_taken", system=system, fingerprint=fingerprint, by=by, plan=taken.plan_id)
        return taken

    def ensure_watched(self, dsn: str, change_dsn: str) -> str:
        """The name of the system behind `dsn`, watched from now on if it was not."""
        reference = Reference.parse(dsn)
        known = (s.name for s in self.state.systems() if s.watch_reference == reference.stored)
        return str(self.watch_system(dsn, next(known, None), change_dsn)["name"])

    def approve(self, case_id: int, by: str, content_hash: str) -> Json:
        """Approve the proposed change of a case: the one with this hash, until the approval expires.

        `warning` in the answer says that it expires before the next change window opens; None where it does not.
        """
        _check_person(by)
        change = self._proposed(case_id)
        if change.state.is_final:
            raise GuardRefused(
                when_again(self.state.case(case_id), change, self.policy_of(change.system)), case_id=case_id
            )
        if change.state is ChangeState.PROPOSED and self.machine.is_approved(change):
            raise ConflictError(f"case {case_id} was approved by {change.approved_by} already", case_id=case_id)
        check_seen(self.state, case_id, change, content_hash)
        approved = self.machine.approve(change.id, by, change.proposal.content_hash)
        return {**self.case(case_id), "warning": self.machine.approval_warning(approved)}

    def reject(self, case_id: int, by: str, reason: str | None = None) -> Json:
        """Reject the proposed change of a case."""
        _check_person(by)
        self.machine.reject(self._proposed(case_id).id, by, reason or "rejected by a person")
        return self.case(case_id)

    def roll_back(self, case_id: int, by: str, reason: str | None = None) -> Json:
        """Ask for the change of a case to be taken back: written down now, done by the loop's next step."""
        _check_person(by)
        check_not_by_hand(self._proposed(case_id))
        self.machine.roll_back(self._proposed(case_id).id, by, reason or "")
        return self.case(case_id)

    def _proposed(self, case_id: int) -> Change:
        case = self.state.case(case_id)
        if case.change_id is None:
            raise NotFound(f"case {case_id} proposes no change", case_id=case_id)
        return self.state.change(case.change_id)

    def freeze(
        self, frozen: bool, by: str, reason: str | None = None, system: str | None = None, kind: str | None = None
    ) -> Json:
        """Freeze or thaw everything (the kill switch), one system, or one kind of change on it.

        Nothing new is applied while frozen; watching and undoing go on.
        """
        _check_person(by)
        if frozen:
            self.steering.freeze(by, reason, system, kind)
        else:
            self.steering.thaw(by, system, kind)
        self._settings_changed()
        return self.status()


def _check_person(by: str) -> None:
    """Names go into a ledger that nobody can shorten again."""
    if not by.strip() or len(by) > NAME_CHARS_MAX or not by.isprintable():
        raise InputError(f"by: a name has 1 to {NAME_CHARS_MAX} printable characters", field="by")


def _with_change(system: System, change: Reference | None) -> System:
    return system if change is None else replace(system, change_reference=change.stored)


def _name_of(reference: Reference) -> str:
    """Host, port and database as people write them: a URL has `Sh%20op` for the database `Sh op`."""
    written = reference.display.removeprefix("postgresql://").rpartition("@")[2]
    decoded = unquote(written)
    return decoded if decoded.isprintable() else written
