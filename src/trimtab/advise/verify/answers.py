"""What a trial on a clone answers."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.model.index import IndexDefinition
from trimtab.stats.paired import Ratio


@dataclass(frozen=True, slots=True)
class Trial:
    """One statement to try. `old` and `new` are complete texts in pairs, the same ones but for a rewrite.

    `calls` weighs it. `writes` is the relation that it writes (`schema.table`), None for one that only reads.
    """

    name: str
    calls: float
    old: tuple[str, ...] = field(repr=False)
    new: tuple[str, ...] = field(repr=False)
    writes: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What one statement did: times in ms of a call, after ÷ before with its interval.

    `blocks` counts ABBA blocks: 0 where nothing had to be run (`note` says why: the same plan). `reads` are the names
    of the new indexes that its new plan reads. Buffers are pages touched in one call. `plan_agrees` says whether the
    clone plans the old form as the system itself does; None where that was not asked.
    """

    name: str
    ratio: float
    interval_90: tuple[float, float]
    before_ms: float
    after_ms: float
    buffers_before: int | None
    buffers_after: int | None
    blocks: int
    reads: tuple[str, ...] = ()
    note: str | None = None
    plan_agrees: bool | None = None

    @property
    def is_harmed(self) -> bool:
        """Whether it is proven slower by more than a tenth."""
        return Ratio(self.ratio, self.interval_90).is_harm


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index as it was on the clone: its real size and what building it took."""

    definition: IndexDefinition
    name: str
    size_bytes: int
    build_ms: float


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An index that was taken out of the advice, and the statement that it harmed."""

    definition: IndexDefinition
    statement: str
    ratio: float
    interval_90: tuple[float, float]
    reason: str


@dataclass(frozen=True, slots=True)
class StatisticsTried:
    """What statistics on an expression changed. `ddl` is the statement, `statements` are those that ask for the
    expression, measured with and without, the new indexes there in both; `helps` says whether one is proven faster and
    none slower, `said` in words what came of it."""

    ddl: str
    helps: bool
    said: str
    statements: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """All of it, for what is left after withdrawals. `ratio` is of the whole workload, weighed by calls.

    `clone` says what it was tried on, `unit` what was measured; `not_tried` are (name, reason). Statistics that the
    planner lacks are tried for themselves and are no part of `ratio`.
    """

    clone: str
    unit: str
    ratio: float
    interval_90: tuple[float, float]
    statements: tuple[Measured, ...]
    indexes: tuple[BuiltIndex, ...]
    withdrawn: tuple[Withdrawn, ...]
    not_tried: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    took_s: float
    statistics: tuple[StatisticsTried, ...] = ()
