"""What the lint of plans knows: every rule, from the code."""

from __future__ import annotations

from docs.generate.markdown import code, page, table
from trimtab.analyze.queries.plans import thresholds
from trimtab.analyze.queries.plans.hint import MendKind, ScoreOf
from trimtab.analyze.queries.plans.hints import RULES


def plan_findings_page() -> str:
    """The page."""
    return page(
        "Findings in plans",
        "What `trimtab explain`, the page of a query and `GET /api/trimtab/plans/…` say of a plan "
        "([how to](../how-to/explain.md)). Every finding has an id, the line of the plan's text form where it stands, "
        "a score, the figures it rests on, and what would mend it.",
        "**The score** (0 to 1) is the share of the plan that the finding explains, not what can be won: of the time "
        f"where the statement was run ({code(ScoreOf.TIME.value)}), of the pages where it was run without timing "
        f"({code(ScoreOf.PAGES.value)}), of the planner's cost where it was not run ({code(ScoreOf.COST.value)}). "
        f"What explains less than {thresholds.SCORE_MIN:.0%} is not said. Two findings may explain the same time.",
        "**What would mend it** is one of " + ", ".join(code(kind.value) for kind in MendKind) + ". Nothing of it was "
        "tried when it is said; `trimtab advise` prices indexes, and a change is judged after it was made.",
        table(
            ["finding", "speaks where", "needs", "score", "mended by"],
            [[code(rule.id), rule.says, rule.needs, rule.score, rule.mends] for rule in RULES],
        ),
        "## How time is told apart",
        "A step's own time is its time without the steps below it: times its loops, through the processes that worked "
        "side by side. InitPlans and CTEs are taken from the step that asks for them, wherever they are written, so "
        "that nothing is counted twice; where EXPLAIN's rounding makes the steps below longer than the step, they are "
        "scaled down to it. Pages are told apart in the same way.",
        "## How it was tested",
        "For each finding there is a plan of which it speaks and one of which it does not: recorded from real servers "
        "of the versions 13 to 18, as text and as JSON (six by hand: slow disks, compiling, planning and what "
        "the catalogue says cannot be made at will). On a real PostgreSQL 15, twelve findings were mended by "
        "the statement that they came with, and were gone. The sizes of work_mem were measured on PostgreSQL 15.",
    )
