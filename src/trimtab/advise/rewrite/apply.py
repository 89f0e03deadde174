"""From a statement to its other forms: every rule, one at a time."""

from __future__ import annotations

from trimtab.advise.rewrite.knowledge import Knowledge
from trimtab.advise.rewrite.model import Hint, Rewrite


def rewrites_of(statement: str, knowledge: Knowledge) -> list[Rewrite]:
    """Each form that one rule at one place gives, proven by the catalogue alone; not priced, not compared.

    Raises `StatementRefused` for what no rule may touch (no SELECT, volatile functions, rows that are locked).
    """
    raise NotImplementedError


def hints_of(statement: str, knowledge: Knowledge) -> list[Hint]:
    """What would help, but would return something else."""
    raise NotImplementedError
