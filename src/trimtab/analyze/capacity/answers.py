"""What is asked of a series that grows towards a limit, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

Outcome = Literal["dated", "possible", "never", "no_trend", "already", "too_little"]
"""What is known of the date.

`dated`: more likely than not it comes within the horizon. `possible`: it is less likely than that, but cannot be ruled
out. `never`: it grows, but not so far within the horizon. `no_trend`: it does not grow. `already`: it is there.
`too_little`: there is too little history to say anything.
"""
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class SaturationSettings:
    """How a date is looked for.

    `range_ratio` is the probability that the range of dates holds (0.5 to 0.99); `horizon_ms` how far ahead is looked,
    0: as far as four times the history; `paths` how many futures are drawn (50 to 10,000); `falling` whether the limit
    is reached from above (free bytes), None: what the series says by which side of the limit it is on.
    """

    range_ratio: float = 0.8
    horizon_ms: int = 0
    paths: int = 400
    falling: bool | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0.5 <= self.range_ratio <= 0.99:
            raise ValueError(f"range_ratio is between 0.5 and 0.99, not {self.range_ratio}")
        if not 50 <= self.paths <= 10_000:
            raise ValueError(f"paths is between 50 and 10000, not {self.paths}")
        if self.horizon_ms < 0:
            raise ValueError(f"horizon_ms is 0 or more, not {self.horizon_ms}")


@dataclass(frozen=True, slots=True)
class Band:
    """The futures that were drawn, summed up: `at_ms` int64[k], and of the peaks at each of these times the low end,
    the middle and the high end of the range, float64[k]; `full_by` is the share that has reached the limit by then.
    """

    at_ms: I64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    low: F64 = field(default_factory=lambda: np.zeros(0))
    middle: F64 = field(default_factory=lambda: np.zeros(0))
    high: F64 = field(default_factory=lambda: np.zeros(0))
    full_by: F64 = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class Saturation:
    """When a series reaches its limit.

    `date_ms` (the middle), `earliest_ms` and `latest_ms` are Unix milliseconds; None: not within the horizon, or not
    known (`outcome` and `reason` say which). `probability` is that of reaching the limit before `horizon_end_ms`
    (0..1). `current` is the newest peak; `growth_per_day` in the series' unit, None where it is not known.
    """

    series: str
    unit: str
    limit: float
    falling: bool
    outcome: Outcome
    reason: str
    current: float
    range_ratio: float
    horizon_end_ms: int
    probability: float = 0.0
    date_ms: int | None = None
    earliest_ms: int | None = None
    latest_ms: int | None = None
    growth_per_day: float | None = None
    bucket_ms: int = DAY_MS
    history_ms: int = 0
    notes: tuple[str, ...] = ()
    """What was done with the history before the trend was taken: a level shift, teeth, a rhythm, a bend."""
    peaks_at_ms: I64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    peaks: F64 = field(default_factory=lambda: np.zeros(0))
    band: Band = field(default_factory=Band)

    def full_by(self, at_ms: int) -> float:
        """The probability (0..1) that the limit is reached by that moment; beyond the horizon that of the horizon."""
        if self.outcome == "already":
            return 1.0
        place = int(np.searchsorted(self.band.at_ms, at_ms, side="right")) - 1
        return float(self.band.full_by[place]) if place >= 0 else 0.0
