"""What the telemetry store answers, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class SliceTable:
    """What shapes did, slice by slice: F fingerprints by T slices.

    Slices lie whole inside the window asked for and ascend by start. Where a slice was observed and a shape did not
    run, its cells are 0; a time that was not observed has no slice. `fingerprints` is sorted.
    """

    fingerprints: tuple[str, ...]
    started_at_ms: npt.NDArray[np.int64]
    """Shape [T]."""
    ended_at_ms: npt.NDArray[np.int64]
    """Shape [T]."""
    calls: npt.NDArray[np.int64]
    """Shape [F, T]."""
    total_exec_time_ms: npt.NDArray[np.float64]
    """Shape [F, T]."""
    rows: npt.NDArray[np.int64]
    """Shape [F, T]."""

    @property
    def slices_count(self) -> int:
        """T."""
        return len(self.started_at_ms)

    def row_of(self, fingerprint: str) -> int | None:
        """The index of a fingerprint on the first axis; None where it has no row."""
        try:
            return self.fingerprints.index(fingerprint)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Latencies of one shape from spans, as its callers saw them.

    `quantiles_ms` belongs to `quantiles`, place by place: exact, interpolated linearly between neighbours as
    `numpy.quantile` does. With `count` 0 there are no numbers: `quantiles_ms` and `mean_ms` are None.
    """

    count: int
    quantiles: tuple[float, ...]
    quantiles_ms: tuple[float, ...] | None
    mean_ms: float | None


@dataclass(frozen=True, slots=True)
class OtlpAck:
    """A trace request that is on disk: how many spans it holds that are kept, and its bytes.

    `refused` says how many are not, by reason; `told` says it to the sender, '' where all are kept.
    """

    spans_count: int
    body_bytes: int
    refused: Mapping[str, int] = field(default_factory=dict)
    told: str = ""


@dataclass(frozen=True, slots=True)
class TelemetryStatus:
    """How the store is doing. Counts are since it was opened; `*_bytes` are as they are now."""

    schema_version: int
    engine_version: str
    spool_bytes: int
    spool_bytes_max: int
    spool_segments_count: int
    oldest_unloaded_at_ms: int | None
    """When the oldest segment that the engine does not have yet was begun."""
    accepted_messages_count: Mapping[str, int] = field(default_factory=dict)
    """By table."""
    loaded_messages_count: Mapping[str, int] = field(default_factory=dict)
    """By table."""
    refused_full_count: int = 0
    """Writes refused with SpoolFull."""
    full: str | None = None
    """Why nothing is taken at the moment; None while it is."""
    outdated_spans_count: int = 0
    """Spans left out because they began before the retention, or too far in the future."""
    refused_spans: Mapping[str, int] = field(default_factory=dict)
    """Spans that were refused when they came, by reason."""
    sampled_out_spans_count: int = 0
    """Spans that sampling left out."""
    operations_overflow_count: int = 0
    """Spans whose operation has no series of its own, because there are too many operations."""
    signal_bytes: Mapping[str, int] = field(default_factory=dict)
    """What traces, logs and metrics took on disk when the budget for all was last looked at; 0 without a budget."""
    dropped_rows: Mapping[str, int] = field(default_factory=dict)
    """Rows that went because of that budget."""
    quarantined_count: int = 0
    """Messages put aside because the engine refused them, those of earlier runs included."""
    quarantine_bytes: int = 0
    torn_bytes: int = 0
    """Bytes cut off segments at the last opening: what a crash left half written."""
    last_load_error: str | None = None
    """Why the loader is waiting to try again; None while all is well."""
    absent_shards: tuple[str, ...] = ()
    """Shards that did not answer when they were asked last, each with the reason: answers are partial."""
    last_rollup_error: str | None = None
    """Why the sums by the minute are behind; None while all is well. Answers are right also then, only slower."""
