"""What was promised, how it is counted, and what is left of it: objectives, their indicators, budgets, burn rules.

An objective is `target` of good among all, over a window. What is counted is its indicator (SLI):

    EventsSli      good (or bad) and all events, by PromQL: requests, rows, samples of `up`
    LatencySli     events of a histogram that took no longer than a threshold
    DurationsSli   spans, or executions of statements, that took no longer than a threshold
    TimeSliceSli   slices of time in which a value was as wanted: freshness, throughput, a quantile, any PromQL

Whatever it is, what is kept are counts: `good` of `total` in fixed slices of time. Ratios are made of sums of counts,
never of other ratios.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trimtab.model.objective_window import Window

SLICE_MS = 60_000
"""Counts are kept by the minute, on whole minutes of Unix time."""
TIME_SLICE_TARGET = 0.99
"""An objective on time slices without a share of its own: 99 % of its slices are good."""


class Comparison(StrEnum):
    """How a value stands to a threshold where all is well."""

    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="


class SliKind(StrEnum):
    """What an indicator is about; it says which way is better and in which words it is told."""

    EVENTS = "events"
    AVAILABILITY = "availability"
    LATENCY = "latency"
    FRESHNESS = "freshness"
    THROUGHPUT = "throughput"
    THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True)
class EventsSli:
    """Counts of events. `good` or `bad` (one of them is given) and `total` are PromQL of a number of events by slice.

    `$slice` in a query is the length of a slice, as in `sum(increase(http_requests_total[$slice]))`. `scale` is what
    a query's value is multiplied with to be a number of events (a `rate` is per second).
    """

    total: str
    good: str = ""
    bad: str = ""
    kind: SliKind = SliKind.EVENTS
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class LatencySli:
    """Events of a histogram (a selector without `_bucket`), good where they took at most `threshold_s`.

    Of a classic histogram the threshold has to be one of its bounds (`le`). `is_native` None: whichever there is.
    """

    histogram: str
    threshold_s: float
    is_native: bool | None = None

    @property
    def kind(self) -> SliKind:
        """What it is about."""
        return SliKind.LATENCY


@dataclass(frozen=True, slots=True)
class TimeSliceSli:
    """Slices of time, good where `query` compares as wanted at the end of the slice: every one of its series does.

    With `is_ratio` the value is the slice's own share of good, and is counted as it is instead of being compared.
    """

    query: str
    comparison: Comparison
    threshold: float
    unit: str = ""
    kind: SliKind = SliKind.THRESHOLD
    is_ratio: bool = False


@dataclass(frozen=True, slots=True)
class DurationsSli:
    """Durations that are in the store as rows, good where at most `threshold_ms`: spans, or executions of statements.

    Of spans, `service` and `operation` say which (empty: any); `fingerprint` those of one shape of statement.
    Executions are counted by the database, and timed together: all of one look of a shape are good where their mean is.
    """

    source: str
    threshold_ms: float
    system: str = ""
    fingerprint: str = ""
    service: str = ""
    operation: str = ""

    @property
    def kind(self) -> SliKind:
        """What it is about."""
        return SliKind.LATENCY


Sli = EventsSli | LatencySli | TimeSliceSli | DurationsSli


@dataclass(frozen=True, slots=True)
class BurnRule:
    """Fires where errors burn the budget more than `factor` times as fast as allowed over both windows.

    `budget_ratio` is the share of the whole budget that is spent at `factor` in the long window: factor = share ×
    period ÷ long window.
    """

    name: str
    severity: str
    long_ms: int
    short_ms: int
    factor: float
    budget_ratio: float
    for_ms: int = 0
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    """What its alerts carry beside those of the objective."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Time that does not count, with the reason: maintenance, or (with `is_reset`) all before `end_ms`."""

    start_ms: int
    end_ms: int
    reason: str
    is_reset: bool = False
    by: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """A promise. `name` is unique on a server; `target` is a share of good in 0..1 (without 1).

    `system` names the watched system whose changes it restrains (empty: it restrains none). `origin` is the file and
    `line` the place in it. `notices` say how something in it was read where that is not plain.
    """

    name: str
    sli: Sli
    target: float
    window: Window
    service: str = ""
    display_name: str = ""
    description: str = ""
    alert_name: str = ""
    system: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    burn_rules: tuple[BurnRule, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    events_min: float = 0.0
    origin: str = ""
    line: int = 0
    notices: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What people call it."""
        return self.display_name or self.name

    @property
    def allowed_bad_ratio(self) -> float:
        """The share of all that may be bad: what the target leaves."""
        return float(f"{1.0 - self.target:.12g}")


class BudgetState(StrEnum):
    """Where a budget stands, in one word."""

    KEPT = "kept"
    BURNING = "burning"
    SPENT = "spent"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True)
class SliceCounts:
    """Sums over slices. `measured_slices` of `expected_slices` had data: the rest is unknown, neither good nor bad."""

    good: float
    total: float
    measured_slices: int
    expected_slices: int

    @property
    def bad(self) -> float:
        """What was not good."""
        return self.total - self.good

    @property
    def good_ratio(self) -> float | None:
        """The indicator; None where nothing was counted."""
        return self.good / self.total if self.total > 0 else None

    @property
    def coverage_ratio(self) -> float:
        """How much of the time is known."""
        return self.measured_slices / self.expected_slices if self.expected_slices else 0.0


@dataclass(frozen=True, slots=True)
class BudgetEnd:
    """When the budget ends at this rate; None: not within the window. `source` says where the interval comes from."""

    at_ms: int | None
    earliest_ms: int | None
    latest_ms: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Budget:
    """The error budget of an objective at a moment.

    `consumed_ratio` is bad ÷ allowed, of the whole window (a calendar window's total is extrapolated from what was
    counted so far); `burn_rate` is over the last `burn_window_ms`: 1 spends exactly the budget in one window.

    Where measuring began inside the window, or the budget was begun anew in it, the time before counts as without
    errors, as for burn rules: `total_expected` holds `total_assumed` events of it, as many as in the time that was
    measured. So what is left is at most that much.
    """

    objective: str
    at_ms: int
    window_start_ms: int
    window_end_ms: int
    counts: SliceCounts
    total_expected: float
    consumed_ratio: float | None
    burn_rate: float | None
    burn_window_ms: int
    state: BudgetState
    end: BudgetEnd | None = None
    notices: tuple[str, ...] = ()
    total_assumed: float = 0.0

    @property
    def assumed_ratio(self) -> float:
        """How much of what the budget is of was not measured but assumed to be good."""
        return self.total_assumed / self.total_expected if self.total_expected else 0.0

    @property
    def left_ratio(self) -> float | None:
        """What is not consumed; below 0 where more was spent than there was."""
        return None if self.consumed_ratio is None else 1.0 - self.consumed_ratio
