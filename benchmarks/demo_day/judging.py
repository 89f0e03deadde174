"""Which faults were found, when, and what was told that nothing was the matter with. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.demo_day.alarms import Alarm, concerns, together
from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.truth import RECOVERY_MINUTES, WITHIN_MINUTES, Injected


@dataclass(frozen=True, slots=True)
class Found:
    """One fault: `first` is the episode of a series that it moves that was told first, of those that began while it
    lasted.

    `episodes_count`, `others_count`: episodes that began then, of series that it moves, and of others.
    """

    fault: Injected
    first: Alarm | None
    after_minutes: float | None
    told_after_minutes: float | None
    episodes_count: int
    others_count: int

    @property
    def is_in_time(self) -> bool:
        """Whether it was told within ten minutes."""
        return self.told_after_minutes is not None and self.told_after_minutes <= WITHIN_MINUTES


@dataclass(frozen=True, slots=True)
class Judged:
    """One day. `false` has the episodes (see `together`) that began when nothing was the matter."""

    found: tuple[Found, ...]
    false: tuple[tuple[Alarm, ...], ...]
    quiet_days: float
    series_count: int

    @property
    def in_time_count(self) -> int:
        """Faults found within ten minutes."""
        return sum(one.is_in_time for one in self.found)

    @property
    def false_per_series_day(self) -> float:
        """Odd episodes of single series in quiet time, each by itself, by series and (compressed) day."""
        return sum(map(len, self.false)) / max(self.series_count * self.quiet_days, 1e-9)


def judge(
    faults: Sequence[Injected], alarms: Sequence[Alarm], clock: DayClock, day: tuple[float, float], series_count: int
) -> Judged:
    """`day` is from which minute to which one. An episode belongs to the moment at which it is told."""
    lasting = [(one.began_ms, one.ended_ms + round(RECOVERY_MINUTES * clock.minute_s * 1000)) for one in faults]
    begin_ms, end_ms = clock.at_ms(day[0]), clock.at_ms(day[1])
    of_day = [one for one in alarms if begin_ms <= one.told_ms < end_ms]
    quiet = [one for one in of_day if not any(begin <= one.told_ms < end for begin, end in lasting)]
    busy_ms = sum(min(end, end_ms) - max(begin, begin_ms) for begin, end in lasting)
    return Judged(
        tuple(_found(fault, of_day, clock) for fault in faults),
        tuple(tuple(group) for group in together(quiet, clock.minute_s * 1000)),
        (end_ms - begin_ms - busy_ms) / (clock.minute_s * 1000 * 1440),
        series_count,
    )


def _found(fault: Injected, alarms: Sequence[Alarm], clock: DayClock) -> Found:
    within = [one for one in alarms if fault.began_ms <= one.told_ms < fault.ended_ms]
    of_it = [one for one in within if concerns(one, fault)]
    first = min(of_it, key=lambda one: (one.told_ms, one.start_ms, -one.score), default=None)

    def after(at_ms: int) -> float:
        return (at_ms - fault.began_ms) / 1000 / clock.minute_s

    return Found(
        fault,
        first,
        None if first is None else after(first.start_ms),
        None if first is None else after(first.told_ms),
        len(of_it),
        len(within) - len(of_it),
    )
