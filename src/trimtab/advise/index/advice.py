"""What the index adviser answers, and its settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.model.change import Proposal, Risk
from trimtab.model.index import IndexDefinition


@dataclass(frozen=True, slots=True)
class AdviseSettings:
    """Bounds of one advice, and when an index is worth proposing.

    `ratio_max`: proposals are predicted below it (after ÷ before). `what_if_calls_max` bounds EXPLAINs with and
    without hypothetical indexes; `time_max_s` the whole of them. `parameter_sets_max` complete statements are priced.
    `constant_samples_min`: so many complete statements must agree on a literal before a partial index is built on it.
    Shares are of a table's rows, 0..1. `floor_ms` is the time of a call that no index removes, None for the
    package's figure. `partial_shares_counted`: shares of rows that no statistics tell are counted on a sample, so that
    partial indexes may rest on comparisons between columns and on exclusions.
    """

    ratio_max: float = 0.8
    candidates_max: int = 40
    what_if_calls_max: int = 400
    time_max_s: float = 30.0
    parameter_sets_max: int = 8
    proposals_max: int = 3
    constant_samples_min: int = 8
    partial_share_max: float = 0.25
    partial_structural_share_max: float = 0.9
    partial_shares_counted: bool = False
    visible_share_min: float = 0.8
    include_columns_max: int = 3
    include_width_bytes_max: int = 64
    table_pages_min: int = 16
    tie_share: float = 0.05
    floor_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Considered:
    """One candidate and what became of it. Numbers are None where it was never priced.

    `predicted_ratio` is after ÷ before of the mean time; costs are the planner's, per call.
    """

    index: IndexDefinition
    why: str
    outcome: str
    predicted_ratio: float | None = None
    cost_before: float | None = None
    cost_after: float | None = None
    gain_ms_per_s: float | None = None
    write_cost_ms_per_s: float | None = None
    size_bytes: int | None = None
    risk: Risk | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """Proposals, best first (alternatives to each other), or a plain reason why there is none.

    `what_if_calls` counts the EXPLAINs that were used, `what_if_calls_max` the bound.
    """

    proposals: tuple[Proposal, ...]
    considered: tuple[Considered, ...] = ()
    reason: str | None = None
    what_if_calls: int = 0
    what_if_calls_max: int = 0
    notes: tuple[str, ...] = field(default=())
