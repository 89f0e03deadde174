"""Looks at live series every hour: brings their history, finds changes of level, keeps them with what stands beside.

One thread; what is found is in the state.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from trimtab.app.events import EventKind
from trimtab.app.forecasting.history import DAY_MS, MINUTE_MS, Block
from trimtab.app.round_thread import YOUNG_S, InRounds, RoundThread
from trimtab.model.change_point_settings import ChangePointsPolicy
from trimtab.model.change_points import KeptChangePoint
from trimtab.model.errors import TrimtabError
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.model.free_text import reason_of
from trimtab.store.change_point_state import ChangePointState

if TYPE_CHECKING:
    from trimtab.app.change_points.beside import Stores
    from trimtab.app.forecasting.asking import Asking
    from trimtab.store.state_database import StateDatabase

FIRST_S = 40.0
"""So long after the start they are looked at first."""
Publish = Callable[[EventKind, Mapping[str, object]], None]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LookedAt:
    """After the last round. `at_ms` 0: there was none. `problems`: families that could not be read, and why."""

    at_ms: int = 0
    series_count: int = 0
    left_out_count: int = 0
    took_s: float = 0.0
    problems: tuple[tuple[str, str], ...] = ()


class ChangePoints(InRounds):
    """Start it, read `state`, stop it. `round` is for its thread, and for tests."""

    def __init__(
        self,
        policy: Callable[[], ChangePointsPolicy],
        database: StateDatabase,
        asking: Callable[[Callable[[], bool]], Asking],
        stores: Callable[[], Stores],
        now_ms: Callable[[], int],
        publish: Publish,
    ) -> None:
        """`asking` makes what is asked; it gets what says whether nobody waits any more."""
        self._policy, self._now_ms, self._publish, self._stores = policy, now_ms, publish, stores
        self._thread = RoundThread(
            "change_points",
            lambda: self.round(self._now_ms()),
            lambda: self.is_enabled,
            self._pause_s,
            first_s=FIRST_S,
        )
        self._asking = asking(self._thread.is_stopping)
        self.state = ChangePointState(database)
        self.looked = LookedAt()
        self._lock = threading.Lock()

    def _pause_s(self) -> float:
        """Soon again where there was nothing to look at."""
        every_s = self._policy().every_s
        return every_s if self.looked.series_count else min(every_s, YOUNG_S)

    @property
    def is_enabled(self) -> bool:
        """Whether series are looked at."""
        return self._policy().enabled

    # --- a round

    def round(self, now_ms: int) -> LookedAt:
        """Look at all series. What cannot be read is said, and keeps nothing else from being looked at."""
        with self._lock:
            return self._round(now_ms)

    def _round(self, now_ms: int) -> LookedAt:
        from trimtab.app.change_points.beside import with_beside
        from trimtab.app.change_points.finding import found_in, sort_out
        from trimtab.app.change_points.series import series_of

        policy, began_s = self._policy(), time.monotonic()
        blocks, problems = self._blocks(policy, now_ms)
        if self._thread.is_stopping():
            return self.looked
        looked = series_of(blocks, policy.series_max)
        left_out = sum(len(block.subjects) for block in blocks) - len(looked)
        found = found_in(looked, policy)
        from_ms = now_ms - int(policy.history_days * DAY_MS)
        sorted_ = sort_out(found, self.state.since(from_ms), frozenset(name for name, _ in problems))
        beside_ms = int(policy.beside_minutes * MINUTE_MS)
        placed = with_beside([*sorted_.new, *sorted_.seen], self._stores(), beside_ms)
        new = [one for one in placed if not one.id]
        ids = self.state.write(new, [one for one in placed if one.id], sorted_.gone, now_ms)
        self.state.forget(now_ms - policy.kept_days * DAY_MS)
        self.looked = LookedAt(now_ms, len(looked), max(left_out, 0), time.monotonic() - began_s, tuple(problems))
        self._publish(EventKind.CHANGE_POINTS, {"at_ms": now_ms, "appeared": ids[:50]})
        if ids:
            log.info("change_points", appeared=len(ids), gone=len(sorted_.gone))
        return self.looked

    def _blocks(self, policy: ChangePointsPolicy, now_ms: int) -> tuple[list[Block], list[tuple[str, str]]]:
        from trimtab.app.change_points.series import block_of, families

        forecast = ForecastPolicy(shapes=policy.shapes)
        blocks, problems = [], []
        for family in families(policy):
            if self._thread.is_stopping():
                break
            try:
                blocks.append(block_of(self._asking.source(family, forecast, now_ms), now_ms, policy))
            except TrimtabError as error:
                problems.append((family.name, error.message))
        return blocks, problems

    # --- what people say

    def dismiss(self, change_id: int, by: str, why: str) -> KeptChangePoint:
        """Somebody says that it is no change; it is kept, and not shown with the others any more."""
        self.state.dismiss(change_id, by, reason_of(why) or "", self._now_ms())
        return self._told(change_id)

    def take_back(self, change_id: int) -> KeptChangePoint:
        """It is one after all."""
        self.state.take_back(change_id)
        return self._told(change_id)

    def _told(self, change_id: int) -> KeptChangePoint:
        self._publish(EventKind.CHANGE_POINTS, {"at_ms": self._now_ms(), "appeared": []})
        return replace(self.state.one(change_id))
