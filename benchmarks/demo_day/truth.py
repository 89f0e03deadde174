"""The truth of a day: which fault begins when, and how long it lasts. The server never sees it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.demo_day.clock import MINUTES

DURATION_MINUTES = (40, 70)
RECOVERY_MINUTES = 40
"""So long after its end a fault may still be noticed: queues run empty, levels come back. Neither found nor false."""
FIRST_MINUTE = 20
WITHIN_MINUTES = 10


class Kind(StrEnum):
    """The five faults."""

    SLOW_DISK = "slow disk"
    LOCK_STORM = "lock storm"
    PLAN_FLIP = "plan flip"
    MEMORY_LEAK = "memory leak"
    TRAFFIC_SURGE = "traffic surge"


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault of a day: minutes are those of the day; `chance` draws its details."""

    kind: Kind
    begins: float
    minutes: float
    chance: int

    @property
    def ends(self) -> float:
        """The minute of the day at which it is taken back."""
        return self.begins + self.minutes


@dataclass(frozen=True, slots=True)
class Injected:
    """One fault as it was: Unix ms of the moment before it began and of the moment when it was taken back."""

    kind: Kind
    began_ms: int
    ended_ms: int
    about: str
    """What exactly was done, for the table."""
    table: str = ""
    """The table that it is about, where there is one."""


def draw_day(seed: int, day_minutes: float = MINUTES) -> tuple[Planned, ...]:
    """The five faults of a seed in the order of their beginnings, each apart from the next by more than its recovery.

    `day_minutes`: a part of a day, 720 at least.

    >>> day = draw_day(1)
    >>> sorted(fault.kind.value for fault in day)
    ['lock storm', 'memory leak', 'plan flip', 'slow disk', 'traffic surge']
    >>> all(a.ends + RECOVERY_MINUTES <= b.begins for a, b in zip(day, day[1:]))
    True
    """
    chance = random.Random(f"day {seed}")
    kinds = list(Kind)
    chance.shuffle(kinds)
    lasting = [round(chance.uniform(*DURATION_MINUTES), 1) for _ in kinds]
    free = day_minutes - FIRST_MINUTE - sum(lasting) - RECOVERY_MINUTES * len(kinds)
    cuts = sorted(chance.uniform(0, free) for _ in kinds)
    planned, taken = [], float(FIRST_MINUTE)
    for kind, minutes, cut in zip(kinds, lasting, cuts, strict=True):
        planned.append(Planned(kind, round(taken + cut, 1), minutes, chance.randrange(2**31)))
        taken += minutes + RECOVERY_MINUTES
    return tuple(planned)
