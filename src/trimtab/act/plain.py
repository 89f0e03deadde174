"""Judgements and checks as JSON for the ledger."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from trimtab.model.change import CheckResult, Judgement


def results_detail(results: Iterable[CheckResult]) -> list[object]:
    """Each check with what was seen and the limit."""
    return [msgspec.to_builtins(result) for result in results]


def judgement_detail(judgement: Judgement) -> object:
    """The whole judgement; a number that JSON cannot hold becomes None."""
    return _finite(msgspec.to_builtins(judgement))


def effect_detail(judgement: Judgement) -> dict[str, object]:
    """The effect for the change's own field; left out when it has a number that is not finite."""
    if judgement.effect is None:
        return {}
    effect = msgspec.to_builtins(judgement.effect)
    return {"effect": effect} if _is_finite(effect) else {}


def _is_finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_finite(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(_is_finite(inner) for inner in value)
    return not isinstance(value, float) or math.isfinite(value)


def _finite(value: object) -> object:
    """The value with every infinity and NaN as None.

    >>> _finite({"a": [1.5, float("nan")]})
    {'a': [1.5, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
