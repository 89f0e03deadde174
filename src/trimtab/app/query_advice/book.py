"""Advice on queries of watched systems: asked for by a person, kept until it is asked again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import structlog

from trimtab.advise.index.session import Connection
from trimtab.advise.verify.private_server import private_database
from trimtab.app.advice_record import RecordKeeper
from trimtab.app.plans import QUERYABLE_S, PlanBook
from trimtab.app.query_advice.asking import Asked, QueryAdvice, advice_on
from trimtab.app.watched import Watched
from trimtab.app.write_rates import write_rates
from trimtab.extend.contracts import Clock
from trimtab.model.errors import Busy, InputError, MissingError, NotFound, StoreError
from trimtab.model.estimates import Estimate
from trimtab.model.policy import Policy
from trimtab.model.query import SlowQuery
from trimtab.stats.prediction_record import Comparison
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

KEPT_MAX = 200
QUERIES_MAX = 100
RECORD_ROWS = 50

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RecordStory:
    """What the record says: how many predictions of one query, and how good all of them were so far."""

    estimates: tuple[Estimate, ...]
    measured_count: int
    score: Comparison


class AdviceBook:
    """Thread-safe. One question at a time to each system; nothing is built anywhere."""

    def __init__(
        self,
        state: State,
        telemetry: TelemetryStore,
        watched: Mapping[str, Watched],
        policy_of: Callable[[str], Policy],
        clock: Clock,
        plans: PlanBook,
    ) -> None:
        self._state = state
        self._telemetry = telemetry
        self._watched = watched
        self._policy_of = policy_of
        self._clock = clock
        self._plans = plans
        self.record = RecordKeeper(state)
        self._kept: OrderedDict[tuple[str, str], QueryAdvice] = OrderedDict()
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def latest(self, system: str, fingerprint: str) -> QueryAdvice | None:
        """The last advice on a query since the server was started."""
        with self._lock:
            return self._kept.get((system, fingerprint))

    def ask(self, system: str, fingerprint: str) -> QueryAdvice:
        """Advice on a query of a watched system now; its plan is kept in the store, as that of a case is.

        Raises NotFound, Busy, or what a connection raises.
        """
        watched = self._watched_of(system)
        shape = watched.shapes().get(fingerprint)
        if shape is None:
            raise NotFound(f"system {system!r} has no query {fingerprint[:50]!r}", fingerprint=fingerprint[:50])
        now_ms = self._clock.now_ms()
        start_ms = now_ms - int(self._policy_of(system).detect.window_s * 1000)
        slices = self._telemetry.slices(system, start_ms, now_ms, [fingerprint])
        calls = int(slices.calls.sum())
        query = SlowQuery(
            text=shape.text,
            calls=max(calls, 1),
            window_s=max(float((slices.ended_at_ms - slices.started_at_ms).sum()) / 1000, 1.0),
            mean_exec_time_ms=float(slices.total_exec_time_ms.sum()) / calls if calls else None,
            name=fingerprint,
            samples=watched.watcher.samples(fingerprint),
        )
        made = self._asked(watched, [query])[0]
        with self._lock:
            self._kept[system, fingerprint] = made
            self._kept.move_to_end((system, fingerprint))
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        self._keep_plan(watched, fingerprint)
        return made

    def optimize(self, system: str, queries: Sequence[SlowQuery]) -> tuple[QueryAdvice, ...]:
        """Advice on texts that somebody sends, in their order; they are kept nowhere."""
        if len(queries) > QUERIES_MAX:
            raise InputError(f"{len(queries)} queries, the limit is {QUERIES_MAX}", limit=QUERIES_MAX)
        return tuple(self._asked(self._watched_of(system), queries))

    def story(self, system: str, fingerprint: str) -> RecordStory:
        """What was predicted and measured for a query."""
        corrections = self.record.corrections()
        try:
            estimates = self.record.record.of_query(system, fingerprint, RECORD_ROWS)
        except StoreError:
            estimates = ()
        return RecordStory(estimates, corrections.count, corrections.score())

    def _watched_of(self, system: str) -> Watched:
        self._state.system(system)
        watched = self._watched.get(system)
        if watched is None:
            raise NotFound(f"system {system!r} is not watched yet", system=system)
        return watched

    def _asked(self, watched: Watched, queries: Sequence[SlowQuery]) -> list[QueryAdvice]:
        system = watched.system.name
        now_ms = self._clock.now_ms()
        record = self.record.corrections()
        writes = write_rates(self._telemetry, system, now_ms)
        runs = self._policy_of(system).plans.analyze
        made: list[QueryAdvice] = []
        with self._alone(system), watched.connect_to_advise() as connection, ExitStack() as stack:
            private = _Private(connection.info.server_version // 10_000, stack)
            for query in queries:
                advice, estimates = advice_on(
                    connection, query, Asked(system, record, now_ms, writes, private, run_on_real_data=runs)
                )
                made.append(advice)
                self._keep(estimates)
        return made

    def _keep_plan(self, watched: Watched, fingerprint: str) -> None:
        """Take and keep the plan; advice stands without it, too."""
        self._plans.before(watched, fingerprint)
        try:
            self._telemetry.flush(QUERYABLE_S)
        except StoreError as error:
            log.info("plan_seen_later", reason=error.message)

    def _keep(self, estimates: Sequence[Estimate]) -> None:
        try:
            self.record.record.keep(estimates)
        except StoreError as error:
            log.warning("advice_record", problem=error.message)

    @contextmanager
    def _alone(self, system: str) -> Iterator[None]:
        with self._lock:
            if system in self._busy:
                raise Busy(f"advice on another query of {system!r} is being made: try again in a moment")
            self._busy.add(system)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(system)


class _Private:
    """A private database for certificates, made when the first one is wanted; None where this machine has no server."""

    def __init__(self, major: int, stack: ExitStack) -> None:
        self._major = major
        self._stack = stack
        self._made: Connection | None = None
        self._was_asked = False

    def __call__(self) -> Connection | None:
        if not self._was_asked:
            self._was_asked = True
            try:
                self._made = self._stack.enter_context(private_database(self._major))
            except MissingError as error:
                log.info("no_private_database", reason=error.message)
        return self._made
