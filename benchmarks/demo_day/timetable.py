"""When the next request is due on a day: arrivals by chance (Poisson), as many as the time of day has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from demo.load.requests import Request
from demo.load.timetable import Timetable

Pace = Callable[[float], float]
"""What the usual rate is multiplied by at a moment of the clock."""


class DayTimetable(Timetable):
    """`paces` are by route; a route that is not there has `pace`. `clock` gives monotonic seconds.

    >>> from demo.load.requests import Request
    >>> table = DayTimetable([Request("a", 100.0, print)], 1, lambda _: 0.5, {}, clock=lambda: 100.0)
    >>> 350 < sum(table.take()[1] < 110.0 for _ in range(700)) < 650
    True
    """

    def __init__(
        self,
        requests: Sequence[Request],
        seed: int,
        pace: Pace,
        paces: Mapping[str, Pace],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(requests, seed, clock)
        self._chance = np.random.default_rng([seed, 4])
        self._paces = [paces.get(request.route, pace) for request in requests]

    def _deal(self) -> None:
        begins = self._second_at
        usual = np.array([request.calls_per_s for request in self._requests])
        rates = usual * np.array([pace(begins) for pace in self._paces])
        counts = self._chance.poisson(np.maximum(rates, 0.0))
        positions = np.repeat(np.arange(len(counts)), counts)
        due = begins + self._chance.random(len(positions))
        for at in np.argsort(due).tolist():
            self._deck.append((float(due[at]), self._requests[int(positions[at])]))
        self._second_at = begins + 1.0
