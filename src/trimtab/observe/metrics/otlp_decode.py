"""An OTLP metrics request as arrays. What stands in it is only pointed at until somebody asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.observe.metrics.otlp_kernels import (
    AT,
    METRIC_COLUMNS,
    METRICS,
    NUMBERS,
    NUMBERS_END,
    POINT_COLUMNS,
    POINTS,
    RARE,
    decode,
)
from trimtab.observe.metrics.wire_kernels import BROKEN, DONE
from trimtab.observe.otlp import BodyTooLong

_BYTES_A_POINT = 50
"""Of a body, for the first guess of how much room its points need."""
_ROOM_MIN = 256


@dataclass(frozen=True, slots=True)
class Points:
    """Data points of a body; for the columns of `points` and `metrics` see `otlp_kernels`."""

    body: bytearray
    keys: NDArray[np.uint64]
    points: NDArray[np.int64]
    numbers: NDArray[np.float64]
    rare: NDArray[np.int64]
    metrics: NDArray[np.int64]

    @property
    def numbers_start(self) -> NDArray[np.int64]:
        """Where the numbers of each point begin."""
        starts = np.empty(len(self.points), np.int64)
        starts[:1] = 0
        starts[1:] = self.points[:-1, NUMBERS_END]
        return starts

    def bytes(self, start: int, end: int) -> bytes:
        """A piece of the body."""
        return bytes(memoryview(self.body)[start:end])


def decode_metrics(body: bytearray, seed: NDArray[np.uint64], rows_max: int) -> Points:
    """Read a body. InputError where it is not one, BodyTooLong where it has more than `rows_max` points or numbers."""
    data = np.frombuffer(body, np.uint8)
    counts = np.zeros(5, np.int64)
    rows = min(len(body) // _BYTES_A_POINT + _ROOM_MIN, rows_max)
    while True:
        keys = np.empty((rows, 2), np.uint64)
        points = np.empty((rows, POINT_COLUMNS), np.int64)
        numbers = np.empty(rows * 4, np.float64)
        rare = np.empty((rows, 3), np.int64)
        metrics = np.empty((rows, METRIC_COLUMNS), np.int64)
        code = decode(data, seed, counts, keys, points, numbers, numbers.view(np.int64), rare, metrics)
        if code == DONE:
            break
        if code == BROKEN:
            raise InputError(
                f"the body is not an ExportMetricsServiceRequest: a field at byte {counts[AT]} is broken",
                at=int(counts[AT]),
            )
        if rows >= rows_max:
            raise BodyTooLong(
                f"a body may have {rows_max} data points and {rows_max * 4} numbers; this one has more", limit=rows_max
            )
        rows = min(rows * 4, rows_max)
    return Points(
        body,
        keys[: counts[POINTS]],
        points[: counts[POINTS]],
        numbers[: counts[NUMBERS]],
        rare[: counts[RARE]],
        metrics[: counts[METRICS]],
    )
