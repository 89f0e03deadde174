"""Kinds of advice, by which the record is kept: what the new plan rests on, or which rule was applied."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.model.index import IndexDefinition

WORKLOAD = "workload"
RISKIEST_FIRST = ("early_stop", "unknown_statistics", "loop", "expression", "covering")


def index_kind(rests_on: Sequence[str]) -> str:
    """The kind of a prediction about indexes, by the riskiest thing that it rests on.

    >>> index_kind(("covering", "loop")), index_kind(("plain",))
    ('index/loop', 'index/plain')
    """
    return f"index/{next((name for name in RISKIEST_FIRST if name in rests_on), 'plain')}"


def kind_of_definition(definition: IndexDefinition) -> str:
    """The same, where only the index is known."""
    rests_on = ["expression"] if any(key.is_expression for key in definition.keys) else []
    rests_on += ["covering"] if definition.include else []
    return index_kind(rests_on)


def rewrite_kind(rules: Sequence[str]) -> str:
    """The kind of a prediction about a rewrite: its rule, `several` where more than one was applied."""
    return f"rewrite/{rules[0] if len(rules) == 1 else 'several'}"


def family_of(kind: str) -> str:
    """Kinds that learn from each other while each of them has few cases.

    >>> family_of("index/loop"), family_of("workload")
    ('index', 'workload')
    """
    return kind.partition("/")[0]
