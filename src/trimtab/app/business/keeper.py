"""One thread for all of business: probes as they are due, files when they change, everything else once a minute.

What is known stands in a `BusinessNow`, which is made as a whole: pages and the API read it and ask nothing else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from trimtab.app.alerting.recorder import StoreRecorder
from trimtab.app.business import series
from trimtab.app.business.files import business_files
from trimtab.app.business.pipelining import PipelineNow, Pipelining
from trimtab.app.business.probing import ProbeNow, Probing
from trimtab.app.business.quality import Scored, scores_of
from trimtab.app.business.satisfying import SatisfactionNow, Satisfying
from trimtab.app.business.spending import CostNow, Spending
from trimtab.app.business.told import Told
from trimtab.app.files_in_force import FileNow
from trimtab.app.querying import Wish
from trimtab.model.business_settings import BusinessPolicy
from trimtab.model.errors import InputError, MissingError, NotFound, TrimtabError
from trimtab.model.probes import Measured
from trimtab.observe.pipelines.listening import StatsdListener
from trimtab.sql.connect import Reference
from trimtab.store.business_state import PipelineState, ProbeState, UseState
from trimtab.store.freezes import Freezes

if TYPE_CHECKING:
    from trimtab.app.querying import Querying
    from trimtab.store.promql.answer import Answer
    from trimtab.store.state import State
    from trimtab.store.telemetry import TelemetryStore

TICK_S = 1.0
LOOK_MS = 5_000
"""So often it is looked whether files, or systems that are watched, changed."""
ROUND_MS = 60_000
RUN_WAIT_S = 20.0
"""How long one that is run by hand waits for those of its system that run."""
RUN_TIMEOUT_S = 365.0
"""Longer than any run: the longest time-out, the way there, and a server that does not say that it ended it."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class BusinessNow:
    """Everything as it stood at `at_ms`. `problems` are parts that nobody knows now, by name, with the reason."""

    at_ms: int
    probes: tuple[ProbeNow, ...]
    systems: tuple[Scored, ...]
    tables: tuple[Scored, ...]
    cost: CostNow
    satisfaction: tuple[SatisfactionNow, ...]
    pipelines: tuple[PipelineNow, ...]
    files: tuple[FileNow, ...]
    problems: tuple[tuple[str, str], ...] = ()


class Business:
    """Start it, read `now`, stop it. `round` and `tick` are for its thread, and for tests."""

    def __init__(
        self,
        policy: Callable[[], BusinessPolicy],
        telemetry: TelemetryStore,
        state: State,
        querying: Querying,
        now_ms: Callable[[], int],
        kept: Path | None,
    ) -> None:
        """`kept`: the folder of copies of files."""
        self._policy, self._state, self._querying, self._now_ms = policy, state, querying, now_ms
        self._files = business_files(lambda: policy().files, now_ms, kept)
        self._stop, self._wake = threading.Event(), threading.Event()
        database = state.database
        self.probing = Probing(
            ProbeState(database),
            self._reference_of,
            self._holding,
            now_ms,
            policy().probes_at_a_time,
            policy().probes_per_system,
            self._wake.set,
        )
        self.spending = Spending(telemetry, UseState(database))
        self.pipelining = Pipelining(telemetry, PipelineState(database), policy, now_ms)
        self._satisfying = Satisfying(telemetry, self._ask)
        self._recorder = StoreRecorder(lambda: querying.store)
        self._watched: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        self._satisfaction: tuple[SatisfactionNow, ...] = ()
        self._cost: CostNow | None = None
        self._pipelines: tuple[int, tuple[PipelineNow, ...]] = (0, ())
        """Counted when somebody had told so often."""
        self._now: BusinessNow | None = None
        self._thread = threading.Thread(target=self._run, name="business", daemon=True)
        self.statsd: StatsdListener | None = None
        self.on_round: list[Callable[[BusinessNow], None]] = []

    # --- life

    def start(self) -> None:
        """Begin. An address for StatsD that cannot be had is said, and stops nothing else."""
        listen = self._policy().statsd_listen
        if listen:
            try:
                self.statsd = StatsdListener(listen, self.pipelining.keep, self._now_ms)
                self.statsd.start()
            except MissingError as error:
                log.error("statsd_not_listening", reason=error.message)
                self._problems["statsd"] = error.message
        self._thread.start()

    def stop(self) -> None:
        """Stop, cancel probes that run, wait."""
        self._stop.set()
        self._wake.set()
        if self.statsd is not None:
            self.statsd.stop()
        if self._thread.is_alive():
            self._thread.join(10.0)
        self.probing.close()

    def _run(self) -> None:
        round_ms = look_ms = 0
        while not self._stop.is_set():
            now_ms = self._now_ms()
            self._wake.clear()
            try:
                if now_ms - round_ms >= ROUND_MS or now_ms < round_ms:
                    round_ms = look_ms = now_ms // ROUND_MS * ROUND_MS
                    self.round(now_ms)
                elif now_ms - look_ms >= LOOK_MS or now_ms < look_ms:
                    look_ms = now_ms
                    self.look_around()
                self.probing.tick()
            except TrimtabError as error:
                log.warning("business_round_failed", reason=error.message)
            except Exception:  # a fault of ours must not end the thread; it is logged
                log.exception("business_round_broke")
            self._wake.wait(TICK_S)

    # --- look

    @property
    def now(self) -> BusinessNow:
        """What is known; probes and runs that were told are of this moment, the rest of the last round."""
        now_ms = self._now_ms()
        if self._pipelines[0] != self.pipelining.told_count:
            with Told(self._problems, "pipelines_count"):
                self._count_pipelines(now_ms)
        last = self._now
        probes = tuple(sorted(self.probing.now.values(), key=lambda one: one.probe.name))
        systems, tables = scores_of(probes, self._files.whole.weights, now_ms)
        return BusinessNow(
            at_ms=0 if last is None else last.at_ms,
            probes=probes,
            systems=tuple(systems),
            tables=tuple(tables),
            cost=self._cost or self._bare_cost(now_ms),
            satisfaction=self._satisfaction,
            pipelines=self._pipelines[1],
            files=self._files.status,
            problems=tuple(sorted(self._problems.items())),
        )

    def _count_pipelines(self, now_ms: int) -> None:
        told = self.pipelining.told_count
        self._pipelines = (told, self.pipelining.now(now_ms))

    def _bare_cost(self, now_ms: int) -> CostNow:
        return self.spending.now(None, self._files.whole.budget, (), now_ms)

    def warnings(self) -> tuple[str, ...]:
        """Files that are not in force as they are now."""
        return tuple(
            f"{one.file} (business.files) is wrong: {one.problems[0].placed}{_more(len(one.problems) - 1)}"
            f"{'; what it said before stays in force' if one.count else ''}"
            for one in self._files.status
            if one.problems
        )

    def probe(self, name: str) -> ProbeNow:
        """One probe; NotFound where there is none."""
        found = self.probing.now.get(name)
        if found is None:
            raise NotFound(f"there is no probe {name!r}", probe=name)
        return found

    # --- do

    def run_probe(self, name: str) -> Measured:
        """Run one now, and wait for it. NotFound; InputError where it cannot run now, with the reason."""
        self.probe(name)
        begun = self.probing.run_now(name, RUN_WAIT_S)
        if isinstance(begun, str):
            raise InputError(f"{name} cannot run now: {begun}", probe=name)
        return begun.result(RUN_TIMEOUT_S)

    def look_around(self) -> None:
        """Read files that changed; ask again what a system did not answer that is watched otherwise than before."""
        if self._files.look() or self._now is None:
            self.probing.define(self._files.whole.probes)
        watched = {one.name: one.watch_reference for one in self._state.systems()}
        self.probing.hasten({name for name, reference in watched.items() if self._watched.get(name) != reference})
        self._watched = watched

    def tick(self) -> None:
        """Begin probes that are due."""
        self.probing.tick()

    def round(self, now_ms: int) -> BusinessNow:
        """Count everything anew and write the series. What cannot be counted is said, and stops nothing else."""
        said = self._files.whole
        with Told(self._problems, "files"):
            self.look_around()
            said = self._files.whole
        watched = [system.name for system in self._state.systems()]
        with Told(self._problems, "cost"):
            self.spending.count(now_ms)
            self._cost = self.spending.now(said.prices, said.budget, watched, now_ms)
        with Told(self._problems, "pipelines"):
            self.pipelining.look(self._ask_range, now_ms)
        with Told(self._problems, "pipelines_count"):
            self._count_pipelines(now_ms)
        with Told(self._problems, "satisfaction"):
            self._satisfaction = self._satisfying.now(said.satisfaction, now_ms)
        with Told(self._problems, "series"):
            self.record(now_ms)
        self._now = replace(self.now, at_ms=now_ms)
        for heard in self.on_round:
            heard(self._now)
        return self._now

    def record(self, now_ms: int) -> None:
        """Write all series at a moment. StoreError where they cannot be."""
        now = self.now
        samples = [
            *series.of_probes(now.probes, now_ms),
            *series.of_rollbacks(self.probing.rolled_back),
            *series.of_scores(now.systems, now.tables),
            *series.of_cost(now.cost),
            *series.of_satisfaction(now.satisfaction),
            *series.of_pipelines(now.pipelines),
        ]
        if samples:
            self._recorder.record(samples, now_ms)

    # --- what it asks

    def _reference_of(self, system: str) -> Reference:
        """NotFound, with those that are there, where it is not watched."""
        systems = {one.name: one for one in self._state.systems()}
        if system not in systems:
            names = ", ".join(map(repr, sorted(systems)))
            there = f"watched: {names}" if names else "no system is watched (trimtab watch DSN --name NAME)"
            raise NotFound(f"no system named {system!r} is watched; {there}", system=system)
        return Reference.parse(systems[system].watch_reference)

    def _holding(self, system: str) -> str:
        """Why nothing may run on a system now: probes would be among what a change is measured by."""
        frozen = self._state.kill_switch()
        if frozen is not None:
            return f"everything is frozen ({frozen})"
        if any(one.system == system for one in Freezes(self._state.database).on()):
            return f"{system} is frozen"
        if self._state.changes(in_flight=True, system=system, limit=1):
            return f"a change of {system} is in flight"
        return ""

    def _ask(self, query: str, at_ms: int) -> float | None:
        answer = self._querying.instant(query, at_ms, Wish(timeout_s=10.0), self._stop.is_set)
        values = answer.values[answer.present]
        if len(values) > 1:
            raise InputError(f"the query found {len(values)} series; one number is wanted (avg, sum, max)")
        return float(values[0]) if len(values) else None

    def _ask_range(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        return self._querying.range(query, start_ms, end_ms, step_ms, Wish(timeout_s=20.0), self._stop.is_set)


def _more(count: int) -> str:
    """How many other problems there are, for whoever reads of the first.

    >>> _more(0), _more(1)
    ('', ', and 1 other problem')
    """
    return f", and {count} other problem{'s' if count > 1 else ''}" if count else ""
