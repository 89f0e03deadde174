"""The loop of one system: notice, advise, act. Each part runs in a thread of its own, since a build can take an hour.

What is decided here is only *when*; what to change is `advise`, how to change it safely is `act`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from trimtab.act.earlier_tries import remember
from trimtab.act.machine import Machine
from trimtab.advise.index.advice import Advice
from trimtab.advise.index.advisor import advise
from trimtab.analyze.queries.slow import find_slow_shapes
from trimtab.app.advice_record import RecordKeeper
from trimtab.app.own.keeper import Own
from trimtab.app.plans import PlanBook
from trimtab.app.proposal_trials import tried_on_clone
from trimtab.app.slow_look import SlowLook
from trimtab.app.watched import Watched
from trimtab.app.write_rates import write_rates
from trimtab.extend.contracts import Clock
from trimtab.model.case import Case, CaseState, Verdict
from trimtab.model.change import Autonomy, Change, ChangeState, Proposal
from trimtab.model.errors import ActError, MissingError, TrimtabError
from trimtab.model.finding import FindingKind
from trimtab.model.policy import Policy
from trimtab.model.query import SlowQuery
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore

ADVISE_RETRY_MS = 60_000
DETECT_SLICES = 5
"""Findings are looked for every so many slices."""
OPEN_CASES_MAX = 200
BOUND_SEEN_MIN = 3
"""So many statements seen with bound parameters, and none with literals, say that none will be."""
ONLY_LOOK = "policy lets trimtab only look here (create_index.autonomy is 'observe')"

log = structlog.get_logger()


class SystemLoop:
    """Notice and advise in one thread, act in another."""

    def __init__(
        self,
        watched: Watched,
        telemetry: TelemetryStore,
        state: State,
        machine: Machine,
        policy_of: Callable[[str], Policy],
        clock: Clock,
        plans: PlanBook,
        own: Own,
    ) -> None:
        self.watched = watched
        self.telemetry = telemetry
        self.state = state
        self.machine = machine
        self.clock = clock
        self.plans = plans
        self.own = own
        self.record = RecordKeeper(state)
        self.last_error: str | None = None
        self.slow_look: SlowLook | None = None
        self._policy_of = policy_of
        self._stop = threading.Event()
        self._retry_at_ms: dict[int, int] = {}
        self._twins: dict[int, str] = {}
        name = watched.system.name
        slice_s = self.policy.watch.slice_s
        self._threads = [
            threading.Thread(
                target=self._repeat, args=(self.think, slice_s * DETECT_SLICES), name=f"think-{name}", daemon=True
            ),
            threading.Thread(target=self._repeat, args=(self.act, slice_s), name=f"act-{name}", daemon=True),
        ]

    @property
    def policy(self) -> Policy:
        """What is in force for this system now."""
        return self._policy_of(self.watched.system.name)

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop after the step that runs now; what is in flight goes on after the next start."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout_s)

    def _repeat(self, step: Callable[[], None], seconds: float) -> None:
        while not self._stop.wait(seconds):
            try:
                self._step(step)
                self.last_error = None
            except TrimtabError as error:
                if self.last_error != error.message:
                    log.warning("loop_step_failed", system=self.watched.system.name, error=error.message)
                self.last_error = error.message
            except Exception as error:  # a fault of ours must not stop the loop; it is logged and shown
                log.exception("loop_step_broke", system=self.watched.system.name)
                self.last_error = f"internal error: {type(error).__name__}"

    def _step(self, step: Callable[[], None]) -> None:
        name = step.__name__
        with self.own.step(f"loop {name}", "trimtab_loop_step_seconds", system=self.watched.system.name, step=name):
            step()

    # --- notice and advise

    def think(self) -> None:
        """Open cases for what is slow now, and ask for advice where enough is known."""
        self.detect()
        cases = self.state.cases(states=[CaseState.OPEN], system=self.watched.system.name, limit=OPEN_CASES_MAX)
        cases = tuple(case for case in cases if case.kind != FindingKind.OBJECTIVE_BURNING)  # queries have advice
        for case in sorted(cases, key=lambda case: case.id):  # of those found together the heaviest was opened first
            if self._stop.is_set():
                return
            try:
                self.advise(case)
            except Exception as error:  # one case that breaks must not keep the others from advice
                log.exception("advice_broke", system=case.system, case=case.id)
                self._put_off(case, f"internal error ({type(error).__name__}), see the log")

    def detect(self) -> None:
        """One look at the last window."""
        name = self.watched.system.name
        now_ms = self.clock.now_ms()
        policy = self.policy
        slices = self.telemetry.slices(name, now_ms - int(policy.detect.window_s * 1000), now_ms)
        findings = find_slow_shapes(name, slices, self.watched.shapes(), policy.detect, now_ms)
        ends = slices.ended_at_ms
        seen_until_ms = int(ends[-1]) if len(ends) else None
        self.slow_look = SlowLook(now_ms, len(ends), policy.detect.slices_min, seen_until_ms, findings)
        for finding in findings:
            known = self.state.case_of_shape(name, finding.fingerprint)
            if known is not None:
                closed = known.state is CaseState.CLOSED
                if not closed or now_ms - known.updated_at_ms < policy.advise.reopen_after_s * 1000:
                    continue
            shape = self.watched.shapes()[finding.fingerprint]
            self.state.open_case(finding, shape.text)

    def advise(self, case: Case) -> None:
        """Ask for advice on one open case: a proposal, a plain 'nothing helps', or what is missing."""
        now_ms = self.clock.now_ms()
        if now_ms < self._retry_at_ms.get(case.id, 0):
            return
        policy = self.policy
        if policy.create_index.autonomy is Autonomy.OBSERVE:
            self._only_look(case)
            return
        waits_for = self._twins.get(case.id)
        if waits_for is not None and not self.state.change(waits_for).state.is_final:
            return
        samples = self.watched.watcher.samples(case.fingerprint)
        waited_s = (now_ms - case.opened_at_ms) / 1000
        if (
            len(samples) < policy.advise.samples_min
            and waited_s < policy.advise.samples_wait_s
            and not self._only_bound(case, samples)
        ):
            return
        query = self._slow_query(case, samples, now_ms)
        if query is None:
            return
        try:
            advice = self._asked(case, query, now_ms)
        except MissingError as error:
            self._put_off(case, error.message)
            return
        self.plans.before(self.watched, case.fingerprint)
        if not advice.proposals:
            self.state.update_case(case.id, verdict=Verdict.NO_ADVICE, reason=advice.reason)
            return
        proposals = remember(self.state, advice.proposals)
        twin = self._twin(case, proposals[0])
        if twin is not None:
            self._twins[case.id] = twin.id
            self._put_off(case, f"case {twin.case_id} proposes the same index; asked again once that is decided")
            return
        self.state.update_case(case.id, state=CaseState.PROPOSED, proposals=proposals)
        change = self.machine.propose(case.id, proposals[0])
        held = policy.create_index.autonomy is Autonomy.AUTO and self.machine.earlier(change) is not None
        if held or policy.create_index.autonomy is Autonomy.APPROVE:
            log.warning(
                "needs_your_yes", system=case.system, case=case.id, change=change.id, summary=change.proposal.summary
            )

    def _only_bound(self, case: Case, samples: tuple[str, ...]) -> bool:
        """Whether the application binds the parameters of this shape: then waiting brings no literals."""
        return not samples and self.watched.watcher.bound_count(case.fingerprint) >= BOUND_SEEN_MIN

    def _twin(self, case: Case, proposal: Proposal) -> Change | None:
        """Another case's change that would build the very same index, and is not decided yet."""
        alive = self.state.changes(alive=True, system=case.system)
        return next((c for c in alive if c.case_id != case.id and c.proposal.index == proposal.index), None)

    def _asked(self, case: Case, query: SlowQuery, now_ms: int) -> Advice:
        with self.own.step("advice", "trimtab_advice_seconds", system=case.system) as span:
            span.set(case=case.id, fingerprint=case.fingerprint)
            with self.watched.connect_to_advise() as connection:
                advice = advise(
                    connection,
                    query,
                    system=case.system,
                    writes=write_rates(self.telemetry, case.system, now_ms),
                )
                advice = self.record.corrected(advice, now_ms)
                advice = tried_on_clone(advice, query, connection, self.policy.advise, self.record, now_ms)
            span.set(proposals_count=len(advice.proposals), what_if_calls=advice.what_if_calls)
            span.keep()
            return advice

    def _only_look(self, case: Case) -> None:
        """A finding is all there is; once policy lets trimtab propose, advice is asked for."""
        if case.reason != ONLY_LOOK:
            self.state.update_case(case.id, reason=ONLY_LOOK)

    def _put_off(self, case: Case, reason: str) -> None:
        self._retry_at_ms[case.id] = self.clock.now_ms() + ADVISE_RETRY_MS
        self.state.update_case(case.id, reason=f"no advice yet: {reason}")

    def _slow_query(self, case: Case, samples: tuple[str, ...], now_ms: int) -> SlowQuery | None:
        shape = self.watched.shapes().get(case.fingerprint)
        start_ms = now_ms - int(self.policy.detect.window_s * 1000)
        slices = self.telemetry.slices(case.system, start_ms, now_ms, [case.fingerprint])
        calls = int(slices.calls.sum())
        if shape is None or calls == 0:
            return None
        return SlowQuery(
            text=shape.text,
            calls=calls,
            window_s=float((slices.ended_at_ms - slices.started_at_ms).sum()) / 1000,
            mean_exec_time_ms=float(slices.total_exec_time_ms.sum()) / calls,
            name=case.fingerprint,
            samples=samples,
        )

    # --- act

    def act(self) -> None:
        """Move what is in flight one step; else start the allowed change that saves the most."""
        name = self.watched.system.name
        self.machine.reap()
        alive = self.state.changes(alive=True, system=name)
        flying = [change for change in alive if change.state.is_in_flight]
        if flying:
            for change in flying:
                moved = self._advance(change)
                if moved.state is ChangeState.WATCHING:
                    self.plans.after(self.watched, moved)
            return
        for change in sorted(alive, key=lambda c: -c.proposal.gain_ms_per_s):
            try:
                moved = self._advance(change)
            except ActError as error:
                log.info("change_waits", change=change.id, reason=error.message)
                continue
            if moved.state is not change.state:
                return

    def _advance(self, change: Change) -> Change:
        """One step of a change; the trace of one that moved is kept."""
        with self.own.traces.span("change", change=change.id, system=change.system) as span:
            moved = self.machine.advance(change.id)
            if moved.state is not change.state:
                span.set(state_before=change.state.value, state_after=moved.state.value)
                span.keep()
            return moved
