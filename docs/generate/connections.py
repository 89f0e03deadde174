"""Messages of a connection that fails, with cause and remedy; and what the doctor looks at."""

from __future__ import annotations

from docs.generate.markdown import code, table
from trimtab.app.doctor import MEANINGS
from trimtab.sql.connection_causes import CAUSES


def causes_block() -> str:
    """A row for each cause."""
    return table(
        ["in the message", "likely", "try"],
        [[", ".join(code(text) for text in words(cause.pattern)), cause.cause, cause.remedy] for cause in CAUSES],
    )


def words(pattern: str) -> list[str]:
    """What a pattern looks for, as a person would say it.

    >>> words(r'role "[^"]*" does not exist|no pg_hba\\.conf entry')
    ['role "…" does not exist', 'no pg_hba.conf entry']
    """
    shown = []
    for part in _alternatives(pattern):
        text = part.replace('[^"]*', "…").replace(".*", "…").replace("\\.", ".").replace("\\d+", "…")
        shown.append(text.replace("[- ]", "-"))
    return shown


def _alternatives(pattern: str) -> list[str]:
    parts, depth, current = [], 0, ""
    for character in pattern:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [_opened(part) for part in [*parts, current]]


def _opened(part: str) -> str:
    return part.replace("(", "").replace(")", "").replace("|", " / ")


def checks_block() -> str:
    """Every check of the doctor, what matters most first."""
    return table(
        ["check", "weight", "without it"],
        [[code(name), meaning.weight.value, meaning.without] for name, meaning in MEANINGS.items()],
    )
