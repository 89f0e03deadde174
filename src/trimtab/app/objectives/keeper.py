"""Keeps objectives counted: every minute the new slice of all of them, again the last few (samples come late), from
time to time the last hour, and history step by step where an objective is new.

    files ──▶ objectives ──▶ count new slices ──▶ objective_slices (store) ──▶ progress (state) ──▶ book ──▶ board

Counts are durable before the progress says so: a crash in between counts those slices again, which changes nothing.
Time is passed in (`round(at_ms)`); a clock that goes back counts nothing until it is where it was.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import structlog

from trimtab.analyze.slo.slice_book import FIVE_MS, HOUR_MS, SliceBook
from trimtab.app.objectives.asking import Asking
from trimtab.app.objectives.board import ObjectiveNow, board_of
from trimtab.app.objectives.counter import Counter, Slices
from trimtab.app.objectives.files import FileStatus, ObjectiveFiles
from trimtab.model.errors import MissingError, NotFound, NotYet, StoreError
from trimtab.model.objectives import SLICE_MS, Exclusion, Objective
from trimtab.store import objective_slices
from trimtab.store.objective_state import ObjectiveState, Progress
from trimtab.store.telemetry import TelemetryStore

SETTLE_MS = 10_000
"""A slice is counted this long after its end."""
AGAIN_SLICES = 5
"""With each new slice, so many before it are counted again."""
AGAIN_MS_MAX = 11 * HOUR_MS
"""After a longer gap nothing before it is counted again: the book has no minutes of then that could be replaced."""
LATE_SLICES, LATE_EVERY_MS = 60, 900_000
"""And from time to time so many: samples that come later than that are not counted any more."""
CHUNK_SLICES = 720
"""History and gaps are counted in pieces of this many slices."""
HISTORY_S = 3.0
"""So long a round may count history."""
TICK_S = 5.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where everything stands: what pages, alerts and guards read. It is never changed, only replaced."""

    at_ms: int = 0
    objectives: Mapping[str, ObjectiveNow] = field(default_factory=dict)
    files: tuple[FileStatus, ...] = ()
    error: str | None = None
    round_cpu_s: float = 0.0


class Objectives:
    """All objectives of a server. Thread-safe."""

    def __init__(
        self,
        telemetry: TelemetryStore,
        state: ObjectiveState,
        files: ObjectiveFiles,
        counter: Counter,
        now_ms: Callable[[], int],
        history_days: Callable[[], int],
    ) -> None:
        self._telemetry, self._state, self._files, self._counter = telemetry, state, files, counter
        self._now_ms, self._history_days = now_ms, history_days
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._defined: tuple[Objective, ...] = ()
        self._objectives: tuple[Objective, ...] = ()
        self._definitions: dict[str, str] = {}
        self._rows: dict[str, int] = {}
        self._progress: dict[str, Progress] = {}
        self._excluded: dict[str, list[Exclusion]] = {}
        self._problems: dict[str, str] = {}
        self._book = SliceBook(0, 1)
        self._late_at_ms = 0
        self._is_taken = False
        self._standing = Standing()
        self._news = threading.Event()
        self._wanted, self._looked = object(), object()  # the same once files were read as they were last asked for
        self.on_round: list[Callable[[Standing], None]] = []
        """Called after each round, on its thread: cases are opened here."""

    # --- life

    def start(self) -> None:
        """Begin to count, on a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="objectives", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Stop after the round that runs now."""
        self._stop.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._news.clear()
            try:
                self.round(self._now_ms())
            except Exception as error:  # a fault of ours must not end the counting; it is logged and shown
                log.exception("objectives_round_broke")
                self._standing = replace(self._standing, error=f"internal error: {type(error).__name__}")
            if not self._stop.is_set():
                self._news.wait(TICK_S)

    def ask_instead(self, other: Callable[[], Asking | None]) -> None:
        """Metrics are asked of this one, wherever there is one at that moment."""
        own = self._counter.asking
        self._counter.asking = lambda: other() or own()

    # --- look

    @property
    def standing(self) -> Standing:
        """Where all stand after the last round."""
        return self._standing

    @property
    def is_behind(self) -> bool:
        """Whether files have yet to be read: after a start, and after `look_soon`."""
        return self._looked is not self._wanted

    def look_soon(self) -> None:
        """Files were written: read them at once, not at the next tick."""
        self._wanted = object()
        self._news.set()

    def named(self, name: str) -> ObjectiveNow:
        """One objective; NotFound where there is none, NotYet where files have yet to be read."""
        is_behind, found = self.is_behind, self._standing.objectives.get(name)
        if found is None and is_behind:
            raise NotYet(f"objective {name!r} is being set up: files of objectives are being read", objective=name)
        if found is None:
            raise NotFound(f"there is no objective {name!r}", objective=name)
        return found

    def line(self, name: str, step_ms: int, start_ms: int, end_ms: int) -> objective_slices.SliceSums:
        """Counts of one objective by slots, as the store has them (exclusions are among them)."""
        progress = self.named(name).progress
        if progress is None:
            progress = Progress(definition_of(self.named(name).objective), 0, 0)
        return objective_slices.sums(self._telemetry, [name], [progress], step_ms, start_ms, end_ms)

    # --- what people do

    def define(self, objectives: Sequence[Objective]) -> None:
        """Objectives that are not from a file, in place of those that were given this way before."""
        with self._lock:
            self._defined = tuple(objectives)
            self._is_taken = False

    def exclude(self, name: str, exclusion: Exclusion) -> Exclusion:
        """Take time out of an objective."""
        with self._lock:
            self.named(name)
            made = self._state.exclude(name, exclusion, self._now_ms())
            self._reload_exclusions([name])
            self._stand()
            return made

    def include(self, name: str, number: int, by: str) -> None:
        """Take an exclusion back."""
        with self._lock:
            self._state.include(name, number, by, self._now_ms())
            self._reload_exclusions([name])
            self._stand()

    # --- a round

    def round(self, at_ms: int) -> None:
        """Read files that changed, count what is due, and look at where all stand."""
        began = time.thread_time()
        with self._lock:
            before, end_ms = self._standing, (at_ms - SETTLE_MS) // SLICE_MS * SLICE_MS
            is_new = end_ms > before.at_ms
            error, has_changed = None, False
            try:
                has_changed = self._count(end_ms, is_new=is_new)
            except (StoreError, MissingError) as failed:
                if failed.message != before.error:
                    log.warning("objectives_not_counted", error=failed.message)
                error = failed.message
            if has_changed or self._files.status != before.files:
                self._stand(max(end_ms, before.at_ms))
            kept_s = time.thread_time() - began if is_new and error is None else before.round_cpu_s
            self._standing = replace(self._standing, error=error, round_cpu_s=kept_s)
            standing = self._standing
        for heard in self.on_round:
            heard(standing)

    def _count(self, end_ms: int, *, is_new: bool) -> bool:
        """What is due; whether something may stand otherwise now."""
        wanted = self._wanted
        is_other = self._files.look() or not self._is_taken
        if is_other:
            self._take()
            self._stand_uncounted(end_ms)
        self._looked = wanted
        if not self._objectives:
            return is_other
        if is_new or is_other:
            self._count_new(max(end_ms, self._standing.at_ms))
        return self._count_history(max(end_ms, self._standing.at_ms)) or is_new or is_other

    def _take(self) -> None:
        """Objectives were changed: a book of the new ones, with the counts of those that stay the same."""
        self._is_taken = False
        objectives = {one.name: one for one in (*self._defined, *self._files.objectives)}
        now_ms = self._now_ms()
        ordered = tuple(objectives[name] for name in sorted(objectives))
        hours = max([26, *(one.window.length_ms // HOUR_MS * 17 // 16 + 26 for one in ordered)])
        book = SliceBook(len(ordered), hours)
        definitions = {one.name: definition_of(one) for one in ordered}
        known = {**self._state.progress(), **self._progress}
        stays = {
            name: known[name]
            for name, found in definitions.items()
            if name in known and known[name].definition == found
        }
        fresh = []
        book.advance(max(now_ms, self._standing.at_ms))
        for row, one in enumerate(ordered):
            old = self._rows.get(one.name)
            if old is not None and self._definitions.get(one.name) == definitions[one.name]:
                book.copy_row(self._book, old, row)
            else:
                fresh.append(one.name)
        self._objectives, self._definitions, self._book = ordered, definitions, book
        self._rows = {one.name: row for row, one in enumerate(ordered)}
        self._progress = stays
        self._problems = {name: told for name, told in self._problems.items() if name in self._rows}
        self._excluded = self._all_exclusions()
        self._load([name for name in fresh if name in stays])
        self._is_taken = True
        log.info("objectives_in_force", objectives=len(ordered), new=len(fresh))

    def _all_exclusions(self) -> dict[str, list[Exclusion]]:
        stored = self._state.exclusions()
        return {one.name: [*one.exclusions, *stored.get(one.name, ())] for one in self._objectives}

    def _reload_exclusions(self, names: Sequence[str]) -> None:
        self._excluded = self._all_exclusions()
        self._load([name for name in names if name in self._progress])

    def _load(self, names: Sequence[str]) -> None:
        """Counts of these as the store has them, without what is excluded."""
        if not names:
            return
        self._telemetry.flush()
        for name in names:
            self._book.clear(self._rows[name])
        end_ms = self._standing.at_ms or self._now_ms()
        spans = {SLICE_MS: 13 * HOUR_MS, FIVE_MS: 120 * HOUR_MS, HOUR_MS: 400 * 24 * HOUR_MS}
        for step_ms, span_ms in spans.items():
            self._add(names, step_ms, step_ms, end_ms - span_ms, end_ms + HOUR_MS, 1.0)
        for name in names:
            for one in (one for one in self._excluded.get(name, ()) if not one.is_reset):
                for step_ms in spans:
                    self._add([name], step_ms, SLICE_MS, one.start_ms, one.end_ms, -1.0)

    def _add(self, names: Sequence[str], level_ms: int, step_ms: int, start_ms: int, end_ms: int, sign: float) -> None:
        progress = [self._progress[name] for name in names]
        found = objective_slices.sums(self._telemetry, names, progress, step_ms, start_ms, end_ms)
        rows = np.array([self._rows[name] for name in names], np.int64)
        self._book.load(level_ms, rows[found.rows], found.at_ms, found.values * sign)

    def _history_from(self, objective: Objective, end_ms: int) -> int:
        """How far back an objective shall be counted: to the start of its window."""
        start_ms, _ = objective.window.bounds(end_ms)
        oldest_ms = end_ms - self._history_days() * 24 * HOUR_MS
        return max(start_ms, oldest_ms, 0) // SLICE_MS * SLICE_MS

    def _count_new(self, end_ms: int) -> None:
        """New slices of all, and late samples of the last ones."""
        for one in self._objectives:
            if one.name not in self._progress:
                self._progress[one.name] = Progress(self._definitions[one.name], end_ms, end_ms)
        again = AGAIN_SLICES
        if end_ms - self._late_at_ms >= LATE_EVERY_MS:
            again, self._late_at_ms = LATE_SLICES, end_ms
        starts: dict[int, list[Objective]] = {}
        for one in self._objectives:
            progress = self._progress[one.name]
            start_ms = progress.counted_to_ms
            if end_ms - start_ms < AGAIN_MS_MAX:
                start_ms = max(start_ms - again * SLICE_MS, progress.counted_from_ms)
            start_ms = max(start_ms, self._history_from(one, end_ms))
            starts.setdefault(min(start_ms, end_ms), []).append(one)
        for start_ms, objectives in starts.items():
            at_ms = start_ms
            while at_ms < end_ms and not self._stop.is_set():
                count = min(CHUNK_SLICES, (end_ms - at_ms) // SLICE_MS)
                self._keep(objectives, self._counter.count(objectives, at_ms, count))
                at_ms += count * SLICE_MS
                self._set_progress(objectives, to_ms=at_ms)
            if at_ms >= end_ms:
                self._set_progress(objectives, to_ms=end_ms)

    def _count_history(self, end_ms: int) -> bool:
        """One piece of history after the other, newest first, as long as a round may take; whether there was any."""
        until, has_counted = time.monotonic() + HISTORY_S, False
        while time.monotonic() < until and not self._stop.is_set():
            waiting = [one for one in self._objectives if self._lacks(one, end_ms)]
            if not waiting:
                break
            newest_ms = max(self._progress[one.name].counted_from_ms for one in waiting)
            these = [one for one in waiting if self._progress[one.name].counted_from_ms == newest_ms][:100]
            oldest_ms = min(self._history_from(one, end_ms) for one in these)
            start_ms = max(oldest_ms, newest_ms - CHUNK_SLICES * SLICE_MS)
            self._keep(these, self._counter.count(these, start_ms, (newest_ms - start_ms) // SLICE_MS))
            self._set_progress(these, from_ms=start_ms)
            has_counted = True
        return has_counted

    def _lacks(self, objective: Objective, end_ms: int) -> bool:
        progress = self._progress.get(objective.name)
        return progress is not None and progress.counted_from_ms > self._history_from(objective, end_ms)

    def _set_progress(self, objectives: Sequence[Objective], *, from_ms: int | None = None, to_ms: int = 0) -> None:
        made = {}
        for one in objectives:
            old = self._progress[one.name]
            made[one.name] = Progress(
                old.definition,
                old.counted_from_ms if from_ms is None else min(from_ms, old.counted_from_ms),
                max(old.counted_to_ms, to_ms),
            )
        self._state.set_progress(made)
        self._progress |= made

    def _keep(self, objectives: Sequence[Objective], slices: Slices) -> None:
        """Into the store, then into the book (there without what is excluded)."""
        names = [one.name for one in objectives]
        for name in names:
            self._problems.pop(name, None)
        self._problems |= slices.problems
        objective_slices.write(
            self._telemetry,
            names,
            [self._definitions[name] for name in names],
            slices.starts_ms,
            slices.good,
            slices.total,
            slices.measured,
            self._now_ms(),
        )
        measured = slices.measured.copy()
        for place, name in enumerate(names):
            for one in self._excluded.get(name, ()):
                if not one.is_reset:
                    inside = (slices.starts_ms >= one.start_ms) & (slices.starts_ms < one.end_ms)
                    measured[place, inside] = False
        rows = [self._rows[name] for name in names]
        self._book.put(slices.starts_ms, slices.good, slices.total, measured, rows)

    def _stand(self, end_ms: int | None = None) -> None:
        end_ms = self._standing.at_ms if end_ms is None else end_ms
        self._book.advance(max(end_ms, 1))
        board = board_of(
            self._book,
            self._objectives,
            end_ms,
            self._excluded,
            self._progress,
            {one.name: self._history_from(one, end_ms) for one in self._objectives},
            self._problems,
        )
        self._standing = replace(self._standing, at_ms=end_ms, objectives=board, files=self._files.status)

    def _stand_uncounted(self, end_ms: int) -> None:
        """What is new is there before it is counted, which may take a while; the last round stays the last one."""
        counted_to_ms = self._standing.at_ms
        self._stand(counted_to_ms or end_ms)
        self._standing = replace(self._standing, at_ms=counted_to_ms)


def definition_of(objective: Objective) -> str:
    """A hash of what is counted: another one means that old counts do not go with new ones."""
    return hashlib.sha256(repr(objective.sli).encode()).hexdigest()[:16]
