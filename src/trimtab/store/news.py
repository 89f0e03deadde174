"""What a write to the state was about, for whoever wants to look again: told after the write is durable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class News:
    """`kind` is case (id), change (id, case_id, state), system (name), anomalies or status.

    `facts` are pairs of name and value.
    """

    kind: str
    facts: tuple[tuple[str, object], ...] = ()


Listener = Callable[[News], None]
"""Called after the commit, on the writing thread, outside the database's lock. Must be quick and must not raise."""


def nobody(_news: News) -> None:
    """Listens to nothing."""
