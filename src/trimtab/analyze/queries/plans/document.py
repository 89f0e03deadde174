"""A plan as EXPLAIN (FORMAT JSON) gives it, whatever form it was read from, and what stands beside its tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.model.errors import InputError

STEPS_MAX = 20_000
DEPTH_MAX = 2_000

Raw = Mapping[str, Any]


class BadPlan(InputError):
    """What was given is no plan, or not one that can be read. `line` says where, if that is known."""


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """One plan. `raw` is the object with the key "Plan"; `statement` the query's text, where the source has it.

    `lines` are the text form's lines, and `line_of` says for each step, parents first, in which of them it stands:
    where the plan was read from text, these are the lines that were read. Both are empty where it was not text.
    `taken_at` is the time that a log gave, as it stood there.
    """

    raw: Raw
    statement: str | None = None
    lines: tuple[str, ...] = ()
    line_of: tuple[int, ...] = ()
    taken_at: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def number(raw: Raw, key: str) -> float | None:
    """A fact that is a number, or None."""
    value = raw.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def text(raw: Raw, key: str) -> str | None:
    """A fact that is a text, or None."""
    value = raw.get(key)
    return value if isinstance(value, str) else None


def below(raw: Raw) -> list[Raw]:
    """The steps directly below."""
    found = raw.get("Plans")
    return [child for child in found if isinstance(child, Mapping)] if isinstance(found, list | tuple) else []
