"""A change to a user's system: proposed, applied, measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.index import IndexDefinition


class Autonomy(StrEnum):
    """How far trimtab may go by itself with one kind of action on one target: see `AUTONOMY_MEANINGS`."""

    OBSERVE = "observe"
    SUGGEST = "suggest"
    APPROVE = "approve"
    AUTO = "auto"


AUTONOMY_MEANINGS: dict[Autonomy, str] = {
    Autonomy.OBSERVE: "finds, and does not ask for advice: there is nothing to approve",
    Autonomy.SUGGEST: "finds and proposes; a proposal waits for a person's yes, and nothing is applied without it",
    Autonomy.APPROVE: "as suggest, and each proposal that waits for a person's yes is also announced in the log",
    Autonomy.AUTO: "finds, proposes and applies by itself, within every limit",
}


class ChangeState(StrEnum):
    """The states of a change. The last five are final.

    `inconclusive` is final whether the change was left or taken back: the ledger entry says which.
    `rejected` means nobody touched anything: a person said no.
    """

    PROPOSED = "proposed"
    CHECKED = "checked"
    CHECKPOINTED = "checkpointed"
    APPLYING = "applying"
    WATCHING = "watching"
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in FINAL_STATES

    @property
    def is_in_flight(self) -> bool:
        """Whether something on the target may have been touched and is not settled yet."""
        return self in IN_FLIGHT_STATES


FINAL_STATES = frozenset(
    {
        ChangeState.KEPT,
        ChangeState.ROLLED_BACK,
        ChangeState.INCONCLUSIVE,
        ChangeState.FAILED,
        ChangeState.REJECTED,
    }
)
IN_FLIGHT_STATES = frozenset({ChangeState.CHECKPOINTED, ChangeState.APPLYING, ChangeState.WATCHING})


class Risk(StrEnum):
    """How much could go wrong."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change with its predicted effect. Nothing has been touched yet.

    `predicted_ratio` is after ÷ before of the mean execution time of `fingerprint`;
    `predicted_interval_90` says where it will be 9 times in 10, by `interval_source`.
    `gain_ms_per_s` is execution time saved per second at today's calls, `write_cost_ms_per_s` what the index
    costs the table's writers in the same unit. `verified` and `not_verified` are sentences.
    """

    system: str
    fingerprint: str
    kind: str
    target: str
    index: IndexDefinition
    summary: str
    predicted_ratio: float
    predicted_interval_90: tuple[float, float]
    interval_source: str
    gain_ms_per_s: float
    write_cost_ms_per_s: float
    size_bytes: int
    build_time_s: float
    risk: Risk
    risk_reasons: tuple[str, ...]
    verified: tuple[str, ...]
    not_verified: tuple[str, ...]
    parameters_source: str
    tables: tuple[str, ...]
    cost_before: float
    cost_after: float
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change really did to one shape, against what would have been without it.

    `ratio` is after ÷ before of mean execution time, corrected by controls; `raw_ratio` is the same without
    correction. `interval_90` is always-valid: it may be looked at as often as one likes. Windows are Unix
    milliseconds, start inclusive, end exclusive.
    """

    fingerprint: str
    ratio: float
    interval_90: tuple[float, float]
    raw_ratio: float
    mean_before_ms: float
    mean_after_ms: float
    calls_before: int
    calls_after: int
    slices_before: int
    slices_after: int
    before_start_ms: int
    before_end_ms: int
    after_start_ms: int
    after_end_ms: int
    control_ratio: float
    controls: tuple[str, ...]
    p95_before_ms: float | None = None
    p95_after_ms: float | None = None
    p99_before_ms: float | None = None
    p99_after_ms: float | None = None


class JudgementKind(StrEnum):
    """What the watch says at one look."""

    UNDECIDED = "undecided"
    KEEP = "keep"
    ROLL_BACK = "roll_back"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One look at a change under watch. `harmed` are other shapes proven slower beyond tolerance."""

    kind: JudgementKind
    reason: str
    effect: Effect | None = None
    others: tuple[Effect, ...] = ()
    harmed: tuple[str, ...] = ()
    total_gain_ms_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One safety check: `passed` True or False, or None for 'not configured' (which is not a pass)."""

    name: str
    passed: bool | None
    observed: str
    limit: str
    message: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the append-only ledger. `detail` is JSON-ready; `seq` grows by one."""

    seq: int
    change_id: str
    case_id: int
    at_ms: int
    state: ChangeState
    event: str
    actor: str
    detail: dict[str, object] = field(default_factory=dict)
    previous_hash: str = ""
    entry_hash: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A proposal on its way: where it stands now, as the ledger tells it.

    `ledger_seq` is its newest ledger entry: writers name it to show that they saw everything. The time between
    `apply_started_at_ms` and `applied_at_ms` (a build) belongs neither to before nor to after.
    """

    id: str
    case_id: int
    system: str
    proposal: Proposal
    state: ChangeState
    created_at_ms: int
    updated_at_ms: int
    approved_by: str | None = None
    approved_hash: str | None = None
    approval_expires_at_ms: int | None = None
    undo: dict[str, object] | None = None
    apply_started_at_ms: int | None = None
    applied_at_ms: int | None = None
    finished_at_ms: int | None = None
    reason: str | None = None
    effect: Effect | None = None
    ledger_seq: int = 0
