"""How a change of plan is told: in one line, by the steps that went and those that came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from trimtab.analyze.queries.plans.words import title_of
from trimtab.observe.postgres.plan_facts import nodes

STEPS_MAX = 3
STEP_CHARS_MAX = 80


def change_of_plan(fingerprint: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What changed, without a literal.

    >>> scan = {"Plan": {"Node Type": "Seq Scan", "Relation Name": "t"}}
    >>> change_of_plan("ab12", scan, {"Plan": {"Node Type": "Index Scan", "Index Name": "i", "Relation Name": "t"}})
    'plan of ab12 changed: now Index Scan using i on t; no longer Seq Scan on t'
    """
    old, new = ([title_of(node) for node in nodes(plan["Plan"])] for plan in (before, after))
    told = [
        words + ", ".join(steps)
        for words, steps in zip(("now ", "no longer "), came_and_went(old, new), strict=True)
        if steps
    ]
    return f"plan of {fingerprint} changed: {'; '.join(told) or 'the same steps in another order'}"


def came_and_went(before: Iterable[str], after: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the titles of two plans' steps those that the other lacks, shortened, a few of each.

    >>> came_and_went(["Limit", "Seq Scan on t"], ["Limit", "Index Scan using i on t"])
    (('Index Scan using i on t',), ('Seq Scan on t',))
    """
    old, new = Counter(before), Counter(after)
    return _few(new - old), _few(old - new)


def _few(steps: Counter[str]) -> tuple[str, ...]:
    names = [name if len(name) <= STEP_CHARS_MAX else f"{name[: STEP_CHARS_MAX - 1]}…" for name in steps]
    more = (f"{len(names) - STEPS_MAX} more",) if len(names) > STEPS_MAX else ()
    return (*names[:STEPS_MAX], *more)
