"""Memory leak: the application keeps a few MB each minute that it never uses again, until it is mended."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.demo_day import control
from benchmarks.demo_day.injectors.stage import Did, Stage

MB_A_MINUTE = (3.0, 6.0)


@contextmanager
def inject(stage: Stage, chance: int) -> Iterator[Did]:
    """Between 3 and 6 MB a minute, of an application that has about 100."""
    mb = random.Random(chance).uniform(*MB_A_MINUTE)
    control.write(stage.application, control.Control(leak_bytes_s=mb * 1024**2 / stage.minute_s))
    try:
        yield Did(f"the application keeps {mb:.1f} MB a minute")
    finally:
        control.write(stage.application, control.Control())
