"""Which forms the planner takes for cheaper: rules one after the other, each step kept only where the cost falls."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trimtab.advise.index.plans import cost
from trimtab.advise.index.session import Connection
from trimtab.advise.rewrite.apply import rewrites_of
from trimtab.advise.rewrite.knowledge import Knowledge
from trimtab.advise.rewrite.model import Rewrite
from trimtab.advise.rewrite.rules.base import Rule
from trimtab.advise.rewrite.rules.catalogue import RULES
from trimtab.model.errors import ServerUnreachable, StatementRefused, TrimtabError
from trimtab.observe.postgres.explain import explain

COST_RATIO_MAX = 0.99
"""A step that saves less is none."""

STEPS_MAX = 4
KEPT_EACH_STEP = 3
CALLS_MAX = 150


@dataclass(frozen=True, slots=True)
class Priced:
    """A form with the planner's cost of it and of the original."""

    rewrite: Rewrite
    cost_before: float
    cost_after: float

    @property
    def ratio(self) -> float:
        """After ÷ before."""
        return self.cost_after / self.cost_before if self.cost_before else 1.0


def cheaper_forms(
    statement: str,
    knowledge: Knowledge,
    connection: Connection,
    *,
    rules: Sequence[Rule] = RULES,
    calls_max: int = CALLS_MAX,
    deadline: float | None = None,
) -> list[Priced]:
    """Forms that cost less than the statement, the cheapest first.

    Hypothetical indexes of the connection count. Raises `StatementRefused` where no rule may touch the statement, or
    the server cannot plan it.
    """
    before = cost(explain(connection, statement)["Plan"])
    calls = 1
    found: dict[str, Priced] = {}
    front = [Priced(Rewrite((), statement, statement), before, before)]
    for _ in range(STEPS_MAX):
        step: dict[str, Priced] = {}
        for parent in front:
            for form in _next(parent, knowledge, rules):
                late = deadline is not None and time.monotonic() > deadline
                if form.rewritten in found or form.rewritten in step or calls >= calls_max or late:
                    continue
                calls += 1
                after = _cost(connection, form.rewritten)
                if after is not None and after < parent.cost_after * COST_RATIO_MAX:
                    step[form.rewritten] = Priced(form, before, after)
        front = sorted(step.values(), key=lambda one: one.cost_after)[:KEPT_EACH_STEP]
        found |= step
        if not front:
            break
    return sorted(found.values(), key=lambda one: (one.cost_after, len(one.rewrite.rules)))


def _next(parent: Priced, knowledge: Knowledge, rules: Sequence[Rule]) -> list[Rewrite]:
    so_far = parent.rewrite
    try:
        forms = rewrites_of(so_far.rewritten, knowledge, rules)
    except StatementRefused:
        if not so_far.rules:
            raise
        return []
    return [
        replace(
            form,
            rules=(*so_far.rules, *form.rules),
            statement=so_far.statement,
            proof=tuple(dict.fromkeys((*so_far.proof, *form.proof))),
            caveats=tuple(dict.fromkeys((*so_far.caveats, *form.caveats))),
        )
        for form in forms
    ]


def _cost(connection: Connection, text: str) -> float | None:
    """The planner's cost; None for a form that the server refuses."""
    try:
        return cost(explain(connection, text)["Plan"])
    except ServerUnreachable:
        if connection.closed:
            raise
        return None
    except TrimtabError:
        return None
