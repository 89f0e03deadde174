"""`service.read`: everything that pages and the API look at, through one door. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from trimtab.app.reading.answers import (
    CasesPage,
    CaseStory,
    ChangesPage,
    Execution,
    ExecutionOrder,
    LedgerPage,
    Mark,
    Overview,
    Series,
    SeriesAnswer,
    ShapeSort,
    ShapesPage,
    ShapeStory,
)
from trimtab.app.reading.cases import case_story, cases_page, changes_page, ledger_page
from trimtab.app.reading.executions import executions_of
from trimtab.app.reading.facts import Facts
from trimtab.app.reading.keys import parse_key
from trimtab.app.reading.marks import marks_of
from trimtab.app.reading.overview import overview_of
from trimtab.app.reading.ranges import Range, parse_range
from trimtab.app.reading.recent import Recent
from trimtab.app.reading.texts import ShapeTexts
from trimtab.model.errors import InputError, NotFound
from trimtab.model.objectives import SLICE_MS

if TYPE_CHECKING:
    from trimtab.app.reading.own import OwnStory
    from trimtab.app.reading.plan_changes import PlanChange
    from trimtab.app.reading.plans import PlansOfChange, StoredPlan
    from trimtab.app.reading.series import ObjectiveLines, OwnLines
    from trimtab.app.reading.slow import SlowLooks
    from trimtab.app.watched import Watched
    from trimtab.extend.contracts import Clock
    from trimtab.model.case import Case
    from trimtab.model.change import Judgement
    from trimtab.store.grid import Grid
    from trimtab.store.state import State
    from trimtab.store.telemetry import TelemetryStore

ROWS_MAX = 1000
"""Rows of one page of a list."""
OFFSET_MAX = 1_000_000
SEARCH_CHARS_MAX = 200
POINTS_MIN, POINTS_MAX = 10, 10_000
"""Points of one line."""
KEYS_MAX = 24
"""Keys of one question for lines."""


def no_own_lines(key: str, _name: str, _grid: Grid) -> Iterable[Series]:
    """While nothing tells about trimtab itself."""
    raise InputError(f"key: {key!r}: there are no numbers of trimtab itself here", field="key", observed=key)


def no_own_story() -> OwnStory:
    """While nothing tells about trimtab itself."""
    raise InputError("there are no numbers of trimtab itself here")


class Reader:
    """Reads both stores for people. Thread-safe; every answer is bounded.

    `fresh_s` says how old the sums of a range may be; see `recent`. The rest is always of now.

    `waits_for` says whose turn a case is, `latest` is the last look at a change under watch, `loop_error` what keeps
    a system's loop from working, `slow_look` the last look for slow queries on it.
    `own_lines` and `own_story` are replaced by what tells of trimtab itself.
    """

    def __init__(
        self,
        telemetry: TelemetryStore,
        state: State,
        watched: Mapping[str, Watched],
        clock: Clock,
        *,
        waits_for: Callable[[Case], str | None] = lambda _case: None,
        latest: Callable[[str], Judgement | None] = lambda _change_id: None,
        loop_error: Callable[[str], str | None] = lambda _system: None,
        slow_look: SlowLooks = lambda _system: None,
    ) -> None:
        self.telemetry = telemetry
        self.state = state
        self.watched = watched
        self.clock = clock
        self.own_lines: OwnLines = no_own_lines
        self.objective_lines: ObjectiveLines = lambda _keys, _grid: ()
        self.system_of_objective: Callable[[str], str] = lambda _name: ""
        self.own_story: Callable[[], OwnStory] = no_own_story
        self._waits_for = waits_for
        self._latest = latest
        self._loop_error = loop_error
        self._slow_look = slow_look
        self.texts = ShapeTexts(telemetry, watched)
        self._recent = Recent()

    def range(self, from_text: str | None, to_text: str | None) -> Range:
        """A range as people write it, seen from now; see `parse_range`."""
        return parse_range(from_text, to_text, self.clock.now_ms())

    def overview(self, within: Range, *, fresh_s: float = 0.0) -> Overview:
        """Systems, what is wrong, what changed last, what is in flight and what waits."""
        return overview_of(
            self.telemetry,
            self._facts(fresh_s),
            self.state,
            self.watched,
            self._loop_error,
            self._slow_look,
            self.texts,
            within,
            self.clock.now_ms(),
        )

    def shapes(
        self,
        system: str | None,
        within: Range,
        search: str = "",
        sort: ShapeSort = ShapeSort.LOAD,
        descending: bool = True,
        limit: int = 100,
        offset: int = 0,
        *,
        fresh_s: float = 0.0,
    ) -> ShapesPage:
        """Shapes that ran in a range, of one system or all. `search` is found in text, tables or fingerprint."""
        from trimtab.app.reading.shapes import Shapes

        _check_page(limit, offset, search)
        if system is not None:
            self._check_system(system)
        shapes = Shapes(self._facts(fresh_s), self.state, self.texts)
        return shapes.page(system, within, search, sort, descending, limit, offset)

    def shape(self, system: str, fingerprint: str, within: Range, *, fresh_s: float = 0.0) -> ShapeStory:
        """One shape; NotFound where neither the store nor a case knows it."""
        from trimtab.app.reading.shapes import Shapes

        return Shapes(self._facts(fresh_s), self.state, self.texts).story(system, fingerprint, within)

    def _facts(self, fresh_s: float) -> Facts:
        return Facts(self.telemetry, self._recent, fresh_s)

    def series(self, keys: Sequence[str], within: Range, points: int = 600) -> SeriesAnswer:
        """Lines for charts on one grid of at most `points` steps, and what happened meanwhile.

        Keys: `shape/SYSTEM/FINGERPRINT/` + mean_ms, calls_per_s, load_ms_per_s, rows_per_s, read_blocks_per_s, p50_ms,
        p95_ms or p99_ms; `system/SYSTEM/` + load_ms_per_s, calls_per_s, mean_ms, sessions_active or waits (one line
        for each kind of wait); `server/SYSTEM/NAME` for a number of the server; `objective/NAME/` + good, target, left,
        burn, bad_per_min, events_per_min or coverage; `self/NAME` for trimtab's own.
        A step is never shorter than what the systems are looked at.
        """
        from trimtab.app.reading.series import Lines
        from trimtab.store.grid import grid_of

        _check("points", points, POINTS_MIN, POINTS_MAX)
        if len(keys) > KEYS_MAX:
            raise InputError(f"key: at most {KEYS_MAX} keys, found {len(keys)}", field="key", limit=KEYS_MAX)
        wanted = [parse_key(key) for key in dict.fromkeys(keys)]
        objectives = {key.fingerprint for key in wanted if key.family == "objective"}
        named = {key.system for key in wanted} | {self.system_of_objective(name) for name in objectives}
        systems = sorted(system for system in named if system)
        step_ms_min = max(self._look_ms(systems), SLICE_MS if objectives else 0)
        grid = grid_of(within.from_ms, within.to_ms, points, step_ms_min)
        lines = Lines(self.telemetry, grid, self.clock.now_ms(), self.own_lines, self.objective_lines)
        return SeriesAnswer(
            from_ms=grid.start_ms,
            to_ms=grid.end_ms,
            step_ms=grid.step_ms,
            series=lines.of(wanted),
            marks=marks_of(
                self.telemetry,
                self.state,
                systems,
                within,
                sorted({key.fingerprint for key in wanted if key.family == "shape"}),
                is_of_shapes=bool(wanted) and all(key.family == "shape" for key in wanted),
            ),
        )

    def marks(self, within: Range) -> tuple[Mark, ...]:
        """What happened on all systems in a range, oldest first."""
        return marks_of(self.telemetry, self.state, [known.name for known in self.state.systems()], within)

    def _check_system(self, system: str) -> None:
        """NotFound where a system is neither watched nor ever was, as far as is remembered."""
        if system not in {known.name for known in self.state.systems()} and not self.texts.of(system):
            raise NotFound(f"there is no system named {system!r}", system=system)

    def _look_ms(self, systems: Sequence[str]) -> int:
        """How often the systems are looked at: the longest of their slices."""
        watched = (self.watched.get(system) for system in systems)
        lengths = (each.watcher.status().intervals_s.get("statements", 1.0) for each in watched if each is not None)
        return round(1000 * max(lengths, default=1.0))

    def executions(
        self,
        system: str,
        fingerprint: str,
        within: Range,
        order: ExecutionOrder = ExecutionOrder.SLOWEST,
        limit: int = 50,
    ) -> tuple[Execution, ...]:
        """Single executions of a shape, from the spans of those who called it (they do not say which system it was)."""
        _check("limit", limit, 1, ROWS_MAX)
        self._check_system(system)
        return executions_of(self.telemetry, fingerprint, within, order, limit)

    def plans(self, system: str, fingerprint: str, limit: int = 20) -> tuple[StoredPlan, ...]:
        """Plans of a shape, newest first: each is one time in which the plan did the same steps."""
        from trimtab.app.reading.plans import plans

        _check("limit", limit, 1, ROWS_MAX)
        self._check_system(system)
        return plans(self.telemetry, system, fingerprint, limit)

    def plan_changes(self, system: str, fingerprint: str, limit: int = 5) -> tuple[PlanChange, ...]:
        """The newest changes of a shape's plan, newest first, with what it took before and after each."""
        from trimtab.app.reading.plan_changes import CHANGES_MAX

        _check("limit", limit, 1, ROWS_MAX)
        return self.plan_changes_of(self.plans(system, fingerprint, 1 + min(limit, CHANGES_MAX)), limit)

    def plan_changes_of(self, plans: Sequence[StoredPlan], limit: int = 5) -> tuple[PlanChange, ...]:
        """The same for plans of one shape that were read already, newest first."""
        from trimtab.app.reading.plan_changes import plan_changes

        return plan_changes(self.telemetry, plans, self.clock.now_ms(), limit)

    def plans_of_change(self, change_id: str) -> PlansOfChange:
        """The plan of a change's query before and after it."""
        from trimtab.app.reading.plans import plans_of_change

        return plans_of_change(self.telemetry, self.state.change(change_id))

    def own(self) -> OwnStory:
        """trimtab about itself: its numbers, its last log lines, its last spans."""
        return self.own_story()

    def cases(
        self,
        *,
        states: Sequence[str] = (),
        system: str | None = None,
        search: str = "",
        limit: int = 100,
        offset: int = 0,
    ) -> CasesPage:
        """Cases, newest first. `states` may name states and verdicts: open, proposed, changing, closed, kept, ..."""
        _check_page(limit, offset, search)
        return cases_page(self.state, states=states, system=system, search=search, limit=limit, offset=offset)

    def case(self, case_id: int) -> CaseStory:
        """One case from the finding to the verdict."""
        return case_story(self.state, case_id, self._waits_for, self._latest)

    def ledger(self, limit: int = 100, before_seq: int | None = None) -> LedgerPage:
        """Everything that was ever written down, newest first."""
        _check("limit", limit, 1, ROWS_MAX)
        return ledger_page(self.state, limit, before_seq)

    def changes_ever(self, limit: int = 100, offset: int = 0) -> ChangesPage:
        """Everything that ever touched a target, with its measured effect and its undo, newest first."""
        _check_page(limit, offset, "")
        return changes_page(self.state, limit, offset)


def _check_page(limit: int, offset: int, search: str) -> None:
    _check("limit", limit, 1, ROWS_MAX)
    _check("offset", offset, 0, OFFSET_MAX)
    if len(search) > SEARCH_CHARS_MAX:
        raise InputError(
            f"search has at most {SEARCH_CHARS_MAX} characters, found {len(search)}",
            field="search",
            limit=SEARCH_CHARS_MAX,
            observed=len(search),
        )


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InputError(f"{name} must be from {low} to {high}, found {value}", field=name, limit=high, observed=value)
