"""Roll-ups as a query sees them: rows of series, one for each window that has samples.

A window is `(end_ms - resolution, end_ms]`, as PromQL's windows are: so a range that is a multiple of the resolution
and ends on one of these ends is made of whole windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from trimtab.store.metrics.block import Labels, Matcher

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MINUTES_MS = 300_000
HOURS_MS = 3_600_000
MINUTES, HOURS = "metric_minutes_5", "metric_hours"
NAMES: Mapping[int, str] = {MINUTES_MS: "5m", HOURS_MS: "1h"}
"""What a resolution is called."""

Column = Literal[
    "samples_count",
    "value_sum",
    "value_min",
    "value_max",
    "first_at_ms",
    "first_value",
    "last_at_ms",
    "last_value",
    "increase",
    "ended_at_ms",
]


@dataclass(frozen=True, slots=True)
class RolledBlock:
    """Rows `[offsets[s], offsets[s + 1])` are those of series `s`, in order of time. `columns` has what was asked for:
    `*_at_ms` are int64, all others float64."""

    labels: Sequence[Labels]
    offsets: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    columns: Mapping[Column, NDArray[np.generic]]

    def times(self, name: Column) -> NDArray[np.int64]:
        """A column of times."""
        return self.columns[name].view("<i8")

    def numbers(self, name: Column) -> NDArray[np.float64]:
        """A column of numbers."""
        return self.columns[name].view("<f8")


@dataclass(frozen=True, slots=True)
class Kept:
    """From when on samples and roll-ups are there, and up to when roll-ups tell everything."""

    raw_from_ms: int
    raw_days: int
    minutes_from_ms: int
    minutes_to_ms: int
    hours_to_ms: int
    samples_max: int
    """So many samples may be read for one selector."""


@runtime_checkable
class RolledSource(Protocol):
    """A source of samples that has roll-ups, too."""

    def kept(self) -> Kept | None:
        """What there is; None where nothing is rolled up yet. Cheap."""
        ...

    def samples_estimate(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> int:
        """About how many samples `select` would read; 0 where it is cheap for sure. Raises as `select` does."""
        ...

    def series_estimate(self, alternatives: Sequence[Sequence[Matcher]]) -> int:
        """How many series fulfil the matchers."""
        ...

    def select_rolled(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[Column],
    ) -> RolledBlock:
        """Rows of windows with `from_ms < end_ms <= to_ms`; series without any are left out."""
        ...
