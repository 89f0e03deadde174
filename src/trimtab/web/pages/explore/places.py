"""Where a query is wrong: the line of it, and what stands under that line to point at the place."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.app.exploring.answers import Trouble

BEFORE, BEHIND = 60, 40
"""Characters shown beside the place; a query may be one line of ten thousand."""


@dataclass(frozen=True, slots=True)
class Place:
    """`text` is (a part of) the line, `before` what stands before the place, `at` the character there."""

    before: str
    at: str
    behind: str

    @property
    def caret(self) -> str:
        """The line under it."""
        return " " * len(self.before) + "^"


def place_of(query: str, trouble: Trouble) -> Place | None:
    """The place, or None where the text is not to blame.

    >>> place_of("sum(\\n  rate(x)", Trouble("no", 7, 2, 3))
    Place(before='  ', at='r', behind='ate(x)')
    >>> place_of("sum(", Trouble("unclosed", 4, 1, 5)).caret
    '    ^'
    """
    if trouble.offset is None or not 0 <= trouble.offset <= len(query):
        return None
    start = query.rfind("\n", 0, trouble.offset) + 1
    end = query.find("\n", trouble.offset)
    line = query[start : len(query) if end < 0 else end].replace("\t", " ")
    at = trouble.offset - start
    before, behind = line[:at], line[at + 1 :]
    if len(before) > BEFORE:
        before = "…" + before[-BEFORE:]
    return Place(before, line[at : at + 1], behind if len(behind) <= BEHIND else behind[:BEHIND] + "…")
