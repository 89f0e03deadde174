"""What a lint says about a plan: where, how much it explains, and what would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ScoreOf(StrEnum):
    """What a score is a share of."""

    TIME = "time"
    """Of the execution time that the plan tells."""
    PAGES = "pages"
    """Of the pages that were touched: the plan has no times."""
    COST = "cost"
    """Of the planner's cost: the statement was not run."""


class MendKind(StrEnum):
    """What kind of thing would mend it."""

    INDEX = "index"
    ANALYZE = "analyze"
    STATISTICS = "statistics"
    WORK_MEM = "work_mem"
    VACUUM = "vacuum"
    REWRITE = "rewrite"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class Mend:
    """One thing that would mend it. `sql` is None where there is no statement that does it.

    Nothing of this was tried: `trimtab advise` prices indexes, and a change is judged after it was made.
    """

    kind: MendKind
    words: str
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class Hint:
    """One finding. `score` (0..1) is the share of `score_of` that it explains.

    `line` is the line (from 1) of the plan's text form where it stands; `step` is that step's title there, `found`
    says what was found, with its figures; `figures` has them as numbers, units last in their names.
    """

    id: str
    title: str
    score: float
    score_of: ScoreOf
    line: int
    step: str
    found: str
    mends: tuple[Mend, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
