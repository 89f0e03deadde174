"""Which step a figure belongs to: what ran inside a step is taken from it, wherever in the tree it is written.

An InitPlan (`$0`, or `(InitPlan 1).col1` from version 17 on) runs when somebody first asks for its value, a CTE when
a CTE Scan first asks for its rows. Both are written below the step that they were planned with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trimtab.analyze.queries.plans.document import text

if TYPE_CHECKING:
    from trimtab.analyze.queries.plans.steps import Step

_RETURNS = re.compile(r"\(returns ([$\d,]+)\)")
USERS_LOOKED_FOR_MAX = 500
"""With more InitPlans than this, each is taken from the step that it is written below."""
_CONDITIONS = (
    "Params Evaluated",
    "Filter",
    "Index Cond",
    "Recheck Cond",
    "Join Filter",
    "One-Time Filter",
    "Hash Cond",
    "Merge Cond",
    "Output",
)


def taken_from(steps: Sequence[Step], values: Sequence[float]) -> list[float]:
    """Each step's own part of values that hold everything that ran inside a step."""
    own = list(values)
    apart = []
    for step in steps:
        if step.parent is None:
            continue
        if step.relationship == "InitPlan":
            apart.append(step)
        else:
            own[step.parent.at] -= values[step.at]
    for step in apart:
        left = values[step.at]
        for user in _users(step, is_looked_for=len(apart) <= USERS_LOOKED_FOR_MAX):
            taken = min(left, max(0.0, own[user.at]))
            own[user.at] -= taken
            left -= taken
            if left <= 0:
                break
    return [max(0.0, value) for value in own]


def _users(step: Step, *, is_looked_for: bool) -> Iterator[Step]:
    """The steps that ask for its rows or its value, then the one it is written below, and what is above that."""
    name = text(step.raw, "Subplan Name") or ""
    parent = step.parent
    if parent is None:
        return
    if not is_looked_for:
        yield parent
        return
    inside = set(step.all_below())
    others = [one for one in parent.all_below() if one not in inside]
    if name.startswith("CTE "):
        cte = name.removeprefix("CTE ")
        yield from (one for one in others if one.kind == "CTE Scan" and one.raw.get("CTE Name") == cte)
    else:
        asked = _asked_for(name)
        if asked is not None:
            yield from (one for one in others if any(asked.search(words) for words in _words(one)))
    yield parent
    yield from parent.above()


def _asked_for(name: str) -> re.Pattern[str] | None:
    """What a condition says that uses the InitPlan."""
    returns = _RETURNS.search(name)
    if returns is not None:
        numbers = "|".join(re.escape(one) for one in returns[1].split(","))
        return re.compile(rf"(?:{numbers})(?!\d)")
    label = name.partition(" (")[0]
    return re.compile(rf"\({re.escape(label)}\)") if label else None


def _words(step: Step) -> Iterator[str]:
    for key in _CONDITIONS:
        value = step.raw.get(key)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from (str(one) for one in value)
