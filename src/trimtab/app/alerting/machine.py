"""Alerts over time: keeps how each one stands, in memory and in the state, and tells of changes.

What must happen when time does not go on as it should (each of these is a test):

* Down for a short while (up to three rounds, or a minute): the pause counts, as if nothing had been.
* Down for longer: the pause was not watched and does not count; of it only one round does. A pending alert goes on
  where it was; after an hour it begins anew. One that fires goes on firing with its old `fired_at_ms` (nobody is told
  again), or is resolved at the first look that does not find it.
* The machine sleeps: as when it was down.
* The clock is set, either way: durations are counted by a clock that nobody sets. The moments that are shown are moved
  by as much as the clock was, so that "since" stays right, and no alert begins in the future.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from trimtab.analyze.rules.alert_steps import Elapsed, Known, step
from trimtab.analyze.rules.recorded_alerts import series_of_alerts
from trimtab.analyze.rules.results import Series
from trimtab.analyze.rules.rounds import Look, Moved
from trimtab.app.alerting.contract import AlertSink, Nobody
from trimtab.model.alerts import Alert, AlertState, Labels
from trimtab.store.alerts import AlertBook, Standing
from trimtab.store.promql.script_series import STALE

OF_RULES = "rule:"
"""Origins of rules begin so. There are thousands: when they were looked at is only kept of those with alerts."""
IDLE_TOLD_MS = 15_000
"""How often it is kept of other origins that they were looked at, and nothing was found."""
PAUSE_ROUNDS = 3
PAUSE_MS = 60_000
"""A pause up to here, or up to so many rounds, counts as watched."""
PENDING_KEPT_MS = 3_600_000
"""After a longer pause pending alerts begin anew."""
SET_MS = 2_000
"""Clocks that differ by less were not set."""

log = structlog.get_logger()


class AlertClock(Protocol):
    """Two clocks: one that people read and set, one that only goes on."""

    def now_ms(self) -> int:
        """Unix milliseconds."""
        ...

    def steady_ms(self) -> int:
        """Milliseconds since some moment: also while the machine sleeps, and whatever the other clock is set to."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def now_ms(self) -> int:
        """See `AlertClock.now_ms`."""
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        """See `AlertClock.steady_ms`."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass(slots=True)
class _Last:
    """When an origin was looked at last. `wall_ms` and `steady_ms` belong together; None: before this start."""

    at_ms: int
    wall_ms: int = 0
    steady_ms: int | None = None


class AlertMachine:
    """All alerts. Thread-safe."""

    def __init__(self, book: AlertBook, clock: AlertClock, sink: AlertSink | None = None) -> None:
        self._book, self._clock = book, clock
        self.sink: AlertSink = sink or Nobody()
        self._lock = threading.RLock()
        self._known: dict[str, Known] = {}
        self._given: dict[str, frozenset[Labels]] = {}
        for one in book.standing():
            self._known.setdefault(one.origin, {})[one.alert.labels] = one
        for origin, known in self._known.items():
            self._given[origin] = frozenset(labels for labels, _ in series_of_alerts(known.values()))
        self._last = {origin: _Last(at_ms) for origin, at_ms in book.evaluated().items()}
        self._written_at_ms: dict[str, int] = {}
        self.changes_count = 0

    def moved(self, looks: Mapping[str, Look], at_ms: int) -> Moved:
        """One look at some origins; durable when it returns. See `rounds.AlertKeeper`."""
        now = _Last(at_ms, self._clock.now_ms(), self._clock.steady_ms())
        put: list[Standing] = []
        drop: list[tuple[str, str]] = []
        changed: list[tuple[str, Alert]] = []
        series: list[Series] = []
        errors: dict[str, str] = {}
        fresh: dict[str, Known] = {}
        with self._lock:
            for origin, look in looks.items():
                before = self._known.get(origin, {})
                if not look.active and not before:
                    continue
                known = self._by_clock(origin, before, now)
                elapsed = self._elapsed(origin, now, look.every_ms)
                done = step(origin, known, look.active, at_ms, elapsed)
                count = sum(one.alert.state is not AlertState.RESOLVED for one in done.known.values())
                if 0 < look.limit < count:
                    errors[origin] = f"exceeded limit of {look.limit} with {count} alerts"
                    done = step(origin, _without_keeping(known), [], at_ms, elapsed)
                fresh[origin] = done.known
                put += done.put if known is before else list(done.known.values())
                drop += done.drop
                changed += done.changed
            looked_at = [origin for origin in looks if origin in fresh or self._is_idle_told(origin, at_ms)]
            if looked_at:
                self._written_at_ms.update(dict.fromkeys(looked_at, at_ms))
                self._book.write(at_ms, put, drop, changed, looked_at)
            for origin, known in fresh.items():
                self._last[origin] = now
                series += self._told(origin, known)
            self.changes_count += len(changed)
        if changed:
            self._tell([alert for _, alert in changed], at_ms)
        return Moved(series, errors)

    def retire(self, origins: Iterable[str], at_ms: int) -> Moved:
        """Origins that are no more (their rule was deleted): what they had ends now."""
        ended = list(origins)
        with self._lock:
            gone = [origin for origin in ended if self._known.get(origin)]
            for origin in gone:
                self._known[origin] = _without_keeping(self._known[origin])
            moved = self.moved({origin: Look(()) for origin in gone}, at_ms)
            self._book.forget_origins(ended)
            for origin in ended:
                self._last.pop(origin, None)
        return moved

    # --- looking ---------------------------------------------------------------------------------------------------

    def alerts(self, *states: AlertState) -> list[Alert]:
        """Alerts in these states (all, where none is named), the newest first."""
        with self._lock:
            found = [
                one.alert
                for known in self._known.values()
                for one in known.values()
                if not states or one.alert.state in states
            ]
        return sorted(found, key=lambda alert: (-alert.active_at_ms, alert.labels))

    def of(self, origin: str) -> list[Standing]:
        """Alerts of one origin."""
        with self._lock:
            return list(self._known.get(origin, {}).values())

    def origins(self) -> list[str]:
        """Origins with alerts."""
        with self._lock:
            return [origin for origin, known in self._known.items() if known]

    # --- time ------------------------------------------------------------------------------------------------------

    def _elapsed(self, origin: str, now: _Last, every_ms: int) -> Elapsed:
        last = self._last.get(origin)
        if last is None:
            return Elapsed(0)
        pause_ms = now.at_ms - last.at_ms
        if last.steady_ms is not None and now.steady_ms is not None and _set_by_ms(last, now):
            pause_ms = now.steady_ms - last.steady_ms
        if pause_ms < 0:
            return Elapsed(0)
        if pause_ms <= max(PAUSE_ROUNDS * every_ms, PAUSE_MS):
            return Elapsed(pause_ms)
        return Elapsed(every_ms, is_new_start=pause_ms > PENDING_KEPT_MS)

    def _by_clock(self, origin: str, known: Known, now: _Last) -> Known:
        """Alerts with their moments moved as the clock was; none of them is later than now."""
        last = self._last.get(origin)
        by_ms = 0 if last is None else _set_by_ms(last, now)
        if not by_ms and all(one.alert.active_at_ms <= now.at_ms for one in known.values()):
            return known
        log.info("clock_was_set", origin=origin, by_ms=by_ms)
        return {labels: replace(one, alert=_shifted(one.alert, by_ms, now.at_ms)) for labels, one in known.items()}

    def _is_idle_told(self, origin: str, at_ms: int) -> bool:
        """Whether it is to be kept that nothing was found."""
        written_at_ms = self._written_at_ms.get(origin)
        is_time = written_at_ms is None or not 0 <= at_ms - written_at_ms < IDLE_TOLD_MS
        return is_time and not origin.startswith(OF_RULES)

    def _told(self, origin: str, known: Known) -> list[Series]:
        """Samples of the alerts of an origin, with those that end."""
        series: list[Series] = list(series_of_alerts(known.values()))
        now = frozenset(labels for labels, _ in series)
        ended = self._given.get(origin, frozenset()) - now
        self._known[origin] = known
        self._given[origin] = now
        if not known:
            del self._known[origin], self._given[origin]
        return [*series, *((labels, STALE) for labels in ended)]

    def _tell(self, alerts: Sequence[Alert], at_ms: int) -> None:
        try:
            self.sink.changed(alerts, at_ms)
        except Exception as error:  # noqa: BLE001  (a sink that breaks its promise must not stop the rules)
            log.error("alert_sink_failed", error=repr(error))


def _set_by_ms(last: _Last, now: _Last) -> int:
    """By how much the wall clock was set between two looks; 0 where it was not, or where nobody can know."""
    if last.steady_ms is None or now.steady_ms is None:
        return 0
    by_ms = (now.wall_ms - last.wall_ms) - (now.steady_ms - last.steady_ms)
    return by_ms if abs(by_ms) > SET_MS else 0


def _without_keeping(known: Known) -> Known:
    return {labels: replace(one, keep_firing_for_ms=0) for labels, one in known.items()}


def _shifted(alert: Alert, by_ms: int, latest_ms: int) -> Alert:
    def moved(when_ms: int | None) -> int | None:
        return None if when_ms is None else min(when_ms + by_ms, latest_ms)

    return replace(
        alert,
        active_at_ms=min(alert.active_at_ms + by_ms, latest_ms),
        fired_at_ms=moved(alert.fired_at_ms),
        resolved_at_ms=moved(alert.resolved_at_ms),
        keep_firing_since_ms=moved(alert.keep_firing_since_ms),
    )
