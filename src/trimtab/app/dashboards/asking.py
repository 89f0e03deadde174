"""Asks the queries of panels: a few at a time, each panel with a time-out and a trouble of its own.

Answers come panel by panel as they are ready, so that a slow one keeps nobody waiting. Others ask the same query
threads: no more than RUNNING_MAX queries of one page are handed to them at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace

from trimtab.app.dashboards.interpolate import query_text
from trimtab.app.dashboards.layout import DrawnPanel
from trimtab.app.dashboards.steps import Step, shifted, step_of
from trimtab.app.exploring.answers import QUERY_CHARS_MAX, Instant, Ranged, Trouble
from trimtab.app.exploring.asked_upstream import UpstreamMetrics
from trimtab.app.exploring.explorer import Metrics, trouble_of
from trimtab.app.exploring.own import OwnMetrics
from trimtab.app.querying import Querying
from trimtab.app.reading.ranges import Range
from trimtab.app.upstream import Upstream
from trimtab.model.dashboards import PanelKind, Target
from trimtab.model.errors import Busy, InputError, TrimtabError
from trimtab.store.grid import Grid

TIMEOUT_S = 20.0
"""For all queries of one panel."""
RUNNING_MAX = 6
_LOOK_S = 0.1
Found = Ranged | Instant | Trouble
Key = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """One panel with the answers to its queries. `is_too_new`: values began after the last step that was asked."""

    drawn: DrawnPanel
    step: Step
    answers: Sequence[tuple[Target, Found]]
    is_too_new: bool = False


@dataclass(slots=True)
class _Job:
    """A panel that is being asked."""

    drawn: DrawnPanel
    step: Step
    wanted: list[tuple[Target, Key]]
    waiting: list[Key]
    running: dict[Key, Future[Ranged | Instant]] = field(default_factory=dict)
    found: dict[Key, Found] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    looks_on: bool = False
    """Nothing had a value at any step: is there one at the end of the range?"""


class PanelAsking:
    """Asks the own store, or the server that stands in for it. Thread-safe."""

    def __init__(
        self, querying: Querying, upstream: Callable[[], Upstream | None], timeout_s: float = TIMEOUT_S
    ) -> None:
        self._querying = querying
        self._upstream = upstream
        self._timeout_s = timeout_s

    def answers(
        self, panels: Sequence[DrawnPanel], within: Range, points: Mapping[str, int], cancelled: Callable[[], bool]
    ) -> Iterator[Asked]:
        """Each panel when all that it asks is there, or its time is up. `points`: how many fit into it, by its key."""
        yield from self._all([_job(drawn, within, points.get(drawn.key, 300)) for drawn in panels], cancelled)

    def history(
        self, drawn: DrawnPanel, within: Range, points: int, grid: Grid, cancelled: Callable[[], bool]
    ) -> Asked:
        """One panel as it is asked for a range, but at other moments: its intervals stay those of the range."""
        job = _job(drawn, within, points)
        job.step = replace(job.step, grid=grid)
        found = next(self._all([job], cancelled), None)
        if found is None:
            raise Busy("nobody waits for this any more")
        return found

    def _all(self, jobs: list[_Job], cancelled: Callable[[], bool]) -> Iterator[Asked]:
        upstream = self._upstream()
        metrics: Metrics = OwnMetrics(self._querying) if upstream is None else UpstreamMetrics(upstream)
        try:
            while jobs and not cancelled():
                self._hand_out(jobs, metrics)
                running = {future for job in jobs for future in job.running.values()}
                if running:
                    wait(running, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                for job in [job for job in jobs if self._is_done(job)]:
                    jobs.remove(job)
                    yield _asked(job)
        finally:
            for job in jobs:
                _let_go(job)

    def _hand_out(self, jobs: Sequence[_Job], metrics: Metrics) -> None:
        count = sum(len(job.running) for job in jobs)
        for job in jobs:
            while job.waiting and count < RUNNING_MAX:
                key = job.waiting.pop(0)
                job.deadline = job.deadline or time.monotonic() + self._timeout_s
                try:
                    job.running[key] = self._submitted(metrics, job, key)
                    count += 1
                except TrimtabError as error:
                    job.found[key] = trouble_of(error)

    def _submitted(self, metrics: Metrics, job: _Job, key: Key) -> Future[Ranged | Instant]:
        query, is_instant = key
        if len(query) > QUERY_CHARS_MAX:
            raise InputError(
                f"a query has at most {QUERY_CHARS_MAX:,} characters, with its variables this one has {len(query):,}",
                limit=QUERY_CHARS_MAX,
                observed=len(query),
            )
        stopped, timeout_s, step = job.stop.is_set, self._timeout_s, job.step
        if is_instant:
            return self._querying.submit(lambda: metrics.instant(query, step.within.to_ms, timeout_s, stopped))
        return self._querying.submit(lambda: metrics.ranged(query, step.grid, timeout_s, stopped))

    def _is_done(self, job: _Job) -> bool:
        for key, future in list(job.running.items()):
            if future.done():
                del job.running[key]
                job.found[key] = _result(future)
        if job.waiting or job.running:
            if job.deadline is None or time.monotonic() < job.deadline:
                return False
            _let_go(job)
            if job.looks_on:
                job.looks_on = False
                return True
            late = Trouble(f"no answer within {self._timeout_s:g} s: take a shorter range")
            for _, key in job.wanted:
                job.found.setdefault(key, late)
        elif not job.looks_on and _is_empty(job):
            job.looks_on = True
            job.waiting = [(query, True) for query, _ in dict.fromkeys(key for _, key in job.wanted)]
            return False
        return True


def _job(drawn: DrawnPanel, within: Range, points: int) -> _Job:
    step = step_for(drawn, within, points)
    scope = drawn.scope.at(step)
    wanted = [
        (target, (query_text(target.expression, scope), _is_instant(drawn, target))) for target in drawn.panel.targets
    ]
    return _Job(drawn, step, wanted, list(dict.fromkeys(key for _, key in wanted)))


def step_for(drawn: DrawnPanel, within: Range, points: int) -> Step:
    """How fine a panel is asked."""
    panel = drawn.panel
    own = shifted(within, panel.time_from, panel.time_shift)
    least = next((one.interval for one in panel.targets if one.interval and "$" not in one.interval), panel.interval)
    step = step_of(own, points, least, panel.points_max)
    if step.grid.end_ms == own.to_ms:
        return replace(step, grid=replace(step.grid, count=step.grid.count + 1))  # the end is a moment like the others
    return step


def _is_empty(job: _Job) -> bool:
    """Whether nothing has a value at any step, and the last one is before the end of the range."""
    grid = job.step.grid
    if job.drawn.panel.kind is PanelKind.HEAT or grid.end_ms - grid.step_ms >= job.step.within.to_ms:
        return False
    return all(isinstance(found, Ranged) and not found.lines for found in job.found.values())


def _asked(job: _Job) -> Asked:
    is_too_new = job.looks_on and any(isinstance(found, Instant) and found.rows for found in job.found.values())
    is_chart = job.drawn.panel.kind is PanelKind.CHART
    keys = [(target, (key[0], True) if is_too_new and not is_chart else key) for target, key in job.wanted]
    return Asked(job.drawn, job.step, [(target, job.found[key]) for target, key in keys], is_too_new)


def _is_instant(drawn: DrawnPanel, target: Target) -> bool:
    kind = drawn.panel.kind
    if kind in (PanelKind.CHART, PanelKind.HEAT):
        return False
    return target.is_instant or target.form == "table" or kind is PanelKind.TABLE


def _result(future: Future[Ranged | Instant]) -> Found:
    try:
        return future.result()
    except TrimtabError as error:
        return trouble_of(error)


def _let_go(job: _Job) -> None:
    job.stop.set()
    for future in job.running.values():
        future.cancel()
