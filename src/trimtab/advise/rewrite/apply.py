"""From a statement to its other forms: every rule, one at a time, at every place where it may be applied."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from trimtab.advise.rewrite.knowledge import Knowledge
from trimtab.advise.rewrite.model import Hint, Rewrite
from trimtab.advise.rewrite.query import Query
from trimtab.advise.rewrite.rules.base import Rule
from trimtab.advise.rewrite.rules.catalogue import RULES
from trimtab.advise.rewrite.sorting import refuse_chance, refuse_unsure_limits
from trimtab.model.errors import StatementRefused

FORMS_MAX = 60
"""So many forms of one statement are made at most in one step."""


def rewrites_of(statement: str, knowledge: Knowledge, rules: Sequence[Rule] = RULES) -> list[Rewrite]:
    """Each form that one rule at one place gives, proven by the catalogue alone; not priced, not compared.

    Raises `StatementRefused` for what no rule may touch: no SELECT, volatile functions, rows that are locked, a LIMIT
    in a subquery whose order is not total.
    """
    first = Query.of(statement, knowledge)
    refuse_unsure_limits(first)
    refuse_chance(first)
    made: dict[str, Rewrite] = {}
    for rule in rules:
        for place in range(len(first.blocks)):
            for number, _ in enumerate(rule.find(first, first.blocks[place])):
                if len(made) >= FORMS_MAX:
                    return list(made.values())
                # Each change is made on a tree of its own.
                query = Query.of(statement, knowledge)
                change = next(islice(rule.find(query, query.blocks[place]), number, None))
                change.do()
                try:
                    text = query.text()
                    Query.of(text, knowledge)
                except StatementRefused:
                    continue  # what cannot be written down or read again is no form
                made.setdefault(text, Rewrite((rule.name,), statement, text, change.proof, change.caveats))
    return list(made.values())


def hints_of(statement: str, knowledge: Knowledge) -> list[Hint]:
    """What would help, but would return something else."""
    from trimtab.advise.rewrite.hints import hints

    return hints(Query.of(statement, knowledge))
