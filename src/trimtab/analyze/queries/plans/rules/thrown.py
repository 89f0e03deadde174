"""Which scans there are, and what their filters threw away."""

from __future__ import annotations

from trimtab.analyze.queries.plans.document import number
from trimtab.analyze.queries.plans.rule import Look
from trimtab.analyze.queries.plans.steps import Step

WHOLE_SCANS = ("Seq Scan",)
INDEX_SCANS = ("Index Scan", "Index Only Scan", "Bitmap Heap Scan")
SCANS = (*WHOLE_SCANS, *INDEX_SCANS)


def thrown_away(look: Look, step: Step) -> tuple[float, float] | None:
    """Rows that a step's filter threw away, in all loops, and which share of all that came to it."""
    if step.ran:
        removed = (number(step.raw, "Rows Removed by Filter") or 0.0) * (step.loops or 0.0)
        given = step.rows_all or 0.0
        return (removed, removed / (removed + given)) if removed > 0 else None
    if step.rows_actual is not None or "Filter" not in step.raw:
        return None
    facts = look.table(step)
    if facts is None or facts.rows <= 0 or step.kind not in WHOLE_SCANS:
        return None
    removed = max(0.0, facts.rows - step.rows_estimated)
    return removed, removed / facts.rows
