"""Which parts of a line the search was for, to be marked in it. What is looked for in fields marks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from trimtab.store.logs.language import All, Any, Field, LogQueryError, Node, Pattern, Words, parse

CHARS_MAX = 2_000
"""Of a line in a list; a record shows all of it."""
_MARKS_MAX = 50


class Part(NamedTuple):
    """A part of a line."""

    text: str
    is_match: bool


class Marker:
    """What to mark; made once for a list."""

    def __init__(self, text: str) -> None:
        self._found: list[Words | Pattern] = []
        try:
            self._found = [one for one in _positive(parse(text)) if not isinstance(one, Words) or one.text]
        except LogQueryError:
            self._found = []

    def parts(self, line: str) -> Sequence[Part]:
        """The line cut into parts.

        >>> [part.text for part in Marker("time* -x OR (b level:warn)").parts("Timeout of b, x bb") if part.is_match]
        ['Timeout', 'b']
        >>> Marker("/[0-9]+ ms/").parts("took 17 ms")
        [Part(text='took ', is_match=False), Part(text='17 ms', is_match=True)]
        """
        spans = sorted(span for one in self._found for span in _spans(one, line))[:_MARKS_MAX]
        parts: list[Part] = []
        at = 0
        for begun, end in spans:
            if end <= at:
                continue
            start = max(begun, at)
            if start > at:
                parts.append(Part(line[at:start], False))
            parts.append(Part(line[start:end], True))
            at = end
        if at < len(line) or not parts:
            parts.append(Part(line[at:], False))
        return parts


def _positive(node: Node) -> Iterator[Words | Pattern]:
    """Words and patterns that a line has, as far as they are of the line."""
    if isinstance(node, Words | Pattern):
        yield node
    elif isinstance(node, Field) and node.name == "body" and node.operator == "=":
        yield node.value
    elif isinstance(node, All | Any):
        for item in node.items:
            yield from _positive(item)


def _spans(one: Words | Pattern, line: str) -> Iterable[tuple[int, int]]:
    if isinstance(one, Pattern):
        return _of_pattern(one, line)
    return _of_words(one, line)


def _of_words(one: Words, line: str) -> Iterator[tuple[int, int]]:
    for found in re.finditer(re.escape(one.text), line, re.IGNORECASE):
        start, end = found.span()
        is_begun = start > 0 and line[start - 1].isalnum() and line[start].isalnum()
        goes_on = end < len(line) and line[end].isalnum() and line[end - 1].isalnum()
        if (is_begun and not one.is_open_left) or (goes_on and not one.is_open_right):
            continue
        while one.is_open_left and start > 0 and line[start - 1].isalnum():
            start -= 1
        while one.is_open_right and end < len(line) and line[end].isalnum():
            end += 1
        yield start, end


def _of_pattern(one: Pattern, line: str) -> Iterator[tuple[int, int]]:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not one.ignores_case
    for found in re2.compile(one.text, options).finditer(line):
        start, end = found.span()
        if end > start:
            yield start, end
