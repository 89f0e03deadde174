"""Makes forecasts, every hour: asks for what is new of each family, forecasts, compares what came with what was told,
and looks for issues. One thread; what is known stands in a `ForecastNow`, which is made as a whole.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from trimtab.app.events import EventKind
from trimtab.app.forecasting.charts import book_of
from trimtab.app.forecasting.history import DAY_MS, History
from trimtab.app.forecasting.issues import HERE, UNKNOWN, Issue, soonest_first
from trimtab.app.forecasting.now import FamilyNow, ForecastNow, SeriesNow
from trimtab.app.forecasting.subjects import chart_lines
from trimtab.app.round_thread import YOUNG_S, InRounds, RoundThread
from trimtab.model.errors import TrimtabError
from trimtab.model.forecast_settings import ForecastPolicy
from trimtab.store.forecast_issues import IssueState, KeptIssue
from trimtab.store.forecast_state import ForecastState

if TYPE_CHECKING:
    from trimtab.app.forecasting.asking import Asking
    from trimtab.app.forecasting.families import Family
    from trimtab.app.forecasting.rounds import FamilyRound
    from trimtab.store.state_database import StateDatabase

FIRST_S = 20.0
"""So long after the start the first forecasts are made."""
ENDED_SHOWN = 50
Publish = Callable[[EventKind, Mapping[str, object]], None]
log = structlog.get_logger()


class Forecasting(InRounds):
    """Start it, read `now`, stop it. `round` is for its thread, and for tests."""

    def __init__(
        self,
        policy: Callable[[], ForecastPolicy],
        database: StateDatabase,
        asking: Callable[[Callable[[], bool]], Asking],
        now_ms: Callable[[], int],
        publish: Publish,
    ) -> None:
        """`asking` makes what is asked; it gets what says whether nobody waits any more."""
        self._policy, self._now_ms, self._publish = policy, now_ms, publish
        self._thread = RoundThread(
            "forecasts",
            lambda: self.round(self._now_ms()),
            lambda: self.is_enabled,
            self._pause_s,
            first_s=FIRST_S,
        )
        self._asking = asking(self._thread.is_stopping)
        self.state, self.issues = ForecastState(database), IssueState(database)
        self._histories: dict[str, History] = {}
        self._now = ForecastNow()
        self._lock = threading.Lock()

    def _pause_s(self) -> float:
        """Soon again where there was nothing to forecast."""
        every_s = self._policy().every_s
        return every_s if self._now.series else min(every_s, YOUNG_S)

    # --- look

    @property
    def now(self) -> ForecastNow:
        """What is known. It is never changed, only replaced."""
        return self._now

    @property
    def is_enabled(self) -> bool:
        """Whether forecasts are made."""
        return self._policy().enabled

    def ended(self) -> list[KeptIssue]:
        """Issues that ended, newest first."""
        return self.issues.ended(ENDED_SHOWN)

    # --- do

    def round(self, now_ms: int) -> ForecastNow:
        """Forecast everything anew. What cannot be read is said, and keeps nothing else from being forecast."""
        with self._lock:
            return self._round(now_ms)

    def _round(self, now_ms: int) -> ForecastNow:
        policy, began_s = self._policy(), time.monotonic()
        before = self._now
        kept_ms = policy.kept_days * DAY_MS
        hits = self.state.hits(now_ms - kept_ms)
        there = {one.id: one for one in self.issues.open()}
        families: list[FamilyNow] = []
        series: dict[str, SeriesNow] = {}
        issues: list[Issue] = []
        ended: dict[str, str] = {}
        wanted = self._asking.families(policy)
        for family in wanted:
            if self._thread.is_stopping():
                return before
            room = policy.series_max - len(series)
            done = self._family(family, policy, now_ms, room, hits, frozenset(there))
            families.append(done.now)
            series |= {one.subject.id: one for one in done.series}
            issues += done.issues
            ended |= done.ended or {}
        for gone in set(self._histories) - {_asked(family) for family in wanted}:
            del self._histories[gone]
        broken = {one.name for one in families if one.problem}
        series = {id_: one for id_, one in before.series.items() if one.subject.family.name in broken} | series
        issues += [one for one in before.issues if one.family in broken]
        found = {one.id: one for one in issues}
        for id_, one in there.items():
            if id_ not in found and id_ not in ended and one.body.get("family") not in broken:
                ended[id_] = UNKNOWN
        appeared = self.issues.see([_row(one) for one in found.values()], ended, now_ms)
        self.state.thin(now_ms, kept_ms)
        self.issues.forget(now_ms - kept_ms)
        self._now = ForecastNow(
            now_ms,
            series,
            tuple(families),
            tuple(soonest_first(list(found.values()))),
            book_of(chart_lines([one.subject for one in series.values()])),
            time.monotonic() - began_s,
        )
        self._publish(
            EventKind.FORECASTS,
            {"at_ms": now_ms, "appeared": appeared[:ENDED_SHOWN], "ended": sorted(ended)[:ENDED_SHOWN]},
        )
        if appeared or ended:
            here = sum(why == HERE for why in ended.values())
            log.info("forecast_issues", appeared=len(appeared), ended=len(ended), came_true=here)
        return self._now

    def _family(
        self,
        family: Family,
        policy: ForecastPolicy,
        now_ms: int,
        room: int,
        hits: Mapping[str, Any],
        there: frozenset[str],
    ) -> FamilyRound:
        from trimtab.app.forecasting.rounds import FamilyRound, family_round

        nothing = FamilyNow(family.name, family.title, family.kind, 0)
        if room <= 0:
            return FamilyRound(replace(nothing, problem=f"left out: forecast.series_max is {policy.series_max}"))
        history = self._histories.setdefault(_asked(family), History())
        try:
            source = self._asking.source(family, policy, now_ms)
            return family_round(family, source, history, self._asking, self.state, hits, policy, now_ms, room, there)
        except TrimtabError as error:
            return FamilyRound(replace(nothing, problem=error.message))


def _asked(family: Family) -> str:
    """What a history belongs to: a rule of the same name may ask for something else by now."""
    return f"{family.name} {family.query}"


def _row(one: Issue) -> tuple[str, str, str, dict[str, Any]]:
    body: dict[str, Any] = msgspec.to_builtins(one)
    return one.id, one.series, one.title, body
