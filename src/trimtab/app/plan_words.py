"""How a change of plan is told: in one line, by the steps that went and those that came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
    old, new = (Counter(title_of(node) for node in nodes(plan["Plan"])) for plan in (before, after))
    came, went = (_listed(first - second) for first, second in ((new, old), (old, new)))
    told = [words + steps for words, steps in (("now ", came), ("no longer ", went)) if steps]
    return f"plan of {fingerprint} changed: {'; '.join(told) or 'the same steps in another order'}"


def _listed(steps: Counter[str]) -> str:
    names = [name if len(name) <= STEP_CHARS_MAX else f"{name[: STEP_CHARS_MAX - 1]}…" for name in steps]
    more = f" and {len(names) - STEPS_MAX} more" if len(names) > STEPS_MAX else ""
    return ", ".join(names[:STEPS_MAX]) + more
