"""Traffic surge: a multiple of the usual visitors, of every kind."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.demo_day import control
from benchmarks.demo_day.injectors.stage import Did, Stage

TIMES = (2.5, 4.0)


@contextmanager
def inject(stage: Stage, chance: int) -> Iterator[Did]:
    """Between 2.5 and 4 times of what the time of day has."""
    times = random.Random(chance).uniform(*TIMES)
    control.write(stage.application, control.Control(surge=times))
    try:
        yield Did(f"{times:.1f} times the visitors")
    finally:
        control.write(stage.application, control.Control())
