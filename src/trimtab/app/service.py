"""One method for each thing a user can do. Everything above (api, cli, sdk) is thin."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog

from trimtab.act.machine import Machine
from trimtab.app.access import Access
from trimtab.app.alerting.of_service import alerting_of
from trimtab.app.business.wiring import business_of
from trimtab.app.capacity.wiring import capacity_of
from trimtab.app.change_points.wiring import change_points_of_service
from trimtab.app.clouds.health import cloud_health
from trimtab.app.clouds.wiring import clouds_of
from trimtab.app.collected import metrics_of
from trimtab.app.config import Config
from trimtab.app.config_status import SettingNow, config_status
from trimtab.app.dashboards.annotating import Annotating
from trimtab.app.dashboards.last_push import kept_push
from trimtab.app.dashboards.library import Dashboards
from trimtab.app.dashboards.pushing import PushReport, push
from trimtab.app.deciding import Deciding
from trimtab.app.detecting.wiring import anomalies_of
from trimtab.app.events import EventHub, EventKind
from trimtab.app.forecasting.when_asked import WhenAsked
from trimtab.app.forecasting.wiring import forecasting_of
from trimtab.app.indexes.keeper import IndexKeeper
from trimtab.app.infrastructure.wiring import infrastructure_of
from trimtab.app.log_search.logs import Logs
from trimtab.app.notify.notify import Notify
from trimtab.app.objectives.asking import UpstreamAsking
from trimtab.app.objectives.cases import BurnCases
from trimtab.app.objectives.keeper import Objectives
from trimtab.app.objectives.lines import ObjectiveLines
from trimtab.app.objectives.series import ObjectiveSeries
from trimtab.app.objectives.telling import objective_warnings
from trimtab.app.own.keeper import Own
from trimtab.app.packs.shelf import Shelf
from trimtab.app.patterns.wiring import patterns_of_service
from trimtab.app.persons import check_person
from trimtab.app.plans import TakenPlan
from trimtab.app.policies import Policies
from trimtab.app.query_advice.book import AdviceBook
from trimtab.app.querying import Querying
from trimtab.app.reading.cases import find
from trimtab.app.reading.own import own_lines, own_story
from trimtab.app.reading.reader import Reader
from trimtab.app.scrapes import Scrapes
from trimtab.app.service_events import ServiceEvents, all_of
from trimtab.app.service_numbers import tell_numbers
from trimtab.app.service_status import chain_of, status_of
from trimtab.app.service_threads import threads_of
from trimtab.app.sources.sources import Sources
from trimtab.app.stack.wiring import stack_of
from trimtab.app.steering import Steering
from trimtab.app.systems import Systems
from trimtab.app.traces.traces import Traces
from trimtab.app.upstream import Upstream
from trimtab.app.watched import Watched
from trimtab.app.watched_series.series import INTERVAL_S, WatchedSeries
from trimtab.app.wrong_now import WrongNow
from trimtab.extend.contracts import Clock, Judge
from trimtab.model.case import Case
from trimtab.model.change import Autonomy, Change
from trimtab.model.policy import Policy
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.observe.postgres.status import WatchStatus
from trimtab.sql.connect import Reference
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

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
        objectives: Objectives,
        rules_kept: Path,
        packs: Shelf,
    ) -> None:
        self.policies = policies
        self.packs = packs
        self.telemetry = telemetry
        self.state = state
        self.machine = machine
        self.judge = judge
        self.url = url
        self._clock = clock
        self._stop = stop
        self.access = access
        self.own = own
        self._wrong_now = WrongNow(policies, telemetry, state)
        policies.file.listen(self._settings_changed)
        self.steering = Steering(state, policies, clock)
        limits = IngestLimits(samples_per_s_max=policies.file.config.server.samples_per_s_max)
        self.metrics_in = MetricsIn(lambda: getattr(telemetry, "metrics", None), limits)
        self.scrapes = Scrapes(policies.file.config.server.scrape_config, lambda: getattr(telemetry, "metrics", None))
        queried = metrics_of(telemetry)
        self.querying = Querying(lambda: queried)
        self.upstream: Upstream | None = None
        self.events = EventHub()
        self.grafana = Annotating(state, policies.file.config.grafana, url)
        self._happens = ServiceEvents(self.events, self.grafana.wake)
        self.objectives = objectives
        objectives.ask_instead(lambda: None if self.upstream is None else UpstreamAsking(self.upstream))
        packs.on_new.append(objectives.look_soon)
        objectives.on_round.append(BurnCases(state).look)
        objectives.on_round.append(self._happens.objectives_counted)
        objectives.on_round.append(ObjectiveSeries(lambda: self.querying.store).append)
        self.business = business_of(self, clock.now_ms, rules_kept.parent)
        self.traces = Traces(telemetry, clock.now_ms)
        self.logs = Logs(telemetry, clock.now_ms)
        self.sources = Sources(policies.file.config.integrations)
        self._systems = Systems(
            telemetry, state, machine, policies.of, clock, watched, own, self._happens.system_changed
        )
        self.plans = self._systems.plans
        self.indexes = IndexKeeper(state, watched, policies.of, clock)
        self.advice = AdviceBook(state, telemetry, watched, policies.of, clock, self.plans)
        self.watched_series = WatchedSeries(
            lambda: getattr(telemetry, "metrics", None),
            self._systems.statuses,
            clock.now_ms,
            max(1.0, min(INTERVAL_S, policies.file.config.policy.watch.slice_s)),
        )
        self.infrastructure = infrastructure_of(self)
        self.clouds = clouds_of(self)
        self.infrastructure.cloud = lambda: cloud_health(self.clouds.latest())
        self.anomalies = anomalies_of(self, rules_kept.parent)
        self.dashboards = Dashboards(state.database, self.querying, lambda: self.upstream, clock.now_ms)
        self._deciding = Deciding(state, machine, policies.of)
        self.notify = Notify(
            state,
            lambda: policies.file.config.notify,
            clock.now_ms,
            url,
            waits_for_yes=self._deciding.waits_for_yes,
            publish=self.events.publish,
        )
        self.forecasts = forecasting_of(self)
        self.foreseen = WhenAsked(lambda: self.config.forecast, clock.now_ms)
        self.change_points = change_points_of_service(self)
        self.patterns = patterns_of_service(self)
        self.capacity = capacity_of(self)
        self.alerting = alerting_of(self, rules_kept)
        self.stack = stack_of(self)
        self._listen()
        self.read = Reader(
            telemetry,
            state,
            watched,
            clock,
            waits_for=self.waits_for,
            latest=machine.latest,
            loop_error=self._systems.loop_error,
            slow_look=self._systems.slow_look,
        )
        promised = ObjectiveLines(objectives)
        self.read.objective_lines, self.read.system_of_objective = promised.lines, promised.system
        self.read.own_lines = lambda key, name, grid: own_lines(telemetry, key, name, grid)
        self.read.own_story = lambda: own_story(own, telemetry, clock.now_ms())
        self._started = time.monotonic()

    # --- life

    def start(self) -> None:
        """Finish or undo what was in flight, then begin to watch what is stored."""
        self.sources.forward(self.telemetry, self.state, self._clock.now_ms)
        for part in threads_of(self):
            part.start()
        self.indexes.start()
        threading.Thread(target=self.recover_and_watch, name="start", daemon=True).start()

    def recover_and_watch(self) -> None:
        """What `start` does, and wait for it."""
        self.policies.file.watch(self._stop)
        broken = self.state.chain.now().broken
        if broken is not None:
            log.error("ledger_broken", error=broken)
        self._wrong_now.say_unknown_targets()
        for change in self.machine.recover():
            log.info("recovered", change=change.id, state=change.state.value, reason=change.reason)
        self._systems.begin_stored(self._stop)

    def close(self) -> None:
        """Stop watching, drain what was accepted, close both stores."""
        self._stop.set()
        self.events.close()
        self.logs.close()
        self.indexes.stop()  # it asks the systems
        self._systems.close()
        for part in reversed(threads_of(self)):
            part.stop()
        self.querying.close()
        self.sources.close()
        self.telemetry.close()
        self.state.close()

    def _listen(self) -> None:
        """What happens in the stores becomes events, and numbers of our own."""
        self.state.listen(self._happens.heard)
        self.watched_series.listen(self.telemetry)
        self.telemetry.listen("query_slices", all_of(self._happens.slices_loaded, self.anomalies.looks))
        self.telemetry.listen("query_executions", all_of(self.watched_series.statements, self.anomalies.statements))
        tell_numbers(self, self._clock)

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
        check_person(by)
        now = self.steering.set_override(by, name, value, system)
        self._settings_changed()
        return now

    def clear_override(self, by: str, name: str, system: str | None = None) -> SettingNow:
        """Take an override back: the file counts again."""
        check_person(by)
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
        return (
            *self._wrong_now.sentences(),
            *self.notify.warnings(),
            *self.alerting.warnings(),
            *self.packs.warnings(),
            *self.infrastructure.warnings(),
            *self.clouds.warnings(),
            *objective_warnings(self.objectives.standing),
            *self.grafana.warnings(),
            *self.business.warnings(),
        )

    def _settings_changed(self) -> None:
        """Told to whoever looks."""
        self._wrong_now.say_unknown_targets()
        for change in self.machine.void_approvals():
            log.warning("approval_void", change=change.id, case=change.case_id, reason=change.reason)
        self.events.publish(EventKind.STATUS)

    # --- look

    def now_ms(self) -> int:
        """Unix milliseconds, as this server has them."""
        return self._clock.now_ms()

    def status(self) -> Json:
        """What runs, what is watched, what is in flight."""
        return status_of(self, self._started)

    def waits_for_yes(self, change: Change) -> bool:
        """Whether a person could approve this change now, and it waits for that (see `Deciding`)."""
        return self._deciding.waits_for_yes(change)

    def needs_yes(self) -> list[Json]:
        """What waits for a person's yes, most saved first."""
        return self._deciding.needs_yes()

    def ready_to_start(self) -> tuple[Change, ...]:
        """What begins when nothing is frozen and guards and checks agree: approved, or policy lets trimtab do it."""
        return self._deciding.ready_to_start()

    def chain(self) -> Json:
        """The ledger's hash chain: whether it is intact, and how far and when that was looked at."""
        return chain_of(self.state)

    def watch_statuses(self) -> list[WatchStatus]:
        """How each system is watched now."""
        return self._systems.statuses()

    def systems(self) -> list[Json]:
        """Watched systems, and what trimtab can see of each."""
        return self._systems.facts()

    def queries(self, system: str | None, limit: int) -> list[Json]:
        """Query shapes of the last detection window, heaviest first; NotFound for a system that is not watched."""
        return self._systems.queries(system, limit)

    def cases(self, limit: int) -> list[Json]:
        """Cases, newest first, each with its change."""
        return [self._deciding.with_change(case) for case in self.state.cases(limit=limit)]

    def find_cases(
        self, *, states: Sequence[str] = (), system: str | None = None, search: str = "", limit: int, offset: int = 0
    ) -> tuple[int, list[Json]]:
        """How many cases fit, and a page of them, newest first, each with its change."""
        total, found = find(self.state, states=states, system=system, search=search, limit=limit, offset=offset)
        return total, [self._deciding.with_change(case) for case in found]

    def case(self, case_id: int) -> Json:
        """One case with its change and ledger."""
        return self._deciding.case(case_id)

    def waits_for(self, case: Case) -> str | None:
        """What keeps a proposed change from being applied now, asked afresh; None where nothing or no change waits."""
        return self._deciding.waits_for(case)

    def ledger(self, limit: int, before_seq: int | None = None) -> list[Json]:
        """The newest ledger entries, newest first; with `before_seq` those that are older than it."""
        return [msgspec.to_builtins(entry) for entry in self.state.newest_entries(limit, before_seq=before_seq)]

    # --- do

    def watch_system(self, dsn: str, name: str | None = None, change_dsn: str | None = None) -> Json:
        """Begin to watch a system. It must answer now; what trimtab may not see there is named, not fatal.

        InputError where changes would go to another database; ConflictError where it is watched under another name.
        """
        return self._systems.watch(dsn, name, change_dsn)

    def unwatch_system(self, name: str) -> Json:
        """Stop watching a system; its cases and ledger stay. ConflictError while a change of it is in flight."""
        self._systems.unwatch(name, self.steering.forget)
        return self.status()

    def plan_now(self, system: str, fingerprint: str, by: str) -> TakenPlan:
        """Take the plan of a query as it is now; where policy says so, by running it. It can be read when this returns.

        NotFound: no such system, or no such query; Busy: another plan is being taken.
        """
        check_person(by)
        return self._systems.plan_now(system, fingerprint, by)

    def push_dashboards(self, uids: Sequence[str] = (), *, overwrite: bool = False) -> PushReport:
        """Put dashboards, data sources and alerting rules into the Grafana that is configured; `uids`: only these.

        What a person changed there stays, unless `overwrite`. InputError where no Grafana is configured.
        """
        rules = self.alerting.rules
        more = {uid: self.dashboards.document(uid) for uid in uids}
        groups = [] if rules is None else rules.book.groups
        policy = self.config.grafana
        work = partial(push, policy, self.url, groups, uids=uids, overwrite=overwrite, more=more)
        return work() if uids else kept_push(self.state, policy.url, self.now_ms(), work)

    def ensure_watched(self, dsn: str, change_dsn: str) -> str:
        """The name of the system behind `dsn`, watched from now on if it was not."""
        reference = Reference.parse(dsn)
        known = (s.name for s in self.state.systems() if s.watch_reference == reference.stored)
        return str(self.watch_system(dsn, next(known, None), change_dsn)["name"])

    def approve(self, case_id: int, by: str, content_hash: str) -> Json:
        """Approve the proposed change of a case: the one with this hash, until the approval expires.

        `warning` in the answer says that it expires before the next change window opens; None where it does not.
        """
        check_person(by)
        return self._deciding.approve(case_id, by, content_hash)

    def reject(self, case_id: int, by: str, reason: str | None = None) -> Json:
        """Reject the proposed change of a case."""
        check_person(by)
        return self._deciding.reject(case_id, by, reason)

    def roll_back(self, case_id: int, by: str, reason: str | None = None) -> Json:
        """Ask for the change of a case to be taken back: written down now, done by the loop's next step."""
        check_person(by)
        return self._deciding.roll_back(case_id, by, reason)

    def freeze(
        self, frozen: bool, by: str, reason: str | None = None, system: str | None = None, kind: str | None = None
    ) -> Json:
        """Freeze or thaw everything (the kill switch), one system, or one kind of change on it.

        Nothing new is applied while frozen; watching and undoing go on.
        """
        check_person(by)
        if frozen:
            self.steering.freeze(by, reason, system, kind)
        else:
            self.steering.thaw(by, system, kind)
        self._settings_changed()
        return self.status()
