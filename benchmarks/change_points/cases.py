"""Series with steps that are known: real noise, drawn anew, and 0–3 steps of 1–5 robust standard deviations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.change_points.noise import F64, Noise

POINTS = 200
APART_MIN = 20
"""Steps are at least so far from each other and from both ends."""
HEIGHTS = (1.0, 1.5, 2.0, 3.0, 5.0)
LEVEL, SIGMA = 100.0, 2.0
TOLERANCE = 5


@dataclass(frozen=True)
class Case:
    """A series, where its level really changes (first rows of new levels), and by how many standard deviations."""

    source: str
    values: F64
    steps: tuple[int, ...]
    heights: tuple[float, ...]


def cases(noise: Sequence[Noise], count: int, block: int, seed: int, steps: int | None = None) -> list[Case]:
    """`count` cases with noise drawn in runs of `block` points; `steps` steps in each, or 0, 1, 2, 3 in turn.

    Each kind of noise (one number a commit, AWS, Azure) is in as many of them.
    """
    rng = np.random.default_rng(seed)
    by_kind: dict[str, list[Noise]] = {}
    for one in noise:
        by_kind.setdefault(one.kind, []).append(one)
    names = sorted(by_kind)
    made = []
    for number in range(count):
        of_kind = by_kind[names[number // 4 % len(names)]]
        source = of_kind[int(rng.integers(len(of_kind)))]
        starts = rng.integers(0, source.residuals.size - block + 1, -(-POINTS // block))
        drawn = source.residuals[(starts[:, None] + np.arange(block)).ravel()[:POINTS]]
        wanted = number % 4 if steps is None else steps
        places = _places(rng, wanted)
        heights = rng.choice(HEIGHTS, wanted) * rng.choice((-1.0, 1.0), wanted)
        level = np.zeros(POINTS)
        for place, height in zip(places, heights, strict=True):
            level[place:] += height
        values = LEVEL + SIGMA * (level + drawn)
        made.append(Case(source.name, values, places, tuple(abs(heights).tolist())))
    return made


def _places(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    free = POINTS - APART_MIN * (count + 1)
    cuts = np.sort(rng.integers(0, free + 1, count))
    return tuple(int(cut) + APART_MIN * (number + 1) for number, cut in enumerate(cuts))


@dataclass
class Tally:
    """What a method found in many cases."""

    hits: int = 0
    false: int = 0
    missed: int = 0
    clean: int = 0
    alarming: int = 0

    def add(self, case: Case, found: Sequence[int]) -> set[int]:
        """Count one answer; tells which of the case's steps were found (each answer counts for one step at most)."""
        free = set(range(len(case.steps)))
        for place in sorted(found):
            near = [step for step in free if abs(case.steps[step] - place) <= TOLERANCE]
            if near:
                free.remove(min(near, key=lambda step: abs(case.steps[step] - place)))
                self.hits += 1
            else:
                self.false += 1
        self.missed += len(free)
        if not case.steps:
            self.clean += 1
            self.alarming += bool(len(found))
        return set(range(len(case.steps))) - free

    @property
    def precision(self) -> float:
        return self.hits / max(self.hits + self.false, 1)

    @property
    def recall(self) -> float:
        return self.hits / max(self.hits + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(2 * self.hits + self.false + self.missed, 1)

    @property
    def alarm_share(self) -> float:
        return self.alarming / max(self.clean, 1)
