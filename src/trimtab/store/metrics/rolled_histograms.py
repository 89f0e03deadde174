"""Roll-ups of native histograms as a query sees them, and their rows on the way into the store.

A row is over the histograms of its window alone, as rows of numbers are (`rolled`): the first and the last, all added
up, and what they grew by, bucket by bucket, through resets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from trimtab.store.metrics.block import Labels, Matcher
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES_MS
from trimtab.store.promql.histogram import FloatHistogram

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HISTOGRAM_TABLES: Mapping[int, str] = {MINUTES_MS: "metric_histogram_minutes_5", HOURS_MS: "metric_histogram_hours"}
"""By resolution."""

HistogramColumn = Literal["first", "last", "total", "increase"]


@dataclass(frozen=True, slots=True)
class RolledHistograms:
    """Rows `[offsets[s], offsets[s + 1])` are those of series `s`, in order of time. `columns` has what was asked for;
    None: the histograms of the window cannot be added up, or (`increase`) there is only one."""

    labels: Sequence[Labels]
    offsets: NDArray[np.int64]
    end_ms: NDArray[np.int64]
    counts: NDArray[np.int64]
    first_at_ms: NDArray[np.int64]
    last_at_ms: NDArray[np.int64]
    ended_at_ms: NDArray[np.int64]
    columns: Mapping[HistogramColumn, Sequence[FloatHistogram | None]]


@runtime_checkable
class RolledHistogramSource(Protocol):
    """A source that has roll-ups of native histograms."""

    def select_rolled_histograms(
        self,
        alternatives: Sequence[Sequence[Matcher]],
        resolution_ms: int,
        from_ms: int,
        to_ms: int,
        columns: Sequence[HistogramColumn],
    ) -> RolledHistograms | None:
        """Rows of windows with `from_ms < end_ms <= to_ms`; None where no series has any. Raises QueryTooBig."""
        ...
