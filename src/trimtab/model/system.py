"""A watched data system, and what trimtab can see of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class System:
    """A data system under watch.

    `watch_reference` and `change_reference` are connection strings without secrets (service, passfile or
    `${ENVIRONMENT}` references); `change_reference` is None where trimtab may only look.
    """

    name: str
    watch_reference: str
    change_reference: str | None
    added_at_ms: int


@dataclass(frozen=True, slots=True)
class Capability:
    """One thing that trimtab needs, and whether it is there. `sql` is what a DBA would run to give it."""

    name: str
    available: bool
    needed_for: str
    detail: str
    sql: str | None = None
