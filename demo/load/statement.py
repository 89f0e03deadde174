"""A statement of the application: its text with `%s`, the tables it touches, and how its parameters are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from demo.load.draws import Draws

Parameters = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One shape. `text` has `%s` for each parameter; `tables` names what it touches, the main table first.

    `draw` makes the parameters for one call, or is None where a request must supply them (an id it just read).
    """

    name: str
    text: str
    tables: tuple[str, ...]
    draw: Callable[[Draws], Parameters] | None = None

    @property
    def operation(self) -> str:
        """The first word: SELECT, INSERT, UPDATE."""
        return self.text.split(None, 1)[0].upper()

    @property
    def collection(self) -> str:
        """The table that stands first."""
        return self.tables[0]
