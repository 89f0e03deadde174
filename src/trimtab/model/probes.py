"""Probes: what is asked of a watched system about its data, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from trimtab.model.objectives import Comparison


class ProbeKind(StrEnum):
    """What a probe counts. Each has a series of its own, see `trimtab.model.business`."""

    FRESHNESS = "freshness"
    """Seconds since the newest time in a column."""
    VOLUME = "volume"
    """Rows."""
    NULLS = "nulls"
    """Rows in which a column is NULL, of all."""
    UNIQUE = "unique"
    """Rows whose key another row has, too, of all."""
    REFERENCES = "references"
    """Rows that refer to a row that is not there, of all that refer to one."""
    ACCEPTED = "accepted"
    """Rows whose value is none of a list, of all that have one."""
    SQL = "sql"
    """Any number."""


class Dimension(StrEnum):
    """What of the quality of data a probe tells; a score is made of these."""

    FRESHNESS = "freshness"
    VOLUME = "volume"
    COMPLETENESS = "completeness"
    UNIQUENESS = "uniqueness"
    CONSISTENCY = "consistency"
    VALIDITY = "validity"


DIMENSIONS: dict[ProbeKind, Dimension] = {
    ProbeKind.FRESHNESS: Dimension.FRESHNESS,
    ProbeKind.VOLUME: Dimension.VOLUME,
    ProbeKind.NULLS: Dimension.COMPLETENESS,
    ProbeKind.UNIQUE: Dimension.UNIQUENESS,
    ProbeKind.REFERENCES: Dimension.CONSISTENCY,
    ProbeKind.ACCEPTED: Dimension.VALIDITY,
    ProbeKind.SQL: Dimension.VALIDITY,
}
"""What a probe of a kind tells, where its file says nothing else."""

RATIO_KINDS = frozenset({ProbeKind.NULLS, ProbeKind.UNIQUE, ProbeKind.REFERENCES, ProbeKind.ACCEPTED})
"""Kinds whose value is the share of rows that are wrong."""

UNITS: dict[ProbeKind, str] = {
    ProbeKind.FRESHNESS: "s",
    ProbeKind.VOLUME: "rows",
    **dict.fromkeys(RATIO_KINDS, "ratio"),
}

INTERVAL_MS = 300_000
INTERVAL_MS_MIN, INTERVAL_MS_MAX = 10_000, 7 * 86_400_000
FRESH_INTERVAL_MS = 60_000
"""Of freshness: an age grows by the clock between looks, so that rarer ones would tell it too old."""
FRESH_LOOKS = 5
"""So many looks at least fall, where nobody says how often, into the age that the newest row may have."""
TIMEOUT_MS = 5_000
TIMEOUT_MS_MIN, TIMEOUT_MS_MAX = 100, 300_000
TIMEZONE = "UTC"
"""In which zone a probe reads times that say none (`timestamp`, `date`), where its file says nothing else."""
CLOCK_SKEW_S = 60.0
"""A newest row that lies further in the future than clocks may differ is not fresh: it is wrong."""
REFUSED = "refused: "
"""So begins why there is no value where that stays so until somebody changes the probe, the role or the table."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a value has to be to be good, in the unit of the probe."""

    comparison: Comparison
    threshold: float

    def holds(self, value: float) -> bool:
        """Whether a value is good.

        >>> Wanted(Comparison.BELOW, 300.0).holds(299.0), Wanted(Comparison.AT_LEAST, 10.0).holds(9.0)
        (True, False)
        """
        match self.comparison:
            case Comparison.BELOW:
                return value < self.threshold
            case Comparison.AT_MOST:
                return value <= self.threshold
            case Comparison.ABOVE:
                return value > self.threshold
            case Comparison.AT_LEAST:
                return value >= self.threshold

    def __str__(self) -> str:
        """As a file may say it."""
        return f"{self.comparison.value} {self.threshold:.12g}"


@dataclass(frozen=True, slots=True)
class Probe:
    """One number that is asked for, again and again. `table` is as it is written, `schema.table` or `table`.

    `columns` are those of the table that it is about; `to_table` and `to_columns` what they refer to; `values` what is
    accepted; `where` narrows the rows. `sql` is the statement of the kind SQL. `timezone` is the session's;
    `ignores_future`: rows that lie in the future are not looked at.
    """

    name: str
    system: str
    kind: ProbeKind
    dimension: Dimension
    table: str = ""
    columns: tuple[str, ...] = ()
    to_table: str = ""
    to_columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    where: str = ""
    sql: str = ""
    unit: str = ""
    wanted: Wanted | None = None
    weight: float = 1.0
    interval_ms: int = INTERVAL_MS
    timeout_ms: int = TIMEOUT_MS
    timezone: str = TIMEZONE
    ignores_future: bool = False
    description: str = ""
    origin: str = field(default="", compare=False)
    line: int = field(default=1, compare=False)

    @property
    def is_scored(self) -> bool:
        """Whether it is part of the score: a plain number without a wish is neither good nor bad."""
        return self.wanted is not None or self.kind in RATIO_KINDS


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of asking once. `value` None: `error` says why there is none. `duration_ms` is what the server took;
    `rolled_back`: its transaction did not end as committed, and stands in the server's count of those."""

    at_ms: int
    value: float | None
    error: str = ""
    duration_ms: float = 0.0
    rolled_back: bool = field(default=False, compare=False)

    @property
    def is_refused(self) -> bool:
        """Whether asking again would come to the same: it was not that the server was away, or too slow."""
        return self.error.startswith(REFUSED)

    def at(self, probe: Probe, now_ms: int) -> Measured:
        """As it stands later: the newest row grows older with the clock, everything else stays as it was found.

        So an age is never told younger than it is; rows that came since are not seen before the next look.

        >>> fresh = Probe("p", "shop", ProbeKind.FRESHNESS, Dimension.FRESHNESS, "t", ("a",))
        >>> Measured(1_000, 263.0).at(fresh, 77_000).value
        339.0
        """
        if self.value is None or probe.kind is not ProbeKind.FRESHNESS:
            return self
        return replace(self, value=self.value + max(now_ms - self.at_ms, 0) / 1000)

    def future_s(self, probe: Probe) -> float:
        """How far the newest row lies in the future, as far as no clock explains it; 0 where it does not.

        >>> fresh = Probe("p", "shop", ProbeKind.FRESHNESS, Dimension.FRESHNESS, "t", ("a",))
        >>> Measured(0, -61.0).future_s(fresh), Measured(0, -59.0).future_s(fresh)
        (61.0, 0.0)
        """
        if self.value is None or probe.kind is not ProbeKind.FRESHNESS or self.value >= -CLOCK_SKEW_S:
            return 0.0
        return -self.value

    def is_good(self, probe: Probe) -> bool | None:
        """Whether it is as wanted; None where nobody knows, or nothing is wanted. Nobody wants rows of the future."""
        if self.value is None or probe.wanted is None:
            return None
        if self.future_s(probe):
            return False
        return probe.wanted.holds(self.value)

    def score(self, probe: Probe) -> float | None:
        """0 to 1 for the score: as wanted or not; without a wish the share of rows that are right; None: not known."""
        good = self.is_good(probe)
        if good is not None:
            return float(good)
        if self.value is None or probe.kind not in RATIO_KINDS:
            return None
        return min(max(1.0 - self.value, 0.0), 1.0)
