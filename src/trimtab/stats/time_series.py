"""A series of numbers in time, and the regular grid that most analyses want."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

GRID_POINTS_MAX = 5_000_000
"""A grid of more points than this is refused: the step is wrong, or the series is."""


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """Numbers of one thing in the order of their times.

    `at_ms` is strictly ascending (Unix milliseconds, UTC), shape [n]; `values` has the same shape, NaN where a number
    is missing. `unit` is UCUM-like as OpenTelemetry writes it (`s`, `By`, `1`), "" where nobody knows.

    Raises ValueError where the shapes differ or the times do not ascend.

    >>> cpu = TimeSeries("cpu", np.array([0, 60_000, 180_000]), np.array([1.0, 2.0, 4.0]))
    >>> cpu.step_ms
    60000
    >>> cpu.grid().values.tolist()
    [1.0, 2.0, nan, 4.0]
    """

    name: str
    at_ms: I64
    values: F64
    unit: str = ""

    def __post_init__(self) -> None:
        if self.at_ms.shape != self.values.shape or self.at_ms.ndim != 1:
            raise ValueError(f"{self.name}: {self.at_ms.shape} times and {self.values.shape} values")
        if self.at_ms.size > 1 and not bool((np.diff(self.at_ms) > 0).all()):
            raise ValueError(f"{self.name}: its times do not ascend")

    def __len__(self) -> int:
        return int(self.at_ms.size)

    @property
    def step_ms(self) -> int:
        """How far apart samples are: the (lower) median of all distances; 0 where there are fewer than two samples."""
        middle = (self.at_ms.size - 2) // 2
        return int(np.partition(np.diff(self.at_ms), middle)[middle]) if self.at_ms.size > 1 else 0

    def grid(self, step_ms: int | None = None) -> TimeSeries:
        """The same on a regular grid: each value at the grid's point nearest before or at it, the last one where there
        are several, NaN where there is none. Points are whole multiples of the step behind the first time.

        Raises ValueError where the grid would have more than GRID_POINTS_MAX points.
        """
        step_ms = self.step_ms if step_ms is None else step_ms
        if self.at_ms.size < 2 or step_ms <= 0:
            return self
        first_ms = int(self.at_ms[0])
        places = (self.at_ms - first_ms) // step_ms
        count = int(places[-1]) + 1
        if count > GRID_POINTS_MAX:
            raise ValueError(f"{self.name}: {count} points {step_ms} ms apart, the limit is {GRID_POINTS_MAX}")
        values = np.full(count, np.nan)
        values[places] = self.values
        return TimeSeries(self.name, first_ms + np.arange(count, dtype=np.int64) * step_ms, values, self.unit)
