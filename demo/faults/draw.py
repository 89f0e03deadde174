"""Draw one fault of each kind, no two on the same table."""

from __future__ import annotations

import itertools
import random

from demo.faults.fault import Fault
from demo.faults.variants import VARIANTS


def possible_draws() -> list[tuple[Fault, ...]]:
    """Every combination with one fault of each kind on four different tables, in a fixed order."""
    return [
        faults
        for faults in itertools.product(*VARIANTS.values())
        if len({fault.table for fault in faults}) == len(faults)
    ]


def draw(seed: int) -> tuple[Fault, ...]:
    """The four faults of a seed.

    >>> [fault.name for fault in draw(1)] == [fault.name for fault in draw(1)]
    True
    """
    return random.Random(f"faults {seed}").choice(possible_draws())
