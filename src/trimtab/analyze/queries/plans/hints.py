"""`hints_of`: every rule of the lint, on one plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.analyze.queries.plans import thresholds
from trimtab.analyze.queries.plans.catalogue import Catalogue
from trimtab.analyze.queries.plans.document import PlanDocument
from trimtab.analyze.queries.plans.hint import Hint
from trimtab.analyze.queries.plans.rule import Look, Rule
from trimtab.analyze.queries.plans.rules import columns, estimates, joins, memory, rewrites, scans, server
from trimtab.analyze.queries.plans.steps import StepTree, steps_of
from trimtab.analyze.queries.plans.together import together

RULES: tuple[Rule, ...] = (
    *scans.RULES,
    *columns.RULES,
    *joins.RULES,
    *estimates.RULES,
    *memory.RULES,
    *rewrites.RULES,
    *server.RULES,
)
"""Everything that the lint knows."""
HINTS_MAX = 100


def hints_of(
    plan: Mapping[str, Any] | PlanDocument | StepTree,
    catalogue: Catalogue | None = None,
    rules: tuple[Rule, ...] = RULES,
) -> list[Hint]:
    """What is wrong with a plan, worst first.

    `plan` is EXPLAIN's JSON object (the one with the key "Plan"), a document that was read, or its steps. What needs
    the server's catalogue is said where `catalogue` is given.

    >>> plan = {"Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Alias": "t", "Filter": "(a = 5)",
    ...     "Total Cost": 9e3, "Plan Rows": 1, "Actual Rows": 1, "Actual Loops": 1, "Actual Total Time": 80.0,
    ...     "Rows Removed by Filter": 99_999}}
    >>> [(one.id, one.score, one.line, one.mends[0].sql) for one in hints_of(plan)]
    [('rows-thrown-away', 1.0, 1, 'CREATE INDEX CONCURRENTLY ON t (a)')]
    """
    if not isinstance(plan, StepTree):
        plan = steps_of(plan if isinstance(plan, PlanDocument) else PlanDocument(plan))
    look = Look(plan, catalogue or Catalogue())
    found = [
        one for rule in rules for one in together(plan, list(rule.find(look))) if one.score >= thresholds.SCORE_MIN
    ]
    return sorted(found, key=lambda one: (-one.score, one.line, one.id))[:HINTS_MAX]
