"""Answers: each kind of pattern with its numbers and its evidence, and the answer that there is none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is looked for."""

    CYCLE = "cycle"
    BURSTS = "bursts"
    KNEE = "knee"
    LEAD = "lead"
    LEAK = "leak"
    SAW_TEETH = "saw-teeth"
    MIX = "mix"


class Why(StrEnum):
    """Why there is no pattern."""

    NONE = "no such pattern"
    TOO_SHORT = "too short"
    GAPS = "too many gaps"
    CONSTANT = "constant"
    NOT_REACHED = "not reached"


@dataclass(frozen=True, slots=True)
class PatternEvidence:
    """What an answer rests on.

    `start_ms` and `end_ms`: the window (both included, Unix ms), with `points` of them at `step_ms`. `p_value`: how
    often noise with the same autocorrelation would look like this, None where no test was made. `explained_share`: of
    the variance, measured on data that were not fitted, below 0 where it explains nothing. `found_share`: in which
    share of `found_of` resamples the pattern is found again (0 to 1), None where the data are too few to resample.
    """

    start_ms: int
    end_ms: int
    step_ms: int
    points: int
    p_value: float | None = None
    explained_share: float | None = None
    found_share: float | None = None
    found_of: int = 0


@dataclass(frozen=True, slots=True)
class NoPattern:
    """An honest answer, too."""

    kind: Kind
    series: str
    why: Why
    reason: str


@dataclass(frozen=True, slots=True)
class Cycle:
    """A shape that repeats every `period_ms`. `name`: `day`, `week` or `other`.

    `profile` is the typical value in each of its slots, from the beginning of the period (midnight, Monday 00:00 or the
    window's start; `offset_ms` behind UTC's), `low` and `high` hold 80 % of what was seen there. `peak_ms` is where in
    the period the highest value stands, within `peak_ms_90`; `amplitude` is from the lowest to the highest, within
    `amplitude_90`, in the series' unit.
    """

    series: str
    unit: str
    name: str
    period_ms: int
    offset_ms: int
    peak_ms: int
    peak_ms_90: tuple[int, int]
    amplitude: float
    amplitude_90: tuple[float, float]
    profile: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    evidence: PatternEvidence
    kind: Kind = Kind.CYCLE


@dataclass(frozen=True, slots=True)
class Bursts:
    """Short times far above what is usual.

    `period_ms` is set where they recur, as a scheduled job does: `at_ms` is where in the period they begin (from
    midnight UTC), within `jitter_ms` (half of them), and `seen_ratio` of the times that would be due had one. Else
    `gap_ms_median` is the typical time between two, and `tail_index` how heavy the tail of their heights is (Hill 1975;
    under 2: the variance has no end), within `tail_index_90`. `burst_share` is the part of everything above the usual
    level that comes in bursts; `starts_ms` are the newest ones.
    """

    series: str
    unit: str
    count: int
    height_median: float
    usual: float
    burst_share: float
    period_ms: int | None
    at_ms: int | None
    jitter_ms: int | None
    seen_ratio: float | None
    gap_ms_median: int
    tail_index: float | None
    tail_index_90: tuple[float, float] | None
    starts_ms: tuple[int, ...]
    evidence: PatternEvidence
    kind: Kind = Kind.BURSTS


@dataclass(frozen=True, slots=True)
class Knee:
    """Where latency begins to rise faster than load: it is there twice what it is without load (Kleinrock 1979).

    `model` is `queue` (M/M/1-like: base + slope · x / (1 - x / limit)) or `contention` (the universal scalability law
    of latency against concurrency: base + slope · x + bend · x²). `limit` is where a queue's curve goes up without end.
    `curve` and `scatter` are (load, latency) pairs to be drawn; `line_loss_ratio` is the curve's mean absolute error
    over the straight line's, on blocks of time that were not fitted.
    """

    series: str
    load: str
    unit: str
    load_unit: str
    model: str
    knee: float
    knee_90: tuple[float, float]
    limit: float | None
    base: float
    over_share: float
    line_loss_ratio: float
    curve: tuple[tuple[float, float], ...]
    scatter: tuple[tuple[float, float], ...]
    evidence: PatternEvidence
    kind: Kind = Kind.KNEE


@dataclass(frozen=True, slots=True)
class Lead:
    """`leader` moves and `follower` moves `lag_ms` later (0: in the same step), with this correlation of what is new in
    both (their own pasts and days taken out)."""

    leader: str
    follower: str
    lag_ms: int
    lag_ms_90: tuple[int, int]
    correlation: float
    pairs_tested: int
    evidence: PatternEvidence
    kind: Kind = Kind.LEAD


@dataclass(frozen=True, slots=True)
class Leak:
    """Growth that does not turn back, since `since_ms` (the last reset, or the window's beginning).

    `slope_per_h` is Theil–Sen's, in the unit per hour, within `slope_per_h_90`; `tau` is Kendall's, of block medians
    (-1 to 1). `is_under_saw_teeth`: what grows are the lowest points of saw-teeth.
    """

    series: str
    unit: str
    since_ms: int
    last_reset_ms: int | None
    resets: int
    slope_per_h: float
    slope_per_h_90: tuple[float, float]
    growth: float
    growth_ratio: float | None
    tau: float
    is_under_saw_teeth: bool
    evidence: PatternEvidence
    kind: Kind = Kind.LEAK


@dataclass(frozen=True, slots=True)
class SawTeeth:
    """Slow ramps that a sudden reset ends. `direction` is `up` (grows, then falls at once) or `down`.

    `period_ms` is the middle distance of resets, `period_ms_80` holds 80 % of them, `amplitude` is the middle height of
    a reset. `resets_ms` are the newest ones.
    """

    series: str
    unit: str
    direction: str
    count: int
    period_ms: int
    period_ms_80: tuple[int, int]
    amplitude: float
    resets_ms: tuple[int, ...]
    evidence: PatternEvidence
    kind: Kind = Kind.SAW_TEETH


@dataclass(frozen=True, slots=True)
class MixCluster:
    """Templates whose load rises and falls together. `share` of all load (0 to 1); `share_by_hour` is 24 of them (hour
    of the day, UTC), empty where no day was seen in full. `moved` is its share in the last third less that in the
    first."""

    templates: tuple[str, ...]
    share: float
    share_by_hour: tuple[float, ...]
    moved: float
    moved_p_value: float | None


@dataclass(frozen=True, slots=True)
class Mix:
    """What the load is made of. `by_hour_p_value`: whether the mix depends on the hour of the day."""

    series: str
    clusters: tuple[MixCluster, ...]
    by_hour_share: float | None
    by_hour_p_value: float | None
    moves: bool
    evidence: PatternEvidence
    kind: Kind = Kind.MIX


Pattern = Cycle | Bursts | Knee | Lead | Leak | SawTeeth | Mix
Answer = Pattern | NoPattern
