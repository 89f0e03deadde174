"""Episodes in which a series was not as expected, and what people say about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Source(StrEnum):
    """Where a series comes from: samples in the metrics store, query shapes of watched systems, or all statements of
    such a system together."""

    METRIC = "metric"
    QUERY = "query"
    SYSTEM = "system"


class SeriesMeasure(StrEnum):
    """What of a series is looked at."""

    VALUE = "value"
    """The samples themselves (of a gauge)."""
    RATE = "rate"
    """Increase per second (of a counter)."""
    MEAN = "mean"
    """Increase of `_sum` ÷ increase of `_count` (of a histogram or a summary): the mean of what was observed."""
    MEAN_MS = "mean_ms"
    """Of a query shape, or of all statements of a system: mean execution time."""
    CALLS_PER_S = "calls_per_s"
    """Of a query shape, or of all statements of a system: calls."""


class SpokenTest(StrEnum):
    """Which test of the detector spoke loudest."""

    SEASON = "season"
    JUMP = "jump"
    RANGE = "range"
    SHIFT = "shift"
    SPREAD = "spread"


@dataclass(frozen=True, slots=True)
class SeriesRef:
    """One series that is looked at. `key` is the same for ever, also after a restart: the identity of a metric's
    series, or `system/fingerprint` of a query shape (`system/` of all of them together), each with the measure behind
    it."""

    key: str
    source: Source
    measure: SeriesMeasure
    name: str
    """As Prometheus writes it; of a query shape `system/fingerprint`."""
    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    step_ms: int = 1


@dataclass(frozen=True, slots=True)
class AnomalyEpisode:
    """One time of one series, from its first odd sample to its last one (inclusive, Unix milliseconds).

    `score` (0..1) and `test` are those of its oddest sample; `expected`, `low`, `high` what was expected when it began,
    in the series' unit (None: nothing), `observed` the value furthest from that. `closed_at_ms` None: it goes on.
    """

    id: int
    series: SeriesRef
    start_ms: int
    end_ms: int
    closed_at_ms: int | None
    score: float
    test: SpokenTest
    observed: float
    expected: float | None
    low: float | None
    high: float | None

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.closed_at_ms is None


@dataclass(frozen=True, slots=True)
class Mute:
    """Somebody said that what a test finds in a series is normal. `test` None: whatever test finds; `until_ms` None:
    for good."""

    id: int
    series_key: str
    test: SpokenTest | None
    name: str
    episode_id: int | None
    reason: str
    until_ms: int | None
    by: str
    at_ms: int

    def covers(self, series_key: str, test: SpokenTest, at_ms: int) -> bool:
        """Whether it says so of this series and test at that moment.

        >>> mute = Mute(1, "a", SpokenTest.JUMP, "a", None, "deploys", 100, "ada", 0)
        >>> [mute.covers(key, SpokenTest.JUMP, at_ms) for key, at_ms in (("a", 99), ("a", 100), ("b", 1))]
        [True, False, False]
        """
        is_in_time = self.until_ms is None or at_ms < self.until_ms
        return self.series_key == series_key and self.test in (None, test) and is_in_time
