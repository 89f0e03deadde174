"""Series that a sender writes: steady ones, and some that leave their level; written to a server over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cramjam
import httpx2
import numpy as np
from numpy.typing import NDArray

from tests.observe.metrics import wire

STEP_MS = 15_000
COUNT = 480
"""Two hours."""
HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}
Series = tuple[Mapping[str, str], NDArray[np.float64]]


def level(value: float, seed: int, count: int = COUNT) -> NDArray[np.float64]:
    """Goes on as always."""
    return np.random.default_rng(seed).normal(value, abs(value) / 30, count)


def shop(odd_points: int = 12) -> list[Series]:
    """A queue and two disks of hosts; on host b all three leave their level at the end, for so many samples."""
    series: list[Series] = []
    for number, host in enumerate(("a", "b", "c")):
        queue, wait = level(40, 10 + number), level(0.004, 20 + number)
        written = np.cumsum(level(3e6, 30 + number) * STEP_MS / 1000)
        if host == "b" and odd_points:
            queue[-odd_points:] += 120
            wait[-odd_points:] *= 9
            written[-odd_points:] = written[-odd_points - 1] + np.arange(1, odd_points + 1) * 1e5
        labels = {"instance": f"host-{host}:9100", "job": "node"}
        series += [
            ({"__name__": "shop_queue_length", **labels}, queue),
            ({"__name__": "disk_wait_seconds", **labels, "device": "nvme0n1"}, wait),
            ({"__name__": "disk_written_bytes_total", **labels, "device": "nvme0n1"}, written),
        ]
    return series


def write(url: str, series: Iterable[Series], end_ms: int) -> None:
    """By remote write, the last sample of each at `end_ms`."""
    body = b"".join(
        wire.series_1(
            labels,
            [
                wire.sample(end_ms - (len(values) - 1 - number) * STEP_MS, float(value))
                for number, value in enumerate(values)
            ],
        )
        for labels, values in series
    )
    packed = bytes(cramjam.snappy.compress_raw(body))
    httpx2.post(f"{url}/api/v1/write", content=packed, headers=HEADERS, timeout=60).raise_for_status()
