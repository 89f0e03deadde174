"""What a workload gets: indexes together, what each statement gains by them, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.advise.workload.drops import Drop
from trimtab.advise.workload.statements import Left
from trimtab.model.index import IndexDefinition


@dataclass(frozen=True, slots=True)
class AdvisedIndex:
    """One index of the set. `write_cost_ms_per_s` is None where nobody knows how its table is written.

    `write_cost_ms` is what the workload's own writes pay for it, in all their calls together, `write_wal_bytes` what
    they log for it. `statements` are the names of those whose plans read it.
    """

    definition: IndexDefinition
    ddl: str
    size_bytes: int
    write_cost_ms_per_s: float | None
    statements: tuple[str, ...]
    why: str
    write_cost_ms: float = 0.0
    write_wal_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class ExpressionStatistics:
    """Statistics on an expression that the planner lacks: a change of its own, which trimtab does not make.

    `ddl` makes them, and they are empty until `analyze`; `statements` compare the expression with a value.
    """

    schema: str
    table: str
    name: str
    ddl: str
    analyze: str
    statements: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class StatementOutlook:
    """What one statement's mean time becomes: after ÷ before, and where it is 9 times in 10.

    Costs are the planner's, times are measured or modelled (`plan_time`). `rests_on` are the classes of the plan's
    risks (see `prior.toml` of the index adviser), and `writes` where the price of new entries is part of it.
    """

    name: str
    predicted_ratio: float
    interval_90: tuple[float, float]
    cost_before: float
    cost_after: float
    before_ms: float
    after_ms: float
    rests_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkloadAdvice:
    """All of it. Ratios are of the whole workload, weighed by calls.

    `bound`: no set of the candidates within the budget has a lower ratio of planner's costs; `reached` is that ratio
    for the set advised. `ended` says why the search ended. `priced_share` is the share of the workload's time (0..1)
    that indexes of its own were priced for; the rest had to be left for want of time: it is taken to stay as it is, or
    was asked about these indexes alone.
    """

    indexes: tuple[AdvisedIndex, ...]
    predicted_ratio: float
    interval_90: tuple[float, float]
    bound: float
    reached: float
    ended: str
    statements: tuple[StatementOutlook, ...]
    left: tuple[Left, ...]
    candidates_count: int
    what_if_calls: int
    took_s: float
    notes: tuple[str, ...] = ()
    drops: tuple[Drop, ...] = ()
    priced_share: float = 1.0
    statistics: tuple[ExpressionStatistics, ...] = ()
