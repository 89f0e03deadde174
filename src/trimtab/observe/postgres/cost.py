"""What watching costs the watched server, and how looks get rarer when it is too much."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

SHARE_MAX = 0.005
WINDOW_S = 10.0
CALM_WINDOWS = 6
CALM_SHARE = 0.25
STRETCH_MAX_SLOW = 64
STRETCH_MAX_SLICE = 8
HEAVY_PART = 0.25


@dataclass(frozen=True, slots=True)
class OwnCost:
    """The watching session's cost. `source` is "cpu" (the backend's CPU time) or "waiting" (time until the answer).

    `share` is cost ÷ wall time in the last full window, `total_s` the sum since the watcher started.
    """

    source: str
    queries_count: int
    total_s: float
    wall_s: float
    share: float
    share_max: float
    by_collector_s: tuple[tuple[str, float], ...]


@dataclass(slots=True)
class Rhythm:
    """How often one collector looks: `every_s` times `stretch` seconds."""

    every_s: float
    is_slice: bool
    stretch: int = 1
    due_at_s: float = 0.0

    @property
    def interval_s(self) -> float:
        """Seconds between two looks, as it is now."""
        return self.every_s * self.stretch


class CostMeter:
    """Books seconds by collector, and stretches the intervals of heavy ones when their sum is over `share_max`.

    >>> meter, rhythms = CostMeter(share_max=0.01), {"tables": Rhythm(30, False), "statements": Rhythm(1, True)}
    >>> meter.book("tables", 0.5)
    >>> meter.settle(0.0, rhythms), meter.settle(10.0, rhythms)
    ([], ['tables: looks every 60 s instead of 30 s; watching took 5.00 % of the time, the limit is 1.00 %'])
    """

    def __init__(self, share_max: float = SHARE_MAX) -> None:
        self.share_max = share_max
        self.source = "waiting"
        self.round_trip_s = 0.0
        self._queries_count = 0
        self._totals: defaultdict[str, float] = defaultdict(float)
        self._window: defaultdict[str, float] = defaultdict(float)
        self._window_started_s: float | None = None
        self._started_s: float | None = None
        self._now_s = 0.0
        self._share = 0.0
        self._calm = 0

    def book(self, collector: str, seconds: float) -> None:
        """Add one query's cost; where waiting is measured, the bare round trip is not the server's work."""
        if self.source == "waiting":
            seconds -= self.round_trip_s
        seconds = max(seconds, 0.0)
        self._queries_count += 1
        self._totals[collector] += seconds
        self._window[collector] += seconds

    def settle(self, now_s: float, rhythms: dict[str, Rhythm]) -> list[str]:
        """Close the window when it is full and adapt the rhythms; what changed comes back as sentences."""
        self._now_s = now_s
        if self._window_started_s is None or self._started_s is None:
            self._window_started_s = self._started_s = now_s
            return []
        wall_s = now_s - self._window_started_s
        if wall_s < WINDOW_S:
            return []
        window, self._window, self._window_started_s = self._window, defaultdict(float), now_s
        self._share = sum(window.values()) / wall_s
        self._calm = self._calm + 1 if self._share < self.share_max * CALM_SHARE else 0
        if self._share > self.share_max:
            return self._stretch(window, rhythms)
        if self._calm >= CALM_WINDOWS:
            self._calm = 0
            return self._relax(rhythms)
        return []

    def own_cost(self) -> OwnCost:
        """The cost so far."""
        started_s = self._now_s if self._started_s is None else self._started_s
        return OwnCost(
            source=self.source,
            queries_count=self._queries_count,
            total_s=sum(self._totals.values()),
            wall_s=self._now_s - started_s,
            share=self._share,
            share_max=self.share_max,
            by_collector_s=tuple(sorted(self._totals.items(), key=lambda item: -item[1])),
        )

    def _stretch(self, window: dict[str, float], rhythms: dict[str, Rhythm]) -> list[str]:
        said, cost_s = [], sum(window.values())
        for name, rhythm in rhythms.items():
            limit = STRETCH_MAX_SLICE if rhythm.is_slice else STRETCH_MAX_SLOW
            if window.get(name, 0.0) >= HEAVY_PART * cost_s and rhythm.stretch < limit:
                before_s, rhythm.stretch = rhythm.interval_s, rhythm.stretch * 2
                said.append(
                    f"{name}: looks every {rhythm.interval_s:g} s instead of {before_s:g} s; watching took "
                    f"{self._share:.2%} of the time, the limit is {self.share_max:.2%}".replace("%", " %")
                )
        return said

    def _relax(self, rhythms: dict[str, Rhythm]) -> list[str]:
        name, rhythm = max(rhythms.items(), key=lambda item: item[1].stretch)
        if rhythm.stretch == 1:
            return []
        before_s, rhythm.stretch = rhythm.interval_s, rhythm.stretch // 2
        return [f"{name}: looks every {rhythm.interval_s:g} s again instead of {before_s:g} s; watching is cheap"]
