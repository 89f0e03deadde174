"""`hints_of`: every rule of the lint, on one plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.analyze.queries.plans.hint import Hint


def hints_of(plan: Mapping[str, Any]) -> list[Hint]:
    """What is wrong with a plan, worst first. `plan` is EXPLAIN's JSON object: the one with the key "Plan"."""
    del plan
    return []
