"""Small pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "<!-- Made by `make docs` from the code. Do not edit. -->"


def page(title: str, *parts: str) -> str:
    """A page that is made as a whole."""
    return "\n\n".join([f"# {title}", NOTE, *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; bars and line breaks in cells are escaped.

    >>> print(table(["a", "b"], [["x|y", 1]]))
    | a | b |
    |---|---|
    | x\\|y | 1 |
    """
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


def code(text: object) -> str:
    """Text as code.

    >>> code("a"), code("")
    ('`a`', '')
    """
    return f"`{text}`" if f"{text}" else ""


def sentences(docstring: str | None) -> str:
    """A docstring on one line.

    >>> sentences("One.\\n\\n    Two.")
    'One. Two.'
    """
    return " ".join((docstring or "").split())


def _cell(value: object) -> str:
    return " ".join(f"{value}".replace("|", "\\|").split())
