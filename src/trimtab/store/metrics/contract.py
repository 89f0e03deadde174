"""What receivers and the query API code against: `MetricStore`, and what goes in and comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from trimtab.store.metrics.block import Labels, Matcher, Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trimtab.store.metrics.natives import Natives

RefusedSeries = Literal[
    "series_max",
    "series_of_a_metric_max",
    "labels_max",
    "label_name_bytes_max",
    "label_value_bytes_max",
    "labels_bytes_max",
    "label_name_invalid",
    "label_value_not_utf8",
    "label_names_not_sorted",
    "label_duplicate",
    "metric_name_missing",
]
"""Why a series is not taken."""

RefusedSample = Literal[
    "series_unknown",
    "out_of_order",
    "duplicate_timestamp",
    "too_old",
    "too_far_ahead",
]
"""Why a sample is not taken: its slot is none; it is older than the newest of its series by more than the window for
stragglers; its series has another value at that time; its time is out of retention, or too far in the future."""

MetricKind = Literal["counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"]


@dataclass(frozen=True, slots=True)
class Registered:
    """`slots[i]` is where samples of the i-th series go (-1: refused); a slot means nothing to another process."""

    slots: NDArray[np.int32]
    refused: Mapping[int, tuple[RefusedSeries, str]]
    """By index: the reason and a sentence with limit and value seen."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One measurement that stands for others. `labels` are its own (`trace_id`, …), not those of the series."""

    slot: int
    labels: Labels
    value: float
    at_ms: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a metric."""

    metric: str
    kind: MetricKind
    unit: str
    help: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples on their way in. `values[i]` is of no meaning where `histograms` has one for sample `i`."""

    slots: NDArray[np.int32]
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    start_ms: NDArray[np.int64] | None = None
    """Since when each sample counts; 0: not known."""
    histograms: Natives | None = None
    exemplars: Sequence[Exemplar] = ()
    metadata: Sequence[Metadata] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of samples. `accepted_count` has repetitions of what was there already among them."""

    accepted_count: int
    refused: Mapping[RefusedSample, int] = field(default_factory=dict)
    first_refusals: Sequence[str] = ()
    """At most ten sentences that name series, time and limit."""
    histograms_count: int = 0
    """How many of those accepted are native histograms."""
    exemplars_count: int = 0


@dataclass(frozen=True, slots=True)
class ExemplarsOfSeries:
    """Exemplars of one series, in order of time."""

    series: Labels
    exemplars: Sequence[Exemplar]


@dataclass(frozen=True, slots=True)
class HotStatus:
    """The hot window: complete from `from_ms` on."""

    from_ms: int
    samples_count: int
    size_bytes: int
    size_bytes_max: int
    span_ms: int
    """From the oldest sample in it to the newest."""


@dataclass(frozen=True, slots=True)
class MetricStatus:
    """How the metrics are doing; cheap. `/status/tsdb` is made from it."""

    series_count: int
    label_pairs_count: int
    samples_accepted_count: int
    histograms_accepted_count: int
    exemplars_accepted_count: int
    repeated_count: int
    refused_samples: Mapping[str, int]
    refused_series: Mapping[str, int]
    hot: HotStatus
    newest_ms: int
    """The time of the newest sample; 0: there is none."""
    series_count_max: int
    disk_bytes: int
    """What samples take on disk, when that was last looked at; it is looked at every minute."""
    dropped_days_count: int
    """Days that went because of the disk budget."""
    retired_series_count: int = 0
    """Series that went since the start, because nothing of them is kept any more."""
    rolled_to_ms: int = 0
    """Roll-ups tell all windows up to here; 0: there are none yet."""
    rolled_windows_count: int = 0
    """Windows of five minutes that were rolled up since the start."""
    rolled_again_count: int = 0
    """Windows that were rolled up again, because samples came late."""
    rollup_error: str | None = None
    """Why the last pass came to no end."""


@dataclass(frozen=True, slots=True)
class Cardinality:
    """What takes the most series, greatest first: (what, how many)."""

    series_by_metric: Sequence[tuple[str, int]]
    values_by_label: Sequence[tuple[str, int]]
    series_by_pair: Sequence[tuple[str, int]]
    """`name=value`."""
    bytes_by_label: Sequence[tuple[str, int]]


class MetricStore(Source, Protocol):
    """Where metrics are kept. Every method may be called from any thread; every one may raise StoreError.

    Lookups take `from_ms` and `to_ms`, but answer from all series whose samples are still kept: series that have none
    in that time may be among them.
    """

    def register(self, labels: Sequence[Labels]) -> Registered:
        """Slots of series, new ones durable on return. Raises SpoolFull where there is no room for a definition."""
        ...

    def append(self, samples: Samples) -> Appended:
        """Keep samples: durable and to be found by queries when it returns. Raises SpoolFull, InputError (too many)."""
        ...

    def labels_of(self, slot: int) -> Labels:
        """The labels of a slot that `register` gave."""
        ...

    def label_names(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        """Names of labels of these series, sorted; with no alternatives, of all."""
        ...

    def label_values(self, name: str, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> list[str]:
        """Values of one label among these series, sorted; with no alternatives, of all."""
        ...

    def series(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int, limit: int = 0
    ) -> list[Labels]:
        """Series by their labels, sorted, at most `limit` (0: all)."""
        ...

    def metadata(self, metric: str = "", limit: int = 0) -> Sequence[Metadata]:
        """What is known of one metric, or of all."""
        ...

    def exemplars(
        self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int
    ) -> Sequence[ExemplarsOfSeries]:
        """Exemplars with `from_ms <= at_ms <= to_ms`."""
        ...

    def status(self) -> MetricStatus:
        """Counts, cheap."""
        ...

    def cardinality(self, limit: int = 10) -> Cardinality:
        """What takes the most series."""
        ...
