"""Findings of parts that are alike: what is wrong with each of 400 partitions is one finding, not 400 small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trimtab.analyze.queries.plans.hint import Hint
from trimtab.analyze.queries.plans.steps import Step, StepTree

_APPENDS = ("Append", "Merge Append")


def together(tree: StepTree, found: Sequence[Hint]) -> list[Hint]:
    """The findings of one rule, those below one Append as one: at its worst part, with the score of all."""
    if len(found) < 2:
        return list(found)
    step_of = {step.line: step for step in tree.steps}
    groups: dict[tuple[int, str] | int, list[Hint]] = {}
    for place, one in enumerate(found):
        append = _append_above(step_of.get(one.line))
        key = -1 - place if append is None else (append.at, one.step.partition(" on ")[0])
        groups.setdefault(key, []).append(one)
    return [_one(group) for group in groups.values()]


def _one(group: list[Hint]) -> Hint:
    worst = max(group, key=lambda one: one.score)
    if len(group) == 1:
        return worst
    score = min(1.0, sum(one.score for one in group))
    found = f"{worst.found}; the same in {len(group)} parts of a partitioned table or a UNION"
    return replace(
        worst, score=round(score, 4), found=found, figures={**worst.figures, "parts_count": float(len(group))}
    )


def _append_above(step: Step | None) -> Step | None:
    if step is None:
        return None
    child = step
    for above in step.above():
        if above.kind in _APPENDS and child.relationship == "Member":
            return above
        child = above
    return None
