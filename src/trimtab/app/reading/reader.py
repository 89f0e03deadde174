"""`service.read`: everything that pages and the API look at, through one door. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from trimtab.app.reading.answers import (
    CasesPage,
    CaseStory,
    ChangesPage,
    Execution,
    ExecutionOrder,
    LedgerPage,
    Overview,
    SeriesAnswer,
    ShapeSort,
    ShapesPage,
    ShapeStory,
)
from trimtab.app.reading.ranges import Range, parse_range

if TYPE_CHECKING:
    from trimtab.app.watched import Watched
    from trimtab.extend.contracts import Clock
    from trimtab.model.case import Case
    from trimtab.store.state import State
    from trimtab.store.telemetry import TelemetryStore

ROWS_MAX = 1000
"""Rows of one page of a list."""
POINTS_MAX = 10_000
"""Points of one line."""
KEYS_MAX = 24
"""Keys of one question for lines."""


class Reader:
    """Reads both stores for people. Thread-safe; every answer is bounded."""

    def __init__(
        self,
        telemetry: TelemetryStore,
        state: State,
        watched: Mapping[str, Watched],
        clock: Clock,
        waits_for: Callable[[Case], str | None],
    ) -> None:
        self.telemetry = telemetry
        self.state = state
        self.watched = watched
        self.clock = clock
        self.waits_for = waits_for

    def range(self, from_text: str | None, to_text: str | None) -> Range:
        """A range as people write it, seen from now; see `parse_range`."""
        return parse_range(from_text, to_text, self.clock.now_ms())

    def overview(self, within: Range) -> Overview:
        """Systems, what is wrong, what changed last, what is in flight and what waits."""
        raise NotImplementedError

    def shapes(
        self,
        system: str | None,
        within: Range,
        search: str = "",
        sort: ShapeSort = ShapeSort.LOAD,
        descending: bool = True,
        limit: int = 100,
        offset: int = 0,
    ) -> ShapesPage:
        """Shapes that ran in a range, of one system or all. `search` is found in text, tables or fingerprint."""
        raise NotImplementedError

    def shape(self, system: str, fingerprint: str, within: Range) -> ShapeStory:
        """One shape; NotFound where neither the store nor a case knows it."""
        raise NotImplementedError

    def series(self, keys: Sequence[str], within: Range, points: int = 600) -> SeriesAnswer:
        """Lines for charts on one grid of at most `points` steps, and what happened meanwhile.

        Keys: `shape/SYSTEM/FINGERPRINT/` + mean_ms, calls_per_s, load_ms_per_s, rows_per_s, read_blocks_per_s, p50_ms,
        p95_ms or p99_ms; `system/SYSTEM/` + load_ms_per_s, calls_per_s, mean_ms, sessions_active or waits (one line
        for each kind of wait); `server/SYSTEM/NAME` for a number of the server; `self/NAME` for trimtab's own.
        """
        raise NotImplementedError

    def executions(
        self,
        system: str,
        fingerprint: str,
        within: Range,
        order: ExecutionOrder = ExecutionOrder.SLOWEST,
        limit: int = 50,
    ) -> tuple[Execution, ...]:
        """Single executions of a shape, from the spans of those who called it."""
        raise NotImplementedError

    def cases(
        self,
        *,
        states: Sequence[str] = (),
        system: str | None = None,
        search: str = "",
        limit: int = 100,
        offset: int = 0,
    ) -> CasesPage:
        """Cases, newest first. `states` may name states and verdicts: open, advised, changing, closed, kept, ..."""
        raise NotImplementedError

    def case(self, case_id: int) -> CaseStory:
        """One case from the finding to the verdict."""
        raise NotImplementedError

    def ledger(self, limit: int = 100, before_seq: int | None = None) -> LedgerPage:
        """Everything that was ever written down, newest first."""
        raise NotImplementedError

    def changes_ever(self, limit: int = 100, offset: int = 0) -> ChangesPage:
        """Everything that ever touched a target, with its measured effect and its undo, newest first."""
        raise NotImplementedError
