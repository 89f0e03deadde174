"""Conditions as a server prints them in plans (`((status)::text = 'open'::text)`), without their literals.

The tokens are those of PostgreSQL's own scanner, so that no quoting gets past it. Text that the scanner refuses is
left out as a whole.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pglast import parser

CHARS_MAX = 2_000
"""A condition is cut behind this many characters, after its literals are gone."""
SCANNED_CHARS_MAX = 1_000_000
"""Longer text (a list of a hundred thousand numbers) is not looked at, and left out."""
MASK = "?"
_LITERALS = frozenset({"SCONST", "USCONST", "ICONST", "FCONST", "BCONST", "XCONST"})
_COMMENTS = frozenset({"C_COMMENT", "SQL_COMMENT"})
_SUBPLANS = frozenset({"SubPlan", "InitPlan"})
_PARTS_OF_TIME = re.compile(
    "century|day|decade|dow|doy|epoch|hour|isodow|isoyear|julian|microseconds|millennium|milliseconds|minute|month"
    "|quarter|second|timezone|timezone_hour|timezone_minute|week|year",
    re.IGNORECASE,
)


class _Token(NamedTuple):
    """A piece of the text, `[start, end)`, and what the scanner takes it for."""

    name: str
    start: int
    end: int
    text: str


def without_literals(text: str, chars_max: int = CHARS_MAX) -> str:
    """The condition with `?` for every string, number, bit string and boolean; parameters (`$1`) stay.

    >>> without_literals("((status)::text = ANY ('{open,it''s}'::text[]))")
    '((status)::text = ANY (?::text[]))'
    >>> without_literals("((total > 10.5) AND (hashed SubPlan 1) AND (is_paid = true) AND (vip IS TRUE))")
    '((total > ?) AND (hashed SubPlan 1) AND (is_paid = ?) AND (vip IS TRUE))'
    >>> without_literals("(note = 'cut off")
    '?'
    """
    if len(text) > SCANNED_CHARS_MAX:
        return MASK
    try:
        tokens = [_Token(t.name, t.start, t.end + 1, text[t.start : t.end + 1]) for t in parser.scan(text)]
    except (parser.ParseError, ValueError):
        return MASK
    parts: list[str] = []
    end = 0
    for place, token in enumerate(tokens):
        if token.name in _COMMENTS:
            parts.append(text[end : token.start])
            end = token.end
        elif _is_literal(tokens, place):
            if not (parts and parts[-1] == MASK and not text[end : token.start].strip()):
                parts += [text[end : token.start], MASK]
            end = token.end
    masked = "".join([*parts, text[end:]])
    return masked if len(masked) <= chars_max else masked[:chars_max] + " ..."


def _is_literal(tokens: list[_Token], place: int) -> bool:
    token = tokens[place]
    before = tokens[place - 1] if place else None
    if token.name == "ICONST" and before is not None and before.text in _SUBPLANS:
        return False  # its number, as in (SubPlan 1)
    if token.name in _LITERALS:
        return True
    if token.text in ("true", "false"):  # a server writes IS TRUE in capitals
        return True
    return _is_part_of_time(tokens, place) and not _PARTS_OF_TIME.fullmatch(token.text)


def _is_part_of_time(tokens: list[_Token], place: int) -> bool:
    """Whether the token stands in EXTRACT( ... FROM: a server prints what was a string there without quotes."""
    for back in range(place - 1, max(-1, place - 8), -1):
        name = tokens[back].name
        if name == "EXTRACT":
            return back + 1 < place and tokens[back + 1].text == "(" and tokens[place].name != "FROM"
        if name in ("FROM", "ASCII_41"):
            return False
    return False
