"""Series and scrapes for tests."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import numpy as np

from trimtab.store.metrics.block import Labels, Matcher, SeriesBlock
from trimtab.store.metrics.contract import Samples
from trimtab.store.metrics.store import EmbeddedMetrics

Points = dict[str, list[tuple[int, float]]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def series_named(name: str, metric: str = "m") -> Labels:
    return (("__name__", metric), ("name", name))


def samples(slots: Iterable[int], at_ms: int | Sequence[int], values: Sequence[float]) -> Samples:
    """One sample a slot, all at one time or each at its own."""
    numbers = np.fromiter(slots, np.int32)
    times = np.broadcast_to(np.array(at_ms, np.int64), len(numbers)).copy()
    return Samples(numbers, times, np.array(values, np.float64))


def points(block: SeriesBlock) -> Points:
    """Samples by the label `name`."""
    return {
        dict(labels)["name"]: list(zip(block.at_ms[first:end].tolist(), block.values[first:end].tolist(), strict=True))
        for labels, first, end in zip(
            block.labels, block.offsets[:-1].tolist(), block.offsets[1:].tolist(), strict=True
        )
    }


def read(metrics: EmbeddedMetrics, from_ms: int, to_ms: int, *matchers: Matcher) -> Points:
    return points(metrics.select([matchers or (Matcher("__name__", "=", "m"),)], from_ms, to_ms))
