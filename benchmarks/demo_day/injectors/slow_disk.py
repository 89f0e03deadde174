"""Slow disk: a neighbour on the same disk that reads and writes past the page cache, as fast as the disk lets it.

What the shop's server waits for becomes slow: reads of pages that are in no cache, and commits. So that there are such
reads at all on a machine that could hold the whole shop in memory, `evicting` runs all day, with and without fault: it
takes the page cache from the database's files, as on a machine whose memory is smaller than its data.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.demo_day import neighbour
from benchmarks.demo_day.injectors.stage import Did, Stage
from demo.keep.kept import ROOT

READERS = (8, 16)
NAME = "neighbour"


@contextmanager
def inject(stage: Stage, chance: int) -> Iterator[Did]:
    """Between 8 and 16 readers and two writers."""
    readers = random.Random(chance).randint(*READERS)
    command = [sys.executable, "-m", "benchmarks.demo_day.neighbour", "disturb", str(stage.kept.folder)]
    stage.kept.start(
        NAME, [*command, "--readers", str(readers)], log=stage.kept.folder / "neighbour.log", cwd=ROOT, stop_s=3.0
    )
    try:
        yield Did(f"{readers} readers and {neighbour.WRITERS} writers on the same disk")
    finally:
        stage.kept.stop(NAME)
