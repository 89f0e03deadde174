"""Rules as the server evaluates them: on one thread, all groups that are due at one moment together.

Moments are multiples of a group's interval, so groups with one interval are due at the same ones: that is what lets
them share questions. A moment that comes while a round is still running is missed, and counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from trimtab.analyze.rules.asking import Asker
from trimtab.analyze.rules.results import Surroundings
from trimtab.analyze.rules.rounds import GroupState, Look, Moved, Recorder, Rounds, state_of
from trimtab.app.alerting.contract import AlertSource
from trimtab.app.alerting.machine import AlertMachine
from trimtab.app.alerting.recorder import StoreRecorder
from trimtab.app.alerting.rule_book import RuleBook
from trimtab.model.errors import TrimtabError

FILES_EVERY_S = 5.0
WAIT_S_MAX = 1.0
"""The clock may be set while we wait."""
STOP_TIMEOUT_S = 8.0

log = structlog.get_logger()


@dataclass(slots=True)
class SourceState:
    """A source of alerts beside the rules, and how it is doing."""

    source: AlertSource
    evaluated_at_ms: int = 0
    took_s: float = 0.0
    error: str = ""


Due = GroupState | SourceState


class Rules:
    """All that is evaluated again and again. Thread-safe."""

    def __init__(
        self,
        book: RuleBook,
        asker: Asker,
        recorder: Recorder,
        machine: AlertMachine,
        around: Surroundings,
        *,
        interval_ms: int,
        now_ms: Callable[[], int],
        changed: Callable[[], None] = lambda: None,
        recorder_of_own: StoreRecorder | None = None,
    ) -> None:
        self.book, self.machine = book, machine
        self.own_recorder = recorder_of_own
        self._recorder = recorder
        self._keeper = _Keeper(machine, changed)
        self._rounds = Rounds(asker, recorder, self._keeper, around)
        self._interval_ms, self._now_ms = interval_ms, now_ms
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.groups: list[GroupState] = []
        self.sources: list[SourceState] = []
        self.problem = ""
        """Why the last round could not be asked, or recorded."""
        self.rounds_count = 0
        self.evaluations_count = 0
        self.missed_count = 0
        self.round_s = 0.0
        self.round_cpu_s = 0.0

    # --- life ------------------------------------------------------------------------------------------------------

    def add_source(self, source: AlertSource) -> None:
        """Ask this one, too."""
        with self._lock:
            self.sources.append(SourceState(source))

    def start(self) -> None:
        """Begin to evaluate, in the background."""
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End with the round that is running. Before the stores are closed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        files_at_s = -FILES_EVERY_S
        before_ms = self._now_ms()
        while not self._stop.is_set():
            if time.monotonic() - files_at_s >= FILES_EVERY_S:
                files_at_s = time.monotonic()
                self._guarded(self.look_at_files)
            now_ms = self._now_ms()
            due = self.due(before_ms, now_ms)
            before_ms = now_ms
            for at_ms, states in due.items():
                self._guarded(partial(self.evaluate, at_ms, states))
            if not due:
                self._stop.wait(min(WAIT_S_MAX, self._next_in_s(self._now_ms())))

    @staticmethod
    def _guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  (a thread that ends would end all alerts; it is told, and goes on)
            log.error("rules_failed", error=repr(error))

    # --- files -----------------------------------------------------------------------------------------------------

    def look_at_files(self) -> bool:
        """Read what changed; groups and rules that stayed go on where they were."""
        if not self.book.look():
            return False
        for file in self.book.files:
            if file.error:
                log.error("rule_file_refused", file=file.path, reason=file.error)
        with self._lock:
            before = {(one.group.file, one.group.name): one for one in self.groups}
            rules_before = {rule.origin: rule for group in self.groups for rule in group.rules}
            self.groups = [state_of(group, self._interval_ms) for group in self.book.groups]
            for state in self.groups:
                old = before.get((state.group.file, state.group.name))
                if old is not None:
                    state.evaluated_at_ms, state.took_s = old.evaluated_at_ms, old.took_s
                    state.evaluations_count, state.missed_count = old.evaluations_count, old.missed_count
                for rule in state.rules:
                    known = rules_before.get(rule.origin)
                    if known is not None:
                        rule.given, rule.error = known.given, known.error
                        rule.evaluated_at_ms, rule.samples_count = known.evaluated_at_ms, known.samples_count
            mine = {rule.origin for group in self.groups for rule in group.rules}
            gone = [origin for origin in self.machine.origins() if origin.startswith("rule:") and origin not in mine]
        if gone and not any(file.error for file in self.book.files):
            at_ms = self._now_ms()
            moved = self.machine.retire(gone, at_ms)
            if moved.series:
                self._recorder.record(moved.series, at_ms)
        return True

    # --- rounds ----------------------------------------------------------------------------------------------------

    def due(self, before_ms: int, now_ms: int) -> Mapping[int, Sequence[Due]]:
        """What is due after `before_ms`, up to `now_ms`: by moment, the newest of each only.

        A clock that went back makes nothing due until the next multiple.
        """
        found: dict[int, list[Due]] = {}
        with self._lock:
            for state in self._all():
                every_ms = _every_ms(state)
                at_ms = now_ms // every_ms * every_ms
                if at_ms <= before_ms:
                    continue
                found.setdefault(at_ms, []).append(state)
                missed = (at_ms - max(before_ms, state.evaluated_at_ms)) // every_ms - 1
                if missed > 0 and state.evaluated_at_ms and isinstance(state, GroupState):
                    self.missed_count += missed
                    state.missed_count += missed
        return {at_ms: found[at_ms] for at_ms in sorted(found)}

    def _next_in_s(self, now_ms: int) -> float:
        with self._lock:
            everies = [_every_ms(state) for state in self._all()]
        return min((every - now_ms % every for every in everies), default=1000) / 1000

    def _all(self) -> list[Due]:
        return [*self.groups, *self.sources]

    def evaluate(self, at_ms: int, due: Sequence[Due]) -> None:
        """One round at one moment."""
        began_s, began_cpu_s = time.monotonic(), time.thread_time()
        groups = [state for state in due if isinstance(state, GroupState)]
        self.problem = ""
        if groups:
            try:
                self._rounds.evaluate(groups, at_ms)
                self.evaluations_count += sum(len(group.rules) for group in groups)
            except TrimtabError as error:
                self.problem = error.message
                log.warning("rules_not_evaluated", reason=error.message, at_ms=at_ms)
        sources = [state for state in due if isinstance(state, SourceState)]
        if sources:
            self._ask(sources, at_ms)
        self.rounds_count += 1
        self.round_s, self.round_cpu_s = time.monotonic() - began_s, time.thread_time() - began_cpu_s

    def _ask(self, states: Sequence[SourceState], at_ms: int) -> None:
        looks: dict[str, Look] = {}
        for state in states:
            began_s = time.monotonic()
            state.error = ""
            try:
                active = state.source.evaluate(at_ms)
                if active is not None:
                    looks[state.source.origin] = Look(active, 0, state.source.every_ms)
            except TrimtabError as error:
                state.error = error.message
                log.warning("alert_source_failed", source=state.source.origin, reason=error.message)
            state.evaluated_at_ms, state.took_s = at_ms, time.monotonic() - began_s
        try:
            moved = self._keeper.moved(looks, at_ms)
            if moved.series:
                self._recorder.record(moved.series, at_ms)
        except TrimtabError as error:
            self.problem = error.message
            log.warning("alerts_not_kept", reason=error.message, at_ms=at_ms)


def _every_ms(state: Due) -> int:
    return state.interval_ms if isinstance(state, GroupState) else state.source.every_ms


class _Keeper:
    """The machine, and somebody who is told when anything changed."""

    def __init__(self, machine: AlertMachine, changed: Callable[[], None]) -> None:
        self._machine, self._changed = machine, changed

    def moved(self, looks: Mapping[str, Look], at_ms: int) -> Moved:
        """See `rounds.AlertKeeper`."""
        before = self._machine.changes_count
        moved = self._machine.moved(looks, at_ms)
        if self._machine.changes_count != before:
            self._changed()
        return moved
