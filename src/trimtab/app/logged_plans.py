"""Plans that auto_explain logged, sorted to the shapes that are known, as the book of plans keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.analyze.queries.plans.read_log import document_of
from trimtab.observe.postgres.plan_facts import stored_plan, structure_hash
from trimtab.sql.connect import OWN_MARK
from trimtab.sql.fingerprint import fingerprint

SOURCE = "logged by auto_explain when it ran"
NOT_ANALYZED = "only estimates: auto_explain.log_analyze is off"


@dataclass(frozen=True, slots=True)
class LoggedPlan:
    """One plan of a statement that an application ran, without its literals."""

    fingerprint: str
    plan: dict[str, Any]
    structure: str
    has_actuals: bool
    settings: dict[str, str]


def logged_plans(entries: Sequence[str], shapes: Mapping[str, object]) -> list[LoggedPlan]:
    """The newest plan of each known shape; what cannot be read, or is trimtab's own, is left out."""
    found: dict[str, LoggedPlan] = {}
    for entry in entries:
        document = document_of(entry)
        if document is None or document.statement is None or OWN_MARK in document.statement:
            continue
        shape = fingerprint(document.statement)
        if shape is None or shape not in shapes:
            continue
        plan = stored_plan(document.raw)
        structure = structure_hash(plan)
        settings = document.raw.get("Settings")
        found[shape] = LoggedPlan(
            shape,
            plan,
            structure,
            "Actual Loops" in plan["Plan"],
            {str(name): str(value) for name, value in settings.items()} if isinstance(settings, Mapping) else {},
        )
    return list(found.values())
