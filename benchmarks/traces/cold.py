"""Asking a store that remembers nothing: its caches dropped, and its files out of the system's cache of pages."""

from __future__ import annotations

import contextlib
import os
import random
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trimtab.store.logs.answers import LogHistogram
from trimtab.store.telemetry import EmbeddedTelemetry
from trimtab.store.traces.answers import FoundTraces

CACHES = (
    "MARK CACHE",
    "PRIMARY INDEX CACHE",
    "UNCOMPRESSED CACHE",
    "INDEX MARK CACHE",
    "INDEX UNCOMPRESSED CACHE",
    "QUERY CONDITION CACHE",
    "TEXT INDEX CACHES",
    "MMAP CACHE",
)


@dataclass(frozen=True)
class Question:
    """One thing that is asked. What `is_judged` has a limit; `ask` gets a source of new values."""

    name: str
    ask: Callable[[random.Random], object]
    is_judged: bool = True
    from_ms: int = 0
    to_ms: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """How long it took, of some askings."""

    name: str
    is_judged: bool
    p50_ms: float
    p95_ms: float
    cpu_ms: float
    looked: float = 1.0
    """Which part of the range was looked through: less where the time that a page gives a search was over before."""


def yardstick_ms() -> float:
    """Processor time of the same work each time (unpacking 64 MB): twice as much means that all figures of processor
    time are about twice what they are on the same machine when it does nothing else."""
    packed = zlib.compress(bytes(range(256)) * (1 << 18), 1)
    began_s = time.process_time()
    zlib.decompress(packed)
    return (time.process_time() - began_s) * 1e3


def drop_caches(store: EmbeddedTelemetry, directory: Path) -> None:
    """Those of the engine, and pages of its files. The latter needs no root: files that are written out are given back
    by `posix_fadvise`. What a file system keeps of names and sizes stays."""
    for cache in CACHES:
        store.engine.write(f"SYSTEM DROP {cache}")
    for folder, _, names in os.walk(directory):  # which does not mind what is merged away meanwhile
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                file = os.open(Path(folder) / name, os.O_RDONLY)
                try:
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(file)


def answered(
    store: EmbeddedTelemetry, directory: Path, questions: Iterable[Question], rounds: int
) -> Iterable[Answered]:
    """Ask each so many times, cold each time."""
    os.sync()
    for question in questions:
        draw, took_ms, cpu_ms, looked = random.Random(3), [], [], []
        for _ in range(rounds):
            drop_caches(store, directory)
            began_s, cpu_s = time.perf_counter(), time.process_time()
            found = question.ask(draw)
            took_ms.append((time.perf_counter() - began_s) * 1e3)
            cpu_ms.append((time.process_time() - cpu_s) * 1e3)
            looked.append(looked_share(found, question))
        p50, p95 = np.quantile(took_ms, (0.5, 0.95))
        yield Answered(
            question.name, question.is_judged, float(p50), float(p95), float(np.mean(cpu_ms)), float(np.mean(looked))
        )


def looked_share(found: object, question: Question) -> float:
    """Which part of the question's range an answer tells of; all of it, where it found enough."""
    until_ms = getattr(found, "looked_to_ms", None)
    if isinstance(found, LogHistogram):
        until_ms = found.looked_from_ms
    if isinstance(found, FoundTraces) and found.is_cut:
        until_ms = found.looked_from_ms
    if until_ms is None or question.to_ms <= question.from_ms:
        return 1.0
    return float((question.to_ms - until_ms) / (question.to_ms - question.from_ms))
