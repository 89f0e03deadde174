"""How many people come at which time of the day, and what runs at night."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.demo_day.clock import MINUTES

NOISE_SD = 0.07
NOISE_HOLDS = 0.9
DAYS_SD = 0.04
BATCH_BEGINS = 120
BATCH_MINUTES = 40
BATCH_LATE_MINUTES_MAX = 4
DAYS_MAX = 20


def level(minute: float) -> float:
    """The share of the busiest moment that a time of day has, without noise: low at night, up to noon, high at eight.

    >>> [round(level(60 * hour), 2) for hour in (4, 11, 20)]
    [0.3, 0.75, 1.0]
    """
    hour = minute % MINUTES / 60

    def bump(at: float, width: float) -> float:
        away = min(abs(hour - at), 24 - abs(hour - at))
        return math.exp(-0.5 * (away / width) ** 2)

    return 0.3 + 0.45 * bump(11, 2.5) + 0.7 * bump(20, 2.2)


class Curve:
    """The level with the noise of a seed: each day is a bit more or less busy, and minutes wander around it.

    >>> Curve(3).factor(700.0) == Curve(3).factor(700.0), Curve(3).batch_is_on(1440 + 130.0)
    (True, True)
    """

    def __init__(self, seed: int) -> None:
        chance = np.random.default_rng([seed, 9])
        steps = chance.normal(0.0, NOISE_SD * math.sqrt(1 - NOISE_HOLDS**2), DAYS_MAX * MINUTES)
        wandering = np.empty_like(steps)
        held = 0.0
        for at, step in enumerate(steps.tolist()):
            held = NOISE_HOLDS * held + step
            wandering[at] = held
        days = np.repeat(chance.normal(0.0, DAYS_SD, DAYS_MAX), MINUTES)
        self._noise = np.exp(wandering + days)
        self._late = chance.uniform(0.0, BATCH_LATE_MINUTES_MAX, DAYS_MAX)

    def factor(self, minute: float) -> float:
        """By what the usual rates are multiplied."""
        return level(minute) * float(self._noise[int(minute) % len(self._noise)])

    def batch_is_on(self, minute: float) -> bool:
        """Whether the night's reports run: from about two o'clock, for forty minutes, a few minutes late by chance."""
        begins = BATCH_BEGINS + self._late[int(minute // MINUTES) % DAYS_MAX]
        return bool(begins <= minute % MINUTES < begins + BATCH_MINUTES)
