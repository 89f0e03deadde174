"""How far executions lie from what is usual for their template, over all templates: what single ones are judged by.

A template that is new has a mean of its own and the spread of all others; the more is seen of it, the more its own
counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

KEPT = 4096
"""Distances that are kept, the newest."""
ENOUGH = 100
AGAIN = 64
"""After so many new ones the tail is looked at again."""
TAIL_SHARE = 0.05
EDGE_MIN, SCALE_MIN = 1.5, 0.3
INCIDENT_SHARE = 0.01
"""So many of all may be incidents: the furthest are not looked at when the tail is, so that they hide no others."""
TRIMMED_MEAN = 1 - math.log(TAIL_SHARE / INCIDENT_SHARE) * INCIDENT_SHARE / (TAIL_SHARE - INCIDENT_SHARE)
"""The mean of an exponential of scale 1 without those."""
PRIOR_COUNT = 20
"""The spread of all counts for as much as so many executions of the template itself."""
SPREAD_MIN = 0.02
"""Logarithms: nobody varies by less than 2 %."""
MEMORY = 100
"""Means and spreads follow the last so many executions."""
CLIP = 3.0
"""What lies further out than this teaches as if it lay there."""


@dataclass(slots=True)
class Usual:
    """Mean and variance of one metric of one template, of logarithms."""

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0


class PooledTail:
    """Of one metric: the tail of standardised distances. Beyond their 95th percentile it is taken for an exponential
    (Balkema and de Haan 1974, Pickands 1975, with shape 0): it says of what was never seen how rare it is."""

    def __init__(self, offset: int = 0) -> None:
        """`offset` (0 to AGAIN): so much sooner the tail is looked at; so not all metrics' are with one execution."""
        self._distances = np.zeros(KEPT)
        self._seen, self._new = 0, offset
        self._variance, self._count = 0.0, 0
        self.edge = math.inf
        self.scale = math.inf

    @property
    def is_known(self) -> bool:
        """Whether enough was seen to say something."""
        return self.edge < math.inf

    def spread(self, usual: Usual) -> float:
        """The standard deviation to expect of a template's next execution."""
        together = PRIOR_COUNT * self._variance + usual.count * usual.variance
        variance = together / (PRIOR_COUNT + usual.count) if self._count else usual.variance
        return max(math.sqrt(variance), SPREAD_MIN) * math.sqrt(1 + 1 / max(usual.count, 1))

    def p(self, distance: float) -> float:
        """How probable a standardised distance is, at least so great; 1 where nothing is known, or it is not great.

        >>> tail = PooledTail()
        >>> for number in range(1000): tail.add(number % 100 / 25)
        >>> tail.p(2.0), 0.03 < tail.p(3.9) < 0.05, tail.p(12.0) < 1e-8
        (1.0, True, True)
        """
        if abs(distance) <= self.edge:
            return 1.0
        return TAIL_SHARE * math.exp(-(abs(distance) - self.edge) / self.scale)

    @property
    def band(self) -> float:
        """The standardised distance within which 99 of 100 lie."""
        return self.edge + self.scale * math.log(TAIL_SHARE / 0.01)

    def learn(self, usual: Usual, value: float, *, is_known_well: bool) -> None:
        """One more of a template; `is_known_well`: it also says something of all others."""
        if usual.count == 0:
            usual.count, usual.mean = 1, value
            return
        spread = self.spread(usual)
        distance = value - usual.mean
        if usual.count > 2:
            distance = min(max(distance, -CLIP * spread), CLIP * spread)
        if is_known_well:
            self.add((value - usual.mean) / spread)
            self._count = min(self._count + 1, KEPT)
            self._variance += (distance * distance - self._variance) / self._count
        usual.count += 1
        share = 1 / min(usual.count, MEMORY)
        usual.mean += share * distance
        usual.variance += share * ((1 - share) * distance * distance - usual.variance)

    def add(self, distance: float) -> None:
        """One more standardised distance."""
        self._distances[self._seen % KEPT] = abs(distance)
        self._seen += 1
        self._new += 1
        if self._new >= AGAIN and self._seen >= ENOUGH:
            self._new = 0
            seen = self._distances[: min(self._seen, KEPT)]
            places = [int((1 - share) * (len(seen) - 1)) for share in (TAIL_SHARE, INCIDENT_SHARE)]
            sorted_there = np.partition(seen, places)
            self.edge = max(float(sorted_there[places[0]]), EDGE_MIN)
            beyond = sorted_there[places[0] : places[1]]
            beyond = beyond[beyond > self.edge]
            mean = float((beyond - self.edge).mean()) if len(beyond) else 0.0
            self.scale = max(mean / TRIMMED_MEAN, SCALE_MIN)
